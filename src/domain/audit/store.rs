//! The durable store of the audit log.

use async_trait::async_trait;

use super::{AuditEvent, AuditKind, Chained, Link};
use crate::domain::{clock::Instant, ids::AuditEventId, page::PageRequest, store::StoreResult};

/// Whose or which events; one of them, so that each is found by an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AuditSelector {
    /// All.
    #[default]
    All,
    /// Those about this user or thing.
    Subject(String),
    /// What this user or service did.
    Actor(String),
    /// Those of one kind.
    Kind(AuditKind),
}

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Whose or which.
    pub of: AuditSelector,
    /// Not before.
    pub since: Option<Instant>,
    /// Before.
    pub until: Option<Instant>,
}

/// The ends of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainEnds {
    /// The link before the first event that is there: the origin, or the last that retention dropped.
    pub first: Link,
    /// The link of the last event.
    pub last: Link,
}

/// An event of the chain of which something is not what the program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    /// Its place.
    pub position: i64,
}

/// The audit log. Every method is one atomic operation; every method fails with `Unavailable` or `Corrupt`
/// as [`crate::domain::store::StoreError`] says.
///
/// Methods of other stores that take an event write it with the change: a change that is made has its
/// event, whatever happens in between. Where a store has no transactions the event is written first, and
/// withdrawn when the change was not made; a crash between the two leaves an event of a change that was
/// not made, never a change without its event.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Adds an event that comes with no change.
    async fn append(&self, event: &AuditEvent) -> StoreResult<()>;

    /// Brings events made before `settled` into the chain that are not in it yet, and answers how many.
    /// Safe to call from every node at any time.
    async fn seal(&self, settled: Instant) -> StoreResult<u64>;

    /// A page of events by their ids, which is by their time, the newest first: at most
    /// [`PageRequest::to_read`] of them, from the end that is asked for, outermost first.
    async fn list_events(
        &self,
        filter: &AuditFilter,
        page: &PageRequest<AuditEventId>,
    ) -> StoreResult<Vec<AuditEvent>>;

    /// The event with this id, or `None`.
    async fn find_event(&self, id: &AuditEventId) -> StoreResult<Option<AuditEvent>>;

    /// At most `limit` events after this position of the chain, in its order.
    async fn chain(&self, after: i64, limit: usize) -> StoreResult<Vec<Result<Chained, Unreadable>>>;

    /// The ends of the chain.
    async fn ends(&self) -> StoreResult<ChainEnds>;

    /// How many events are not in the chain yet.
    async fn unsealed(&self) -> StoreResult<u64>;

    /// Forgets what is personal in the events about a user, and where events by the user were done from;
    /// answers in how many.
    async fn redact(&self, user: &str) -> StoreResult<u64>;

    /// Drops at most some thousand events of the chain made before `before`, the first ones first, and
    /// answers how many. The link of the last one stays, so that the rest can still be verified.
    async fn purge_events(&self, before: Instant) -> StoreResult<u64>;
}
