//! Verification of the address.

use super::{Accounts, EmailAddress, User, UserChange};
use crate::domain::{
    actor::ClientInfo,
    audit::AuditKind,
    error::{Error, Result},
    one_time::{ProofRequest, Purpose, Ticket},
    outbox::{Slot, Task},
    rate_limits::{Class, Identifier},
};

impl Accounts {
    /// Sends the person with this address, if there is one who has not verified it, a mail to do so.
    /// The answer and the work are the same for every address.
    ///
    /// # Errors
    /// `BadUserInput`, `RateLimited` when it was asked for a moment ago, `ServiceUnavailable`.
    pub async fn request_email_verification(&self, email: &str, client: &ClientInfo) -> Result<Ticket> {
        let email = EmailAddress::parse(email).map_err(Error::bad_field)?;
        let identifier = Identifier::of_email(&email);
        self.parts.limits.check(Class::Verify, client, Some(&identifier)).await?;
        let ticket = self.parts.one_time.ticket();
        let slot = Slot::limited("verify", &email);
        let task = Task::VerifyEmail { email, ticket: Some(ticket.hash()) };
        self.enqueue_mail(task, slot, (Class::Verify, &identifier)).await?;
        Ok(ticket)
    }

    /// Marks the address as verified whose mail was read.
    ///
    /// # Errors
    /// `BadUserInput`, `RateLimited`, `TokenInvalid`, `ServiceUnavailable`.
    pub async fn verify_email(&self, proof: &ProofRequest, client: &ClientInfo) -> Result<User> {
        let token = self.find_token(proof, Purpose::VerifyEmail, client).await?;
        let mut change = UserChange::of(&token.user_id, self.parts.clock.now());
        change.only_if.credential_epoch = Some(token.credential_epoch);
        change.set.email_verified = Some(true);
        let change = change.recorded(self.by_owner(AuditKind::EmailVerified, &token.user_id));
        let user = self.redeem(&token, &change).await?;
        tracing::info!(user = %user.id, "address verified");
        self.parts.sessions.announce_user(&user).await;
        Ok(user)
    }
}
