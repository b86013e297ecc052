//! The signing keys of a running service: made on first start, kept in the store, the same on every
//! node, replaced on schedule or on command without a token being refused.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::TimeDelta;
use jsonwebtoken::{Validation, jwk::Jwk};
use tokio::sync::Mutex;

use super::{
    KeyAlgorithm, PrivateKey,
    keys::{KeyPolicy, KeySet},
    schedule::active_generation,
    seal::Sealer,
    store::{KeyStore, StoredKey},
};
use crate::domain::{
    audit::{AuditActor, AuditEvent, AuditKind},
    clock::{Instant, SharedClock},
    error::{Error, Result},
    ids::KeyId,
    random::SharedRandom,
    store::{Field, StoreError},
};

/// How long after a look into the store an unknown key is a reason for another one.
const RELOAD_PAUSE: TimeDelta = TimeDelta::seconds(1);

/// What a ring of keys is made of.
#[derive(Clone)]
pub struct KeyRingParts {
    /// The truth about keys.
    pub store: Arc<dyn KeyStore>,
    /// What is demanded of them.
    pub policy: KeyPolicy,
    /// The time.
    pub clock: SharedClock,
    /// Randomness for new keys.
    pub random: SharedRandom,
}

/// What a key is good for at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, and will sign.
    Next,
    /// Signs.
    Active,
    /// Was replaced, and still verifies.
    Retired,
}

/// When keys are looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// When the service starts: what the settings say is done. Afterwards it is not again, so that
    /// nodes with different settings do not replace each other's keys for ever.
    Start,
    /// While it serves.
    Service,
}

/// What can be told of a key.
#[derive(Debug, Clone)]
pub struct KeySummary {
    /// The `kid`.
    pub id: KeyId,
    /// What it signs with.
    pub algorithm: KeyAlgorithm,
    /// What it is good for now.
    pub state: KeyState,
    /// From when it signs or signed.
    pub active_from: Instant,
}

/// The signing keys.
pub struct KeyRing {
    pub(super) parts: KeyRingParts,
    validation: Validation,
    current: RwLock<Arc<KeySet>>,
    /// When the store was last looked at; held during a look, so that there is one at a time.
    looked_at: Mutex<Instant>,
}

impl KeyRing {
    /// Reads the keys from the store; makes the first one where there is none, and whatever else is
    /// due. Several processes may do so at once and end with the same keys.
    ///
    /// # Errors
    /// `ServiceUnavailable` when the store does not answer; `Internal` when a stored key cannot be
    /// opened, as with another `SECRET_KEY` than the one that sealed it, or when the operator's own
    /// key was replaced before.
    pub async fn open(parts: KeyRingParts, validation: Validation) -> Result<Self> {
        let ring = Self::empty(parts, validation);
        ring.tend_as(Occasion::Start).await?;
        Ok(ring)
    }

    /// Reads the keys from the store as they are, for a command beside a service.
    ///
    /// # Errors
    /// As [`KeyRing::open`].
    pub async fn read(parts: KeyRingParts, validation: Validation) -> Result<Self> {
        let ring = Self::empty(parts, validation);
        ring.install(ring.usable().await?)?;
        Ok(ring)
    }

    pub(super) async fn can_be_opened_by(&self, sealer: &Sealer) -> bool {
        let policy = KeyPolicy { sealer: sealer.clone(), ..self.parts.policy.clone() };
        self.parts.store.list().await.is_ok_and(|all| all.iter().all(|key| policy.open(key).is_ok()))
    }

    fn empty(parts: KeyRingParts, validation: Validation) -> Self {
        let looked_at = Mutex::new(parts.clock.now());
        Self { parts, validation, current: RwLock::default(), looked_at }
    }

    /// The keys of now.
    pub(super) fn current(&self) -> Arc<KeySet> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every public key, for verifiers elsewhere.
    pub fn published(&self) -> Vec<Jwk> {
        self.current().published()
    }

    /// Does what is due: makes a first key, replaces one that has served its time, takes out those
    /// whose last token has expired, seals anew what is sealed under an earlier secret.
    ///
    /// # Errors
    /// As [`KeyRing::open`].
    pub async fn tend(&self) -> Result<()> {
        self.tend_as(Occasion::Service).await
    }

    async fn tend_as(&self, occasion: Occasion) -> Result<()> {
        self.take_out_plain().await?;
        let mut stored = self.usable().await?;
        // Whatever comes after, what others have made is known from here on.
        self.install(stored.clone())?;
        if let Some(next) = self.due(&stored, occasion)? {
            self.add(next, self.by_itself(AuditKind::KeyRotated)).await?;
            stored = self.usable().await?;
        }
        for key in self.expired(&stored) {
            let event = self.by_itself(AuditKind::KeyRevoked).with("why", "its last token has expired");
            self.parts.store.remove(&key, &event.about(&key)).await?;
            tracing::info!(%key, "a signing key was taken out; its last token has expired");
            stored.retain(|stored| stored.id != key);
        }
        self.seal_anew(&stored).await?;
        self.install(stored)
    }

    /// Looks into the store for a key that is not known here, unless somebody did a moment ago.
    pub(super) async fn learn(&self) {
        let mut looked_at = self.looked_at.lock().await;
        if (self.parts.clock.now() - *looked_at).abs() < RELOAD_PAUSE {
            return;
        }
        let learnt = match self.usable().await {
            Ok(stored) => self.install(stored),
            Err(error) => Err(error),
        };
        *looked_at = self.parts.clock.now();
        if let Err(error) = learnt {
            tracing::warn!(%error, "the signing keys could not be read");
        }
    }

    /// Replaces the key that signs: makes a new one, which signs after it was published for long
    /// enough or, when somebody may have a copy of the old one, at once. `event` is written down with it.
    ///
    /// # Errors
    /// As [`KeyRing::open`]; `Internal` also when the operator's own key is in use.
    pub(in crate::domain) async fn rotate(&self, at_once: bool, event: AuditEvent) -> Result<KeyId> {
        if self.parts.policy.own.is_some() {
            return Err(Error::Internal("SIGNING_KEY_FILE is set: replace the key in that file".into()));
        }
        let stored = self.usable().await?;
        let mut next = self.successor(&stored, None)?;
        if at_once {
            next.active_from = self.parts.clock.now();
        }
        let id = next.id.clone();
        self.add(next, event.with("atOnce", at_once)).await?;
        let stored = self.usable().await?;
        if !stored.iter().any(|key| key.id == id) {
            return Err(Error::Internal("another process replaced the key at the same time".into()));
        }
        self.install(stored)?;
        Ok(id)
    }

    /// Takes a key out at once: tokens that it signed are refused. Answers whether there was one, and writes
    /// `event` down if there was.
    ///
    /// # Errors
    /// `ServiceUnavailable`; `Internal` for the key of the operator, which would come back.
    pub(in crate::domain) async fn revoke(&self, id: &KeyId, event: AuditEvent) -> Result<bool> {
        if self.is_own(id)? {
            let message = "SIGNING_KEY_FILE names this key: start every node with another one first";
            return Err(Error::Internal(message.into()));
        }
        let is_removed = self.parts.store.remove(id, &event.about(id)).await?;
        self.install(self.usable().await?)?;
        Ok(is_removed)
    }

    /// What there is, the oldest first.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn list(&self) -> Result<Vec<KeySummary>> {
        let now = self.parts.clock.now();
        let mut stored = self.usable().await?;
        stored.sort_by_key(|key| key.generation);
        let active = active_generation(&stored, now);
        let state = |key: &StoredKey| match key.generation.cmp(&active) {
            std::cmp::Ordering::Less => KeyState::Retired,
            std::cmp::Ordering::Equal => KeyState::Active,
            std::cmp::Ordering::Greater => KeyState::Next,
        };
        let summary = |key: &StoredKey| KeySummary {
            id: key.id.clone(),
            algorithm: key.algorithm,
            state: state(key),
            active_from: key.active_from,
        };
        Ok(stored.iter().map(summary).collect())
    }

    fn install(&self, stored: Vec<StoredKey>) -> Result<()> {
        let opened = KeySet::open(stored, &self.parts.policy, &self.validation)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(opened);
        Ok(())
    }

    /// The stored keys that may be used.
    async fn usable(&self) -> Result<Vec<StoredKey>> {
        let mut stored = self.parts.store.list().await?;
        stored.retain(|key| self.may_be_used(key));
        Ok(stored)
    }

    /// Whether a key is sealed, or need not be.
    fn may_be_used(&self, key: &StoredKey) -> bool {
        let (_, is_sealed) = key.material.parts();
        self.parts.policy.accept_plain || is_sealed
    }

    /// Takes keys out for good that are stored in clear where that is not allowed: somebody may have a copy.
    async fn take_out_plain(&self) -> Result<()> {
        for key in self.parts.store.list().await?.iter().filter(|key| !self.may_be_used(key)) {
            tracing::warn!(key = %key.id, "a signing key was stored in clear and is taken out of use");
            let event = self.by_itself(AuditKind::KeyRevoked).with("why", "it was stored in clear");
            self.parts.store.remove(&key.id, &event.about(&key.id)).await?;
        }
        Ok(())
    }

    /// What the service does to keys without being asked.
    fn by_itself(&self, kind: AuditKind) -> AuditEvent {
        AuditEvent::new(kind, AuditActor::system(), self.parts.clock.now(), &*self.parts.random)
    }

    async fn add(&self, key: StoredKey, event: AuditEvent) -> Result<()> {
        let event = event.about(&key.id).with("algorithm", key.algorithm.as_str());
        let event = event.with("signsFrom", key.active_from.to_rfc3339());
        match self.parts.store.insert(&key, &event).await {
            Ok(()) => {
                tracing::info!(key = %key.id, algorithm = key.algorithm.as_str(), from = %key.active_from, "made a signing key");
                Ok(())
            }
            Err(StoreError::Conflict(Field::KeyGeneration | Field::Identity)) => {
                tracing::debug!("another process made the signing key");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Seals keys that are in clear, or under an earlier secret, under the current one, so that
    /// earlier secrets can be dropped once every node has started with the new one.
    async fn seal_anew(&self, stored: &[StoredKey]) -> Result<()> {
        let policy = &self.parts.policy;
        for key in stored.iter().filter(|key| !policy.is_current(key)) {
            if !policy.sealer.can_seal() {
                continue;
            }
            let private = PrivateKey::from_stored(key.algorithm, &policy.open(key)?)?;
            let sealed = policy.close(&private, &*self.parts.random)?;
            self.parts.store.replace_material(&key.id, &key.material, &sealed).await?;
            tracing::info!(key = %key.id, "sealed a signing key under the current SECRET_KEY");
        }
        Ok(())
    }
}
