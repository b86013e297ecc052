//! What other services need to verify access tokens by themselves.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::HttpState;
use crate::domain::tokens::KeyAlgorithm;

/// How long verifiers may keep the answers. A new key is published for longer before it signs.
fn cache_control(state: &HttpState) -> String {
    format!("public, max-age={}", state.key_set_max_age.as_secs())
}

/// `GET /.well-known/jwks.json`: the public keys (RFC 7517 §5), also those that will sign next or did
/// before.
pub(super) async fn jwks(State(state): State<HttpState>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/jwk-set+json".to_owned()),
        (header::CACHE_CONTROL, cache_control(&state)),
    ];
    (headers, Json(json!({ "keys": state.domain.tokens.published_keys() }))).into_response()
}

/// `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server` (RFC 8414):
/// enough for resource servers to find issuer and keys. There is no authorization endpoint.
pub(super) async fn metadata(State(state): State<HttpState>) -> Response {
    let issuer = state.domain.tokens.issuer();
    let algorithms = KeyAlgorithm::ALL.map(KeyAlgorithm::as_str);
    let body = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
    });
    ([(header::CACHE_CONTROL, cache_control(&state))], Json(body)).into_response()
}
