//! Passwords: what one may be, how it is hashed, and the threads that hash.

mod foreign;
mod hash;
mod policy;
mod pool;
mod text;

pub use hash::PasswordHash;
pub use policy::{
    BreachCheckUnavailable, BreachedPasswords, PasswordPolicy, SCORES, Strength, blocklist_key,
};
pub use pool::{PoolSettings, Verification};
pub use text::{MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS, Password};

use pool::Pool;

use super::{error::Result, random::SharedRandom};

/// The bcrypt costs that may be configured: each step doubles the work.
pub const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=31;

/// Hashes and verifies passwords on threads of their own.
pub struct Passwords {
    pool: Pool,
    policy: PasswordPolicy,
}

impl Passwords {
    /// Starts the hashing threads.
    ///
    /// # Errors
    /// The operating system's, when a thread cannot be started.
    pub fn start(
        settings: PoolSettings,
        policy: PasswordPolicy,
        random: &SharedRandom,
    ) -> std::io::Result<Self> {
        Ok(Self { pool: pool::start(settings, random)?, policy })
    }

    /// How much the threads were given to do so far: hashes, verifications, estimates.
    pub fn jobs(&self) -> u64 {
        self.pool.jobs()
    }

    /// Hashes a new password at the configured cost.
    ///
    /// # Errors
    /// `Overloaded` when the queue is full, at once.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash> {
        self.pool.run(move |worker| worker.hash(&password)).await?
    }

    /// Verifies `password` against `stored`. Without a stored hash it does the same work and
    /// answers [`Verification::Wrong`], so that timing does not tell whether there was one.
    ///
    /// # Errors
    /// `Overloaded` when the queue is full, at once.
    pub async fn verify(&self, password: Password, stored: Option<PasswordHash>) -> Result<Verification> {
        self.pool.run(move |worker| worker.verify(&password, stored.as_ref())).await?
    }
}
