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
    outbox::{Slot, Task},
    passwords::PasswordHash,
    patch::Patch,
};

/// How long after a deletion was announced the store has made it, or will not.
const SETTLED: chrono::TimeDelta = chrono::TimeDelta::seconds(10);
/// Why an account is closed that an administrator has deleted.
const DELETED: &str = "deleted by an administrator";

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
    /// [`Administration::suspend`].
    Suspend(SuspendRequest),
    /// [`Administration::restore`].
    Restore,
    /// [`Administration::force_password_reset`].
    ForcePasswordReset,
    /// [`Administration::revoke_sessions`].
    RevokeSessions,
    /// [`Administration::delete_user`].
    Delete,
    /// [`Administration::set_roles`].
    SetRoles(Vec<String>),
}

impl Administration {
    /// Succeeds if the caller may do this to anybody.
    ///
    /// # Errors
    /// `Forbidden`, `ReauthenticationRequired`.
    pub async fn admit(&self, caller: &Administrator, action: &Action) -> Result<()> {
        match action {
            Action::Suspend(_) | Action::Restore => self.require(caller, Permission::UsersSuspend).await,
            Action::ForcePasswordReset => self.require(caller, Permission::UsersWrite).await,
            Action::RevokeSessions => self.require(caller, Permission::SessionsRevoke).await,
            Action::Delete => self.require_fresh(caller, Permission::UsersDelete).await,
            Action::SetRoles(_) => self.require_fresh(caller, Permission::RolesWrite).await,
        }
    }

    /// Does something to an account.
    ///
    /// # Errors
    /// Those of what is done.
    pub async fn act(&self, caller: &Administrator, id: &UserId, action: &Action) -> Result<User> {
        match action {
            Action::Suspend(request) => self.suspend(caller, id, request).await,
            Action::Restore => self.restore(caller, id).await,
            Action::ForcePasswordReset => self.force_password_reset(caller, id).await,
            Action::RevokeSessions => self.revoke_sessions(caller, id).await,
            Action::Delete => self.delete_user(caller, id).await,
            Action::SetRoles(roles) => self.set_roles(caller, id, roles).await,
        }
    }

    /// Closes an account for a time: from the answer on no node lets its owner in.
    ///
    /// # Errors
    /// `BadUserInput`, `Forbidden`, also for their own account and for one that may do more, `NotFound`,
    /// `LastAdministrator`, `ServiceUnavailable`.
    pub async fn suspend(
        &self,
        caller: &Administrator,
        id: &UserId,
        request: &SuspendRequest,
    ) -> Result<User> {
        self.admit(caller, &Action::Suspend(request.clone())).await?;
        let reason = parse_reason(&request.reason).map_err(Error::bad_field)?;
        let (now, until) = (self.parts.clock.now(), request.until);
        if until.is_some_and(|until| until <= now) {
            let fault = Fault::new("until", FaultCode::OutOfRange, "must be in the future");
            return Err(Error::bad_field(fault));
        }
        if caller.is(id) {
            return Err(Error::Forbidden("You cannot suspend yourself."));
        }
        if self.target(caller, id).await?.deletion_due_at.is_some() {
            return Err(Error::Forbidden("The account is going to be erased; it is closed already."));
        }
        let user = self
            .change_user(caller, id, |user, change| {
                if user.deletion_due_at.is_some() {
                    return None;
                }
                guard_administrator(change, user);
                change.set.suspension = Patch::Set(Suspension { reason: reason.clone(), at: now, until });
                change.consequences.ends_sessions = request.ends_sessions;
                let event = self.event(AuditKind::UserSuspended, caller).because(Some(reason.clone()));
                let until = until.map(|until| until.to_rfc3339());
                Some(event.with("until", until).with("sessionsEnded", request.ends_sessions))
            })
            .await?;
        tracing::info!(user = %id, "account suspended");
        self.show(&user, request.ends_sessions).await?;
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

    /// Opens an account again that is suspended or was deleted by an administrator, as long as it is there.
    /// One that is neither stays as it is.
    ///
    /// # Errors
    /// `Forbidden`, also for an account that may do more, `NotFound`, `ServiceUnavailable`.
    pub async fn restore(&self, caller: &Administrator, id: &UserId) -> Result<User> {
        self.admit(caller, &Action::Restore).await?;
        let now = self.parts.clock.now();
        let user = self
            .change_user(caller, id, |user, change| {
                // That of its owner is not suspended, and one whose erasure has begun cannot be saved.
                let can_return =
                    user.suspension.is_some() && user.deletion_due_at.is_some_and(|due| due > now);
                if user.suspension.is_none() && !can_return {
                    return None;
                }
                change.set.suspension = Patch::Clear;
                if can_return {
                    change.set.deletion_due_at = Patch::Clear;
                }
                Some(self.event(AuditKind::UserRestored, caller))
            })
            .await?;
        tracing::info!(user = %id, "account restored");
        self.show(&user, false).await?;
        Ok(user)
    }

    /// Makes the password of an account worthless, ends its sessions, and sends its owner the way to a new
    /// one. Nobody else learns or chooses it (ASVS 5.0 V6.4.6).
    ///
    /// # Errors
    /// `Forbidden`, also for an account that may do more, `NotFound`, `ServiceUnavailable`.
    pub async fn force_password_reset(&self, caller: &Administrator, id: &UserId) -> Result<User> {
        self.admit(caller, &Action::ForcePasswordReset).await?;
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
        let reset = Task::ResetPassword { email: user.email.clone(), ticket: None };
        self.parts.outbox.enqueue(reset, Some(Slot::of("forced", &user.email))).await?;
        Ok(user)
    }

    /// Ends every session of an account.
    ///
    /// # Errors
    /// `Forbidden`, also for an account that may do more, `NotFound`, `ServiceUnavailable`.
    pub async fn revoke_sessions(&self, caller: &Administrator, id: &UserId) -> Result<User> {
        self.admit(caller, &Action::RevokeSessions).await?;
        let user = self
            .change_user(caller, id, |_, change| {
                change.consequences.ends_sessions = true;
                Some(self.event(AuditKind::SessionsEnded, caller))
            })
            .await?;
        self.show(&user, true).await?;
        Ok(user)
    }

    /// Closes an account and has it erased after the grace period; until then it can be restored, by an
    /// administrator alone.
    ///
    /// # Errors
    /// `Forbidden`, also for their own account and for one that may do more, `NotFound`,
    /// `LastAdministrator`, `ServiceUnavailable`.
    pub async fn delete_user(&self, caller: &Administrator, id: &UserId) -> Result<User> {
        self.admit(caller, &Action::Delete).await?;
        if caller.is(id) {
            return Err(Error::Forbidden("You cannot delete yourself here; deleteAccount does that."));
        }
        let now = self.parts.clock.now();
        let due_at = now + self.parts.settings.deletion_grace;
        // Who may not do it writes nothing down.
        self.target(caller, id).await?;
        // Written down first: it is not done to an account that nobody has asked to erase.
        let erase = Task::EraseAccount { user_id: id.clone() };
        let begins_at = due_at.max(now + SETTLED);
        self.parts.outbox.enqueue_at(erase, Some(Slot::of_user("erase", id)), begins_at).await?;
        let user = self
            .change_user(caller, id, |user, change| {
                if user.deletion_due_at.is_some_and(|due| due <= now) {
                    return None;
                }
                guard_administrator(change, user);
                change.set.deletion_due_at = Patch::Set(due_at);
                change.set.suspension =
                    Patch::Set(Suspension { reason: DELETED.to_owned(), at: now, until: None });
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
