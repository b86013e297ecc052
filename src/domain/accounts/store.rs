//! The durable store of users.

use async_trait::async_trait;

use super::{
    DisplayName, EmailAddress, EmailKey, Locale, Metadata, Suspension, TimeZone, User, UserMetadata,
    UserWithPassword, Username,
};
use crate::domain::{
    audit::AuditEvent, avatars::Avatar, clock::Instant, ids::UserId, passwords::PasswordHash, patch::Patch,
    store::StoreResult,
};

/// What must be true of the stored user for a change to be made; what is `None` may be anything.
#[derive(Debug, Clone, Default)]
pub struct Precondition {
    /// The version.
    pub version: Option<i64>,
    /// The hash of the password.
    pub password_hash: Option<PasswordHash>,
    /// The count of changes of password and address.
    pub credential_epoch: Option<i64>,
    /// The count of changes that ended sessions.
    pub session_epoch: Option<i64>,
    /// When the account is to be erased: `Set` for exactly then, `Clear` for never.
    pub deletion_due_at: Patch<Instant>,
    /// Somebody else is an administrator whose account is neither suspended nor going to be erased.
    pub has_other_administrator: bool,
}

/// The fields that a change writes; what is `None` or `Keep` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct UserFields {
    /// The e-mail address.
    pub email: Option<EmailAddress>,
    /// Whether the address was verified.
    pub email_verified: Option<bool>,
    /// The name.
    pub name: Option<DisplayName>,
    /// The user name.
    pub username: Patch<Username>,
    /// The language.
    pub locale: Patch<Locale>,
    /// The time zone.
    pub time_zone: Patch<TimeZone>,
    /// The picture.
    pub avatar: Patch<Avatar>,
    /// What applications let the person keep.
    pub public_metadata: Option<Metadata>,
    /// When the account is to be erased. Cleared of accounts alone that are not suspended.
    pub deletion_due_at: Patch<Instant>,
    /// The hash of the password.
    pub password_hash: Option<PasswordHash>,
    /// The names of the roles.
    pub roles: Option<Vec<String>>,
    /// Why and until when the account is closed. Whoever changes this says among the conditions whether the
    /// account is going to be erased.
    pub suspension: Patch<Suspension>,
    /// What administrators and services alone may change.
    pub app_metadata: Option<Metadata>,
}

/// What a change means besides its fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consequences {
    /// Every session ends: the session epoch is raised.
    pub ends_sessions: bool,
    /// Every one-time token that is bound to password and address ends: the credential epoch is raised.
    pub ends_tokens: bool,
    /// Nobody is to notice: version and time of the last change stay.
    pub unseen: bool,
}

/// A change of one user, made as a whole or not at all.
#[derive(Debug, Clone)]
pub struct UserChange {
    /// Which user.
    pub user_id: UserId,
    /// What must be true before.
    pub only_if: Precondition,
    /// What is true after.
    pub set: UserFields,
    /// What else it means.
    pub consequences: Consequences,
    /// When.
    pub at: Instant,
    /// What is written to the audit log, with the change or not at all.
    pub event: Option<Box<AuditEvent>>,
}

impl UserChange {
    /// A change of nothing yet, without conditions.
    pub fn of(user_id: &UserId, at: Instant) -> Self {
        Self {
            user_id: user_id.clone(),
            only_if: Precondition::default(),
            set: UserFields::default(),
            consequences: Consequences::default(),
            at,
            event: None,
        }
    }

    /// The same, with what is written to the audit log of it.
    #[must_use]
    pub fn recorded(mut self, event: AuditEvent) -> Self {
        self.event = Some(Box::new(event));
        self
    }
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// The user as it is now.
    Changed(User),
    /// Nothing was written: this is the stored user, of which a condition is not true.
    Unmet(User),
    /// There is no such user.
    Missing,
}

impl ChangeOutcome {
    /// The changed user, if it was changed.
    pub fn changed(self) -> Option<User> {
        match self {
            Self::Changed(user) => Some(user),
            Self::Unmet(_) | Self::Missing => None,
        }
    }
}

/// The truth about users. Every method is one atomic operation; every method fails with
/// `Unavailable` or `Corrupt` as [`crate::domain::store::StoreError`] says.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Adds a user.
    ///
    /// # Errors
    /// `Conflict(Email)` when another user has the same e-mail key, `Conflict(Username)` when another has
    /// a user name that looks like it, whoever was first; of many concurrent calls for one key exactly
    /// one succeeds. `Conflict(Identity)` when the id is there.
    async fn insert(&self, user: &UserWithPassword, event: Option<&AuditEvent>) -> StoreResult<()>;

    /// The user with this id, or `None`.
    async fn find(&self, id: &UserId) -> StoreResult<Option<User>>;

    /// The user with this id, the password hash and the metadata, or `None`.
    async fn find_with_password(&self, id: &UserId) -> StoreResult<Option<UserWithPassword>>;

    /// The user with this e-mail key, the password hash and the metadata, or `None`.
    async fn find_by_email(&self, key: &EmailKey) -> StoreResult<Option<UserWithPassword>>;

    /// What applications keep with the user, or `None` when there is no such user.
    async fn find_metadata(&self, id: &UserId) -> StoreResult<Option<UserMetadata>>;

    /// Changes a user by compare-and-set: the conditions and the write are one. Raises the version and
    /// sets the time of the last change, unless the change is `unseen`.
    ///
    /// # Errors
    /// `Conflict(Email)` and `Conflict(Username)` as with `insert`; nothing was written then.
    async fn change(&self, change: &UserChange) -> StoreResult<ChangeOutcome>;

    /// Removes a user for good. Removing one that is not there is no error.
    async fn remove(&self, id: &UserId, event: Option<&AuditEvent>) -> StoreResult<()>;
}
