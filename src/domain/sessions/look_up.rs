//! What a person can see of their sessions.

use super::{Session, Sessions};
use crate::domain::{actor::Principal, error::Result, ids::SessionId};

impl Sessions {
    /// The caller's own session with this id, if it is alive. Somebody else's is as good as none.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn find_own(&self, caller: &Principal, id: &SessionId) -> Result<Option<Session>> {
        if *id == caller.session.id {
            return Ok(Some(caller.session.clone()));
        }
        let found = self.parts.store.find(id).await?;
        let now = self.parts.clock.now();
        Ok(found.filter(|session| session.check(&caller.user, now).is_ok()))
    }

    /// Drops sessions that ended long ago from the store, and answers how many.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn purge(&self) -> Result<u64> {
        Ok(self.parts.store.purge(self.parts.clock.now()).await?)
    }
}
