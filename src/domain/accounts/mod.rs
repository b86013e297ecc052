//! Accounts: registration, profile and password changes.

mod email;
mod name;
mod password;
mod profile;
mod register;
mod store;
mod user;

use std::sync::Arc;

pub use email::{EmailAddress, EmailKey, MAX_EMAIL_BYTES};
pub use name::{DisplayName, MAX_NAME_CHARACTERS, parse_label};
pub use password::ChangePasswordRequest;
pub use profile::UpdateProfileRequest;
pub use register::RegisterRequest;
pub use store::{PasswordReplacement, PasswordUpdate, ProfileChange, ProfileOutcome, UserStore};
pub use user::{User, UserWithPassword};

use super::{
    clock::SharedClock,
    passwords::Passwords,
    random::SharedRandom,
    sessions::{SessionCache, Sessions},
};

/// The role of every user.
pub const USER_ROLE: &str = "user";

/// What the account service is made of.
pub struct AccountParts {
    /// The truth about users.
    pub users: Arc<dyn UserStore>,
    /// Copies of them.
    pub cache: Arc<dyn SessionCache>,
    /// The hashing threads.
    pub passwords: Arc<Passwords>,
    /// The session service.
    pub sessions: Arc<Sessions>,
    /// The time.
    pub clock: SharedClock,
    /// Randomness for ids.
    pub random: SharedRandom,
}

/// The account service.
pub struct Accounts {
    parts: AccountParts,
}

impl Accounts {
    /// A service of these parts.
    pub const fn new(parts: AccountParts) -> Self {
        Self { parts }
    }

    /// Keeps a copy of a changed user for the requests that follow. A cache that does not answer
    /// costs time and nothing else.
    async fn copy(&self, user: &User) {
        if self.parts.cache.put_user(user).await.is_err() {
            tracing::debug!(user = %user.id, "the cache did not take a copy");
        }
    }
}
