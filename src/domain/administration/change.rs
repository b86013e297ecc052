//! How accounts are changed by administrators: as they are at that moment, with an event, and for all to see.

use super::{Administration, Administrator, TRIES};
use crate::domain::{
    accounts::{ChangeOutcome, User, UserChange},
    audit::{AuditEvent, AuditKind},
    clock::Instant,
    error::{Error, Result},
    ids::UserId,
    patch::Patch,
};

impl Administration {
    /// The user whom something is to be done to.
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` for an account that may do more than the caller.
    pub(super) async fn target(&self, caller: &Administrator, id: &UserId) -> Result<User> {
        let user = self.parts.users.find(id).await?.ok_or(Error::NotFound)?;
        let book = self.parts.roles.book().await?;
        let permissions = book.permissions_of(user.roles.iter().map(String::as_str));
        if caller.permissions().include(permissions) {
            return Ok(user);
        }
        let event = self.event(AuditKind::AccessDenied, caller).about(id).failed();
        self.parts.audit.note(event).await;
        Err(Error::Forbidden("The account may do more than you."))
    }

    /// Changes an account as it is at that moment; `edit` writes the change and answers its event, or
    /// `None` where there is nothing to change.
    pub(super) async fn change_user(
        &self,
        caller: &Administrator,
        id: &UserId,
        edit: impl Fn(&User, &mut UserChange) -> Option<AuditEvent>,
    ) -> Result<User> {
        for _ in 0..TRIES {
            let user = self.target(caller, id).await?;
            let mut change = of_version(&user, self.parts.clock.now());
            let Some(event) = edit(&user, &mut change) else { return Ok(user) };
            match self.parts.users.change(&change.recorded(event.about(id))).await? {
                ChangeOutcome::Changed(user) => return Ok(user),
                ChangeOutcome::Missing => return Err(Error::NotFound),
                ChangeOutcome::Unmet(stored) if stored.version == user.version => {
                    return Err(Error::LastAdministrator);
                }
                ChangeOutcome::Unmet(_) => {}
            }
        }
        Err(Error::unavailable())
    }

    /// Makes a change visible on every node.
    ///
    /// # Errors
    /// `ServiceUnavailable` when neither the cache nor the notes took it: it is made, and other nodes may learn
    /// of it late; to try again does no harm.
    pub(super) async fn show(&self, user: &User, ends_sessions: bool) -> Result<()> {
        let is_told = self.parts.sessions.announce_user(user).await;
        if ends_sessions {
            self.parts.sessions.end_all(user).await;
        }
        if is_told { Ok(()) } else { Err(Error::unavailable()) }
    }
}

/// A change of the account as it was read.
pub(super) fn of_version(user: &User, now: Instant) -> UserChange {
    let mut change = UserChange::of(&user.id, now);
    change.only_if.version = Some(user.version);
    change.only_if.deletion_due_at = Patch::to(user.deletion_due_at);
    change
}
