//! The keys that sign access tokens, as administrators look after them.

use super::{Administration, Administrator};
use crate::domain::{
    access::Permission,
    audit::AuditKind,
    error::{Error, Result},
    ids::KeyId,
};

impl Administration {
    /// Makes a signing key, which signs once everybody can know it, or at once.
    ///
    /// # Errors
    /// `Forbidden`, `ReauthenticationRequired`, `ServiceUnavailable`; `Internal` where the key is the
    /// operator's own.
    pub async fn rotate_signing_key(&self, caller: &Administrator, at_once: bool) -> Result<KeyId> {
        self.require_fresh(caller, Permission::KeysRotate).await?;
        let event = self.event(AuditKind::KeyRotated, caller);
        self.parts.tokens.keys().rotate(at_once, event).await
    }

    /// Takes a signing key out: tokens that it signed are refused, at once here and within the time in which
    /// keys are looked after on other nodes.
    ///
    /// # Errors
    /// `Forbidden`, `ReauthenticationRequired`, `NotFound`, `ServiceUnavailable`; `Internal` for the key of
    /// the operator, which would come back.
    pub async fn revoke_signing_key(&self, caller: &Administrator, id: &KeyId) -> Result<()> {
        self.require_fresh(caller, Permission::KeysRotate).await?;
        let event = self.event(AuditKind::KeyRevoked, caller);
        let is_removed = self.parts.tokens.keys().revoke(id, event).await?;
        if is_removed { Ok(()) } else { Err(Error::NotFound) }
    }
}
