//! The keys that sign access tokens, as administrators look after them.

use super::{Administration, Administrator};
use crate::domain::{access::Permission, audit::AuditKind, error::Result, ids::KeyId};

impl Administration {
    /// Makes a signing key, which signs once everybody can know it. Written down first: a key that was not
    /// made after all is in the log as made.
    ///
    /// # Errors
    /// `Forbidden`, `ReauthenticationRequired`, `ServiceUnavailable`.
    pub async fn rotate_signing_key(&self, caller: &Administrator) -> Result<KeyId> {
        self.require_fresh(caller, Permission::KeysRotate).await?;
        self.parts.audit.append(&self.event(AuditKind::KeyRotated, caller)).await?;
        self.parts.tokens.keys().rotate(false).await
    }
}
