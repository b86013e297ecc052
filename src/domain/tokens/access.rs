//! What an access token says (RFC 9068 §2.2).

use serde::{Deserialize, Serialize};

use crate::domain::{
    clock::Instant,
    ids::{AccessTokenId, SessionId, UserId},
};

/// The `typ` header of an access token, so that no other token of ours passes for one
/// (RFC 9068 §2.1, RFC 8725 §3.11).
pub const TOKEN_TYPE: &str = "at+jwt";

/// Somebody who acts for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActingParty {
    /// Who.
    pub sub: String,
}

/// The claims of an access token. Times are whole seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The service that issued the token.
    pub iss: String,
    /// The user.
    pub sub: UserId,
    /// Whom the token is meant for.
    pub aud: String,
    /// When it was issued.
    pub iat: i64,
    /// From when it is valid.
    pub nbf: i64,
    /// From when it is no longer valid.
    pub exp: i64,
    /// The id of the token itself.
    pub jti: AccessTokenId,
    /// The session; a token whose session has ended is refused.
    pub sid: SessionId,
    /// Who acts for the user, if somebody does (RFC 8693 §4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<ActingParty>,
    /// The roles that the user had when the token was issued.
    #[serde(default)]
    pub roles: Vec<String>,
}

impl Claims {
    /// Whether the token is past its expiry at `now`: the instant of expiry itself is past
    /// (RFC 7519 §4.1.4).
    pub const fn is_expired(&self, now: Instant) -> bool {
        now.timestamp() >= self.exp
    }

    /// Whether the token is not valid yet at `now`.
    pub const fn is_premature(&self, now: Instant) -> bool {
        now.timestamp() < self.nbf
    }
}
