//! The keys of one moment: which one signs, which ones verify, what is published.

use std::{collections::HashMap, fmt};

use chrono::TimeDelta;
use jsonwebtoken::{
    DecodingKey, EncodingKey, Validation,
    jwk::{Jwk, PublicKeyUse},
};
use zeroize::Zeroizing;

use super::{KeyAlgorithm, PrivateKey, seal::Sealer, store::StoredKey};
use crate::domain::{
    clock::Instant,
    error::{Error, Result},
    ids::KeyId,
    random::Random,
};

/// A private key in its stored form. Prints as `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    /// In clear: what development does where no `SECRET_KEY` is set.
    Plain(Vec<u8>),
    /// Sealed under a key derived from `SECRET_KEY`.
    Sealed(Vec<u8>),
}

impl KeyMaterial {
    /// The bytes to store, and whether they are sealed.
    pub fn parts(&self) -> (&[u8], bool) {
        match self {
            Self::Plain(bytes) => (bytes, false),
            Self::Sealed(bytes) => (bytes, true),
        }
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What is demanded of signing keys, and how they are replaced.
#[derive(Debug, Clone)]
pub struct KeyPolicy {
    /// Seals new keys and opens stored ones.
    pub sealer: Sealer,
    /// Whether a key that was stored in clear may still be used. In production it may not: it is
    /// taken out of use and a new one is made.
    pub accept_plain: bool,
    /// What new keys sign with.
    pub algorithm: KeyAlgorithm,
    /// After how long in use a key is replaced; `None` for never.
    pub rotation: Option<TimeDelta>,
    /// How long a new key is published before it signs.
    pub publish_ahead: TimeDelta,
    /// How long a key that was replaced still verifies: until the last token it signed has expired.
    pub kept_after: TimeDelta,
    /// The operator's own key, which is used instead of those made here.
    pub own: Option<PrivateKey>,
}

impl KeyPolicy {
    /// The stored form of a new key.
    pub(super) fn close(&self, key: &PrivateKey, random: &dyn Random) -> Result<KeyMaterial> {
        if !self.sealer.can_seal() {
            return Ok(KeyMaterial::Plain(key.pkcs8().to_vec()));
        }
        let sealed = self.sealer.seal(key.pkcs8(), random);
        sealed.map(KeyMaterial::Sealed).ok_or_else(|| Error::Internal("sealing a signing key failed".into()))
    }

    /// The bytes of a stored key.
    pub(super) fn open(&self, key: &StoredKey) -> Result<Zeroizing<Vec<u8>>> {
        match &key.material {
            KeyMaterial::Plain(bytes) => Ok(Zeroizing::new(bytes.clone())),
            KeyMaterial::Sealed(sealed) => self.sealer.open(sealed).ok_or_else(|| {
                Error::Internal(format!(
                    "the signing key {} was sealed under another SECRET_KEY than the configured ones",
                    key.id
                ))
            }),
        }
    }

    /// Whether the stored form is what it would be today.
    pub(super) fn is_current(&self, key: &StoredKey) -> bool {
        match &key.material {
            KeyMaterial::Plain(_) => !self.sealer.can_seal(),
            KeyMaterial::Sealed(sealed) => self.sealer.is_current(sealed),
        }
    }
}

/// A key, ready for use.
pub(super) struct ReadyKey {
    pub(super) id: KeyId,
    pub(super) algorithm: KeyAlgorithm,
    pub(super) active_from: Instant,
    pub(super) encoding: EncodingKey,
    jwk: Jwk,
}

/// What verifies the tokens of one key: its algorithm and no other.
pub(super) struct VerifyingKey {
    pub(super) decoding: DecodingKey,
    pub(super) validation: Validation,
}

/// The keys of one moment.
#[derive(Default)]
pub(super) struct KeySet {
    /// By their generation, the oldest first.
    keys: Vec<ReadyKey>,
    verifying: HashMap<String, VerifyingKey>,
}

impl KeySet {
    /// Opens stored keys. `validation` is what all tokens must fulfil; each key adds its algorithm.
    ///
    /// # Errors
    /// `Internal` when one cannot be opened.
    pub(super) fn open(
        mut stored: Vec<StoredKey>,
        policy: &KeyPolicy,
        validation: &Validation,
    ) -> Result<Self> {
        stored.sort_by_key(|key| key.generation);
        let mut set = Self::default();
        for key in stored {
            let private = PrivateKey::from_stored(key.algorithm, &policy.open(&key)?)?;
            let (mut jwk, decoding) = private.public()?;
            jwk.common.key_id = Some(key.id.to_string());
            jwk.common.public_key_use = Some(PublicKeyUse::Signature);
            let validation =
                Validation { algorithms: vec![key.algorithm.of_library()], ..validation.clone() };
            set.verifying.insert(key.id.to_string(), VerifyingKey { decoding, validation });
            set.keys.push(ReadyKey {
                encoding: private.encoding()?,
                id: key.id,
                algorithm: key.algorithm,
                active_from: key.active_from,
                jwk,
            });
        }
        Ok(set)
    }

    /// The key that signs at `now`: the newest one whose time has come.
    pub(super) fn signing(&self, now: Instant) -> Option<&ReadyKey> {
        self.keys.iter().rev().find(|key| key.active_from <= now).or_else(|| self.keys.first())
    }

    /// What verifies the tokens of a key.
    pub(super) fn verifying(&self, id: &str) -> Option<&VerifyingKey> {
        self.verifying.get(id)
    }

    /// What verifiers elsewhere need: every key, also those that do not sign yet or any more.
    pub(super) fn published(&self) -> Vec<Jwk> {
        self.keys.iter().map(|key| key.jwk.clone()).collect()
    }
}
