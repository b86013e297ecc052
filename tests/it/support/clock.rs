//! A clock that tests set.

use std::sync::Mutex;

use chrono::{TimeDelta, TimeZone, Utc};
use vestibule::domain::clock::{Clock, Instant};

/// Stands still until it is advanced.
pub(crate) struct TestClock(Mutex<Instant>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Mutex::new(Utc.with_ymd_and_hms(2030, 1, 2, 3, 4, 5).unwrap()))
    }
}

impl TestClock {
    pub(crate) fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }
}
