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

use super::{clock::SharedClock, passwords::Passwords, random::SharedRandom, sessions::Sessions};

/// The role of every user.
pub const USER_ROLE: &str = "user";

/// What the account service is made of.
pub struct AccountParts {
    /// The truth about users.
    pub users: Arc<dyn UserStore>,
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
}
