//! Users.

use serde::{Deserialize, Serialize};

use super::{DisplayName, EmailAddress};
use crate::domain::{clock::Instant, ids::UserId, passwords::PasswordHash};

/// A person's account, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The id, which never changes.
    pub id: UserId,
    /// The e-mail address as the person wrote it, unique by its normalised form.
    pub email: EmailAddress,
    /// Whether the person has shown that the address is theirs.
    pub email_verified: bool,
    /// What the person wants to be called.
    pub name: DisplayName,
    /// Names of the roles the person has.
    pub roles: Vec<String>,
    /// When the account was made.
    pub created_at: Instant,
    /// When anything of this was last changed.
    pub updated_at: Instant,
    /// Counts the changes, from 1; writes compare and set it.
    pub version: i64,
    /// Counts the events that end every session at once, such as a changed password. A session that
    /// carries a lower number has ended (see [`crate::domain::sessions::Session::session_epoch`]).
    pub session_epoch: i64,
}

/// A user with what proves that it is them. Never cached, never sent anywhere.
#[derive(Debug, Clone)]
pub struct UserWithPassword {
    /// The user.
    pub user: User,
    /// The hash of the password; prints as `[redacted]`.
    pub password_hash: PasswordHash,
}
