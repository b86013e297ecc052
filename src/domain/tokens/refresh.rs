//! Refresh tokens: `vrt_`, 128 random bits that stay the same for the life of a session (the family)
//! and 256 that change with every rotation. Plain only at birth and on the wire; the store sees the
//! SHA-256 of both. The family is what tells a token that was replaced long ago, which somebody has
//! stolen, from one that never was, without a list of all that ever were.

use std::fmt;

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::seal;
use crate::domain::{
    hex,
    random::{self, Random},
};

const PREFIX: &str = "vrt_";
const FAMILY_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
const BYTES: usize = FAMILY_BYTES + SECRET_BYTES;

/// The SHA-256 of a token, as stores keep it. Being a digest of 256 random bits it needs no salt.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// A hash as a store keeps it; `None` unless it has 32 bytes.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// A hash as hexadecimal digits in any letter case; `None` for any other text.
    pub fn from_hex(digits: &str) -> Option<Self> {
        let is_hash = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
        Self::from_stored(&bytes.filter(|_| is_hash)?)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash of a text that is no secret, such as a document.
    pub fn of_text(text: &str) -> Self {
        Self::of(text.as_bytes())
    }

    pub(in crate::domain) fn of(bytes: &[u8]) -> Self {
        Self::of_digest(&digest::digest(&digest::SHA256, bytes))
    }

    /// The hash of what was digested by SHA-256 piece by piece.
    pub(in crate::domain) fn of_digest(digest: &digest::Digest) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest.as_ref());
        Self(hash)
    }
}

/// As hexadecimal digits, for what is stored as JSON.
impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::of(&self.0))
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        Self::from_hex(&digits).ok_or_else(|| D::Error::custom("no hash of 32 bytes"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A refresh token in clear. Wiped from memory when dropped, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RefreshToken([u8; BYTES]);

impl RefreshToken {
    /// Draws the first token of a session.
    pub fn generate(random: &dyn Random) -> Self {
        Self(random::bytes(random))
    }

    /// Draws the token that replaces this one.
    #[must_use]
    pub fn successor(&self, random: &dyn Random) -> Self {
        self.with_secret(&random::bytes(random))
    }

    fn with_secret(&self, secret: &[u8; SECRET_BYTES]) -> Self {
        let mut bytes = self.0;
        bytes[FAMILY_BYTES..].copy_from_slice(secret);
        Self(bytes)
    }

    /// Reads a token as a client sent it; `None` if it is not of the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(PREFIX)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The text that the client gets.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What the store keeps of the token.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// What the store keeps of the family.
    pub fn family(&self) -> TokenHash {
        TokenHash::of(&self.0[..FAMILY_BYTES])
    }

    /// Seals this token, the successor of `retired`, so that only who has the retired token can
    /// read it: a repeat of the retired token within the grace window leads to the current one, and
    /// the store never holds one in clear.
    pub fn seal_for(&self, retired: &Self, random: &dyn Random) -> Option<Vec<u8>> {
        let key = seal::derive_key(&retired.0, seal::Purpose::Successor);
        seal::seal(&key, &self.0[FAMILY_BYTES..], random)
    }

    /// Opens a successor that was sealed for this token.
    pub fn open_successor(&self, sealed: &[u8]) -> Option<Self> {
        let opened = seal::open(&seal::derive_key(&self.0, seal::Purpose::Successor), sealed)?;
        opened.as_slice().try_into().ok().map(|secret| self.with_secret(secret))
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::SystemRandom;

    #[test]
    fn a_token_reads_back_and_nothing_else_does() {
        let token = RefreshToken::generate(&SystemRandom);
        let text = token.expose();
        assert_eq!(text.len(), 68);
        assert_eq!(RefreshToken::parse(&text).unwrap().hash(), token.hash());
        for bad in ["", "vrt_", &text[4..], &text[..67], &format!("{text}A"), &text.replacen("vrt", "VRT", 1)]
        {
            assert!(RefreshToken::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn only_the_retired_token_opens_its_successor() {
        let (retired, other) = (RefreshToken::generate(&SystemRandom), RefreshToken::generate(&SystemRandom));
        let successor = retired.successor(&SystemRandom);
        assert_eq!(successor.family(), retired.family());
        assert_ne!(successor.hash(), retired.hash());
        let sealed = successor.seal_for(&retired, &SystemRandom).unwrap();
        assert_eq!(retired.open_successor(&sealed).unwrap().expose(), successor.expose());
        assert!(other.open_successor(&sealed).is_none());
        assert!(!sealed.windows(32).any(|window| window == &successor.0[FAMILY_BYTES..]));
    }
}
