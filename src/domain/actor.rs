//! Who asks: what a request carries, and who it turns out to be.

use std::{fmt, net::IpAddr, sync::Arc};

use super::{
    accounts::User,
    error::{Error, Result},
    sessions::Session,
};

/// A token as a client presented it. Never printed.
#[derive(Clone)]
pub struct PresentedToken(String);

impl PresentedToken {
    /// Wraps what came in.
    pub const fn new(token: String) -> Self {
        Self(token)
    }

    /// The text of the token.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PresentedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The credentials of one request, not yet looked at.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The access token, from the `Authorization` header or else from its cookie.
    pub access_token: Option<PresentedToken>,
    /// The refresh token from its cookie.
    pub refresh_cookie: Option<PresentedToken>,
    /// The token of a device on which somebody has logged in before, from its cookie.
    pub device_cookie: Option<PresentedToken>,
}

/// What is known of the device that asks; shown to the person in the list of sessions.
#[derive(Debug, Clone, Default)]
pub struct ClientInfo {
    /// The `User-Agent` header, without control characters, cut to 512 characters.
    pub user_agent: Option<String>,
    /// The `Accept-Language` header, cut to 200 characters.
    pub languages: Option<String>,
    /// The address of the client, seen through configured proxies only.
    pub ip_address: Option<IpAddr>,
}

/// A user with the live session by which the request was authenticated.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The user.
    pub user: Arc<User>,
    /// The session.
    pub session: Arc<Session>,
}

impl Principal {
    /// A person in a session.
    pub fn new(user: impl Into<Arc<User>>, session: impl Into<Arc<Session>>) -> Self {
        Self { user: user.into(), session: session.into() }
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Actor {
    /// Nobody in particular: no credentials came.
    Anonymous,
    /// A user.
    User(Box<Principal>),
}

impl Actor {
    /// The user who asks.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` with reason `MISSING` for nobody in particular.
    pub const fn principal(&self) -> Result<&Principal> {
        match self {
            Self::Anonymous => Err(Error::MISSING_CREDENTIALS),
            Self::User(principal) => Ok(principal),
        }
    }
}
