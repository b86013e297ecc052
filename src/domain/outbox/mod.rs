//! What is to be done later: mails above all. A request writes down what is to be done, and answers; a
//! worker does it, again and again until it is done, also after the process was killed in between.

mod store;
mod task;
mod worker;

use std::sync::Arc;

use chrono::TimeDelta;
use tokio::sync::Notify;

pub use store::{Enqueued, Entry, KEPT_AFTER_DONE, KEPT_AFTER_GIVING_UP, OutboxStore, OutboxSummary};
pub use task::{Notice, PendingAccount, Task};
pub use worker::{TaskError, TaskHandler, Worker};

use super::{
    accounts::EmailAddress,
    clock::{Instant, SharedClock},
    error::{Error, Result},
    hex,
    ids::{TaskId, UserId},
    random::SharedRandom,
    tokens::TokenHash,
};

/// Within this time an address is written to once for one reason, however often that is asked for.
pub const MAIL_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// How long after a change was announced the store has made it, or will not: longer than a
/// call of a store may take.
pub const SETTLED: TimeDelta = TimeDelta::seconds(10);

/// What there can be one of at a time: a later task in the same place takes the earlier one's.
pub struct Slot {
    name: String,
    limit: Option<TimeDelta>,
}

impl Slot {
    /// A place for `reason` and an address, which may be taken once in [`MAIL_INTERVAL`]. Its name tells
    /// nobody the address.
    pub fn limited(reason: &str, email: &EmailAddress) -> Self {
        Self { limit: Some(MAIL_INTERVAL), ..Self::of(reason, email) }
    }

    /// The same place, which may be taken at any time.
    pub fn of(reason: &str, email: &EmailAddress) -> Self {
        let hash = TokenHash::of(email.key().as_str().as_bytes());
        Self { name: format!("{reason}:{}", hex::of(hash.as_bytes())), limit: None }
    }

    /// A place for `reason` and a person, which may be taken once in [`MAIL_INTERVAL`].
    pub fn limited_of_user(reason: &str, user: &UserId) -> Self {
        Self { limit: Some(MAIL_INTERVAL), ..Self::of_user(reason, user) }
    }

    /// The place of a notice to a person.
    pub fn notice(notice: &Notice, user: &UserId) -> Self {
        Self::limited_of_user(notice.kind(), user)
    }

    /// A place for `reason` and a person.
    pub fn of_user(reason: &str, user: &UserId) -> Self {
        Self { name: format!("{reason}:{user}"), limit: None }
    }
}

/// The queue, as those see it who put something into it.
pub struct Outbox {
    store: Arc<dyn OutboxStore>,
    clock: SharedClock,
    random: SharedRandom,
    news: Arc<Notify>,
}

impl Outbox {
    /// A queue in this store.
    pub fn new(store: Arc<dyn OutboxStore>, clock: SharedClock, random: SharedRandom) -> Self {
        Self { store, clock, random, news: Arc::default() }
    }

    /// Writes down that something is to be done at once. It is durable when this returns.
    ///
    /// # Errors
    /// `RateLimited` when the place was taken a moment ago, `ServiceUnavailable`.
    pub async fn enqueue(&self, task: Task, slot: Option<Slot>) -> Result<()> {
        self.enqueue_at(task, slot, self.clock.now()).await
    }

    /// Writes down that something is to be done at a time to come.
    ///
    /// # Errors
    /// As with [`Self::enqueue`].
    pub async fn enqueue_at(&self, task: Task, slot: Option<Slot>, due_at: Instant) -> Result<()> {
        let now = self.clock.now();
        let id = TaskId::generate(now, &*self.random);
        let (slot, limit) = match slot {
            Some(slot) => (slot.name, slot.limit),
            None => (id.as_str().to_owned(), None),
        };
        let user_id = task.user().cloned();
        let entry = Entry { id, slot, user_id, task, created_at: now, due_at, attempts: 0 };
        match self.store.enqueue(&entry, limit.map(|limit| now - limit)).await? {
            Enqueued::Queued => {
                self.news.notify_one();
                Ok(())
            }
            Enqueued::Recent { at } => {
                let wait = at + limit.unwrap_or_default() - now;
                Err(Error::RateLimited { retry_after: wait.to_std().unwrap_or_default() })
            }
        }
    }

    /// Drops entries that were done or given up long ago, and answers how many.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn purge(&self) -> Result<u64> {
        Ok(self.store.purge(self.clock.now()).await?)
    }

    /// How much there is to do, and how much was given up.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn summary(&self) -> Result<OutboxSummary> {
        Ok(self.store.summary().await?)
    }

    /// What is still to be done about a person, by kind and time.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn list_of(&self, user: &UserId) -> Result<Vec<Entry>> {
        Ok(self.store.list_of(user).await?)
    }

    /// Drops everything about a person, but for one entry.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn forget(&self, user: &UserId, kept: &TaskId) -> Result<()> {
        Ok(self.store.forget(user, kept).await?)
    }
}
