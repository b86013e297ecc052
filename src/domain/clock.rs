//! Injected time. No rule reads the system clock itself, so that tests advance time instead of
//! sleeping.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};

/// An instant in UTC with millisecond precision, the finest that every store keeps.
pub type Instant = DateTime<Utc>;

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// The current instant, rounded down to milliseconds.
    fn now(&self) -> Instant;
}

/// A shared clock.
pub type SharedClock = Arc<dyn Clock>;

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> Instant {
        Utc::now().trunc_subsecs(3)
    }
}
