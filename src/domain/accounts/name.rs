//! Names that people give themselves.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::domain::faults::{Fault, FaultCode};

/// The most characters (Unicode scalar values, after normalisation) a name may have.
pub const MAX_NAME_CHARACTERS: usize = 100;

/// What a person wants to be called: 1 to 100 characters of any script, trimmed, NFC-normalised,
/// without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DisplayName(String);

impl DisplayName {
    /// Reads a name.
    ///
    /// # Errors
    /// A fault that says whether the name is missing, too long or has characters it may not have.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let name = parse_label("name", text, MAX_NAME_CHARACTERS)?;
        name.map(Self).ok_or_else(|| Fault::new("name", FaultCode::Required, "must not be empty"))
    }

    /// The name as it was stored; it was checked when it was written.
    pub const fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a one-line label that a person wrote: trimmed, NFC-normalised, at most `limit` characters,
/// no control, line-breaking or direction-overriding characters. `None` when nothing is left.
///
/// # Errors
/// A fault on `field`.
pub fn parse_label(field: &'static str, text: &str, limit: usize) -> Result<Option<String>, Fault> {
    // Normalisation can triple a text at most: more than this cannot fit, and is not worked on.
    if text.len() > limit * 4 * 3 {
        return Err(Fault::too_long(field, limit, "characters"));
    }
    let label: String = text.trim().nfc().collect();
    if label.chars().count() > limit {
        return Err(Fault::too_long(field, limit, "characters"));
    }
    if label.chars().any(is_forbidden) {
        return Err(Fault::new(field, FaultCode::InvalidCharacter, "must not have control characters"));
    }
    Ok(Some(label).filter(|label| !label.is_empty()))
}

/// Control characters, line and paragraph separators, and the controls that turn the direction of
/// the text around them (Unicode TR 36 §2.3).
fn is_forbidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_taken_and_trimmed() {
        for name in ["Ada", "Zoë", "李小龍", "نجيب محفوظ", "👩‍🚀 Sally", "O'Neill-Smith"]
        {
            assert_eq!(DisplayName::parse(&format!("  {name}\t")).unwrap().as_str(), name);
        }
    }

    #[test]
    fn faulty_names_are_refused_by_reason() {
        let ten_kilobytes = "x".repeat(10_000);
        for (name, code) in [
            ("", FaultCode::Required),
            (" \n ", FaultCode::Required),
            ("a\u{0}b", FaultCode::InvalidCharacter),
            ("a\nb", FaultCode::InvalidCharacter),
            ("a\u{202E}b", FaultCode::InvalidCharacter),
            (ten_kilobytes.as_str(), FaultCode::TooLong),
            (&"é".repeat(101), FaultCode::TooLong),
        ] {
            assert_eq!(DisplayName::parse(name).unwrap_err().code, code, "{name:?}");
        }
        assert!(DisplayName::parse(&"é".repeat(100)).is_ok());
    }
}
