//! What a password may be.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::domain::faults::{Fault, FaultCode};

/// The fewest characters (Unicode scalar values, after normalisation) of a new password
/// (ASVS 5.0 V6.2.1).
pub const MIN_PASSWORD_CHARACTERS: usize = 8;
/// The most characters of any password.
pub const MAX_PASSWORD_CHARACTERS: usize = 256;

/// The most bytes a character takes in UTF-8, times the most that NFC makes of one.
const MAX_BYTES_PER_CHARACTER: usize = 4 * 3;

/// A password as a person typed it, NFC-normalised (so that an `é` is the same from every keyboard)
/// and otherwise unchanged: spaces and any script count. Wiped from memory when dropped, never
/// printed.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Reads a password that is to be set.
    ///
    /// # Errors
    /// A fault on `field` for fewer than 8 or more than 256 characters.
    pub fn parse_new(field: &'static str, text: &str) -> Result<Self, Fault> {
        let password = Self::parse_given(field, text)?;
        if password.0.chars().count() < MIN_PASSWORD_CHARACTERS {
            return Err(Fault::too_short(field, MIN_PASSWORD_CHARACTERS, "characters"));
        }
        Ok(password)
    }

    /// Reads a password that is to be compared with a stored one, which may be from a time of other
    /// rules: only emptiness and the upper limit are checked.
    ///
    /// # Errors
    /// A fault on `field` for an empty password or more than 256 characters.
    pub fn parse_given(field: &'static str, text: &str) -> Result<Self, Fault> {
        let too_long = || Fault::too_long(field, MAX_PASSWORD_CHARACTERS, "characters");
        if text.is_empty() {
            return Err(Fault::new(field, FaultCode::Required, "must not be empty"));
        }
        if text.len() > MAX_PASSWORD_CHARACTERS * MAX_BYTES_PER_CHARACTER {
            return Err(too_long());
        }
        let password = Self(Zeroizing::new(text.nfc().collect()));
        if password.0.chars().count() > MAX_PASSWORD_CHARACTERS {
            return Err(too_long());
        }
        Ok(password)
    }

    /// The text, to be estimated.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// The bytes to hash.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_normalised_characters() {
        let code = |text: &str| Password::parse_new("password", text).map_err(|fault| fault.code).err();
        assert_eq!(code(""), Some(FaultCode::Required));
        assert_eq!(code("1234567"), Some(FaultCode::TooShort));
        assert_eq!(code("e\u{301}e\u{301}e\u{301}e\u{301}"), Some(FaultCode::TooShort));
        assert_eq!(code("12345678"), None);
        assert_eq!(code(&"🦀".repeat(64)), None);
        assert_eq!(code(&"🦀".repeat(256)), None);
        assert_eq!(code(&"x".repeat(257)), Some(FaultCode::TooLong));
        assert_eq!(code(&"x".repeat(100_000)), Some(FaultCode::TooLong));
    }

    #[test]
    fn a_password_never_prints() {
        let password = Password::parse_new("password", "correct horse").unwrap();
        assert_eq!(format!("{password:?}"), "[redacted]");
    }
}
