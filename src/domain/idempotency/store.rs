//! The truth about answers.

use async_trait::async_trait;

use crate::domain::{clock::Instant, store::StoreResult, tokens::TokenHash};

/// A call that takes its key.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// The hash of the caller and the key.
    pub id: TokenHash,
    /// The hash of the key and what is asked for.
    pub fingerprint: TokenHash,
    /// When; with the id it tells one reservation from the next.
    pub at: Instant,
}

/// What is kept of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The hash of the key and what was asked for.
    pub fingerprint: TokenHash,
    /// The sealed answer; `None` while it is being made.
    pub sealed: Option<Vec<u8>>,
}

/// What [`AnswerStore::begin`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The key was free, and is taken now.
    New,
    /// The key is taken.
    Known(Answer),
}

/// Keeps answers by the hash of their key.
#[async_trait]
pub trait AnswerStore: Send + Sync {
    /// Takes a key that is free; of many at once one does. A key is free again when its answer has been in
    /// the making since before `given_up`, or was begun before `expired`.
    async fn begin(
        &self,
        reservation: &Reservation,
        given_up: Instant,
        expired: Instant,
    ) -> StoreResult<Begun>;

    /// Keeps the answer of a reservation that still holds.
    async fn finish(&self, reservation: &Reservation, sealed: Vec<u8>) -> StoreResult<()>;

    /// Frees the key of a reservation that still holds.
    async fn abandon(&self, reservation: &Reservation) -> StoreResult<()>;

    /// Drops what was begun before, and tells how many.
    async fn purge(&self, before: Instant) -> StoreResult<u64>;
}
