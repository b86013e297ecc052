//! Users in the form that an import reads.

use super::UserRecord;
use crate::domain::{
    administration::{Administration, Administrator},
    error::Result,
    ids::UserId,
};

impl Administration {
    /// At most `limit` users after this one, by their ids, with the hashes of their passwords.
    ///
    /// # Errors
    /// `Forbidden`, `ServiceUnavailable`.
    pub async fn export(
        &self,
        caller: &Administrator,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<(UserId, UserRecord)>> {
        let found = self.read_accounts(caller, after, limit).await?;
        let record = |account: crate::domain::accounts::UserWithPassword| {
            (account.user.id.clone(), UserRecord::of(account))
        };
        Ok(found.into_iter().map(record).collect())
    }
}
