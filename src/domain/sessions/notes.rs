//! Durable notes of what the cache could not be told.

use async_trait::async_trait;
use chrono::TimeDelta;

use crate::domain::{
    clock::Instant,
    ids::{NoteId, SessionId, UserId},
    store::StoreResult,
};

/// How long a note is kept at most. By then every copy that it is about has ended by itself.
pub const KEPT_NOTES: TimeDelta = TimeDelta::minutes(15);

/// A change of which the cache may hold an older copy, because it did not answer when it was told.
/// Every node acts on it before it believes the cache again; the first one that can tell the cache
/// does, and removes the note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The id; notes made later sort later.
    pub id: NoteId,
    /// Whose copies are old.
    pub user_id: UserId,
    /// The session that was ended; `None` when it is the user that was changed.
    pub session_id: Option<SessionId>,
    /// When it was made.
    pub made_at: Instant,
}

/// The durable notes. Every method is one atomic operation; every method fails with `Unavailable` or
/// `Corrupt` as [`crate::domain::store::StoreError`] says.
#[async_trait]
pub trait NoteStore: Send + Sync {
    /// Adds a note.
    async fn insert(&self, note: &Note) -> StoreResult<()>;

    /// At most `limit` notes that sort after the given one, in order.
    async fn list(&self, after: Option<&NoteId>, limit: u32) -> StoreResult<Vec<Note>>;

    /// Removes notes; nothing happens to those that are gone.
    async fn remove(&self, ids: &[NoteId]) -> StoreResult<()>;

    /// Drops notes made before `before`, and answers how many.
    async fn purge(&self, before: Instant) -> StoreResult<u64>;
}
