//! Counters of what is tried, within the process.

use std::time::Duration;

use async_trait::async_trait;
use moka::{
    Entry,
    ops::compute::{CompResult, Op},
    policy::EvictionPolicy,
    sync::Cache,
};

use crate::domain::{
    clock::Instant,
    rate_limits::{FAILURES, Failures, Quota, RateCounters, Taken, TheoreticalArrival},
};

/// Counters of each kind, some 200 bytes each. Of more, those go that were not used for longest.
const CAPACITY: u64 = 200_000;
/// The longest that a quota can take to be whole again.
const LONGEST_PERIOD: Duration = Duration::from_hours(24);

/// Counts for this process alone.
pub struct LocalRates {
    arrivals: Cache<String, TheoreticalArrival>,
    failures: Cache<String, Failures>,
}

impl Default for LocalRates {
    fn default() -> Self {
        // By default a full map may refuse what is new, and an attempt would go uncounted.
        let lru = EvictionPolicy::lru;
        Self {
            arrivals: Cache::builder()
                .max_capacity(CAPACITY)
                .eviction_policy(lru())
                .time_to_idle(LONGEST_PERIOD)
                .build(),
            failures: Cache::builder()
                .max_capacity(CAPACITY)
                .eviction_policy(lru())
                .time_to_idle(FAILURES.kept.to_std().unwrap_or_default())
                .build(),
        }
    }
}

/// Changes a counter, or leaves it as it is and answers the wait.
fn step<T: Clone + Send + Sync + 'static>(
    counters: &Cache<String, T>,
    key: &str,
    change: impl FnOnce(Option<T>) -> Result<T, chrono::TimeDelta>,
) -> Taken {
    let mut taken = Taken::Yes;
    counters.entry_by_ref(key).and_compute_with(|found| match change(found.map(Entry::into_value)) {
        Ok(changed) => Op::Put(changed),
        Err(wait) => {
            taken = Taken::no(wait);
            Op::Nop
        }
    });
    taken
}

#[async_trait]
impl RateCounters for LocalRates {
    async fn take(&self, key: &str, quota: Quota, now: Instant) -> Taken {
        step(&self.arrivals, key, |found| TheoreticalArrival::take(found, quota, now))
    }

    async fn give_back(&self, key: &str, quota: Quota) {
        self.arrivals.entry_by_ref(key).and_compute_with(|found| {
            found.map_or(Op::Nop, |found| Op::Put(found.into_value().give_back(quota)))
        });
    }

    async fn begin(&self, key: &str, now: Instant) -> Taken {
        step(&self.failures, key, |found| {
            let fresh = found.filter(|found| now - found.next_at < FAILURES.kept);
            Failures::begin(fresh, &FAILURES, now)
        })
    }

    async fn undo(&self, key: &str, now: Instant) {
        let _: CompResult<_, _> = self.failures.entry_by_ref(key).and_compute_with(|found| {
            found.map_or(Op::Nop, |found| found.into_value().undo(&FAILURES, now).map_or(Op::Remove, Op::Put))
        });
    }

    async fn forget(&self, key: &str) {
        self.failures.invalidate(key);
    }
}
