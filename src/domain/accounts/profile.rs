//! Changes of the profile.

use super::{Accounts, DisplayName, ProfileChange, ProfileOutcome, User};
use crate::domain::{
    actor::Principal,
    error::{AuthenticationFailure, Error, Result},
    faults::Faults,
};

/// What a change of the profile says. What is `None` stays as it is.
#[derive(Debug, Default)]
pub struct UpdateProfileRequest {
    /// The new name.
    pub name: Option<String>,
    /// The version that the client read.
    pub expected_version: Option<i64>,
}

impl Accounts {
    /// Changes the caller's own profile.
    ///
    /// # Errors
    /// `BadUserInput`, `Conflict` when `expected_version` is not the stored one,
    /// `ServiceUnavailable`.
    pub async fn update_profile(&self, caller: &Principal, request: UpdateProfileRequest) -> Result<User> {
        let mut faults = Faults::default();
        let name = request.name.and_then(|name| faults.check(DisplayName::parse(&name)));
        faults.finish()?;
        if name.is_none() {
            return self.unchanged(caller, request.expected_version).await;
        }

        let change = ProfileChange {
            user_id: caller.user.id.clone(),
            name,
            expected_version: request.expected_version,
            at: self.parts.clock.now(),
        };
        match self.parts.users.update_profile(&change).await? {
            ProfileOutcome::Updated(user) => {
                self.parts.sessions.announce_user(&user).await;
                Ok(user)
            }
            ProfileOutcome::VersionConflict { current } => Err(Error::Conflict { current_version: current }),
            ProfileOutcome::Missing => Err(Error::Unauthenticated(AuthenticationFailure::SessionRevoked)),
        }
    }

    /// Nothing is to change: nothing is written, but a stale version is still told.
    async fn unchanged(&self, caller: &Principal, expected_version: Option<i64>) -> Result<User> {
        let stored = self.parts.users.find(&caller.user.id).await?;
        let user = stored.ok_or(Error::Unauthenticated(AuthenticationFailure::SessionRevoked))?;
        match expected_version {
            Some(expected) if expected != user.version => {
                Err(Error::Conflict { current_version: user.version })
            }
            _ => Ok(user),
        }
    }
}
