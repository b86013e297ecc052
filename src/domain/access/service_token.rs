//! Tokens by which other services administer.

use std::fmt;

use async_trait::async_trait;
use chrono::TimeDelta;

use super::Permissions;
use crate::domain::{
    audit::AuditEvent, clock::Instant, ids::ServiceTokenId, secret::opaque_secret, store::StoreResult,
    tokens::TokenHash,
};

opaque_secret!(
    /// The token of another service, `vst_…`.
    ServiceSecret, "vst_"
);

/// What every service token starts with.
pub const SERVICE_TOKEN_PREFIX: &str = "vst_";
/// The longest that a service token lives.
pub const LONGEST_SERVICE_TOKEN: TimeDelta = TimeDelta::days(366);
/// The most service tokens there can be.
pub const MAX_SERVICE_TOKENS: usize = 1_000;
/// The most that a list has: more than can be made in time by many who make them at once.
pub const LISTED_SERVICE_TOKENS: usize = 10 * MAX_SERVICE_TOKENS;
/// How long a token is listed after its end.
pub const KEPT_AFTER_END: TimeDelta = TimeDelta::days(90);
/// How often at most the last use of a token is written.
pub const USE_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// A token of another service, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceToken {
    /// The id.
    pub id: ServiceTokenId,
    /// What it is for, in the words of who made it.
    pub name: String,
    /// What it allows.
    pub permissions: Permissions,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Instant,
    /// When it ends.
    pub expires_at: Instant,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Instant>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Instant>,
}

impl ServiceToken {
    /// Whether it allows anything at `now`.
    pub fn is_good(&self, now: Instant) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

impl fmt::Display for ServiceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

/// The truth about service tokens. Every method is one atomic operation; every method fails with
/// `Unavailable` or `Corrupt` as [`crate::domain::store::StoreError`] says.
#[async_trait]
pub trait ServiceTokenStore: Send + Sync {
    /// Adds a token by its hash.
    async fn insert_service_token(
        &self,
        token: &ServiceToken,
        hash: &TokenHash,
        event: &AuditEvent,
    ) -> StoreResult<()>;

    /// The token with this hash, good or not, or `None`.
    async fn find_service_token(&self, hash: &TokenHash) -> StoreResult<Option<ServiceToken>>;

    /// Every token, the newest first; at most [`MAX_SERVICE_TOKENS`].
    async fn list_service_tokens(&self) -> StoreResult<Vec<ServiceToken>>;

    /// Notes that a token was used.
    async fn touch_service_token(&self, id: &ServiceTokenId, at: Instant) -> StoreResult<()>;

    /// Revokes a token. Answers the token as it is then, also when it was revoked before (its
    /// `revoked_at` stays, and no event is written); `None` when there is none.
    async fn revoke_service_token(
        &self,
        id: &ServiceTokenId,
        at: Instant,
        event: &AuditEvent,
    ) -> StoreResult<Option<ServiceToken>>;

    /// Drops tokens that ended or were revoked before `before`, and answers how many.
    async fn purge_service_tokens(&self, before: Instant) -> StoreResult<u64>;
}
