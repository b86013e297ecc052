//! What surrounds every handler.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{self, Next},
    response::Response,
};
use futures_util::FutureExt;
use tower::ServiceBuilder;
use tower_http::{
    compression::CompressionLayer,
    cors::{AllowOrigin, CorsLayer},
};
use tracing::Instrument;

use super::{
    HttpState, PeerAddress,
    answer::Refusal,
    client_address::{ClientAddress, client_address},
    graphql::IDEMPOTENCY_KEY,
    media::ResponseType,
    render::REPLAYED,
};
use crate::{
    config::HttpConfig,
    domain::{ErrorCode, ids::RequestId},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
pub(super) const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// How long browsers may remember the answer to a preflight.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_mins(10);
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// The outermost first: an id and a log line, then panics, headers, cross-origin rules, compression.
pub(super) fn wrap(router: Router<HttpState>, state: &HttpState) -> Router<HttpState> {
    let layers = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(state.clone(), identify))
        .layer(middleware::from_fn_with_state(state.clone(), secure))
        .layer(cors(&state.config))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn(guard));
    router.layer(layers)
}

/// Gives the request an id, a span that every log line of it carries, and one line at its end.
async fn identify(State(state): State<HttpState>, mut request: Request, next: Next) -> Response {
    let started = state.clock.now();
    let id = RequestId::generate(started, &*state.random);
    let peer = request.extensions().get::<PeerAddress>().map(|peer| peer.0.ip());
    let client = peer.map(|peer| client_address(peer, request.headers(), &state.config.proxies));
    let span = tracing::info_span!(
        "request", id = %id, method = %request.method(), path = request.uri().path(),
        client = client.map(tracing::field::display)
    );
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(ClientAddress(client));
    async move {
        let mut response = next.run(request).await;
        let milliseconds = (state.clock.now() - started).num_milliseconds();
        tracing::debug!(status = response.status().as_u16(), milliseconds, "answered");
        if let Ok(value) = HeaderValue::from_str(id.as_str()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }
    .instrument(span)
    .await
}

/// Headers that every answer has; what a handler has set stays.
async fn secure(State(state): State<HttpState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if state.config.secure_cookies {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(STRICT_TRANSPORT);
    }
    response
}

/// Exactly the origins of the allow-list, with cookies (ASVS 5.0 V3.4.2).
fn cors(config: &HttpConfig) -> CorsLayer {
    let origins =
        config.allowed_origins.iter().filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::AUTHORIZATION, header::ACCEPT, IDEMPOTENCY_KEY])
        .expose_headers([REQUEST_ID, header::RETRY_AFTER, REPLAYED])
        .max_age(PREFLIGHT_MAX_AGE)
}

/// A panic in a handler itself is one masked error; those of resolvers end with the task that runs
/// them.
async fn guard(Extension(id): Extension<RequestId>, request: Request, next: Next) -> Response {
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        Refusal::of(ErrorCode::InternalServerError).into_response(&id, ResponseType::Json)
    })
}
