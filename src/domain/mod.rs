//! Every rule of the service, and every trait the rules need. Nothing here imports another room of
//! the house: stores, caches, GraphQL and HTTP depend on the domain, never the other way.

pub mod access;
pub mod accounts;
pub mod actor;
pub mod administration;
pub mod audit;
pub mod avatars;
pub mod background;
pub mod checkup;
pub mod clock;
pub mod documents;
pub mod error;
pub mod faults;
pub mod hex;
pub mod idempotency;
pub mod ids;
pub mod live;
pub mod mail;
pub mod metrics;
pub mod one_time;
pub mod outbox;
pub mod page;
pub mod passwords;
pub mod patch;
pub mod random;
pub mod rate_limits;
mod secret;
pub mod sessions;
pub mod store;
pub mod tokens;
pub mod traces;
pub mod transfer;

use std::sync::Arc;

pub use actor::Credentials;
pub use error::{Error, ErrorCode, Result};

/// The services that make up the domain, ready to be called by a transport.
#[derive(Clone)]
pub struct Domain {
    /// What some may do to the accounts of others.
    pub administration: Arc<administration::Administration>,
    /// The audit log.
    pub audit: Arc<audit::Audit>,
    /// Registration, and all that a person does with an account.
    pub accounts: Arc<accounts::Accounts>,
    /// What is done later.
    pub outbox: Arc<outbox::Outbox>,
    /// Tokens of mails.
    pub one_time: Arc<one_time::OneTimeTokens>,
    /// Password hashing, and what a password may be.
    pub passwords: Arc<passwords::Passwords>,
    /// Access tokens and the keys that sign them.
    pub tokens: Arc<tokens::AccessTokens>,
    /// Answers that are given again.
    pub answers: Arc<idempotency::Answers>,
    /// How often something may be tried.
    pub rate_limits: Arc<rate_limits::RateLimits>,
    /// Login, refresh, logout and the check of credentials.
    pub sessions: Arc<sessions::Sessions>,
}
