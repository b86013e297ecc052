//! Tokens for other services.

use super::{Administration, Administrator};
use crate::domain::{
    access::{
        KEPT_AFTER_END, LONGEST_SERVICE_TOKEN, MAX_SERVICE_TOKENS, Permission, ServiceSecret, ServiceToken,
        parse_permissions,
    },
    accounts::parse_label,
    audit::AuditKind,
    clock::Instant,
    error::{Error, Result},
    faults::{Fault, FaultCode, Faults},
    ids::ServiceTokenId,
};

/// The most characters of the name of a service token.
const MAX_NAME_CHARACTERS: usize = 100;

/// A service token that is to be made.
#[derive(Debug)]
pub struct NewServiceToken {
    /// What it is for.
    pub name: String,
    /// What it allows.
    pub permissions: Vec<String>,
    /// When it ends.
    pub expires_at: Instant,
}

impl Administration {
    /// Makes a token for another service, and answers it with its secret, which is shown this once.
    ///
    /// # Errors
    /// `BadUserInput`, `Forbidden`, also for permissions that the caller has not,
    /// `ReauthenticationRequired`, `ServiceUnavailable`.
    pub async fn create_service_token(
        &self,
        caller: &Administrator,
        new: NewServiceToken,
    ) -> Result<(ServiceToken, ServiceSecret)> {
        self.require_fresh(caller, Permission::TokensWrite).await?;
        let now = self.parts.clock.now();
        let mut faults = Faults::default();
        let name = faults.check(parse_label("name", &new.name, MAX_NAME_CHARACTERS).and_then(|name| {
            name.ok_or_else(|| Fault::new("name", FaultCode::Required, "must not be empty"))
        }));
        let permissions = faults.check(parse_permissions(&new.permissions).and_then(|permissions| {
            let fault = || Fault::new("permissions", FaultCode::Required, "must not be empty");
            if permissions.is_empty() { Err(fault()) } else { Ok(permissions) }
        }));
        let is_good = new.expires_at > now && new.expires_at <= now + LONGEST_SERVICE_TOKEN;
        let days = LONGEST_SERVICE_TOKEN.num_days();
        let message = format!("must be in the future, and within {days} days");
        let expiry = faults.check(
            is_good.then_some(()).ok_or_else(|| Fault::new("expiresAt", FaultCode::OutOfRange, message)),
        );
        let (Some(name), Some(permissions), Some(())) = (name, permissions, expiry) else {
            return Err(faults.into_error());
        };
        self.require_all(caller, permissions, "The token would allow more than you may.").await?;
        // Those that have ended count as well: none may be pushed out of the list by many others.
        if self.parts.service_tokens.list_service_tokens().await?.len() >= MAX_SERVICE_TOKENS {
            let message = format!("there are {MAX_SERVICE_TOKENS} tokens already");
            return Err(Error::bad_field(Fault::new("name", FaultCode::OutOfRange, message)));
        }
        let secret = ServiceSecret::generate(&*self.parts.random);
        let token = ServiceToken {
            id: ServiceTokenId::generate(now, &*self.parts.random),
            name,
            permissions,
            created_by: caller.actor().as_str().to_owned(),
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let event = self.event(AuditKind::ServiceTokenCreated, caller).about(&token.id);
        let event = event.with("name", token.name.clone()).with("permissions", permissions.names());
        self.parts.service_tokens.insert_service_token(&token, &secret.hash(), &event).await?;
        tracing::info!(token = %token.id, "service token made");
        Ok((token, secret))
    }

    /// Every service token, the newest first.
    ///
    /// # Errors
    /// `Forbidden`, `ServiceUnavailable`.
    pub async fn list_service_tokens(&self, caller: &Administrator) -> Result<Vec<ServiceToken>> {
        self.require(caller, Permission::TokensWrite).await?;
        Ok(self.parts.service_tokens.list_service_tokens().await?)
    }

    /// Revokes a service token, from the next request on. One that was revoked before stays so.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `ServiceUnavailable`.
    pub async fn revoke_service_token(&self, caller: &Administrator, id: &str) -> Result<ServiceToken> {
        self.require(caller, Permission::TokensWrite).await?;
        let id: ServiceTokenId = id.parse().map_err(|_| Error::NotFound)?;
        let event = self.event(AuditKind::ServiceTokenRevoked, caller).about(&id);
        let now = self.parts.clock.now();
        let revoked = self.parts.service_tokens.revoke_service_token(&id, now, &event).await?;
        let revoked = revoked.ok_or(Error::NotFound)?;
        tracing::info!(token = %id, "service token revoked");
        Ok(revoked)
    }

    /// Drops tokens that ended long ago, and answers how many.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn purge_service_tokens(&self) -> Result<u64> {
        let before = self.parts.clock.now() - KEPT_AFTER_END;
        Ok(self.parts.service_tokens.purge_service_tokens(before).await?)
    }
}
