//! The stored form of a password.
//!
//! bcrypt looks at 72 bytes, one of which ends the text, and repeats a shorter text until it has
//! them, which makes `a` and `a\0a` one password. So a password of at most 71 bytes without a zero
//! byte is a plain `$2b$` hash, which any other system can read, and every other one is first
//! reduced to 64 characters by HMAC-SHA-384 under a fixed key and base64. The key is no secret: it
//! keeps a hash of this kind from being compared with SHA-384 digests leaked elsewhere.

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{foreign::ForeignHash, text::Password};

const MAX_PLAIN_BYTES: usize = 71;
const PREHASHED_TAG: &str = "$hmac-sha384";
const PREHASH_KEY: &[u8] = b"vestibule/password/v1";
const BCRYPT_LENGTH: usize = 60;
/// The highest bcrypt cost that is taken over from another system: about four seconds of a core.
const MAX_IMPORTED_COST: u32 = 16;

/// How a password becomes the input of bcrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// As it is.
    Plain,
    /// Reduced by HMAC-SHA-384.
    Prehashed,
}

/// A stored password hash: `$2b$…`, or `$hmac-sha384$2b$…` for a pre-hashed password. Prints as
/// `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A hash as a store keeps it. One that is malformed matches no password.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// What is stored where there is no password: it matches none.
    pub fn none() -> Self {
        Self("!".to_owned())
    }

    /// A hash of another system: bcrypt, Argon2, scrypt and that of Firebase, PBKDF2 as Django, Keycloak and
    /// passlib write it, `PHPass`. `None` for any other text, and for what asks for too much work.
    pub fn import(text: &str) -> Option<Self> {
        let hash = Self(text.to_owned());
        let is_readable =
            || hash.parts().is_some_and(|(_, bcrypt)| bcrypt.parse::<bcrypt::HashParts>().is_ok());
        let is_bounded = |cost| super::BCRYPT_COSTS.contains(&cost) && cost <= MAX_IMPORTED_COST;
        (hash.cost().is_some_and(is_bounded) && is_readable() || hash.foreign().is_some()).then_some(hash)
    }

    /// The hash as another system has made it.
    pub(super) fn foreign(&self) -> Option<ForeignHash> {
        ForeignHash::parse(&self.0)
    }

    /// The text to store.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn new(scheme: Scheme, bcrypt: &str) -> Self {
        match scheme {
            Scheme::Plain => Self(bcrypt.to_owned()),
            Scheme::Prehashed => Self(format!("{PREHASHED_TAG}{bcrypt}")),
        }
    }

    /// The scheme and the bcrypt text, if the hash is well-formed.
    pub(super) fn parts(&self) -> Option<(Scheme, &str)> {
        let (scheme, bcrypt) = match self.0.strip_prefix(PREHASHED_TAG) {
            Some(bcrypt) => (Scheme::Prehashed, bcrypt),
            None => (Scheme::Plain, self.0.as_str()),
        };
        let known = ["$2a$", "$2b$", "$2y$"].iter().any(|version| bcrypt.starts_with(version));
        (known && bcrypt.len() == BCRYPT_LENGTH).then_some((scheme, bcrypt))
    }

    /// The bcrypt cost, if the hash is well-formed.
    pub(super) fn cost(&self) -> Option<u32> {
        self.parts().and_then(|(_, bcrypt)| bcrypt.get(4..6)?.parse().ok())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What bcrypt is given for a password: at most 71 bytes without a zero byte.
pub(super) fn prepare(password: &Password) -> (Scheme, Zeroizing<Vec<u8>>) {
    let bytes = password.as_bytes();
    if bytes.len() <= MAX_PLAIN_BYTES && !bytes.contains(&0) {
        return (Scheme::Plain, Zeroizing::new(bytes.to_vec()));
    }
    let key = hmac::Key::new(hmac::HMAC_SHA384, PREHASH_KEY);
    let reduced = STANDARD.encode(hmac::sign(&key, bytes));
    (Scheme::Prehashed, Zeroizing::new(reduced.into_bytes()))
}

/// What of a password of more than 71 bytes a plain hash is of, as systems make it that cut passwords at 72
/// bytes, and that hash; `None` where that is not the question. No plain hash of ours is of such a password, and
/// none is like it: that would need a zero byte.
pub(super) fn cut_for<'a>(stored: &'a PasswordHash, password: &'a Password) -> Option<(&'a [u8], &'a str)> {
    let bytes = password.as_bytes();
    match stored.parts() {
        Some((Scheme::Plain, bcrypt)) if bytes.len() > MAX_PLAIN_BYTES && !bytes.contains(&0) => {
            Some((&bytes[..bytes.len().min(MAX_PLAIN_BYTES + 1)], bcrypt))
        }
        _ => None,
    }
}
