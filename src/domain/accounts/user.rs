//! Users.

use serde::{Deserialize, Serialize};

use super::{
    DisplayName, EmailAddress, Locale, Suspension, TimeZone, USER_ROLE, UserMetadata, UserStatus, Username,
};
use crate::domain::{avatars::Avatar, clock::Instant, ids::UserId, passwords::PasswordHash};

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
    /// What others call the person by, unique for the eye.
    pub username: Option<Username>,
    /// The language that the person wants to be written to in.
    pub locale: Option<Locale>,
    /// Where the person's days begin.
    pub time_zone: Option<TimeZone>,
    /// The picture of the person.
    pub avatar: Option<Avatar>,
    /// Names of the roles the person has.
    pub roles: Vec<String>,
    /// When the account was made.
    pub created_at: Instant,
    /// When anything of this was last changed.
    pub updated_at: Instant,
    /// When the account is to be erased, if its owner has asked for that. Nobody logs in from then on.
    pub deletion_due_at: Option<Instant>,
    /// Why and until when the account is closed, if it is.
    #[serde(default)]
    pub suspension: Option<Suspension>,
    /// When the person was last seen, to the hour.
    #[serde(default)]
    pub last_seen_at: Option<Instant>,
    /// Counts the changes, from 1; writes compare and set it.
    pub version: i64,
    /// Counts the events that end every session at once, such as a changed password. A session that
    /// carries a lower number has ended (see [`crate::domain::sessions::Session::session_epoch`]).
    pub session_epoch: i64,
    /// Counts the changes of password and address. One-time tokens made before the last one have ended.
    pub credential_epoch: i64,
}

impl User {
    /// A person who has just registered: of the role that everybody has, and nothing else known of them.
    pub fn new(id: UserId, email: EmailAddress, name: DisplayName, now: Instant) -> Self {
        Self {
            id,
            email,
            email_verified: false,
            name,
            username: None,
            locale: None,
            time_zone: None,
            avatar: None,
            roles: vec![USER_ROLE.to_owned()],
            created_at: now,
            updated_at: now,
            deletion_due_at: None,
            suspension: None,
            last_seen_at: None,
            version: 1,
            session_epoch: 1,
            credential_epoch: 1,
        }
    }

    /// Whether the account is closed at `now`.
    pub fn is_suspended(&self, now: Instant) -> bool {
        self.suspension.as_ref().is_some_and(|suspension| suspension.holds(now))
    }

    /// In which state the account is stored.
    pub const fn status(&self) -> UserStatus {
        match (&self.deletion_due_at, &self.suspension) {
            (Some(_), _) => UserStatus::Deleting,
            (None, Some(_)) => UserStatus::Suspended,
            (None, None) => UserStatus::Active,
        }
    }

    /// Words that are easy to guess in this person's password.
    pub fn words(&self) -> Vec<&str> {
        let username = self.username.as_ref().map(Username::as_str);
        [self.email.as_str(), self.name.as_str()].into_iter().chain(username).collect()
    }
}

/// A user with what proves that it is them. Never cached, never sent anywhere.
#[derive(Debug, Clone)]
pub struct UserWithPassword {
    /// The user.
    pub user: User,
    /// The hash of the password; prints as `[redacted]`.
    pub password_hash: PasswordHash,
    /// What applications keep with the person.
    pub metadata: UserMetadata,
}
