//! Login by e-mail address and password.

use std::time::Duration;

use tokio::time::Instant;

use super::{Sessions, SignedIn, parse_device_name};
use crate::domain::{
    accounts::{ChangeOutcome, EmailAddress, User, UserChange, UserWithPassword},
    actor::{ClientInfo, PresentedToken},
    audit::{self, AuditActor, AuditEvent, AuditKind},
    error::{Error, Result},
    faults::Faults,
    ids::UserId,
    passwords::{Password, PasswordHash, Verification},
    rate_limits::{Class, DeviceId, Identifier, PasswordAttempt},
};

/// Longer than a store that works looks for a person.
const LOOKUP_TIME: Duration = Duration::from_millis(10);

/// What a login needs.
pub struct LoginRequest {
    /// The e-mail address, in any case or form.
    pub email: String,
    /// The password.
    pub password: String,
    /// What the client calls the device.
    pub device_name: Option<String>,
    /// What an earlier login on the device was given.
    pub device_token: Option<PresentedToken>,
    /// The device.
    pub client: ClientInfo,
}

impl Sessions {
    /// Logs a user in.
    ///
    /// An unknown address and a wrong password get the same answer after the same work
    /// (ASVS 5.0 V6.3.8).
    ///
    /// # Errors
    /// `BadUserInput`, `InvalidCredentials`, `RateLimited`, `Overloaded`, `ServiceUnavailable`.
    pub async fn login(&self, request: LoginRequest) -> Result<SignedIn> {
        let mut faults = Faults::default();
        let email = faults.check(EmailAddress::parse(&request.email));
        let password = faults.check(Password::parse_given("password", &request.password));
        let device_name = faults.check(parse_device_name(request.device_name.as_deref()));
        let (Some(email), Some(password), Some(device_name)) = (email, password, device_name) else {
            return Err(faults.into_error());
        };

        let device = self.known_device(request.device_token.as_ref(), &email).await?;
        let attempt = PasswordAttempt {
            class: Class::Login,
            client: &request.client,
            identifier: Identifier::of_email(&email),
            person: Identifier::of_email(&email),
            device: device.clone(),
        };
        let attempt = self.parts.limits.begin(&attempt).await?;
        let user = match self.verify(&email, password).await {
            Ok(user) => user,
            // Whoever is not let in has failed, whatever the reason: the count must not tell it either.
            Err(Error::InvalidCredentials) => return Err(Error::InvalidCredentials),
            Err(error) => {
                self.parts.limits.undone(attempt).await;
                return Err(error);
            }
        };
        self.parts.limits.succeeded(attempt).await;
        let now = self.parts.clock.now();
        let event = audit::by_owner(AuditKind::Login, &user.id, now, &*self.parts.random);
        let mut signed_in = self.start(user, device_name, &request.client, Some(event)).await?;
        if let Some(device) = device {
            // The same device: a new one with each login would have failures of its own each time.
            signed_in.device_token = Some(self.parts.devices.renew(&device, &signed_in.user));
        }
        Ok(signed_in)
    }

    /// The device of a token, if the person's password and address are still those of then.
    async fn known_device(
        &self,
        token: Option<&PresentedToken>,
        email: &EmailAddress,
    ) -> Result<Option<DeviceId>> {
        let known = token.and_then(|token| self.parts.devices.read(token.expose(), email));
        let Some(known) = known else { return Ok(None) };
        let found = self.parts.users.find_by_email(&email.key()).await?;
        let is_current = found.is_some_and(|found| found.user.credential_epoch == known.credential_epoch);
        Ok(is_current.then_some(known.id))
    }

    /// The person with this address, if the password is theirs and they are let in.
    async fn verify(&self, email: &EmailAddress, password: Password) -> Result<User> {
        // A store takes a little longer for what it finds than for what it does not: both are looked at
        // when more time than that has gone by.
        let looked_at = Instant::now() + LOOKUP_TIME;
        let found = self.parts.users.find_by_email(&email.key()).await?;
        tokio::time::sleep_until(looked_at).await;
        let stored = found.as_ref().map(|found| found.password_hash.clone());
        let attempted = found.as_ref().map(|found| found.user.id.clone());
        let known = found.as_ref().map(|found| tracing::field::display(found.user.id.clone()));
        let verification = self.parts.passwords.verify(password, stored).await?;
        let (Some(found), Verification::Right { upgraded }) = (found, verification) else {
            tracing::info!(user = known, "login refused");
            self.note_failure(attempted.as_ref(), None);
            return Err(Error::InvalidCredentials);
        };
        if let Some(upgraded) = upgraded {
            self.upgrade_hash(&found, upgraded).await;
        }
        let admitted = self.admit(found.user).await;
        match &admitted {
            Err(Error::AccountSuspended) => {
                self.note_failure(attempted.as_ref(), Some("the account is suspended"));
            }
            Err(Error::InvalidCredentials) => {
                self.note_failure(attempted.as_ref(), Some("not let in yet, or any more"));
            }
            Ok(_) | Err(_) => {}
        }
        admitted
    }

    /// Writes down that somebody tried to log in, as a person or with an address that is nobody's: the same
    /// work for both, beside the answer. Which address that was is nobody's business. `why` is for those whose
    /// password was right.
    fn note_failure(&self, user: Option<&UserId>, why: Option<&str>) {
        let (now, random) = (self.parts.clock.now(), &*self.parts.random);
        let event = AuditEvent::new(AuditKind::Login, AuditActor::anonymous(), now, random);
        let event = user.map_or_else(|| event.clone(), |user| event.clone().about(user)).failed();
        let event = why.map_or_else(|| event.clone(), |why| event.clone().with("why", why));
        let audit = self.parts.audit.clone();
        tokio::spawn(async move { audit.note(event).await });
    }

    /// Replaces a hash of an older cost. That it fails is no reason to refuse the login: the next
    /// one tries again.
    async fn upgrade_hash(&self, found: &UserWithPassword, upgraded: PasswordHash) {
        let mut change = UserChange::of(&found.user.id, self.parts.clock.now());
        change.only_if.password_hash = Some(found.password_hash.clone());
        change.set.password_hash = Some(upgraded);
        change.consequences.unseen = true;
        match self.parts.users.change(&change).await {
            Ok(ChangeOutcome::Changed(_)) => {
                tracing::info!(user = %found.user.id, "password rehashed at the current cost");
            }
            Ok(ChangeOutcome::Unmet(_) | ChangeOutcome::Missing) => {
                tracing::debug!(user = %found.user.id, "the password was changed meanwhile");
            }
            Err(error) => tracing::warn!(%error, "password not rehashed"),
        }
    }
}
