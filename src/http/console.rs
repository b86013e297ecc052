//! The console: account and administration pages from `web/`, embedded in the program, with no request to any other
//! host but those that keep pictures.

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;
use serde_json::json;

use super::{
    HttpState, answer,
    embedded::{self, ALONE, ASSETS, NO_CACHE},
};
use crate::domain::ids::RequestId;

const PAGE: &str = "index.html";
/// The operations that the pages send.
const DOCUMENTS: &str = "documents.json";

/// What Vite built, if it did before the program was compiled.
#[derive(RustEmbed)]
#[folder = "web/dist-console"]
#[allow_missing = true]
struct Files;

/// How the console is shown.
#[derive(Debug, Clone)]
pub struct Console {
    /// Whether the schema of administration is at this listener, too.
    pub has_administration: bool,
    /// Where pictures are shown from, if that is another host.
    pub pictures: Option<String>,
    /// Where pictures are sent to, if that is another host.
    pub uploads: Option<String>,
}

impl Console {
    /// What the page may do: nothing inline, and no other host but those of pictures.
    fn policy(&self) -> String {
        let [pictures, uploads] =
            [&self.pictures, &self.uploads].map(|host| host.as_deref().unwrap_or_default());
        format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: {pictures}; \
             connect-src 'self' {uploads}; font-src 'self'; manifest-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        )
    }
}

/// The operations that the console sends, for services that execute no others.
pub fn documents() -> Vec<String> {
    let file = embedded::content::<Files>(DOCUMENTS);
    file.and_then(|file| serde_json::from_slice(&file).ok()).unwrap_or_default()
}

/// `GET /console`.
pub(super) async fn page(State(state): State<HttpState>, Extension(id): Extension<RequestId>) -> Response {
    let Some(console) = &state.console else { return answer::not_found(Extension(id)).await };
    let Some(page) = embedded::content::<Files>(PAGE) else { return answer::not_found(Extension(id)).await };
    let policy = HeaderValue::from_str(&console.policy()).unwrap_or(ALONE);
    let media = HeaderValue::from_static("text/html; charset=utf-8");
    let headers = [
        (header::CONTENT_TYPE, media),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, NO_CACHE),
    ];
    (headers, Body::from(page)).into_response()
}

/// `GET /console/…`: a file, or the page, which reads its address itself.
pub(super) async fn file(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    Path(path): Path<String>,
    request: HeaderMap,
) -> Response {
    let Some(console) = &state.console else { return answer::not_found(Extension(id)).await };
    if path == "config.json" {
        return Json(json!({
            "adminEndpoint": console.has_administration.then_some("/admin/graphql"),
            "playground": state.shown.playground,
            "mailbox": state.mailbox.is_some(),
        }))
        .into_response();
    }
    if !path.starts_with(ASSETS) && !path.contains('.') {
        return page(State(state), Extension(id)).await;
    }
    let is_shown = path != PAGE && path != DOCUMENTS;
    match is_shown.then(|| embedded::answer::<Files>(&path, &request)).flatten() {
        Some(file) => file,
        None => answer::not_found(Extension(id)).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_other_hosts_only_where_pictures_are_there() {
        let own = Console { has_administration: true, pictures: None, uploads: None };
        assert!(!own.policy().contains("http") && !own.policy().contains("unsafe"));
        let host = |name: &str| Some(format!("https://{name}.example.com"));
        let cloud = Console { pictures: host("pictures"), uploads: host("uploads"), ..own };
        assert!(cloud.policy().contains("img-src 'self' blob: https://pictures.example.com;"));
        assert!(cloud.policy().contains("connect-src 'self' https://uploads.example.com;"));
    }
}
