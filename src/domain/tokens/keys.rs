//! The keys that sign access tokens: made on first start, kept in the store, the same on every node.

use std::{collections::HashMap, fmt};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use jsonwebtoken::{DecodingKey, EncodingKey};
use zeroize::Zeroizing;

use super::{
    seal::Sealer,
    store::{KeyStore, StoredKey},
};
use crate::domain::{
    clock::Clock,
    error::{Error, Result},
    ids::KeyId,
    random::{self, Random},
    store::{Field, StoreError},
};

/// The seed of an Ed25519 key in its stored form. Prints as `[redacted]`.
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

/// What is demanded of stored keys.
#[derive(Debug, Clone)]
pub struct KeyPolicy {
    /// Seals new keys and opens stored ones.
    pub sealer: Sealer,
    /// Whether a key that was stored in clear may still be used. In production it may not: it is
    /// taken out of use and a new one is made.
    pub accept_plain: bool,
}

/// A key that signs.
pub(super) struct SigningKey {
    pub(super) id: KeyId,
    pub(super) encoding: EncodingKey,
}

/// The keys of a running process.
pub struct SigningKeys {
    pub(super) active: SigningKey,
    pub(super) verifying: HashMap<String, DecodingKey>,
}

impl SigningKeys {
    /// Reads the keys from the store; makes the first one where there is none. Several processes
    /// may do so at once and end with the same active key.
    ///
    /// # Errors
    /// `ServiceUnavailable` when the store does not answer; `Internal` when a stored key cannot be
    /// opened, as with another `SECRET_KEY` than the one that sealed it.
    pub async fn load(
        store: &dyn KeyStore,
        policy: &KeyPolicy,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> Result<Self> {
        let stored = usable_keys(store, policy).await?;
        if let Some(keys) = Self::from_stored(&stored, policy)? {
            seal_anew(store, &stored, policy, random).await?;
            return Ok(keys);
        }
        match store.insert(&new_key(policy, clock, random)?).await {
            Ok(()) => tracing::info!("made a signing key"),
            Err(StoreError::Conflict(Field::ActiveKey)) => {
                tracing::debug!("another process made the signing key");
            }
            Err(error) => return Err(error.into()),
        }
        let stored = usable_keys(store, policy).await?;
        Self::from_stored(&stored, policy)?.ok_or_else(|| Error::Internal("no active signing key".into()))
    }

    fn from_stored(stored: &[StoredKey], policy: &KeyPolicy) -> Result<Option<Self>> {
        let mut active = None;
        let mut verifying = HashMap::new();
        for key in stored {
            let seed = open(key, policy)?;
            let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(crypto)?;
            verifying.insert(key.id.to_string(), DecodingKey::from_ed_der(pair.public_key().as_ref()));
            if key.active {
                let document = pair.to_pkcs8v1().map_err(crypto)?;
                active = Some(SigningKey {
                    id: key.id.clone(),
                    encoding: EncodingKey::from_ed_der(document.as_ref()),
                });
            }
        }
        Ok(active.map(|active| Self { active, verifying }))
    }
}

/// Seals keys that are in clear, or under an earlier secret, under the current one, so that earlier
/// secrets can be dropped once every node has started with the new one.
async fn seal_anew(
    store: &dyn KeyStore,
    stored: &[StoredKey],
    policy: &KeyPolicy,
    random: &dyn Random,
) -> Result<()> {
    let is_current = |key: &&StoredKey| match &key.material {
        KeyMaterial::Plain(_) => !policy.sealer.can_seal(),
        KeyMaterial::Sealed(sealed) => policy.sealer.is_current(sealed),
    };
    for key in stored.iter().filter(|key| !is_current(key)) {
        let sealed =
            policy.sealer.seal(&open(key, policy)?, random).ok_or_else(|| crypto("sealing failed"))?;
        store.replace_material(&key.id, &key.material, &KeyMaterial::Sealed(sealed)).await?;
        tracing::info!(key = %key.id, "sealed a signing key under the current SECRET_KEY");
    }
    Ok(())
}

async fn usable_keys(store: &dyn KeyStore, policy: &KeyPolicy) -> Result<Vec<StoredKey>> {
    let (usable, refused): (Vec<_>, Vec<_>) = store
        .list()
        .await?
        .into_iter()
        .partition(|key| policy.accept_plain || matches!(key.material, KeyMaterial::Sealed(_)));
    for key in refused {
        tracing::warn!(key = %key.id, "a signing key was stored in clear and is taken out of use");
        store.remove(&key.id).await?;
    }
    Ok(usable)
}

fn new_key(policy: &KeyPolicy, clock: &dyn Clock, random: &dyn Random) -> Result<StoredKey> {
    let seed = Zeroizing::new(random::bytes::<32>(random));
    let material = if policy.sealer.can_seal() {
        KeyMaterial::Sealed(policy.sealer.seal(&*seed, random).ok_or_else(|| crypto("sealing failed"))?)
    } else {
        KeyMaterial::Plain(seed.to_vec())
    };
    let created_at = clock.now();
    Ok(StoredKey { id: KeyId::generate(created_at, random), material, created_at, active: true })
}

fn open(key: &StoredKey, policy: &KeyPolicy) -> Result<Zeroizing<Vec<u8>>> {
    match &key.material {
        KeyMaterial::Plain(seed) => Ok(Zeroizing::new(seed.clone())),
        KeyMaterial::Sealed(sealed) => policy.sealer.open(sealed).ok_or_else(|| {
            Error::Internal(format!(
                "the signing key {} was sealed under another SECRET_KEY than the configured ones",
                key.id
            ))
        }),
    }
}

fn crypto(error: impl fmt::Display) -> Error {
    Error::Internal(format!("signing key: {error}"))
}
