//! What closes accounts, opens them again, and ends them.

use super::{Administration, Administrator, change::of_version};
use crate::domain::{
    access::Permission,
    accounts::{Suspension, User, guard_administrator, parse_reason},
    audit::AuditKind,
    clock::Instant,
    error::{Error, Result},
    faults::{Fault, FaultCode},
    ids::UserId,
    outbox::{SETTLED, Slot, Task},
    passwords::PasswordHash,
    patch::Patch,
};

/// Why an account is closed that an administrator has deleted, and one that its owner had asked to delete before.
const DELETED: &str = "deleted by an administrator";
const DELETED_AS_WELL: &str = "deleted by an administrator, as its owner had asked before";

/// What a suspension says.
#[derive(Debug, Clone)]
pub struct SuspendRequest {
    /// Why, for administrators.
    pub reason: String,
    /// Until when; for ever, where it does not say.
    pub until: Option<Instant>,
    /// Whether the sessions end for good. They are refused in any case, and go on after a restoration.
    pub ends_sessions: bool,
}

/// What can be done to one account or to many.
#[derive(Debug, Clone)]
pub enum Action {
    /// Closes an account for a time: from the answer on no node lets its owner in. `Forbidden` for their own and
    /// for one that is going to be erased.
    Suspend(SuspendRequest),
    /// Opens an account again that is suspended or was deleted by an administrator, as long as it is there. One
    /// that is neither stays as it is, and so does a deletion that its owner has asked for. `Forbidden` for one
    /// that is being erased.
    Restore,
    /// Makes the password worthless, ends the sessions, and sends the owner the way to a new one. Nobody else
    /// learns or chooses it (ASVS 5.0 V6.4.6).
    ForcePasswordReset,
    /// Ends every session.
    RevokeSessions,
    /// Closes an account and has it erased after the grace period; until then it can be restored, by an
    /// administrator alone. `Forbidden` for their own.
    Delete,
    /// Gives these roles and no others, but for that of everybody. Seen by the next request on every node.
    /// `Forbidden` for roles that allow more than the caller may.
    SetRoles(Vec<String>),
}

/// What an administrator may do and has asked for rightly, to be done to one account or to many.
#[derive(Debug, Clone)]
pub struct Admitted(Action);

impl Administration {
    /// Succeeds if the caller may do this to anybody, and it can be done at all: what is asked once of many
    /// accounts is looked at once.
    ///
    /// # Errors
    /// `BadUserInput`, `Forbidden`, `ReauthenticationRequired`, `ServiceUnavailable`.
    pub async fn admit(&self, caller: &Administrator, action: Action) -> Result<Admitted> {
        Ok(Admitted(match action {
            Action::Suspend(request) => {
                self.require(caller, Permission::UsersSuspend).await?;
                Action::Suspend(self.read_suspension(&request)?)
            }
            Action::Restore => {
                self.require(caller, Permission::UsersSuspend).await?;
                Action::Restore
            }
            Action::ForcePasswordReset => {
                self.require(caller, Permission::UsersWrite).await?;
                Action::ForcePasswordReset
            }
            Action::RevokeSessions => {
                self.require(caller, Permission::SessionsRevoke).await?;
                Action::RevokeSessions
            }
            Action::Delete => {
                self.require_fresh(caller, Permission::UsersDelete).await?;
                Action::Delete
            }
            Action::SetRoles(roles) => {
                self.require_fresh(caller, Permission::RolesWrite).await?;
                Action::SetRoles(self.roles_to_give(caller, &roles).await?)
            }
        }))
    }

    /// Does to an account what was admitted.
    ///
    /// # Errors
    /// `Forbidden`, also for an account that may do more than the caller, `NotFound`, `LastAdministrator`,
    /// `ServiceUnavailable`.
    pub async fn do_to(&self, caller: &Administrator, id: &UserId, admitted: &Admitted) -> Result<User> {
        match &admitted.0 {
            Action::Suspend(request) => self.suspend(caller, id, request).await,
            Action::Restore => self.restore(caller, id).await,
            Action::ForcePasswordReset => self.force_password_reset(caller, id).await,
            Action::RevokeSessions => self.revoke_sessions(caller, id).await,
            Action::Delete => self.delete_user(caller, id).await,
            Action::SetRoles(roles) => self.set_roles(caller, id, roles).await,
        }
    }

    /// Does something to one account.
    ///
    /// # Errors
    /// Those of [`Self::admit`] and [`Self::do_to`].
    pub async fn act(&self, caller: &Administrator, id: &UserId, action: Action) -> Result<User> {
        let admitted = self.admit(caller, action).await?;
        self.do_to(caller, id, &admitted).await
    }

    fn read_suspension(&self, request: &SuspendRequest) -> Result<SuspendRequest> {
        let reason = parse_reason(&request.reason).map_err(Error::bad_field)?;
        if request.until.is_some_and(|until| until <= self.parts.clock.now()) {
            let fault = Fault::new("until", FaultCode::OutOfRange, "must be in the future");
            return Err(Error::bad_field(fault));
        }
        Ok(SuspendRequest { reason, ..*request })
    }

    async fn suspend(&self, caller: &Administrator, id: &UserId, request: &SuspendRequest) -> Result<User> {
        if caller.is(id) {
            return Err(Error::Forbidden("You cannot suspend yourself."));
        }
        let now = self.parts.clock.now();
        let SuspendRequest { reason, until, ends_sessions } = request;
        let user = self
            .change_user(caller, id, |user, change| {
                if user.deletion_due_at.is_some() {
                    return None;
                }
                guard_administrator(change, user);
                let suspension = Suspension { reason: reason.clone(), at: now, until: *until };
                change.set.suspension = Patch::Set(suspension);
                change.consequences.ends_sessions = *ends_sessions;
                let event = self.event(AuditKind::UserSuspended, caller).because(Some(reason.clone()));
                let until = until.map(|until| until.to_rfc3339());
                Some(event.with("until", until).with("sessionsEnded", *ends_sessions))
            })
            .await?;
        if user.deletion_due_at.is_some() {
            return Err(Error::Forbidden("The account is going to be erased; it is closed already."));
        }
        tracing::info!(user = %id, "account suspended");
        self.show(&user, *ends_sessions).await?;
        Ok(user)
    }

    /// So long from now.
    ///
    /// # Errors
    /// `BadUserInput` for longer than there is time.
    pub fn later(&self, duration: std::time::Duration) -> Result<Instant> {
        let delta = chrono::TimeDelta::from_std(duration).ok();
        let later = delta.and_then(|delta| self.parts.clock.now().checked_add_signed(delta));
        later.ok_or_else(|| Error::bad_field(Fault::new("until", FaultCode::OutOfRange, "is too far away")))
    }

    async fn restore(&self, caller: &Administrator, id: &UserId) -> Result<User> {
        let now = self.parts.clock.now();
        let is_past_saving = |user: &User| user.deletion_due_at.is_some_and(|due| due <= now);
        let user = self
            .change_user(caller, id, |user, change| {
                // One that has ended by itself is none.
                let is_closed = user.is_suspended(now) && !is_past_saving(user);
                let suspension = user.suspension.as_ref().filter(|_| is_closed)?;
                change.set.suspension = Patch::Clear;
                // That of its owner is the owner's to take back.
                if user.deletion_due_at.is_some() && suspension.reason != DELETED_AS_WELL {
                    change.set.deletion_due_at = Patch::Clear;
                }
                Some(self.event(AuditKind::UserRestored, caller))
            })
            .await?;
        if is_past_saving(&user) {
            return Err(Error::Forbidden("The account is being erased; nothing brings it back."));
        }
        tracing::info!(user = %id, "account restored");
        self.show(&user, false).await?;
        Ok(user)
    }

    async fn force_password_reset(&self, caller: &Administrator, id: &UserId) -> Result<User> {
        let target = self.target(caller, id).await?;
        let reset = |user: &User| {
            let task = Task::ResetPassword { email: user.email.clone(), ticket: None };
            (task, Some(Slot::of("forced", &user.email)))
        };
        // Written down first: nobody is left with neither a password nor a way to one.
        let (task, slot) = reset(&target);
        self.parts.outbox.enqueue_at(task, slot, self.parts.clock.now() + SETTLED).await?;
        let user = self
            .change_user(caller, id, |_, change| {
                change.set.password_hash = Some(PasswordHash::none());
                change.consequences.ends_sessions = true;
                change.consequences.ends_tokens = true;
                Some(self.event(AuditKind::PasswordResetForced, caller))
            })
            .await?;
        tracing::info!(user = %id, "password made worthless");
        self.show(&user, true).await?;
        let (task, slot) = reset(&user);
        self.parts.outbox.enqueue(task, slot).await?;
        Ok(user)
    }

    async fn revoke_sessions(&self, caller: &Administrator, id: &UserId) -> Result<User> {
        let user = self
            .change_user(caller, id, |_, change| {
                change.consequences.ends_sessions = true;
                Some(self.event(AuditKind::SessionsEnded, caller))
            })
            .await?;
        self.show(&user, true).await?;
        Ok(user)
    }

    async fn delete_user(&self, caller: &Administrator, id: &UserId) -> Result<User> {
        if caller.is(id) {
            return Err(Error::Forbidden("You cannot delete yourself here; deleteAccount does that."));
        }
        let now = self.parts.clock.now();
        // Who may not do it writes nothing down.
        let known = self.target(caller, id).await?.deletion_due_at;
        let in_time = now + self.parts.settings.deletion_grace;
        // One that is going to be erased anyway is not kept for longer.
        let due_at = known.map_or(in_time, |known| known.min(in_time));
        // Written down first: it is not done to an account that nobody has asked to erase.
        if known != Some(due_at) {
            let erase = Task::EraseAccount { user_id: id.clone() };
            let begins_at = due_at.max(now + SETTLED);
            self.parts.outbox.enqueue_at(erase, Some(Slot::of_user("erase", id)), begins_at).await?;
        }
        let user = self
            .change_user(caller, id, |user, change| {
                let is_by_owner = user.deletion_due_at.is_some() && !user.is_suspended(now);
                if user.deletion_due_at.is_some() && !is_by_owner {
                    return None;
                }
                guard_administrator(change, user);
                change.set.deletion_due_at = Patch::Set(due_at);
                let reason = if is_by_owner { DELETED_AS_WELL } else { DELETED };
                change.set.suspension =
                    Patch::Set(Suspension { reason: reason.to_owned(), at: now, until: None });
                change.consequences.ends_sessions = true;
                change.consequences.ends_tokens = true;
                Some(self.event(AuditKind::DeletionScheduled, caller))
            })
            .await?;
        tracing::info!(user = %id, "account is to be erased");
        self.show(&user, true).await?;
        Ok(user)
    }

    /// Opens accounts whose suspension has ended by itself, and answers how many. They are open without
    /// this; it makes lists tell so.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn end_suspensions(&self) -> Result<u64> {
        let now = self.parts.clock.now();
        let mut count = 0;
        for user in self.parts.directory.expired_suspensions(now, 100).await? {
            let mut change = of_version(&user, now);
            change.set.suspension = Patch::Clear;
            let event =
                crate::domain::audit::by_itself(AuditKind::UserRestored, &user.id, now, &*self.parts.random);
            let outcome = self.parts.users.change(&change.recorded(event)).await?;
            if let Some(user) = outcome.changed() {
                self.parts.sessions.announce_user(&user).await;
                count += 1;
            }
        }
        Ok(count)
    }
}
