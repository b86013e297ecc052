//! Who may log in after the password was right, and how a person confirms that it is still them.

use std::sync::Arc;

use super::{Session, Sessions};
use crate::domain::{
    accounts::{ChangeOutcome, User, UserChange, UserWithPassword},
    actor::{ClientInfo, Principal},
    audit::{self, AuditKind},
    error::{AuthenticationFailure, Error, Result},
    outbox::{Notice, Slot, Task},
    passwords::{Password, Verification},
    patch::Patch,
    rate_limits::{Class, Identifier, PasswordAttempt},
};

impl Sessions {
    /// The user as a login finds it: an account that was going to be erased is not any more.
    ///
    /// # Errors
    /// `AccountSuspended`. `InvalidCredentials`, as for a wrong password, for an account that is being erased, and for one
    /// whose address has to be verified first: its owner is told by mail and nobody else learns of it.
    pub(super) async fn admit(&self, user: User) -> Result<User> {
        if self.parts.settings.require_verified_email && !user.email_verified {
            tracing::info!(user = %user.id, "login refused: the address is not verified");
            self.ask_to_verify(&user);
            return Err(Error::InvalidCredentials);
        }
        if user.is_suspended(self.parts.clock.now()) {
            tracing::info!(user = %user.id, "login refused: the account is suspended");
            return Err(Error::AccountSuspended);
        }
        match user.deletion_due_at {
            None => Ok(user),
            Some(due_at) => self.restore(&user, due_at).await,
        }
    }

    /// In a task of its own, so that the answer takes as long as to a wrong password.
    fn ask_to_verify(&self, user: &User) {
        let (outbox, email) = (Arc::clone(&self.parts.outbox), user.email.clone());
        tokio::spawn(async move {
            // A place of its own: that of those who ask for the mail would tell them of this login.
            let slot = Slot::limited("unverified-login", &email);
            match outbox.enqueue(Task::VerifyEmail { email, ticket: None }, Some(slot)).await {
                Ok(()) | Err(Error::RateLimited { .. }) => {}
                Err(error) => tracing::warn!(%error, "a person is not asked to verify the address"),
            }
        });
    }

    async fn restore(&self, user: &User, due_at: crate::domain::clock::Instant) -> Result<User> {
        let now = self.parts.clock.now();
        if now >= due_at {
            tracing::info!(user = %user.id, "login refused: the account is being erased");
            return Err(Error::InvalidCredentials);
        }
        let mut change = UserChange::of(&user.id, now);
        change.only_if.deletion_due_at = Patch::Set(due_at);
        // What is cleared is the deletion of an account that is not suspended.
        change.only_if.version = Some(user.version);
        change.set.deletion_due_at = Patch::Clear;
        let random = &*self.parts.random;
        let change = change.recorded(audit::by_owner(AuditKind::DeletionCancelled, &user.id, now, random));
        match self.parts.users.change(&change).await? {
            ChangeOutcome::Changed(user) => {
                tracing::info!(user = %user.id, "account is not to be erased any more");
                self.announce_user(&user).await;
                let task = Task::Notice { user_id: user.id.clone(), notice: Notice::AccountRestored };
                let slot = Slot::notice(&Notice::AccountRestored, &user.id);
                match self.parts.outbox.enqueue(task, Some(slot)).await {
                    Ok(()) | Err(Error::RateLimited { .. }) => {}
                    Err(error) => tracing::warn!(%error, user = %user.id, "a person is not told by mail"),
                }
                Ok(user)
            }
            // Another login was faster.
            ChangeOutcome::Unmet(user) if user.deletion_due_at.is_none() => Ok(user),
            ChangeOutcome::Unmet(_) | ChangeOutcome::Missing => Err(Error::InvalidCredentials),
        }
    }

    /// Succeeds if the caller showed the password in the last minutes (ASVS 5.0 V7.5.1).
    ///
    /// # Errors
    /// `ReauthenticationRequired`; `Forbidden` for whoever acts for the person.
    pub fn require_fresh(&self, caller: &Principal) -> Result<()> {
        self.require_in_person(caller)?;
        if caller.session.is_fresh(self.parts.clock.now()) {
            return Ok(());
        }
        tracing::info!(user = %caller.user.id, session = %caller.session.id, "a fresh login is needed");
        Err(Error::ReauthenticationRequired)
    }

    /// Notes that the caller has shown the password again, in the same session.
    ///
    /// # Errors
    /// `BadUserInput`, `InvalidCredentials`, `RateLimited`, `Overloaded`, `ServiceUnavailable`.
    pub async fn reauthenticate(
        &self,
        caller: &Principal,
        password: &str,
        client: &ClientInfo,
    ) -> Result<Session> {
        let password = Password::parse_given("password", password).map_err(Error::bad_field)?;
        let ended = || Error::Unauthenticated(AuthenticationFailure::SessionRevoked);
        self.verify_own(caller, password, client).await?;
        let renewed = self.parts.store.authenticate(&caller.session.id, self.parts.clock.now()).await?;
        let session = renewed.ok_or_else(ended)?;
        self.copy(self.parts.cache.put_session(&session).await);
        Ok(session)
    }

    /// Succeeds if the password is the caller's. Failures count against the session, so that whoever has
    /// one cannot keep the owner of the account from their own.
    ///
    /// # Errors
    /// `InvalidCredentials`, `Forbidden` for whoever acts for the person, `RateLimited`, `Overloaded`,
    /// `ServiceUnavailable`.
    pub(in crate::domain) async fn verify_own(
        &self,
        caller: &Principal,
        password: Password,
        client: &ClientInfo,
    ) -> Result<UserWithPassword> {
        self.require_in_person(caller)?;
        let limits = &self.parts.limits;
        let identifier = Identifier::of_session(&caller.session.id);
        let person = Identifier::of_user(&caller.user.id);
        let attempt = PasswordAttempt { class: Class::Password, client, identifier, person, device: None };
        let attempt = limits.begin(&attempt).await?;
        match self.find_verified(caller, password).await {
            Ok(found) => {
                limits.succeeded(attempt).await;
                Ok(found)
            }
            Err(Error::InvalidCredentials) => {
                tracing::info!(user = %caller.user.id, "a password was not the caller's");
                Err(Error::InvalidCredentials)
            }
            Err(error) => {
                limits.undone(attempt).await;
                Err(error)
            }
        }
    }

    async fn find_verified(&self, caller: &Principal, password: Password) -> Result<UserWithPassword> {
        let ended = || Error::Unauthenticated(AuthenticationFailure::SessionRevoked);
        let stored = self.parts.users.find_with_password(&caller.user.id).await?.ok_or_else(ended)?;
        let hash = stored.password_hash.clone();
        match self.parts.passwords.verify(password, Some(hash)).await? {
            Verification::Right { .. } => Ok(stored),
            Verification::Wrong => Err(Error::InvalidCredentials),
        }
    }
}
