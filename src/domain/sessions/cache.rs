//! The volatile copies of sessions and users. Losing them costs time and nothing else.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::Session;
use crate::domain::{
    accounts::User,
    actor::Principal,
    ids::{SessionId, UserId},
};

/// The cache did not answer. Callers go on with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cache is unavailable")]
pub struct CacheUnavailable;

/// How long copies are believed while notes cannot be read. It bounds what is missed when one node
/// cannot reach the cache and another one cannot reach the store.
pub const TRUST: Duration = Duration::from_secs(30);

/// The outcome of a cache call.
pub type CacheResult<T> = Result<T, CacheUnavailable>;

/// A moment in the life of the connection to the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheCheckpoint {
    /// Counts the breaks of the connection.
    pub generation: u64,
    /// How long after its start the process was there.
    pub at: Duration,
    /// Whether the cache can be asked now.
    pub is_connected: bool,
}

/// What the cache knows of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CachedSession {
    /// A copy.
    Live(Arc<Session>),
    /// A tombstone: it was ended.
    Ended,
    /// Nothing: ask the store.
    Absent,
}

/// What one look into the cache brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedPrincipal {
    /// The session.
    pub session: CachedSession,
    /// The user.
    pub user: Option<Arc<User>>,
}

/// Copies of sessions and users, with the rule that no late writer can bring back what has ended:
/// a copy is written only where there is no newer one and no tombstone, in one atomic step.
#[async_trait]
pub trait SessionCache: Send + Sync {
    /// The copies of a session and its user, in one round trip.
    async fn load(&self, user: &UserId, session: &SessionId) -> CacheResult<CachedPrincipal>;

    /// Keeps copies of both where they are newer than what is there.
    async fn fill(&self, principal: &Principal) -> CacheResult<()>;

    /// Keeps a copy of a session where it is newer than what is there.
    async fn put_session(&self, session: &Session) -> CacheResult<()>;

    /// Keeps a copy of a user where it is newer than what is there.
    async fn put_user(&self, user: &User) -> CacheResult<()>;

    /// Replaces the copies of these sessions of one user by tombstones, which outlive every fill
    /// that may be under way. When the cache does not answer, this process itself still refuses
    /// these sessions and tells the cache when it answers again.
    async fn end(&self, user: &UserId, sessions: &[SessionId]) -> CacheResult<()>;

    /// Where the connection stands; `None` for a cache that can miss nothing.
    ///
    /// A cache that other nodes write to can hold old copies when one of them could not reach it.
    /// Such a cache believes no copy until [`SessionCache::confirm`] says that every note up to a
    /// checkpoint was acted on, and only for [`TRUST`] from there.
    fn checkpoint(&self) -> Option<CacheCheckpoint> {
        None
    }

    /// Says that every note that was there at the checkpoint has been acted on.
    fn confirm(&self, _checkpoint: CacheCheckpoint) {}

    /// How many times a request had to ask the cache over the network.
    fn round_trips(&self) -> u64 {
        0
    }

    /// One cheap round trip.
    async fn ping(&self) -> CacheResult<()>;
}
