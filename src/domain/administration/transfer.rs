//! What imports and exports need.

use super::{Administration, Administrator};
use crate::domain::{
    access::{Permission, RoleBook},
    accounts::{Insertion, User, UserWithPassword},
    audit::{AuditEvent, AuditKind},
    clock::Instant,
    error::{Error, Result},
    ids::UserId,
    outbox::{SETTLED, Slot, Task},
    transfer::ImportOptions,
};

impl Administration {
    /// The time.
    pub(in crate::domain) fn now(&self) -> Instant {
        self.parts.clock.now()
    }

    /// Says that an import begins, and answers the roles that there are. It may do everything that an
    /// operator may, and nobody else may do it.
    pub(in crate::domain) async fn begin_import(
        &self,
        caller: &Administrator,
        options: &ImportOptions,
    ) -> Result<Option<RoleBook>> {
        self.require(caller, Permission::UsersWrite).await?;
        if options.with_roles {
            self.require(caller, Permission::RolesWrite).await?;
        }
        if !caller.is_operator() {
            return Err(Error::Forbidden("Imports and exports are for the command line."));
        }
        if !options.is_dry_run {
            let event = self.event(AuditKind::UsersImported, caller).about(&options.source);
            self.write_down(&event.with("begun", true)).await?;
        }
        Ok(Some(self.parts.roles.book().await?))
    }

    pub(in crate::domain) async fn write_down(&self, event: &AuditEvent) -> Result<()> {
        self.parts.audit.append(event).await
    }

    pub(in crate::domain) async fn add_users(&self, accounts: &[UserWithPassword]) -> Result<Vec<Insertion>> {
        let due: Vec<_> =
            accounts.iter().filter(|account| account.user.deletion_due_at.is_some()).cloned().collect();
        let found = if due.is_empty() { Vec::new() } else { self.look_up(&due).await? };
        for (account, _) in due.iter().zip(found).filter(|(_, found)| *found == Insertion::Added) {
            let User { id, deletion_due_at, .. } = &account.user;
            if let Some(due_at) = deletion_due_at {
                // Written down first, as by whoever asks for a deletion. One that is not added is not erased.
                let (task, slot) = (Task::EraseAccount { user_id: id.clone() }, Slot::of_user("erase", id));
                let begins_at = (*due_at).max(self.parts.clock.now() + SETTLED);
                self.parts.outbox.enqueue_at(task, Some(slot), begins_at).await?;
            }
        }
        Ok(self.parts.directory.insert_users(accounts).await?)
    }

    /// What would become of each, if it were added by itself.
    pub(in crate::domain) async fn look_up(&self, accounts: &[UserWithPassword]) -> Result<Vec<Insertion>> {
        Ok(self.parts.directory.preview_users(accounts).await?)
    }

    pub(in crate::domain) async fn read_accounts(
        &self,
        caller: &Administrator,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<UserWithPassword>> {
        self.require(caller, Permission::UsersRead).await?;
        if !caller.is_operator() {
            return Err(Error::Forbidden("Imports and exports are for the command line."));
        }
        if after.is_none() {
            self.write_down(&self.event(AuditKind::UsersExported, caller)).await?;
        }
        Ok(self.parts.directory.read_users(after, limit).await?)
    }
}
