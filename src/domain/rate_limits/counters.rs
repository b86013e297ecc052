//! The counters, and what they count by: the generic cell rate algorithm for what may be done so often in a
//! time, and failures in a row for passwords.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;

use crate::domain::clock::Instant;

/// So many at once, and again as many over a time, evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many at once, 1 or more.
    pub burst: u32,
    /// In how long a used up burst is whole again.
    pub period: Duration,
}

impl Quota {
    /// After how long one more is allowed.
    pub fn interval(self) -> TimeDelta {
        TimeDelta::from_std(self.period / self.burst.max(1)).unwrap_or(TimeDelta::MAX)
    }

    /// How far ahead of the time the next arrival may be.
    pub fn tolerance(self) -> TimeDelta {
        let others = i32::try_from(self.burst.saturating_sub(1)).unwrap_or(i32::MAX);
        self.interval().checked_mul(others).unwrap_or(TimeDelta::MAX)
    }
}

/// Whether a place was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was.
    Yes,
    /// There is none.
    No {
        /// When there is one.
        retry_after: Duration,
    },
}

impl Taken {
    /// None, for this long.
    pub fn no(wait: TimeDelta) -> Self {
        Self::No { retry_after: wait.to_std().unwrap_or_default() }
    }
}

/// When the next arrival would be, had all been evenly spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TheoreticalArrival(pub Instant);

impl TheoreticalArrival {
    /// Takes a place: the arrival after it, or how long there is none.
    ///
    /// # Errors
    /// The wait.
    pub fn take(found: Option<Self>, quota: Quota, now: Instant) -> Result<Self, TimeDelta> {
        let arrival = found.map_or(now, |found| found.0.max(now));
        let wait = arrival - now - quota.tolerance();
        if wait > TimeDelta::zero() { Err(wait) } else { Ok(Self(arrival + quota.interval())) }
    }

    /// Gives a place back.
    #[must_use]
    pub fn give_back(self, quota: Quota) -> Self {
        Self(self.0 - quota.interval())
    }
}

/// How long failures in a row keep the next attempt waiting.
#[derive(Debug, Clone, Copy)]
pub struct FailureRule {
    /// Failures that cost no wait.
    pub free: u32,
    /// The wait after the first that does; each more doubles it.
    pub first_wait: TimeDelta,
    /// The longest wait.
    pub longest_wait: TimeDelta,
    /// After this many in a row there is no other attempt (NIST SP 800-63B-4 §3.2.2).
    pub most: u32,
    /// After this long without an attempt they are forgotten.
    pub kept: TimeDelta,
}

/// The rule for passwords.
pub const FAILURES: FailureRule = FailureRule {
    free: 10,
    first_wait: TimeDelta::seconds(1),
    longest_wait: TimeDelta::minutes(15),
    most: 100,
    kept: TimeDelta::days(30),
};

/// Failures in a row. An attempt is one until it is known to be none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// When the next attempt may be made.
    pub next_at: Instant,
}

impl Failures {
    /// Begins an attempt: the failures if it is one, or how long none may be made.
    ///
    /// # Errors
    /// The wait.
    pub fn begin(found: Option<Self>, rule: &FailureRule, now: Instant) -> Result<Self, TimeDelta> {
        let found = found.unwrap_or(Self { count: 0, next_at: now });
        if found.count >= rule.most {
            return Err(found.next_at + rule.kept - now);
        }
        if found.next_at > now {
            return Err(found.next_at - now);
        }
        let count = found.count + 1;
        let wait = count.checked_sub(rule.free).map_or(TimeDelta::zero(), |doublings| {
            let wait = rule.first_wait.checked_mul(1 << doublings.min(20));
            wait.unwrap_or(rule.longest_wait).min(rule.longest_wait)
        });
        Ok(Self { count, next_at: now + wait })
    }

    /// Without an attempt that came to no decision; `None` if there is none left.
    #[must_use]
    pub fn undo(self, rule: &FailureRule, now: Instant) -> Option<Self> {
        let count = self.count.saturating_sub(1);
        // What others have failed at the same time stays.
        let next_at = if count < rule.free { now } else { self.next_at };
        (count > 0).then_some(Self { count, next_at })
    }
}

/// Counters that all nodes share as far as they can. A step is atomic: of attempts at the same time no more
/// get through than of those one after the other. There are no errors: a node that cannot ask the others
/// counts by itself.
#[async_trait]
pub trait RateCounters: Send + Sync {
    /// Takes a place of a quota.
    async fn take(&self, key: &str, quota: Quota, now: Instant) -> Taken;

    /// Gives a place back that was taken.
    async fn give_back(&self, key: &str, quota: Quota);

    /// Begins an attempt at a password, which counts as a failure from now on.
    async fn begin(&self, key: &str, now: Instant) -> Taken;

    /// An attempt came to no decision: it was no failure.
    async fn undo(&self, key: &str, now: Instant);

    /// Forgets the failures.
    async fn forget(&self, key: &str);
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn at(seconds: i64) -> Instant {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_burst_is_taken_at_once_and_regained_evenly() {
        let quota = Quota { burst: 3, period: Duration::from_secs(30) };
        let mut found = None;
        for _ in 0..3 {
            found = Some(TheoreticalArrival::take(found, quota, at(0)).unwrap());
        }
        assert_eq!(TheoreticalArrival::take(found, quota, at(0)), Err(TimeDelta::seconds(10)));
        assert_eq!(TheoreticalArrival::take(found, quota, at(9)), Err(TimeDelta::seconds(1)));
        let fourth = TheoreticalArrival::take(found, quota, at(10)).unwrap();
        assert!(TheoreticalArrival::take(Some(fourth), quota, at(10)).is_err());
        assert!(TheoreticalArrival::take(Some(fourth.give_back(quota)), quota, at(10)).is_ok());
        assert!(TheoreticalArrival::take(Some(fourth), quota, at(1_000_000)).is_ok());
    }

    #[test]
    fn failures_in_a_row_wait_twice_as_long_each_and_end() {
        let mut found = None;
        let mut waits = Vec::new();
        let mut now = at(0);
        loop {
            match Failures::begin(found, &FAILURES, now) {
                Ok(failures) => {
                    waits.push((failures.next_at - now).num_seconds());
                    now = failures.next_at;
                    found = Some(failures);
                }
                Err(wait) => {
                    assert_eq!(wait, FAILURES.kept, "from when it could have been tried again");
                    break;
                }
            }
        }
        assert_eq!(waits[..13], [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8]);
        assert_eq!(waits.len(), 100);
        assert_eq!(waits[99], 900);
        let few = Failures { count: 2, next_at: at(9) };
        assert_eq!(few.undo(&FAILURES, at(1)), Some(Failures { count: 1, next_at: at(1) }));
        assert_eq!(few.undo(&FAILURES, at(1)).unwrap().undo(&FAILURES, at(1)), None);
        let many = Failures { count: 12, next_at: at(9) };
        assert_eq!(many.undo(&FAILURES, at(1)), Some(Failures { count: 11, next_at: at(9) }));
    }
}
