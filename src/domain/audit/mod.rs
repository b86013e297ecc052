//! The audit log: who did what to whom, when and from where, without secrets. Events are added and never
//! changed, but for what is personal, which is forgotten with the person.

mod actor;
mod chain;
mod event;
mod origin;
mod store;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;

pub use actor::AuditActor;
pub use chain::{Chained, Forgettable, Link, PersonalParts};
pub use event::{AuditClient, AuditDetails, AuditEvent, AuditKind, AuditOutcome};
pub(in crate::domain) use event::{actor_in, by_itself, by_owner, own};
pub use origin::{Origin, within};
pub use store::{AuditFilter, AuditSelector, AuditStore, ChainEnds, Unreadable};

use super::{
    clock::SharedClock,
    error::Result,
    ids::{AuditEventId, UserId},
    page::{Page, PageRequest},
};

/// How often events are brought into the chain.
pub const SEAL_INTERVAL: Duration = Duration::from_secs(2);
/// How long after an event its change was made, or will not be: longer than calls of a store may take.
const SETTLED: TimeDelta = TimeDelta::seconds(15);
/// How often events are dropped in a row: more than are written in an hour.
const PURGES_AT_ONCE: u32 = 1_000;
/// Events that are verified at a time.
const VERIFIED_AT_ONCE: usize = 1_000;

/// The audit log.
pub struct Audit {
    store: Arc<dyn AuditStore>,
    clock: SharedClock,
    retention: TimeDelta,
}

/// What is wrong with the log, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// An event was changed.
    #[error("the event at position {0} was changed")]
    Changed(i64),
    /// What is personal in an event was changed.
    #[error("the details of the event at position {0} were changed")]
    DetailsChanged(i64),
    /// An event is missing.
    #[error("the event at position {0} is missing")]
    Missing(i64),
    /// An event stands before the beginning of the chain, where nothing vouches for it.
    #[error("the event at position {0} stands before the beginning of the chain")]
    Outside(i64),
    /// The log does not contain an end that it had.
    #[error("the log, which ends at position {0}, does not contain the end that was noted")]
    OtherEnd(i64),
}

/// The outcome of a verification.
#[derive(Debug, Clone)]
pub struct ChainReport {
    /// Events that are in the chain.
    pub events: u64,
    /// How many of them were redacted with a person.
    pub redacted: u64,
    /// Events that are too new to be in the chain.
    pub unsealed: u64,
    /// The ends of the chain.
    pub ends: ChainEnds,
    /// The first fault.
    pub fault: Option<ChainFault>,
}

impl Audit {
    /// A log in this store, which keeps events for so long.
    pub fn new(store: Arc<dyn AuditStore>, clock: SharedClock, retention: TimeDelta) -> Self {
        Self { store, clock, retention }
    }

    /// Writes down what comes with no change.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn append(&self, event: &AuditEvent) -> Result<()> {
        Ok(self.store.append(event).await?)
    }

    /// Writes down what has been done and cannot be taken back, or was refused anyway: that the log does
    /// not take it is told in the log of the service.
    pub async fn note(&self, event: AuditEvent) {
        if let Err(error) = self.store.append(&event).await {
            tracing::error!(%error, kind = event.kind.as_str(), "an event is not in the audit log");
        }
    }

    /// A page of events, the newest first.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn list(
        &self,
        filter: &AuditFilter,
        page: &PageRequest<AuditEventId>,
    ) -> Result<Page<AuditEvent>> {
        Ok(page.page(self.store.list_events(filter, page).await?))
    }

    /// A page of what happened to a person's account, the newest first.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn list_about(
        &self,
        user: &UserId,
        page: &PageRequest<AuditEventId>,
    ) -> Result<Page<AuditEvent>> {
        let of = AuditSelector::Subject(user.to_string());
        self.list(&AuditFilter { of, ..AuditFilter::default() }, page).await
    }

    /// An event about a user.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn find_about(&self, user: &UserId, id: &AuditEventId) -> Result<Option<AuditEvent>> {
        let found = self.store.find_event(id).await?;
        Ok(found.filter(|event| event.subject.as_deref() == Some(user.as_str())))
    }

    /// Brings what is settled into the chain.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn seal(&self) -> Result<u64> {
        Ok(self.store.seal(self.clock.now() - SETTLED).await?)
    }

    /// Forgets what is personal about a user: all of what happened to them, and where they were when they did
    /// something to others. What that was stays.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub(in crate::domain) async fn redact(&self, user: &UserId) -> Result<u64> {
        Ok(self.store.redact(user.as_str()).await?)
    }

    /// Drops events that have been kept for long enough, and answers how many.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn purge(&self) -> Result<u64> {
        let (before, mut count) = (self.clock.now() - self.retention, 0);
        for _ in 0..PURGES_AT_ONCE {
            match self.store.purge_events(before).await? {
                0 => break,
                dropped => count += dropped,
            }
        }
        Ok(count)
    }

    /// Recomputes the whole chain, up to the first fault. `expected` is an end that was noted elsewhere:
    /// without one, a log whose end was cut off together with the note of its end looks whole.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn verify(&self, expected: Option<Link>) -> Result<ChainReport> {
        self.seal().await?;
        loop {
            let report = self.verify_between(self.store.ends().await?, expected).await?;
            let is_whole = report.fault.is_none();
            // What retention drops meanwhile looks like a fault at the beginning.
            if is_whole || self.store.ends().await?.first == report.ends.first {
                return Ok(report);
            }
        }
    }

    async fn verify_between(&self, ends: ChainEnds, expected: Option<Link>) -> Result<ChainReport> {
        let unsealed = self.store.unsealed().await?;
        let mut report = ChainReport { events: 0, redacted: 0, unsealed, ends, fault: None };
        if let Some(position) = self.outside(&ends.first).await? {
            report.fault = Some(ChainFault::Outside(position));
            return Ok(report);
        }
        let mut last = ends.first;
        let mut is_met = expected.is_none_or(|expected| expected == last);
        while last.position < ends.last.position {
            let links = self.store.chain(last.position, VERIFIED_AT_ONCE).await?;
            if links.is_empty() {
                report.fault = Some(ChainFault::Missing(last.position + 1));
                return Ok(report);
            }
            for chained in links {
                let chained = match checked(&last, chained) {
                    Ok(chained) => chained,
                    Err(fault) => {
                        report.fault = Some(fault);
                        return Ok(report);
                    }
                };
                report.events += 1;
                report.redacted += u64::from(chained.parts.is_redacted());
                last = chained.link;
                is_met |= expected == Some(last);
            }
        }
        if last != ends.last && last.position == ends.last.position {
            report.fault = Some(ChainFault::Changed(last.position));
        } else if !is_met {
            report.fault = Some(ChainFault::OtherEnd(last.position));
        }
        report.ends.last = last;
        Ok(report)
    }
}

impl Audit {
    /// The position of an event before the beginning, if there is one. One that retention was about to drop
    /// is left out of account: where the store has no transactions, the beginning is noted first.
    async fn outside(&self, first: &Link) -> Result<Option<i64>> {
        let before = self.clock.now() - self.retention;
        let found = self.store.chain(i64::MIN, 1).await?.into_iter().next();
        Ok(match found {
            Some(Ok(chained)) if chained.link.position <= first.position => {
                (chained.event.at >= before).then_some(chained.link.position)
            }
            Some(Err(Unreadable { position })) if position <= first.position => Some(position),
            _ => None,
        })
    }
}

/// The event, if it is the one that stands behind `before`, as it was written.
fn checked(
    before: &Link,
    found: std::result::Result<Chained, Unreadable>,
) -> std::result::Result<Chained, ChainFault> {
    let expected = before.position + 1;
    let position = found.as_ref().map_or_else(|unreadable| unreadable.position, |found| found.link.position);
    if position != expected {
        return Err(ChainFault::Missing(expected));
    }
    let chained = found.map_err(|_| ChainFault::Changed(expected))?;
    if before.next(&chained.event, &chained.parts) != chained.link {
        return Err(ChainFault::Changed(expected));
    }
    if chained.parts.is_unchanged() { Ok(chained) } else { Err(ChainFault::DetailsChanged(expected)) }
}
