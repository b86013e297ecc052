//! The durable queue.

use async_trait::async_trait;
use chrono::TimeDelta;

use super::Task;
use crate::domain::{
    clock::Instant,
    ids::{TaskId, UserId},
    store::StoreResult,
};

/// How long an entry is kept that was done: long enough for every limit.
pub const KEPT_AFTER_DONE: TimeDelta = TimeDelta::hours(1);
/// How long an entry is kept that was given up, for those who look after the service.
pub const KEPT_AFTER_GIVING_UP: TimeDelta = TimeDelta::days(7);

/// An entry of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The id.
    pub id: TaskId,
    /// The place that no other entry has.
    pub slot: String,
    /// The person whom it is about.
    pub user_id: Option<UserId>,
    /// What is to be done.
    pub task: Task,
    /// When it was written down.
    pub created_at: Instant,
    /// When it is to be done, or to be tried again.
    pub due_at: Instant,
    /// How often it was begun.
    pub attempts: u32,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// It is in the queue.
    Queued,
    /// It is not: its place was taken a moment ago.
    Recent {
        /// When.
        at: Instant,
    },
}

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxSummary {
    /// Entries that are to be done.
    pub waiting: u64,
    /// Entries that were given up in the last 7 days.
    pub given_up: u64,
    /// Since when the entry waits that is due for the longest.
    pub oldest_due_at: Option<Instant>,
}

/// The truth about what is to be done. Every method is one atomic operation, but where it says
/// otherwise; every method fails with `Unavailable` or `Corrupt` as [`crate::domain::store::StoreError`]
/// says.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Adds an entry. One that is in its place already, done or not, gives way, unless it was made after
    /// `unless_after`: then nothing is written. Of concurrent calls with a limit one is queued.
    async fn enqueue(&self, entry: &Entry, unless_after: Option<Instant>) -> StoreResult<Enqueued>;

    /// Takes up to `limit` entries that are due at `now`, the longest due first, counts an attempt and
    /// makes them due again at `until`: nobody else gets them before. Each is taken atomically.
    async fn claim(&self, now: Instant, until: Instant, limit: usize) -> StoreResult<Vec<Entry>>;

    /// Says that an entry is done. Its task is forgotten; its place stays taken for a while.
    async fn finish(&self, id: &TaskId, at: Instant) -> StoreResult<()>;

    /// Says when an entry is to be tried again.
    async fn postpone(&self, id: &TaskId, due_at: Instant) -> StoreResult<()>;

    /// Says that an entry is given up, and why. Its task is forgotten but for the kind.
    async fn give_up(&self, id: &TaskId, at: Instant, reason: &str) -> StoreResult<()>;

    /// Entries about a person that are to be done, at most 1,000.
    async fn list_of(&self, user: &UserId) -> StoreResult<Vec<Entry>>;

    /// Removes every entry about a person, done or not, but for `kept`.
    async fn forget(&self, user: &UserId, kept: &TaskId) -> StoreResult<()>;

    /// Removes entries that were done or given up long before `now`, and answers how many.
    async fn purge(&self, now: Instant) -> StoreResult<u64>;

    /// How much there is.
    async fn summary(&self) -> StoreResult<OutboxSummary>;
}
