//! User names: what a person is called by others, unique for the eye.

use std::fmt;

use caseless::Caseless;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_security::{GeneralSecurityProfile, MixedScript, skeleton};

use crate::domain::faults::{Fault, FaultCode};

/// The fewest characters of a user name.
pub const MIN_USERNAME_CHARACTERS: usize = 3;
/// The most characters of a user name.
pub const MAX_USERNAME_CHARACTERS: usize = 30;

const FIELD: &str = "username";
/// Characters besides letters and digits; neither first, nor last, nor beside each other.
const SEPARATORS: [char; 3] = ['.', '_', '-'];
/// Names that speak for the service or that paths of applications have, in the form of keys.
const RESERVED: &[&str] = &[
    "abuse",
    "account",
    "accounts",
    "admin",
    "administrator",
    "anonymous",
    "api",
    "auth",
    "billing",
    "bot",
    "contact",
    "everyone",
    "graphql",
    "guest",
    "help",
    "helpdesk",
    "hostmaster",
    "info",
    "login",
    "logout",
    "mail",
    "me",
    "moderator",
    "news",
    "noreply",
    "no-reply",
    "null",
    "official",
    "owner",
    "payment",
    "postmaster",
    "privacy",
    "register",
    "root",
    "security",
    "service",
    "settings",
    "signin",
    "signup",
    "staff",
    "status",
    "support",
    "sysadmin",
    "system",
    "team",
    "undefined",
    "user",
    "username",
    "vestibule",
    "webmaster",
    "www",
];

/// A user name: 3 to 30 letters and digits of one script, and `.`, `_`, `-` between them; compatibility-
/// normalised and in lower case, so that what is shown is what is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    /// Reads a user name.
    ///
    /// # Errors
    /// A fault that says whether the name is too short or long, has characters it may not have, mixes
    /// scripts that look alike, or is reserved.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        // Normalisation makes at most 18 characters of one; more than this is not worked on.
        if text.len() > MAX_USERNAME_CHARACTERS * 4 {
            return Err(Fault::too_long(FIELD, MAX_USERNAME_CHARACTERS, "characters"));
        }
        let folded: String = text.trim().nfkd().default_case_fold().nfkc().collect();
        let name: String = folded.nfkd().default_case_fold().nfkc().collect();
        match name.chars().count() {
            0 => return Err(Fault::new(FIELD, FaultCode::Required, "must not be empty; null clears it")),
            count if count < MIN_USERNAME_CHARACTERS => {
                return Err(Fault::too_short(FIELD, MIN_USERNAME_CHARACTERS, "characters"));
            }
            count if count > MAX_USERNAME_CHARACTERS => {
                return Err(Fault::too_long(FIELD, MAX_USERNAME_CHARACTERS, "characters"));
            }
            _ => {}
        }
        if !name.chars().all(|c| is_separator(c) || (c.is_alphanumeric() && c.identifier_allowed())) {
            let message = "must be letters and digits, with `.`, `_` or `-` between them";
            return Err(Fault::new(FIELD, FaultCode::InvalidCharacter, message));
        }
        if name.split(is_separator).any(str::is_empty) || !name.as_str().is_single_script() {
            let message = "must be of one script, and start and end with a letter or digit";
            return Err(Fault::new(FIELD, FaultCode::InvalidFormat, message));
        }
        let name = Self(name);
        let key = name.key();
        if RESERVED.iter().any(|reserved| key_of(reserved) == key) {
            return Err(Fault::new(FIELD, FaultCode::Reserved, "is reserved"));
        }
        Ok(name)
    }

    /// The name as it was stored; it was checked when it was written.
    pub const fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form by which the name is unique: its skeleton (Unicode TS 39 §4), which names that look
    /// alike have in common.
    pub fn key(&self) -> String {
        key_of(&self.0)
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn key_of(name: &str) -> String {
    // Skeletons have capitals where small letters look like them (`0` is `O`).
    let small: String = skeleton(name).collect::<String>().to_lowercase();
    skeleton(&small).collect()
}

fn is_separator(character: char) -> bool {
    SEPARATORS.contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> String {
        Username::parse(name).expect(name).key()
    }

    #[test]
    fn names_that_look_alike_have_one_key() {
        assert_eq!(key("Paypal"), key("paypa1"));
        assert_eq!(key("modern"), key("modem"));
        assert_eq!(key("ａｄａ"), key("Ada"));
        assert_eq!(key("r00tbeer"), key("rootbeer"));
        assert_ne!(key("ada.l"), key("adal"));
        assert_ne!(key("ada"), key("eva"));
    }

    #[test]
    fn names_of_any_script_are_shown_in_lower_case() {
        for (given, shown) in [(" Ada.Lovelace ", "ada.lovelace"), ("ЖАННА", "жанна"), ("李小龍", "李小龍")]
        {
            assert_eq!(Username::parse(given).unwrap().as_str(), shown);
        }
    }

    #[test]
    fn faulty_names_are_refused_by_reason() {
        let long = "a".repeat(31);
        for (name, code) in [
            ("", FaultCode::Required),
            ("ab", FaultCode::TooShort),
            (long.as_str(), FaultCode::TooLong),
            ("ada lovelace", FaultCode::InvalidCharacter),
            ("ada\u{200d}x", FaultCode::InvalidCharacter),
            ("ada/../x", FaultCode::InvalidCharacter),
            ("ada@x", FaultCode::InvalidCharacter),
            (".ada", FaultCode::InvalidFormat),
            ("ada..x", FaultCode::InvalidFormat),
            ("pаypal", FaultCode::InvalidFormat), // the second letter is Cyrillic
            ("Admin", FaultCode::Reserved),
            ("r00t", FaultCode::Reserved),
        ] {
            assert_eq!(Username::parse(name).unwrap_err().code, code, "{name:?}");
        }
    }
}
