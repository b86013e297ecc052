//! The end of an account, as far as its owner sees it.

use super::{Accounts, ChangeOutcome, TRIES, UserChange, guard_administrator};
use crate::domain::{
    actor::Principal,
    audit::AuditKind,
    clock::Instant,
    error::{AuthenticationFailure, Error, Result},
    outbox::{Notice, SETTLED, Slot, Task},
    patch::Patch,
};

impl Accounts {
    /// Ends every session of the caller and has the account erased after the grace period; a login
    /// before restores it. Answers when it will be erased. Asking twice changes nothing.
    ///
    /// # Errors
    /// `LastAdministrator`, `ServiceUnavailable`.
    pub async fn delete_account(&self, caller: &Principal) -> Result<Instant> {
        let (now, id) = (self.parts.clock.now(), &caller.user.id);
        let due_at = now + self.parts.settings.deletion_grace;
        // Written down first: it is not done to an account that nobody has asked to erase.
        let erase = Task::EraseAccount { user_id: id.clone() };
        // Not at once even without grace, or it could find that the account is not marked yet.
        let begins_at = due_at.max(now + SETTLED);
        self.parts.outbox.enqueue_at(erase, Some(Slot::of_user("erase", id)), begins_at).await?;
        let mut known = (*caller.user).clone();
        for _ in 0..TRIES {
            let mut change = UserChange::of(id, now);
            // The caller may have become an administrator since: the roles are those of this version.
            change.only_if.version = Some(known.version);
            change.only_if.deletion_due_at = Patch::Clear;
            change.set.deletion_due_at = Patch::Set(due_at);
            change.consequences.ends_sessions = true;
            change.consequences.ends_tokens = true;
            guard_administrator(&mut change, &known);
            let change = change.recorded(self.own(AuditKind::DeletionScheduled, caller));
            match self.parts.users.change(&change).await? {
                ChangeOutcome::Changed(user) => {
                    tracing::info!(user = %user.id, %due_at, "account is to be erased");
                    self.parts.sessions.end_all(&user).await;
                    if due_at > now {
                        self.notify(&user, Notice::DeletionScheduled { at: due_at }).await;
                    }
                    return Ok(due_at);
                }
                ChangeOutcome::Unmet(stored) => match stored.deletion_due_at {
                    Some(due_at) => return Ok(due_at),
                    None if stored.version == known.version => return Err(Error::LastAdministrator),
                    None => known = stored,
                },
                ChangeOutcome::Missing => {
                    return Err(Error::Unauthenticated(AuthenticationFailure::SessionRevoked));
                }
            }
        }
        Err(Error::unavailable())
    }
}
