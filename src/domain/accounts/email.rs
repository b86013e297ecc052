//! E-mail addresses and the form by which they are unique.

use std::fmt;

use caseless::Caseless;
use email_address::{EmailAddress as Parser, Options};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::domain::faults::{Fault, FaultCode};

/// The most bytes an address may have (RFC 5321 §4.5.3.1.3 less the angle brackets).
pub const MAX_EMAIL_BYTES: usize = 254;

const FIELD: &str = "email";

/// An e-mail address as a person wrote it: trimmed, Unicode-normalised (NFC), otherwise unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// The normalised form of an address; two addresses with the same key are one account.
///
/// Trimmed, compatibility-normalised and case-folded (Unicode `NFKC_Casefold`), the domain in
/// A-labels (IDNA 2008). Mail is always sent to the address as the owner wrote it, never to what
/// somebody typed that happens to have the same key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailKey(String);

impl EmailAddress {
    /// Reads an address.
    ///
    /// # Errors
    /// A fault that says whether the address is missing, too long or malformed.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let address: String = text.trim().nfc().collect();
        if address.is_empty() {
            return Err(Fault::new(FIELD, FaultCode::Required, "must not be empty"));
        }
        if address.len() > MAX_EMAIL_BYTES {
            return Err(Fault::too_long(FIELD, MAX_EMAIL_BYTES, "bytes"));
        }
        let malformed = || Fault::new(FIELD, FaultCode::InvalidFormat, "must be an e-mail address");
        if address.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(malformed());
        }
        let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
        Parser::parse_with_options(&address, options).map_err(|_| malformed())?;
        Key::of(&address).map(|_| Self(address)).ok_or_else(malformed)
    }

    /// The address as it was stored; it was checked when it was written.
    pub const fn from_stored(address: String) -> Self {
        Self(address)
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address as servers take it that know no Unicode: its domain in A-labels (RFC 5890 §2.3.2.1).
    pub fn for_the_wire(&self) -> String {
        let parts = self
            .0
            .rsplit_once('@')
            .and_then(|(local, domain)| Some((local, idna::domain_to_ascii_strict(domain).ok()?)));
        parts.map_or_else(|| self.0.clone(), |(local, domain)| format!("{local}@{domain}"))
    }

    /// The form by which the address is unique.
    pub fn key(&self) -> EmailKey {
        // `parse` lets no address through whose key cannot be made; one that a store brought back
        // broken is unique by its own text, which finds no other account.
        EmailKey(Key::of(&self.0).unwrap_or_else(|| self.0.clone()))
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl EmailKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

struct Key;

impl Key {
    fn of(address: &str) -> Option<String> {
        let (local, domain) = address.rsplit_once('@')?;
        let folded: String = local.nfkd().default_case_fold().nfkc().collect();
        // Folding can make new compatibility characters (U+0345), so it is done until it is stable.
        let local: String = folded.nfkd().default_case_fold().nfkc().collect();
        let domain = idna::domain_to_ascii_strict(domain).ok()?;
        (!local.is_empty() && !domain.is_empty()).then(|| format!("{local}@{domain}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        EmailAddress::parse(text).expect(text).key().0
    }

    #[test]
    fn addresses_that_differ_in_case_or_form_have_one_key() {
        assert_eq!(key(" Ada@Example.COM "), "ada@example.com");
        assert_eq!(key("straße@bücher.example"), key("STRASSE@BÜCHER.example"));
        assert_eq!(key("a@bücher.example"), "a@xn--bcher-kva.example");
        assert_eq!(key("re\u{301}mi@example.com"), key("RÉMI@example.com"));
        assert_eq!(key("ａｄａ@example.com"), "ada@example.com");
    }

    #[test]
    fn the_address_stays_as_it_was_written() {
        assert_eq!(EmailAddress::parse(" Ada@Example.COM ").unwrap().as_str(), "Ada@Example.COM");
    }

    #[test]
    fn malformed_addresses_are_refused_by_name() {
        let long = format!("{}@example.com", "a".repeat(290));
        for (text, code) in [
            ("", FaultCode::Required),
            ("  ", FaultCode::Required),
            ("ada", FaultCode::InvalidFormat),
            ("ada@", FaultCode::InvalidFormat),
            ("@example.com", FaultCode::InvalidFormat),
            ("ada@localhost", FaultCode::InvalidFormat),
            ("ada@exa mple.com", FaultCode::InvalidFormat),
            ("Ada <ada@example.com>", FaultCode::InvalidFormat),
            ("a@b@example.com", FaultCode::InvalidFormat),
            ("ada@[127.0.0.1]", FaultCode::InvalidFormat),
            ("a\u{0}da@example.com", FaultCode::InvalidFormat),
            ("ada@example.com\r\nBcc: x@example.com", FaultCode::InvalidFormat),
            ("ada@-example.com", FaultCode::InvalidFormat),
            (long.as_str(), FaultCode::TooLong),
        ] {
            assert_eq!(EmailAddress::parse(text).unwrap_err().code, code, "{text:?}");
        }
    }
}
