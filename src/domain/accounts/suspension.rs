//! Accounts that administrators have closed for a time.

use serde::{Deserialize, Serialize};

use crate::domain::{
    accounts::parse_label,
    clock::Instant,
    faults::{Fault, FaultCode},
};

/// The most characters of the reason of a suspension.
pub const MAX_REASON_CHARACTERS: usize = 500;

/// An account that is closed for a time: its owner is logged in nowhere, and cannot log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Why, for administrators.
    pub reason: String,
    /// Since when.
    pub at: Instant,
    /// Until when; for ever, where it does not say.
    pub until: Option<Instant>,
}

impl Suspension {
    /// Whether the account is closed at `now`.
    pub fn holds(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Reads the reason for something that is done to an account.
///
/// # Errors
/// A fault on `reason` for an empty or too long one.
pub fn parse_reason(text: &str) -> Result<String, Fault> {
    let reason = parse_label("reason", text, MAX_REASON_CHARACTERS)?;
    reason.ok_or_else(|| Fault::new("reason", FaultCode::Required, "must not be empty"))
}
