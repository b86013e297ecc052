//! Accounts that administrators make and change.

use chrono::TimeDelta;
use serde_json::Value;

use super::{Administration, Administrator, TRIES};
use crate::domain::{
    access::Permission,
    accounts::{
        ChangeOutcome, DisplayName, EmailAddress, Locale, Metadata, UpdateProfileRequest, User, UserChange,
        UserMetadata, UserWithPassword, Username, changed_fields,
    },
    audit::AuditKind,
    error::{Error, Result},
    faults::{Fault, FaultCode, Faults},
    ids::UserId,
    outbox::{SETTLED, Slot, Task},
    passwords::PasswordHash,
    store::{Field, StoreError},
};

/// An account that is to be made. It has no password: nobody chooses another's.
#[derive(Debug, Default)]
pub struct NewUser {
    /// The e-mail address.
    pub email: String,
    /// Whether it is known to be the person's.
    pub email_verified: bool,
    /// What the person wants to be called.
    pub name: String,
    /// What others call the person by.
    pub username: Option<String>,
    /// The language.
    pub locale: Option<String>,
    /// The roles, besides that of everybody.
    pub roles: Vec<String>,
    /// Whether the person is written to, with the way to a password.
    pub invites: bool,
}

/// What is to be changed of an account.
#[derive(Debug, Default)]
pub struct UserEdit {
    /// The profile.
    pub profile: UpdateProfileRequest,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the address is known to be the person's.
    pub email_verified: Option<bool>,
}

impl Administration {
    /// Makes an account without a password, which its owner chooses by a mail: of the invitation, or of
    /// `requestPasswordReset`.
    ///
    /// # Errors
    /// `BadUserInput`, `Forbidden`, also for roles that allow more than the caller may, `EmailTaken`,
    /// `ServiceUnavailable`.
    pub async fn create_user(&self, caller: &Administrator, new: NewUser) -> Result<User> {
        self.make_user(caller, new, PasswordHash::none()).await
    }

    /// The same with a password, for whoever sets the service up.
    ///
    /// # Errors
    /// As with [`Self::create_user`].
    pub async fn make_user(&self, caller: &Administrator, new: NewUser, hash: PasswordHash) -> Result<User> {
        self.require(caller, Permission::UsersWrite).await?;
        let mut faults = Faults::default();
        let email = faults.check(EmailAddress::parse(&new.email));
        let name = faults.check(DisplayName::parse(&new.name));
        let username = faults.check(new.username.as_deref().map(Username::parse).transpose());
        let locale = faults.check(new.locale.as_deref().map(Locale::parse).transpose());
        let (Some(email), Some(name), Some(username), Some(locale)) = (email, name, username, locale) else {
            return Err(faults.into_error());
        };
        let roles = self.roles_to_give(caller, &new.roles).await?;

        let now = self.parts.clock.now();
        let id = UserId::generate(now, &*self.parts.random);
        let base = User::new(id.clone(), email, name, now);
        let user = User { email_verified: new.email_verified, username, locale, roles, ..base };
        let kind = if new.invites { AuditKind::UserInvited } else { AuditKind::UserCreated };
        let event = self.event(kind, caller).about(&id).with("roles", user.roles.clone());
        let account = UserWithPassword { user, password_hash: hash, metadata: UserMetadata::default() };
        if new.invites {
            // Written down first: an account that nobody hears of could not be made again.
            self.invite(&account.user, SETTLED).await?;
        }
        self.parts.users.insert(&account, Some(&event)).await.map_err(taken)?;
        tracing::info!(user = %id, "account made");
        if new.invites {
            self.invite(&account.user, TimeDelta::zero()).await?;
        }
        Ok(account.user)
    }

    async fn invite(&self, user: &User, delay: TimeDelta) -> Result<()> {
        let task = Task::Invite { user_id: user.id.clone() };
        let slot = Slot::of_user("invite", &user.id);
        self.parts.outbox.enqueue_at(task, Some(slot), self.parts.clock.now() + delay).await
    }

    /// Changes an account: what is left out stays, null clears.
    ///
    /// # Errors
    /// `BadUserInput`, `Forbidden`, also for an account that may do more, `ReauthenticationRequired` for another
    /// address, `NotFound`, `Conflict` when the expected version is not the stored one, `EmailTaken`,
    /// `ServiceUnavailable`.
    pub async fn update_user(&self, caller: &Administrator, id: &UserId, edit: UserEdit) -> Result<User> {
        self.require(caller, Permission::UsersWrite).await?;
        let email = edit.email.as_deref().map(EmailAddress::parse).transpose().map_err(Error::bad_field)?;
        if email.is_some() {
            // Whoever has the mail has the account.
            self.require_fresh(caller, Permission::UsersWrite).await?;
        }
        let (expected, verified) = (edit.profile.expected_version, edit.email_verified);
        let set = edit.profile.read()?;
        for _ in 0..TRIES {
            let target = self.target(caller, id).await?;
            if expected.is_some_and(|expected| expected != target.version) {
                return Err(Error::Conflict { current_version: target.version });
            }
            let is_moved = email.as_ref().is_some_and(|email| *email != target.email);
            let mut fields = changed_fields(&set);
            fields.extend(is_moved.then_some("email"));
            fields.extend(verified.map(|_| "emailVerified"));
            if fields.is_empty() {
                return Ok(target);
            }
            let mut change = UserChange::of(id, self.parts.clock.now());
            change.only_if.version = Some(target.version);
            change.set = set.clone();
            change.set.email_verified = verified;
            if let Some(email) = email.as_ref().filter(|_| is_moved) {
                self.tell_of_move(&target, email).await?;
                change.set.email = Some(email.clone());
                // Nobody has shown that it is theirs.
                change.set.email_verified = Some(verified.unwrap_or(false));
                change.consequences.ends_tokens = true;
            }
            let event = self.event(AuditKind::UserUpdated, caller).about(id).with("fields", fields);
            match self.parts.users.change(&change.recorded(event)).await.map_err(taken)? {
                ChangeOutcome::Changed(user) => {
                    self.show(&user, false).await?;
                    if is_moved && !user.email_verified {
                        let task = Task::VerifyEmail { email: user.email.clone(), ticket: None };
                        self.parts.outbox.enqueue(task, Some(Slot::of("replaced", &user.email))).await?;
                    }
                    return Ok(user);
                }
                // Somebody else was faster.
                ChangeOutcome::Unmet(_) => {}
                ChangeOutcome::Missing => return Err(Error::NotFound),
            }
        }
        Err(Error::unavailable())
    }

    /// Has the owner of the old address told, if it is known to be theirs. Written down first: a move that
    /// nobody is told of would be worse than a notice in vain, which is not sent.
    async fn tell_of_move(&self, user: &User, to: &EmailAddress) -> Result<()> {
        if !user.email_verified || user.email.key() == to.key() {
            return Ok(());
        }
        let task = Task::EmailReplaced { user_id: user.id.clone(), from: user.email.clone(), to: to.clone() };
        let slot = Slot::of_user("email-replaced", &user.id);
        self.parts.outbox.enqueue_at(task, Some(slot), self.parts.clock.now() + SETTLED).await
    }

    /// Replaces what applications keep with a person and the person cannot change.
    ///
    /// # Errors
    /// `BadUserInput`, `Forbidden`, also for an account that may do more, `NotFound`, `ServiceUnavailable`.
    pub async fn set_app_metadata(&self, caller: &Administrator, id: &UserId, value: Value) -> Result<User> {
        self.require(caller, Permission::UsersWrite).await?;
        let metadata = Metadata::parse("appMetadata", value).map_err(Error::bad_field)?;
        let names: Vec<String> = match metadata.to_value() {
            Value::Object(members) => members.keys().cloned().collect(),
            _ => Vec::new(),
        };
        let user = self
            .change_user(caller, id, |_, change| {
                change.set.app_metadata = Some(metadata.clone());
                Some(self.event(AuditKind::AppMetadataChanged, caller).with("members", names.clone()))
            })
            .await?;
        self.show(&user, false).await?;
        Ok(user)
    }
}

fn taken(error: StoreError) -> Error {
    match error {
        StoreError::Conflict(Field::Email) => Error::EmailTaken,
        StoreError::Conflict(Field::Username) => {
            let message = "belongs to somebody else, or looks like it";
            Error::bad_field(Fault::new("username", FaultCode::Taken, message))
        }
        error => error.into(),
    }
}
