//! Does what is due.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::TimeDelta;
use futures_util::{FutureExt, future::join_all};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Entry, Outbox};
use crate::domain::{error::Error, error::Result, metrics::metrics, traces::trace_part};

/// How often the queue is looked at without news; other processes put entries into it too.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Entries that are worked on at once.
const BATCH: usize = 16;
/// How long an entry that was begun is nobody else's. Longer than any attempt takes.
const LEASE: TimeDelta = TimeDelta::seconds(90);
/// The first pause before an entry is tried again; each further one is twice as long.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(5);
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(10);
/// The same while the other side cannot be reached at all, which is no fault of the entry.
const LONGEST_OUTAGE_PAUSE: TimeDelta = TimeDelta::seconds(30);
/// For how long it is tried.
const PATIENCE: TimeDelta = TimeDelta::hours(24);

/// Why something was not done. The texts are for logs: they name no person and no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// It may work later.
    #[error("{0}")]
    Later(String),
    /// The other side cannot be reached; nothing that needs it will work now.
    #[error("{0}")]
    Outage(String),
    /// It will never work.
    #[error("{0}")]
    Never(String),
}

impl From<Error> for TaskError {
    fn from(error: Error) -> Self {
        Self::Later(error.to_string())
    }
}

/// Knows how things are done. What it does must bear being done twice.
#[async_trait]
pub trait TaskHandler: Send + Sync {
    /// Does it.
    ///
    /// # Errors
    /// [`TaskError`].
    async fn handle(&self, entry: &Entry) -> std::result::Result<(), TaskError>;
}

/// Works on a queue. Any number of processes may work on the same one.
pub struct Worker {
    outbox: Arc<Outbox>,
    handler: Arc<dyn TaskHandler>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Batch {
    begun: usize,
    done: usize,
    meets_outage: bool,
}

impl Worker {
    /// A worker on this queue.
    pub fn new(outbox: Arc<Outbox>, handler: Arc<dyn TaskHandler>) -> Self {
        Self { outbox, handler }
    }

    /// Works until told to stop; what was begun is finished.
    pub async fn run(&self, stopping: CancellationToken) {
        let mut outages = 0;
        while !stopping.is_cancelled() {
            let batch = self.batch(outages).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "the outbox cannot be read");
                Batch::default()
            });
            outages = if batch.meets_outage { outages + 1 } else { 0 };
            if batch.begun > 0 && !batch.meets_outage {
                continue;
            }
            let pause = if outages > 0 { outage_pause(outages).to_std() } else { Ok(LOOK_INTERVAL) };
            tokio::select! {
                () = stopping.cancelled() => {}
                () = self.outbox.news.notified(), if outages == 0 => {}
                () = tokio::time::sleep(pause.unwrap_or(LOOK_INTERVAL)) => {}
            }
        }
    }

    /// Does what is due now, and answers how much was done.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn run_due(&self) -> Result<usize> {
        let mut done = 0;
        loop {
            let batch = self.batch(0).await?;
            done += batch.done;
            if batch.begun == 0 || batch.meets_outage {
                return Ok(done);
            }
        }
    }

    async fn batch(&self, outages: u32) -> Result<Batch> {
        let Outbox { store, clock, .. } = &*self.outbox;
        let now = clock.now();
        // In an outage one entry is enough to learn whether it is over.
        let size = if outages > 0 { 1 } else { BATCH };
        let entries = store.claim(now, now + LEASE, size).await?;
        let outcomes = join_all(entries.iter().map(|entry| self.work(entry, outages))).await;
        let mut batch = Batch { begun: entries.len(), ..Batch::default() };
        for outcome in outcomes {
            batch.done += usize::from(outcome == Outcome::Done);
            batch.meets_outage |= outcome == Outcome::Outage;
        }
        Ok(batch)
    }

    async fn work(&self, entry: &Entry, outages: u32) -> Outcome {
        let (id, kind, attempt) = (&entry.id, entry.task.kind(), entry.attempts);
        let part = trace_part!("task", otel.kind = "consumer", kind, attempt);
        let handled = AssertUnwindSafe(self.handler.handle(entry)).catch_unwind().instrument(part).await;
        let outcome = handled.unwrap_or_else(|_| Err(TaskError::Later("it panicked".into())));
        let (store, now) = (&self.outbox.store, self.outbox.clock.now());
        let is_late = !entry.task.is_for_ever() && now - entry.created_at >= PATIENCE;
        let (noted, outcome) = match outcome {
            Ok(()) => (store.finish(id, now).await, Outcome::Done),
            Err(TaskError::Never(reason)) => {
                tracing::error!(task = %id, kind, attempt, reason, "given up");
                (store.give_up(id, now, &reason).await, Outcome::Failed)
            }
            Err(TaskError::Later(reason) | TaskError::Outage(reason)) if is_late => {
                tracing::error!(task = %id, kind, attempt, reason, "given up after a day");
                (store.give_up(id, now, &reason).await, Outcome::Failed)
            }
            Err(TaskError::Later(reason)) => {
                tracing::warn!(task = %id, kind, attempt, reason, "failed; will be tried again");
                (store.postpone(id, now + pause(attempt)).await, Outcome::Failed)
            }
            Err(TaskError::Outage(reason)) => {
                tracing::warn!(task = %id, kind, attempt, reason, "cannot be done now; will be tried again");
                (store.postpone(id, now + outage_pause(outages + 1)).await, Outcome::Outage)
            }
        };
        metrics().task(kind, outcome.as_str());
        if let Err(error) = noted {
            // It is tried again when its lease ends: done twice rather than not at all.
            tracing::warn!(%error, task = %id, kind, "the outcome was not written down");
        }
        outcome
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    Failed,
    Outage,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Outage => "outage",
        }
    }
}

fn pause(attempt: u32) -> TimeDelta {
    doubled(FIRST_PAUSE, attempt, LONGEST_PAUSE)
}

fn outage_pause(outages: u32) -> TimeDelta {
    doubled(TimeDelta::seconds(1), outages, LONGEST_OUTAGE_PAUSE)
}

fn doubled(first: TimeDelta, times: u32, most: TimeDelta) -> TimeDelta {
    (first * 2_i32.pow(times.saturating_sub(1).min(16))).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        let pauses: Vec<_> = [1, 2, 3, 8, 100].map(|attempt| pause(attempt).num_seconds()).into();
        assert_eq!(pauses, [5, 10, 20, 600, 600]);
        assert_eq!(outage_pause(0).num_seconds(), 1);
        assert_eq!(outage_pause(100).num_seconds(), 30);
    }
}
