//! What is found when the parts of a service are looked at, and what helps.

use super::clock::{Clock, Instant, SystemClock};

/// How far the clock of another machine may be apart before it is told.
const APART: chrono::TimeDelta = chrono::TimeDelta::seconds(1);

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// All is well.
    Well(String),
    /// It works, and may not for long, or not as it should.
    Doubtful {
        /// What is so.
        what: String,
        /// What helps.
        remedy: String,
    },
    /// It does not work.
    Faulty {
        /// What is so.
        what: String,
        /// What helps.
        remedy: String,
    },
}

impl State {
    /// All is well.
    pub fn well(what: impl Into<String>) -> Self {
        Self::Well(what.into())
    }

    /// It works for now.
    pub fn doubtful(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Doubtful { what: what.into(), remedy: remedy.into() }
    }

    /// It does not work.
    pub fn faulty(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Faulty { what: what.into(), remedy: remedy.into() }
    }

    /// Well where it works, faulty where it does not.
    pub fn of<E: std::fmt::Display>(outcome: Result<String, E>, remedy: &str) -> Self {
        match outcome {
            Ok(what) => Self::Well(what),
            Err(error) => Self::faulty(error.to_string(), remedy),
        }
    }

    /// What another machine says of the time.
    pub fn of_clock(theirs: Instant) -> Self {
        let apart = (SystemClock.now() - theirs).abs();
        let seconds = apart.as_seconds_f64();
        if apart <= APART {
            Self::well(format!("its clock is {seconds:.1} s from ours"))
        } else {
            Self::doubtful(
                format!("its clock is {seconds:.1} s from ours"),
                "keep the clocks of all machines by NTP; CLOCK_LEEWAY bears what is left",
            )
        }
    }
}

/// What was found in one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The part.
    pub part: &'static str,
    /// What was found.
    pub state: State,
}

impl Finding {
    /// What was found in a part.
    pub const fn new(part: &'static str, state: State) -> Self {
        Self { part, state }
    }
}
