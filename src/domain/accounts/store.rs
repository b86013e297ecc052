//! The durable store of users.

use async_trait::async_trait;

use super::{DisplayName, EmailKey, User, UserWithPassword};
use crate::domain::{clock::Instant, ids::UserId, passwords::PasswordHash, store::StoreResult};

/// A change of the profile. Fields that are `None` stay as they are.
#[derive(Debug, Clone)]
pub struct ProfileChange {
    /// Whose profile.
    pub user_id: UserId,
    /// The new name.
    pub name: Option<DisplayName>,
    /// The version the client read; `None` changes whatever is there.
    pub expected_version: Option<i64>,
    /// When.
    pub at: Instant,
}

/// What became of a profile change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileOutcome {
    /// The user as it is now, its version one higher.
    Updated(User),
    /// Nothing was written: the stored version is another than the expected one.
    VersionConflict {
        /// The stored version.
        current: i64,
    },
    /// There is no such user.
    Missing,
}

/// Why a password hash is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordReplacement {
    /// The same password at the cost of today: version, times and sessions stay as they are.
    Rehash,
    /// Another password; `ends_sessions` raises the session epoch, which ends every session.
    Change {
        /// Whether the session epoch is raised.
        ends_sessions: bool,
    },
}

/// A replacement of a password hash, done only if the stored one is still `from`.
#[derive(Debug, Clone)]
pub struct PasswordUpdate {
    /// Whose password.
    pub user_id: UserId,
    /// The hash that was verified.
    pub from: PasswordHash,
    /// The hash that replaces it.
    pub to: PasswordHash,
    /// Why.
    pub replacement: PasswordReplacement,
    /// When.
    pub at: Instant,
}

/// The truth about users. Every method is one atomic operation; every method fails with
/// `Unavailable` or `Corrupt` as [`crate::domain::store::StoreError`] says.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Adds a user.
    ///
    /// # Errors
    /// `Conflict(Email)` when another user has the same e-mail key, whoever was first; of many
    /// concurrent calls for one key exactly one succeeds.
    async fn insert(&self, user: &UserWithPassword) -> StoreResult<()>;

    /// The user with this id, or `None`.
    async fn find(&self, id: &UserId) -> StoreResult<Option<User>>;

    /// The user with this id and the password hash, or `None`.
    async fn find_with_password(&self, id: &UserId) -> StoreResult<Option<UserWithPassword>>;

    /// The user with this e-mail key and the password hash, or `None`.
    async fn find_by_email(&self, key: &EmailKey) -> StoreResult<Option<UserWithPassword>>;

    /// Changes the profile by compare-and-set on the version.
    async fn update_profile(&self, change: &ProfileChange) -> StoreResult<ProfileOutcome>;

    /// Raises the session epoch, which ends every session of the user, and the version. `None` when
    /// there is no such user.
    async fn raise_epoch(&self, id: &UserId) -> StoreResult<Option<User>>;

    /// Replaces the password hash by compare-and-set on the old one. `None` when the stored hash is
    /// another by now or the user is gone; nothing was written then.
    async fn update_password(&self, update: &PasswordUpdate) -> StoreResult<Option<User>>;
}
