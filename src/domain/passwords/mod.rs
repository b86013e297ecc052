//! Passwords: what one may be, how it is hashed, and the threads that hash.

mod foreign;
mod hash;
mod lanes;
mod policy;
mod pool;
mod text;
mod worker;

pub use hash::PasswordHash;
pub use policy::{
    BreachCheckUnavailable, BreachedPasswords, PasswordPolicy, SCORES, Strength, blocklist_key,
};
pub use pool::{HashingLoad, PoolSettings};
pub use text::{MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS, Password};
pub use worker::Verification;

use std::sync::Arc;

use lanes::Lane;
use pool::Pool;
use worker::Worker;

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
        Ok(Self { pool: Pool::start(settings, random)?, policy })
    }

    /// How busy the hashing threads are and were.
    pub fn load(&self) -> HashingLoad {
        self.pool.load()
    }

    /// Hashes a new password at the configured cost.
    ///
    /// # Errors
    /// `Overloaded` when the queue is full, at once, and when its turn comes too late.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash> {
        self.pool.run(move |worker, lane| async move { worker.hash(&lane, &password).await }).await
    }

    /// Verifies `password` against `stored`. Without a stored hash it does the same work and
    /// answers [`Verification::Wrong`], so that timing does not tell whether there was one.
    ///
    /// # Errors
    /// `Overloaded` when the queue is full, at once.
    pub async fn verify(&self, password: Password, stored: Option<PasswordHash>) -> Result<Verification> {
        let verify = move |worker: Arc<Worker>, lane: Lane| async move {
            worker.verify(&lane, &password, stored.as_ref()).await
        };
        self.pool.run(verify).await
    }
}
