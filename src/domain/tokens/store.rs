//! The durable store of signing keys.

use async_trait::async_trait;

use super::{KeyAlgorithm, keys::KeyMaterial};
use crate::domain::{audit::AuditEvent, clock::Instant, ids::KeyId, store::StoreResult};

/// A signing key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The `kid`.
    pub id: KeyId,
    /// What it signs with.
    pub algorithm: KeyAlgorithm,
    /// The private key, sealed where the operator gave a secret.
    pub material: KeyMaterial,
    /// When it was made.
    pub created_at: Instant,
    /// Counts the keys. No two have the same, so that of several processes that replace a key at once
    /// one does.
    pub generation: i64,
    /// From when new tokens are signed with it. Before that it is only published, so that everybody
    /// who verifies tokens knows it in time.
    pub active_from: Instant,
}

/// The truth about signing keys. Every method is one atomic operation; every method fails with
/// `Unavailable` or `Corrupt` as [`crate::domain::store::StoreError`] says.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Every stored key, in no order.
    async fn list(&self) -> StoreResult<Vec<StoredKey>>;

    /// Adds a key; with its event, as [`crate::domain::audit::AuditStore`] says.
    ///
    /// # Errors
    /// `Conflict(KeyGeneration)` when there is a key of its generation: of several processes that
    /// make one at once, one does. `Conflict(Identity)` when there is one with its id.
    async fn insert(&self, key: &StoredKey, event: &AuditEvent) -> StoreResult<()>;

    /// Replaces the stored form of a key, if it is still `from`; else nothing happens.
    async fn replace_material(&self, id: &KeyId, from: &KeyMaterial, to: &KeyMaterial) -> StoreResult<()>;

    /// Takes a key out of use for good: tokens signed with it verify no more. Answers whether there
    /// was such a key; with its event, if there was.
    async fn remove(&self, id: &KeyId, event: &AuditEvent) -> StoreResult<bool>;
}
