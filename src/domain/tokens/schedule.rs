//! When signing keys are made and taken out, and what the next one is.

use aws_lc_rs::digest;

use super::{
    PrivateKey,
    ring::{KeyRing, KeyRingParts, Occasion},
    store::StoredKey,
};
use crate::domain::{
    clock::Instant,
    error::{Error, Result},
    ids::KeyId,
};

impl KeyRing {
    /// The key that should be made now, if one should.
    pub(super) fn due(&self, stored: &[StoredKey], occasion: Occasion) -> Result<Option<StoredKey>> {
        let newest = stored.iter().max_by_key(|key| key.generation);
        if let Some(own) = &self.parts.policy.own {
            return match occasion {
                Occasion::Start => self.due_own(own, stored, newest),
                Occasion::Service => Ok(None),
            };
        }
        let now = self.parts.clock.now();
        let has_served = |key: &StoredKey| {
            let is_old = self.parts.policy.rotation.is_some_and(|rotation| now >= key.active_from + rotation);
            let is_other = occasion == Occasion::Start && key.algorithm != self.parts.policy.algorithm;
            is_old || is_other
        };
        if newest.is_some_and(|key| !has_served(key)) {
            return Ok(None);
        }
        self.successor(stored, None).map(Some)
    }

    fn due_own(
        &self,
        own: &PrivateKey,
        stored: &[StoredKey],
        newest: Option<&StoredKey>,
    ) -> Result<Option<StoredKey>> {
        let next = self.successor(stored, Some(own))?;
        if newest.is_some_and(|newest| newest.id == next.id) {
            return Ok(None);
        }
        if stored.iter().any(|key| key.id == next.id) {
            let message = "the key of SIGNING_KEY_FILE was replaced before; use a new one";
            return Err(Error::Internal(message.into()));
        }
        Ok(Some(next))
    }

    /// Whether it is the operator's key.
    pub(super) fn is_own(&self, id: &KeyId) -> Result<bool> {
        let own = self.parts.policy.own.as_ref().map(own_id).transpose()?;
        Ok(own.as_ref() == Some(id))
    }

    /// The key that follows the stored ones. The first one signs at once: there is nobody yet who
    /// would have to hear of it.
    pub(super) fn successor(&self, stored: &[StoredKey], own: Option<&PrivateKey>) -> Result<StoredKey> {
        let KeyRingParts { policy, clock, random, .. } = &self.parts;
        let now = clock.now();
        let private = match own {
            Some(own) => own.clone(),
            None => PrivateKey::generate(policy.algorithm, &**random)?,
        };
        let id = match own {
            Some(own) => own_id(own)?,
            None => KeyId::generate(now, &**random),
        };
        let newest = stored.iter().map(|key| key.generation).max();
        Ok(StoredKey {
            id,
            algorithm: private.algorithm(),
            material: policy.close(&private, &**random)?,
            created_at: now,
            generation: newest.map_or(1, |newest| newest + 1),
            active_from: if newest.is_some() { now + policy.publish_ahead } else { now },
        })
    }

    /// Keys that were replaced so long ago that every token they signed has expired.
    pub(super) fn expired(&self, stored: &[StoredKey]) -> Vec<KeyId> {
        let now = self.parts.clock.now();
        let is_expired = |key: &StoredKey| {
            let replaced_at = stored
                .iter()
                .filter(|other| other.generation > key.generation)
                .map(|other| other.active_from)
                .min();
            replaced_at.is_some_and(|at| now >= at + self.parts.policy.kept_after)
        };
        stored.iter().filter(|key| is_expired(key)).map(|key| key.id.clone()).collect()
    }
}

/// The generation of the key that signs at `now`.
pub(super) fn active_generation(stored: &[StoredKey], now: Instant) -> i64 {
    let active = stored.iter().filter(|key| key.active_from <= now).map(|key| key.generation).max();
    active.or_else(|| stored.iter().map(|key| key.generation).min()).unwrap_or_default()
}

/// The operator's key has an id that follows from its public half, so that every node gives it the same
/// one.
fn own_id(own: &PrivateKey) -> Result<KeyId> {
    let (jwk, _) = own.public()?;
    let canonical = serde_json::to_vec(&jwk).map_err(|error| Error::Internal(error.to_string()))?;
    let digest = digest::digest(&digest::SHA256, &canonical);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    Ok(KeyId::from_bytes(bytes))
}
