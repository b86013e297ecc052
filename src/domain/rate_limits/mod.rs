//! How often something may be tried: by one address, by one address for one person, and for one person.
//! Whoever tries takes a place before any work is done, so that attempts at the same time count as well as
//! those one after the other.

mod attempts;
mod counters;
mod devices;
mod network;
mod policy;

use std::{fmt, sync::Arc};

use super::{
    accounts::EmailAddress,
    actor::ClientInfo,
    clock::SharedClock,
    error::{Error, Result},
    hex,
    ids::{SessionId, UserId},
    live::Live,
    metrics::metrics,
    tokens::TokenHash,
};

pub use attempts::{Attempt, PasswordAttempt};
pub use counters::{FAILURES, FailureRule, Failures, Quota, RateCounters, Taken, TheoreticalArrival};
pub use devices::{DeviceId, DeviceTokens, KnownDevice};
pub use policy::{Class, Policy, Scope};

/// Whom something is tried for. Tells nobody who that is.
#[derive(Clone, PartialEq, Eq)]
pub struct Identifier(String);

impl Identifier {
    /// The person with this address, whether or not there is one.
    pub fn of_email(email: &EmailAddress) -> Self {
        Self(hex::of(TokenHash::of(email.key().as_str().as_bytes()).as_bytes()))
    }

    /// A person.
    pub fn of_user(user: &UserId) -> Self {
        Self(user.as_str().to_owned())
    }

    /// A session of a person.
    pub fn of_session(session: &SessionId) -> Self {
        Self(session.as_str().to_owned())
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Counts what is tried, and refuses what is too much.
pub struct RateLimits {
    counters: Arc<dyn RateCounters>,
    clock: SharedClock,
    /// `None` where nothing is limited.
    policy: Live<Option<Policy>>,
}

impl RateLimits {
    /// Limits by these rules.
    pub fn new(counters: Arc<dyn RateCounters>, clock: SharedClock, policy: Option<Policy>) -> Self {
        Self { counters, clock, policy: Live::new(policy) }
    }

    /// Limits by other rules from now on. What was counted so far still counts.
    pub fn take_policy(&self, policy: Option<Policy>) {
        self.policy.replace(policy);
    }

    fn has_limits(&self) -> bool {
        self.policy.get().is_some()
    }

    fn quota(&self, class: Class, scope: Scope) -> Option<Quota> {
        (*self.policy.get()).as_ref().and_then(|policy| policy.quota(class, scope))
    }

    /// Takes a place for something that `client` tries, for somebody or nobody in particular.
    ///
    /// # Errors
    /// `RateLimited`.
    pub async fn check(
        &self,
        class: Class,
        client: &ClientInfo,
        identifier: Option<&Identifier>,
    ) -> Result<()> {
        self.take(class, Scope::Address, &network::of(client)).await?;
        let Some(identifier) = identifier else { return Ok(()) };
        self.take(class, Scope::Pair, &pair(client, identifier)).await?;
        self.take(class, Scope::Identifier, &identifier.0).await
    }

    /// Gives the place of a person back: nothing came of what was tried.
    pub async fn give_back(&self, class: Class, identifier: &Identifier) {
        if let Some(quota) = self.quota(class, Scope::Identifier) {
            self.counters.give_back(&key(class, Scope::Identifier, &identifier.0), quota).await;
        }
    }

    /// What became of something that needs a secret of 256 bits. The address of whoever did not have it pays,
    /// and who has it is never refused for what neighbours try.
    ///
    /// # Errors
    /// That of the outcome; `RateLimited` in place of one that says that there is nothing.
    pub async fn charge<T>(&self, class: Class, client: &ClientInfo, outcome: Result<T>) -> Result<T> {
        if let Err(Error::TokenInvalid) = outcome {
            self.take(class, Scope::Address, &network::of(client)).await?;
        }
        outcome
    }

    async fn take(&self, class: Class, scope: Scope, whose: &str) -> Result<()> {
        let Some(quota) = self.quota(class, scope) else { return Ok(()) };
        let taken = self.counters.take(&key(class, scope, whose), quota, self.clock.now()).await;
        admit(taken, class, scope)
    }
}

fn admit(taken: Taken, class: Class, scope: Scope) -> Result<()> {
    match taken {
        Taken::Yes => Ok(()),
        Taken::No { retry_after } => {
            metrics().refusal(class.as_str(), scope.as_str());
            tracing::info!(class = class.as_str(), scope = scope.as_str(), "an attempt too many was refused");
            Err(Error::RateLimited { retry_after })
        }
    }
}

fn key(class: Class, scope: Scope, whose: &str) -> String {
    format!("{}.{}:{whose}", class.as_str(), scope.as_str())
}

fn pair(client: &ClientInfo, identifier: &Identifier) -> String {
    format!("{identifier}@{}", network::of(client))
}
