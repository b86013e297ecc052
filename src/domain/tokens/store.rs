//! The durable store of signing keys.

use async_trait::async_trait;

use super::keys::KeyMaterial;
use crate::domain::{clock::Instant, ids::KeyId, store::StoreResult};

/// A signing key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The `kid`.
    pub id: KeyId,
    /// The private key, sealed where the operator gave a secret.
    pub material: KeyMaterial,
    /// When it was made.
    pub created_at: Instant,
    /// Whether new tokens are signed with it. At most one key is active.
    pub active: bool,
}

/// The truth about signing keys. Every method is one atomic operation; every method fails with
/// `Unavailable` or `Corrupt` as [`crate::domain::store::StoreError`] says.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Every stored key, in no order.
    async fn list(&self) -> StoreResult<Vec<StoredKey>>;

    /// Adds a key.
    ///
    /// # Errors
    /// `Conflict(ActiveKey)` when the key is active and another one is already: of several
    /// processes that start at once, one makes the key.
    async fn insert(&self, key: &StoredKey) -> StoreResult<()>;

    /// Replaces the stored form of a key, if it is still `from`; else nothing happens.
    async fn replace_material(&self, id: &KeyId, from: &KeyMaterial, to: &KeyMaterial) -> StoreResult<()>;

    /// Takes a key out of use for good: tokens signed with it verify no more. Nothing happens when
    /// there is no such key.
    async fn remove(&self, id: &KeyId) -> StoreResult<()>;
}
