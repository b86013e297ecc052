//! Faults of single input fields, gathered so that all of them are reported at once.

use super::error::{Error, Result};

/// What is wrong with one field, as clients switch over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultCode {
    /// The value is empty where one is needed.
    Required,
    /// The value does not have the form it must have.
    InvalidFormat,
    /// The value has characters that are not allowed.
    InvalidCharacter,
    /// The value is shorter than the limit.
    TooShort,
    /// The value is longer than the limit.
    TooLong,
    /// The number is not within its bounds.
    OutOfRange,
    /// Another account has the value.
    Taken,
    /// Nobody may have the value.
    Reserved,
    /// The value has more levels than the limit.
    TooDeep,
    /// The password is easy to guess.
    TooWeak,
    /// The password is in a list of passwords that others know.
    Breached,
}

impl FaultCode {
    /// The code as it stands in the `fields` of an error.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::InvalidFormat => "INVALID_FORMAT",
            Self::InvalidCharacter => "INVALID_CHARACTER",
            Self::TooShort => "TOO_SHORT",
            Self::TooLong => "TOO_LONG",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::Taken => "TAKEN",
            Self::Reserved => "RESERVED",
            Self::TooDeep => "TOO_DEEP",
            Self::TooWeak => "TOO_WEAK",
            Self::Breached => "BREACHED",
        }
    }
}

/// One faulty field of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The name of the field within its input, such as `email`.
    pub field: &'static str,
    /// What is wrong.
    pub code: FaultCode,
    /// The same for people, in English.
    pub message: String,
    /// The limit that was passed, where there is one.
    pub limit: Option<usize>,
}

impl Fault {
    /// A fault without a limit.
    pub fn new(field: &'static str, code: FaultCode, message: impl Into<String>) -> Self {
        Self { field, code, message: message.into(), limit: None }
    }

    /// A value shorter than `limit` of `unit`.
    pub fn too_short(field: &'static str, limit: usize, unit: &str) -> Self {
        let message = format!("must have at least {limit} {unit}");
        Self { limit: Some(limit), ..Self::new(field, FaultCode::TooShort, message) }
    }

    /// A value longer than `limit` of `unit`.
    pub fn too_long(field: &'static str, limit: usize, unit: &str) -> Self {
        let message = format!("must have at most {limit} {unit}");
        Self { limit: Some(limit), ..Self::new(field, FaultCode::TooLong, message) }
    }
}

/// A collector of faults.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Keeps the value of a good field, notes the fault of a bad one.
    pub fn check<T>(&mut self, parsed: std::result::Result<T, Fault>) -> Option<T> {
        parsed.map_err(|fault| self.0.push(fault)).ok()
    }

    /// The refusal that names every fault, or, with none, the error that a caller that lost a value
    /// without a fault deserves.
    pub fn into_error(self) -> Error {
        if self.0.is_empty() {
            return Error::Internal("an input was refused without a fault".into());
        }
        Error::BadUserInput(self.0)
    }

    /// Succeeds when no fault was noted.
    ///
    /// # Errors
    /// `BadUserInput` with every fault.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }
}
