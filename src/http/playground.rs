//! The playground: GraphiQL from `web/`, embedded in the program, with no request to any other host.
//! A program built without it serves the page that async-graphql ships, which loads from a CDN.

use async_graphql::http::GraphiQLSource;
use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Response},
};
use rust_embed::RustEmbed;

use super::{HttpState, answer, embedded};
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

/// What Vite built, if it did before the program was compiled.
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

/// The page.
pub(super) fn page() -> Response {
    let (html, policy) = match embedded::content::<Files>(PAGE) {
        Some(page) => (String::from_utf8_lossy(&page).into_owned(), OWN_POLICY),
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
    request: HeaderMap,
) -> Response {
    let is_shown = state.shown.playground && path != PAGE;
    match is_shown.then(|| embedded::answer::<Files>(&path, &request)).flatten() {
        Some(file) => file,
        None => answer::not_found(Extension(id)).await,
    }
}
