//! Attempts at a password. Failures in a row make the next attempt wait, for a person everywhere, so that
//! many addresses together get no further than one. A device on which the person has logged in before, or a
//! session, is counted by itself: nobody else can make it wait.

use super::{Class, DeviceId, Identifier, RateLimits, Scope, admit, key, network, pair};
use crate::domain::{actor::ClientInfo, error::Result};

/// Who tries a password, and whose.
pub struct PasswordAttempt<'a> {
    /// Where.
    pub class: Class,
    /// The device that tries.
    pub client: &'a ClientInfo,
    /// Whose failures in a row it would be one of.
    pub identifier: Identifier,
    /// Whose password.
    pub person: Identifier,
    /// That of a device on which the person has logged in before.
    pub device: Option<DeviceId>,
}

/// An attempt under way. Unless its outcome is told, it was a failure.
#[must_use]
pub struct Attempt {
    failures: String,
    address: Option<String>,
    class: Class,
}

impl RateLimits {
    /// Begins an attempt, before anything is looked up or hashed.
    ///
    /// # Errors
    /// `RateLimited`; then nothing was counted against the person.
    pub async fn begin(&self, attempt: &PasswordAttempt<'_>) -> Result<Attempt> {
        let PasswordAttempt { class, client, identifier, person, device } = attempt;
        let class = *class;
        let (failures, address) = if let Some(device) = device {
            (format!("device:{device}"), None)
        } else {
            let address = network::of(client);
            self.take(class, Scope::Address, &address).await?;
            self.take(class, Scope::Pair, &pair(client, identifier)).await?;
            (failures_of(class, identifier), Some(address))
        };
        let begun = Attempt { failures, address, class };
        if !self.has_limits() {
            return Ok(begun);
        }
        admit(self.counters.begin(&begun.failures, self.clock.now()).await, class, Scope::Identifier)?;
        // Strangers do not take from this: they could keep the person out.
        let is_known = device.is_some() || class == Class::Password;
        if is_known && let Err(refusal) = self.take(class, Scope::Identifier, &person.0).await {
            self.undone(begun).await;
            return Err(refusal);
        }
        Ok(begun)
    }

    /// The password was right: the failures before it are forgotten, and the address pays nothing.
    pub async fn succeeded(&self, attempt: Attempt) {
        if !self.has_limits() {
            return;
        }
        self.counters.forget(&attempt.failures).await;
        if let (Some(address), Some(quota)) = (attempt.address, self.quota(attempt.class, Scope::Address)) {
            self.counters.give_back(&key(attempt.class, Scope::Address, &address), quota).await;
        }
    }

    /// Nobody looked at the password: the attempt was none.
    pub async fn undone(&self, attempt: Attempt) {
        if self.has_limits() {
            self.counters.undo(&attempt.failures, self.clock.now()).await;
        }
    }

    /// The person has shown otherwise who they are: logins wait for nothing any more.
    pub async fn pardon(&self, identifier: &Identifier) {
        if self.has_limits() {
            self.counters.forget(&failures_of(Class::Login, identifier)).await;
        }
    }
}

fn failures_of(class: Class, identifier: &Identifier) -> String {
    format!("{}.failures:{identifier}", class.as_str())
}
