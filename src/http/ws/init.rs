//! The initialisation of a socket: who is at the other end.

use std::pin::Pin;

use futures_util::FutureExt;
use serde_json::{Map, Value};

use super::message::{Close, in_a_word};
use crate::{
    domain::{
        Credentials, Error,
        actor::{Actor, PresentedToken},
        error::AuthenticationFailure,
    },
    http::{HttpState, sockets::UserPlace},
};

/// A person at the other end.
pub(super) struct Session {
    pub(super) credentials: Credentials,
    pub(super) ended: Pin<Box<dyn Future<Output = Error> + Send>>,
    _place: UserPlace,
}

/// Finds who initialises a socket: by the credentials of the payload or, without any, of the cookie.
pub(super) async fn authenticate(
    state: &HttpState,
    cookie: &Credentials,
    payload: Option<&Map<String, Value>>,
) -> Result<Session, Close> {
    let credentials = match payload.and_then(token) {
        Some(token) => Credentials { access_token: Some(token), ..Credentials::default() },
        None => cookie.clone(),
    };
    let sessions = state.domain.sessions.clone();
    let listener = match sessions.authenticate(&credentials).await {
        Ok(Actor::User(listener)) => listener,
        Ok(Actor::Anonymous) => return Err(Close::Forbidden(AuthenticationFailure::Missing.as_str())),
        Err(error @ (Error::Unauthenticated(_) | Error::AccountSuspended)) => {
            let reason = in_a_word(&error);
            tracing::info!(reason, "credentials of a socket refused");
            return Err(Close::Forbidden(reason));
        }
        // The store does not answer: the client may try again.
        Err(_) => return Err(Close::GoingAway),
    };
    let place = state.sockets().enter_as(&listener.user.id).ok_or(Close::TooManySockets)?;
    let ended = async move { sessions.until_ended(&listener).await }.boxed();
    Ok(Session { credentials, ended, _place: place })
}

/// The access token of an initialisation: `authorization` as a header has it, or `accessToken`.
fn token(payload: &Map<String, Value>) -> Option<PresentedToken> {
    let member = |name: &str| {
        let found =
            payload.iter().find(|(member, value)| member.eq_ignore_ascii_case(name) && !value.is_null());
        found.map(|(_, value)| value.as_str().unwrap_or_default())
    };
    let token = member("authorization").map_or_else(
        || member("accessToken"),
        |header| match header.trim().split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim()),
            _ => Some(""),
        },
    );
    token.map(|token| PresentedToken::new(token.to_owned()))
}
