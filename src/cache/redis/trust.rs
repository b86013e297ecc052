//! When copies may be believed.
//!
//! A copy in Redis may be old if another node changed its original and could not tell Redis. Such a
//! node leaves a durable note. Copies are therefore believed only after every note up to now was acted
//! on, and since the last break of a connection, because during an outage notes may have come. A copy
//! in this process may be old also if Redis could not tell us of a change: it is believed only while
//! every connection tracks, and has answered a moment ago. And a server that may have lost what it had
//! acknowledged is believed only when its copies from before have ended (see [`super::provenance`]).

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crate::domain::sessions::{CacheCheckpoint, TRUST};

/// How long after an answer of every connection copies in this process are believed. A break that
/// nobody notices is noticed by then.
const HONEST_FOR: Duration = Duration::from_millis(1_200);

pub(super) struct Trust {
    opened_at: Instant,
    /// Counts the breaks.
    generation: AtomicU64,
    /// The generation for which notes were acted on, and when, in milliseconds after `opened_at`.
    confirmed_generation: AtomicU64,
    confirmed_at: AtomicU64,
    /// The generation in which every connection tracks and has answered, and when.
    heard_generation: AtomicU64,
    heard_at: AtomicU64,
    /// The generation whose servers were asked for their past, and from when they are believed.
    vetted_generation: AtomicU64,
    believed_from: AtomicU64,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            opened_at: Instant::now(),
            generation: AtomicU64::new(1),
            confirmed_generation: AtomicU64::new(0),
            confirmed_at: AtomicU64::new(0),
            heard_generation: AtomicU64::new(0),
            heard_at: AtomicU64::new(0),
            vetted_generation: AtomicU64::new(0),
            believed_from: AtomicU64::new(0),
        }
    }
}

impl Trust {
    /// How long after its start the process is.
    pub(super) fn now(&self) -> Duration {
        self.opened_at.elapsed()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// A connection broke or a command failed: nothing is believed until notes were acted on again.
    pub(super) fn lose(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn confirm(&self, checkpoint: CacheCheckpoint) {
        note(&self.confirmed_generation, &self.confirmed_at, checkpoint.generation, checkpoint.at);
    }

    /// Every connection tracks, and has answered a question asked at `at`, in this generation.
    pub(super) fn hear(&self, generation: u64, at: Duration) {
        note(&self.heard_generation, &self.heard_at, generation, at);
    }

    /// Whether the servers of this generation still have to be asked for their past.
    pub(super) fn must_vet(&self) -> bool {
        self.vetted_generation.load(Ordering::Acquire) != self.generation()
    }

    /// The servers of a generation may not be believed for so long. What was doubted before still is.
    pub(super) fn vet(&self, generation: u64, doubt: Duration) {
        let from = if doubt.is_zero() { Duration::ZERO } else { self.now() + doubt };
        self.believed_from.fetch_max(millis(from), Ordering::AcqRel);
        self.vetted_generation.store(generation, Ordering::Release);
    }

    fn is_vetted(&self) -> bool {
        !self.must_vet() && millis(self.now()) >= self.believed_from.load(Ordering::Acquire)
    }

    /// Whether copies in Redis are believed.
    pub(super) fn believes_redis(&self) -> bool {
        self.is_vetted() && self.holds(&self.confirmed_generation, &self.confirmed_at, TRUST)
    }

    /// Whether copies in this process are believed.
    pub(super) fn believes_near(&self) -> bool {
        self.believes_redis() && self.holds(&self.heard_generation, &self.heard_at, HONEST_FOR)
    }

    fn holds(&self, generation: &AtomicU64, at: &AtomicU64, lasts: Duration) -> bool {
        generation.load(Ordering::Acquire) == self.generation()
            && self.now() < Duration::from_millis(at.load(Ordering::Acquire)) + lasts
    }
}

fn note(generation: &AtomicU64, at: &AtomicU64, new_generation: u64, new_at: Duration) {
    // The time first: whoever sees the generation sees a time that is not older than it.
    at.store(millis(new_at), Ordering::Release);
    generation.store(new_generation, Ordering::Release);
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_believed_before_notes_were_acted_on_nor_after_a_break() {
        let trust = Trust::default();
        let confirm =
            |at| trust.confirm(CacheCheckpoint { generation: trust.generation(), at, is_connected: true });
        trust.hear(trust.generation(), trust.now());
        assert!(!trust.believes_redis() && !trust.believes_near());
        trust.vet(trust.generation(), Duration::ZERO);
        assert!(!trust.believes_redis() && !trust.believes_near());
        confirm(trust.now());
        assert!(trust.believes_redis() && trust.believes_near());
        let before = trust.generation();
        trust.lose();
        assert!(!trust.believes_redis() && !trust.believes_near());
        trust.confirm(CacheCheckpoint { generation: before, at: trust.now(), is_connected: true });
        assert!(!trust.believes_redis(), "notes were read before the break");
        confirm(trust.now());
        assert!(!trust.believes_redis(), "nobody knows what the server has lost");
        trust.vet(trust.generation(), Duration::ZERO);
        assert!(trust.believes_redis() && !trust.believes_near(), "tracking has not started again");
        trust.vet(trust.generation(), Duration::from_mins(1));
        trust.vet(trust.generation(), Duration::ZERO);
        assert!(!trust.believes_redis(), "what was doubted before still is");
    }
}
