//! The pages that links of mails lead to. Opening one does nothing: its script waits for a click and then
//! posts, so that programs that look into mails use nothing up.

use axum::{
    Extension,
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
};

use super::answer;
use crate::domain::ids::RequestId;

const PAGE: &str = include_str!("../../assets/pages/account.html");
const SCRIPT: &str = include_str!("../../assets/pages/account.js");
const STYLE: &str = include_str!("../../assets/pages/account.css");
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /account/…`.
pub(super) async fn page(Extension(id): Extension<RequestId>, Path(page): Path<String>) -> Response {
    let (media, text) = match page.as_str() {
        "verify-email" | "reset-password" | "confirm-email-change" | "undo-email-change" => {
            ("text/html; charset=utf-8", PAGE)
        }
        "account.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "account.css" => ("text/css; charset=utf-8", STYLE),
        _ => return answer::not_found(Extension(id)).await,
    };
    let headers = [
        (header::CONTENT_TYPE, media),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
