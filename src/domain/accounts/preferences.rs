//! Language and time zone of a person.

use chrono_tz::Tz;
use icu_locale_core::LanguageIdentifier;
use serde::{Deserialize, Serialize};

use crate::domain::{
    clock::Instant,
    faults::{Fault, FaultCode},
};

/// The most bytes of a language tag that is looked at (RFC 5646 §4.4.1).
const MAX_TAG_BYTES: usize = 35;

/// A language tag: language, script, region and variants of BCP 47, in canonical form (`pt-BR`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Locale(String);

impl Locale {
    /// Reads a language tag.
    ///
    /// # Errors
    /// A fault on `locale` for anything else.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let tag = text.trim();
        let parsed = LanguageIdentifier::try_from_str(tag).ok().filter(|_| tag.len() <= MAX_TAG_BYTES);
        let parsed = parsed.filter(|parsed| !parsed.language.is_unknown());
        parsed.map(|parsed| Self(parsed.to_string())).ok_or_else(|| {
            Fault::new("locale", FaultCode::InvalidFormat, "must be a language tag such as en or pt-BR")
        })
    }

    /// The first language of an `Accept-Language` header that is one.
    pub fn first_of(header: &str) -> Option<Self> {
        let mut tags = header.split(',').take(10).filter_map(|item| item.split(';').next());
        tags.find_map(|tag| Self::parse(tag).ok())
    }

    /// The tag as it was stored; it was checked when it was written.
    pub const fn from_stored(tag: String) -> Self {
        Self(tag)
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language alone.
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }
}

/// A time zone of the IANA database by its name (`Europe/Paris`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeZone(String);

impl TimeZone {
    /// Reads the name of a time zone.
    ///
    /// # Errors
    /// A fault on `timeZone` for a name that the database does not have.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let found = text.trim().parse::<Tz>();
        found.map(|zone| Self(zone.name().to_owned())).map_err(|_| {
            Fault::new("timeZone", FaultCode::InvalidFormat, "must be a time zone such as Europe/Paris")
        })
    }

    /// The name as it was stored; it was checked when it was written.
    pub const fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The calendar day of an instant there.
    pub fn day_of(&self, instant: Instant) -> chrono::NaiveDate {
        let zone = self.0.parse::<Tz>().unwrap_or(Tz::UTC);
        instant.with_timezone(&zone).date_naive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_brought_into_canonical_form() {
        for (given, kept) in [("EN", "en"), (" pt-br ", "pt-BR"), ("zh-hant-tw", "zh-Hant-TW")] {
            assert_eq!(Locale::parse(given).unwrap().as_str(), kept);
        }
        for bad in ["", "english please", "e", "fr_", "x'; DROP", &"a-".repeat(40), "und"] {
            assert_eq!(Locale::parse(bad).unwrap_err().code, FaultCode::InvalidFormat, "{bad:?}");
        }
    }

    #[test]
    fn the_first_language_of_a_header_is_taken() {
        assert_eq!(Locale::first_of("fr-CA,fr;q=0.9,en;q=0.8").unwrap().as_str(), "fr-CA");
        assert_eq!(Locale::first_of("*;q=0.5, de").unwrap().as_str(), "de");
        assert!(Locale::first_of("").is_none());
    }

    #[test]
    fn time_zones_are_those_of_the_database() {
        assert_eq!(TimeZone::parse("Europe/Paris").unwrap().as_str(), "Europe/Paris");
        for bad in ["", "Mars/Olympus", "europe paris", "+02:00"] {
            assert_eq!(TimeZone::parse(bad).unwrap_err().code, FaultCode::InvalidFormat, "{bad:?}");
        }
    }
}
