//! Administration: what some may do to the accounts of others. Every method asks first whether its caller
//! may, and everything that it changes is written to the audit log with the change.
//!
//! Nobody gets by it what they do not have: roles and tokens are given by those alone who may do all that
//! these allow, and nothing is done to an account that may do more than whoever does it.

mod bootstrap;
mod caller;
mod change;
mod directory;
mod edit;
mod impersonate;
mod keys;
mod roles;
mod service_tokens;
mod states;
mod transfer;

use std::sync::Arc;

use chrono::TimeDelta;

pub use caller::Administrator;
pub use directory::UserCount;
pub use edit::{NewUser, UserEdit};
pub use impersonate::{ImpersonateRequest, Impersonated};
pub use service_tokens::NewServiceToken;
pub use states::{Action, Admitted, SuspendRequest};

use super::{
    access::{Roles, ServiceTokenStore},
    accounts::{EmailAddress, UserDirectory, UserStore},
    audit::Audit,
    clock::SharedClock,
    outbox::Outbox,
    random::SharedRandom,
    sessions::Sessions,
    tokens::AccessTokens,
};

/// The most accounts that are changed by one request.
pub const MAX_BULK: usize = 500;

/// How often a change is tried of an account that others change at the same time.
const TRIES: u32 = 5;

/// What administration is made of.
pub struct AdministrationParts {
    /// The truth about users.
    pub users: Arc<dyn UserStore>,
    /// Users by the many.
    pub directory: Arc<dyn UserDirectory>,
    /// The roles.
    pub roles: Roles,
    /// Tokens of other services.
    pub service_tokens: Arc<dyn ServiceTokenStore>,
    /// The session service.
    pub sessions: Arc<Sessions>,
    /// What happens is written down there.
    pub audit: Arc<Audit>,
    /// What is done later.
    pub outbox: Arc<Outbox>,
    /// Access tokens and the keys that sign them.
    pub tokens: Arc<AccessTokens>,
    /// The time.
    pub clock: SharedClock,
    /// Randomness for ids and tokens.
    pub random: SharedRandom,
    /// How it is done here.
    pub settings: AdministrationSettings,
}

/// How administration is done here.
#[derive(Debug, Clone)]
pub struct AdministrationSettings {
    /// How long after it was asked for an account is erased.
    pub deletion_grace: TimeDelta,
    /// Whether anybody may act for somebody else.
    pub impersonation: bool,
    /// Who becomes administrator once this address is verified, while there is none.
    pub bootstrap: Option<EmailAddress>,
}

/// Administration.
pub struct Administration {
    parts: AdministrationParts,
}

impl Administration {
    /// Administration of these parts.
    pub const fn new(parts: AdministrationParts) -> Self {
        Self { parts }
    }
}
