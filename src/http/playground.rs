//! The playground: GraphiQL from `web/`, embedded in the program, with no request to any other host.
//! A program built without it serves the page that async-graphql ships, which loads from a CDN.

use async_graphql::http::GraphiQLSource;
use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use rust_embed::RustEmbed;

use super::{HttpState, answer};
use crate::domain::ids::RequestId;

const PAGE: &str = "index.html";
/// Monaco, the editor, makes style elements and attributes and shows one image as `data:`.
const OWN_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";
/// The shipped page has its script in itself and the rest on one CDN.
const SHIPPED_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline' https://unpkg.com https://esm.sh; \
    style-src 'unsafe-inline' https://unpkg.com https://esm.sh; img-src 'self' data:; \
    font-src data: https://unpkg.com https://esm.sh; connect-src 'self' https://esm.sh; \
    worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// What Vite built, if it did before the program was compiled.
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

/// The page.
pub(super) fn page() -> Response {
    let (html, policy) = match Files::get(PAGE) {
        Some(file) => (String::from_utf8_lossy(&file.data).into_owned(), OWN_POLICY),
        None => (
            GraphiQLSource::build().endpoint("/graphql").title("Vestibule playground").finish(),
            SHIPPED_POLICY,
        ),
    };
    let headers = [(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-cache")];
    (headers, Html(html)).into_response()
}

/// A file of the page.
pub(super) async fn asset(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    Path(path): Path<String>,
) -> Response {
    let file = Files::get(&path).filter(|_| state.shown.playground && path != PAGE);
    let Some(file) = file else { return answer::not_found(Extension(id)).await };
    let media =
        HeaderValue::from_str(file.metadata.mimetype()).unwrap_or(HeaderValue::from_static("text/plain"));
    let caching = if path.starts_with("assets/") { IMMUTABLE } else { "no-cache" };
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, media),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
        ),
    ];
    (StatusCode::OK, headers, Body::from(file.data)).into_response()
}
