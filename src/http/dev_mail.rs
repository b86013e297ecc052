//! The mails of a service without a mail server, for developers. Only there in development.

use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Response},
};

use super::{HttpState, PeerAddress, answer};
use crate::domain::{ids::RequestId, mail::Delivered};

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
/// The layout of mails has its styles in itself; its links open where they are clicked.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'; sandbox allow-top-navigation-by-user-activation allow-popups \
    allow-popups-to-escape-sandbox";

/// `GET /dev/mail`: the last mails as text, the newest first.
pub(super) async fn list(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    peer: Peer,
    headers: HeaderMap,
) -> Response {
    let Some(mails) = mails(&state, peer, &headers) else { return answer::not_found(Extension(id)).await };
    let items: String = mails.iter().map(item).collect();
    let empty = if mails.is_empty() { "<p>No mail yet.</p>" } else { "" };
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Mail</title>\
         <style>body{{font:1rem/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}}\
         pre{{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid #8888;padding:1rem}}</style>\
         <h1>Mail</h1><p>What would have been sent; set SMTP_URL to send it.</p>{empty}{items}</html>"
    );
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response()
}

/// `GET /dev/mail/ID`: a mail as HTML.
pub(super) async fn html(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    Path(mail): Path<String>,
    peer: Peer,
    headers: HeaderMap,
) -> Response {
    let found = mails(&state, peer, &headers).and_then(|mails| mails.into_iter().find(|one| one.id == mail));
    match found {
        Some(mail) => ([(header::CONTENT_SECURITY_POLICY, MAIL_POLICY)], Html(mail.html)).into_response(),
        None => answer::not_found(Extension(id)).await,
    }
}

/// Where a request comes from.
type Peer = Option<Extension<PeerAddress>>;

/// The mails, for those who are on this machine and reach the service by one of its names: a page that has
/// its own name point here does not get them.
fn mails(state: &HttpState, peer: Peer, headers: &HeaderMap) -> Option<Vec<Delivered>> {
    if !peer.is_some_and(|peer| peer.0.0.ip().is_loopback()) {
        return None;
    }
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let is_own = state.config.allowed_origins.iter().any(|origin| {
        origin.as_str().split_once("://").is_some_and(|(_, name)| name.eq_ignore_ascii_case(host))
    });
    if is_own { state.mailbox.as_ref().map(|mailbox| mailbox.list()) } else { None }
}

fn item(mail: &Delivered) -> String {
    let [id, to, subject] = [&mail.id, &mail.to, &mail.subject].map(|text| escaped(text));
    let text = mail.text.lines().map(linked).collect::<Vec<_>>().join("\n");
    format!("<h2><a href=\"/dev/mail/{id}\">{subject}</a></h2><p>To {to}</p><pre>{text}</pre>")
}

fn linked(line: &str) -> String {
    let text = escaped(line);
    if line.starts_with("http://") || line.starts_with("https://") {
        format!("<a href=\"{text}\">{text}</a>")
    } else {
        text
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
