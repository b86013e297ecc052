//! Changes of the password by its owner.

use super::{Accounts, User, UserChange, UserWithPassword};
use crate::domain::{
    actor::{ClientInfo, Principal},
    audit::{AuditEvent, AuditKind},
    error::{Error, Result},
    faults::Faults,
    outbox::{Notice, Slot, Task},
    passwords::Password,
    sessions::SessionEventKind,
};

/// What a change of the password needs.
pub struct ChangePasswordRequest {
    /// The password of now.
    pub current_password: String,
    /// The password from now on.
    pub new_password: String,
    /// Whether other devices stay logged in.
    pub keep_other_sessions: bool,
    /// The device.
    pub client: ClientInfo,
}

impl Accounts {
    /// Changes the caller's own password, and ends every other session unless told otherwise. The
    /// session of the caller stays. The owner is told by mail.
    ///
    /// The one write that changes the password also raises the session epoch, so that no session
    /// made with the old password survives a crash in between, or a login that was under way.
    ///
    /// # Errors
    /// `BadUserInput`, `InvalidCredentials` when the current password is wrong, `RateLimited`, `Overloaded`,
    /// `ServiceUnavailable`.
    pub async fn change_password(&self, caller: &Principal, request: ChangePasswordRequest) -> Result<User> {
        let mut faults = Faults::default();
        let current = faults.check(Password::parse_given("currentPassword", &request.current_password));
        let new = faults.check(Password::parse_new("newPassword", &request.new_password));
        let (Some(current), Some(new)) = (current, new) else { return Err(faults.into_error()) };

        let stored = self.parts.sessions.verify_own(caller, current, &request.client).await?;
        let context = stored.user.words();
        self.parts.passwords.check_strength("newPassword", &new, &context).await?;
        let event = self.own(AuditKind::PasswordChanged, caller);
        let event = event.with("othersLoggedOut", !request.keep_other_sessions);
        let ends_others = (!request.keep_other_sessions).then_some(caller);
        let user = self.replace_password(&stored, new, ends_others, event).await?;
        let sessions = &self.parts.sessions;
        let kind = if request.keep_other_sessions {
            sessions.announce_user(&user).await;
            SessionEventKind::PasswordChanged
        } else {
            sessions.keep_only(&user, &caller.session.id).await;
            SessionEventKind::PasswordChangedOthersRevoked
        };
        sessions.tell(kind, &user.id, &caller.session.id).await;
        self.notify(&user, Notice::PasswordChanged).await;
        Ok(user)
    }

    async fn replace_password(
        &self,
        stored: &UserWithPassword,
        new: Password,
        ends_others_of: Option<&Principal>,
        event: AuditEvent,
    ) -> Result<User> {
        let hash = self.parts.passwords.hash(new).await?;
        let mut change = UserChange::of(&stored.user.id, self.parts.clock.now());
        change.only_if.password_hash = Some(stored.password_hash.clone());
        change.set.password_hash = Some(hash);
        change.consequences.ends_tokens = true;
        let change = change.recorded(event);
        let outcome = match ends_others_of {
            Some(caller) => self.parts.sessions.end_others_by(caller, change).await?,
            None => self.parts.users.change(&change).await?,
        };
        // Somebody else changed it meanwhile: what was given is not the current password any more.
        let user = outcome.changed().ok_or(Error::InvalidCredentials)?;
        tracing::info!(user = %user.id, ends_sessions = ends_others_of.is_some(), "password changed");
        Ok(user)
    }

    /// Tells a person by mail what has happened. It has happened: that the store does not take the mail
    /// is no reason to answer that it has not. Of the same again within a minute nobody is told: the mail
    /// before says it, and nobody's mailbox is filled by somebody who has made an account with its address.
    pub(super) async fn notify(&self, user: &User, notice: Notice) {
        let slot = Slot::notice(&notice, &user.id);
        let task = Task::Notice { user_id: user.id.clone(), notice };
        match self.parts.outbox.enqueue(task, Some(slot)).await {
            Ok(()) | Err(Error::RateLimited { .. }) => {}
            Err(error) => tracing::warn!(%error, user = %user.id, "a person is not told by mail"),
        }
    }
}
