//! Sessions.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::{
    accounts::User,
    clock::Instant,
    error::AuthenticationFailure,
    ids::{SessionId, UserId},
};

/// How long sessions live.
#[derive(Debug, Clone, Copy)]
pub struct SessionSettings {
    /// A session ends when it was not used for this long.
    pub idle_ttl: TimeDelta,
    /// A session ends this long after its login, however much it is used.
    pub absolute_ttl: TimeDelta,
    /// For how long after its rotation a refresh token still gets the one that is current.
    pub refresh_grace: TimeDelta,
    /// How far the clocks of nodes may be apart.
    pub clock_leeway: TimeDelta,
    /// Nobody logs in before their address is verified.
    pub require_verified_email: bool,
}

/// How often at most the time a session was last seen is written.
pub const TOUCH_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// For how long after the password was shown a person may do what is dangerous in wrong hands.
pub const FRESH: TimeDelta = TimeDelta::minutes(10);

/// Somebody of the service who acts for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impersonation {
    /// Who, as the audit log names them.
    pub by: String,
    /// Their session epoch when they began: what ends their own sessions ends this one too.
    #[serde(default)]
    pub by_epoch: i64,
    /// Whether they may change anything.
    pub may_write: bool,
}

/// How long somebody can act for a person at a time.
pub const IMPERSONATION_TTL: TimeDelta = TimeDelta::minutes(30);

/// A login on one device, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The id, the `sid` of its access tokens.
    pub id: SessionId,
    /// Whose session.
    pub user_id: UserId,
    /// What the client calls the device.
    pub device_name: Option<String>,
    /// The `User-Agent` at login.
    pub user_agent: Option<String>,
    /// The address at login.
    pub ip_address: Option<String>,
    /// When the person logged in.
    pub created_at: Instant,
    /// When the person last showed the password in this session.
    pub authenticated_at: Instant,
    /// When the session was last used, to the minute.
    pub last_seen_at: Instant,
    /// When it ends unless it is used before. Never later than `absolute_expires_at`.
    pub idle_expires_at: Instant,
    /// When it ends at the latest.
    pub absolute_expires_at: Instant,
    /// When it was ended, if it was.
    pub ended_at: Option<Instant>,
    /// The epoch of the user that the session belongs to. When the user's has gone on (a changed
    /// password), the session has ended, whatever else it says.
    pub session_epoch: i64,
    /// Who acts for the person in it, if somebody does.
    #[serde(default)]
    pub impersonation: Option<Box<Impersonation>>,
    /// Counts the changes, from 1. Cached copies are replaced by newer ones only.
    pub version: i64,
}

impl Session {
    /// When the session ends if it is not used any more.
    pub fn expires_at(&self) -> Instant {
        self.idle_expires_at.min(self.absolute_expires_at)
    }

    /// Succeeds if the session is alive at `now` and belongs to `user`.
    ///
    /// # Errors
    /// Why it is not: revoked before expired, since a person should learn of a revocation. The
    /// instant of expiry itself is past.
    pub fn check(&self, user: &User, now: Instant) -> Result<(), AuthenticationFailure> {
        if self.user_id != user.id {
            return Err(AuthenticationFailure::TokenInvalid);
        }
        if self.session_epoch < user.session_epoch {
            return Err(AuthenticationFailure::SessionRevoked);
        }
        self.check_alone(now)
    }

    /// The part of [`Session::check`] that needs no user.
    ///
    /// # Errors
    /// Why the session is not alive.
    pub fn check_alone(&self, now: Instant) -> Result<(), AuthenticationFailure> {
        if self.ended_at.is_some() {
            return Err(AuthenticationFailure::SessionRevoked);
        }
        if now >= self.expires_at() {
            return Err(AuthenticationFailure::SessionExpired);
        }
        Ok(())
    }

    /// Whether the password was shown a few minutes ago.
    pub fn is_fresh(&self, now: Instant) -> bool {
        // Whoever acts for the person has never shown their password.
        self.impersonation.is_none() && now - self.authenticated_at < FRESH
    }

    /// Whether it is time to write that the session is in use.
    pub fn is_due_for_touch(&self, now: Instant) -> bool {
        now - self.last_seen_at >= TOUCH_INTERVAL
    }
}
