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

/// What the script asks for.
pub const OWN_DOCUMENTS: [&str; 5] = [
    "mutation($input: VerifyEmailInput!) { verifyEmail(input: $input) { success } }",
    "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { success } }",
    "mutation($input: ConfirmEmailChangeInput!) { confirmEmailChange(input: $input) { success } }",
    "mutation($input: UndoEmailChangeInput!) { undoEmailChange(input: $input) { success } }",
    "query($input: PasswordStrengthInput!) { passwordStrength(input: $input) { score acceptable warning suggestions } }",
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_asks_for_the_own_documents_and_for_nothing_else() {
        for document in OWN_DOCUMENTS {
            assert!(SCRIPT.contains(&format!("'{document}'")), "{document}");
        }
        let asked = SCRIPT.matches("'mutation(").count() + SCRIPT.matches("'query(").count();
        assert_eq!(asked, OWN_DOCUMENTS.len());
    }
}
