//! What every durable store says when it cannot do what was asked. Driver errors never get here:
//! each adapter maps them in one file and logs what it mapped.

use std::sync::atomic::{AtomicU64, Ordering};

/// The unique field that a write ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Another account has the same normalised e-mail address.
    Email,
    /// Another account has a user name that looks like it.
    Username,
    /// Another signing key has the generation.
    KeyGeneration,
    /// The id or secret was used before; with random values this is a defect, not a coincidence.
    Identity,
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A unique field is taken; nothing was written.
    #[error("a unique field is taken: {0:?}")]
    Conflict(Field),
    /// The store could not be reached, did not answer in time, or cannot write (disk full or
    /// read-only). Whether a write took place is not known.
    #[error("the store is unavailable")]
    Unavailable,
    /// The store holds something that this version cannot read, or refused the request itself.
    #[error("the store holds something unreadable")]
    Corrupt,
}

/// The outcome of a store call.
pub type StoreResult<T> = Result<T, StoreError>;

/// Counts the calls of a store.
#[derive(Debug, Default)]
pub struct StoreCalls {
    all: AtomicU64,
    background: AtomicU64,
}

impl StoreCalls {
    /// Counts a call.
    pub fn count(&self) {
        self.all.fetch_add(1, Ordering::Relaxed);
    }

    /// Says that a call is one that no request waits for.
    pub fn count_as_background(&self) {
        self.background.fetch_add(1, Ordering::Relaxed);
    }

    /// Calls that were made for requests.
    pub fn of_requests(&self) -> u64 {
        self.all.load(Ordering::Relaxed).saturating_sub(self.background.load(Ordering::Relaxed))
    }
}

/// A check that the durable store answers.
#[async_trait::async_trait]
pub trait StoreHealth: Send + Sync {
    /// One cheap round trip.
    ///
    /// # Errors
    /// `Unavailable` when the store does not answer in time.
    async fn ping(&self) -> StoreResult<()>;
}
