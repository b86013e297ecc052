//! A new password without the old one.

use super::{Accounts, EmailAddress, UserChange};
use crate::domain::{
    actor::ClientInfo,
    audit::AuditKind,
    error::{Error, Result},
    one_time::{ProofRequest, Purpose, Ticket},
    outbox::{Notice, Slot, Task},
    passwords::Password,
    rate_limits::{Class, Identifier},
};

impl Accounts {
    /// Sends the person with this address, if there is one, the way to a new password. The answer and
    /// the work are the same for every address: what was asked is written down, and looked into later.
    ///
    /// # Errors
    /// `BadUserInput`, `RateLimited` when it was asked for a moment ago, `ServiceUnavailable`.
    pub async fn request_password_reset(&self, email: &str, client: &ClientInfo) -> Result<Ticket> {
        let email = EmailAddress::parse(email).map_err(Error::bad_field)?;
        let identifier = Identifier::of_email(&email);
        self.parts.limits.check(Class::Reset, client, Some(&identifier)).await?;
        let ticket = self.parts.one_time.ticket();
        let slot = Slot::limited("reset", &email);
        let task = Task::ResetPassword { email, ticket: Some(ticket.hash()) };
        self.enqueue_mail(task, slot, (Class::Reset, &identifier)).await?;
        Ok(ticket)
    }

    /// Sets the password of the person who has read the mail, and ends every session. Nobody is logged
    /// in by this; the owner is told by mail. Having read the mail, the person has also shown that the
    /// address is theirs.
    ///
    /// # Errors
    /// `BadUserInput`, `RateLimited`, `TokenInvalid`, `Overloaded`, `ServiceUnavailable`.
    pub async fn reset_password(
        &self,
        proof: &ProofRequest,
        new_password: &str,
        client: &ClientInfo,
    ) -> Result<()> {
        let new = Password::parse_new("newPassword", new_password).map_err(Error::bad_field)?;
        if proof.token.is_none() {
            // First without the person, so that a weak password costs no attempt at the code.
            self.parts.limits.check(Class::Strength, client, None).await?;
            self.parts.passwords.check_strength("newPassword", &new, &[]).await?;
        }
        let token = self.find_token(proof, Purpose::ResetPassword, client).await?;
        let user = self.holder(&token, true).await?;
        self.parts.passwords.check_strength("newPassword", &new, &user.words()).await?;
        let hash = self.parts.passwords.hash(new).await?;

        let mut change = UserChange::of(&token.user_id, self.parts.clock.now());
        change.only_if.credential_epoch = Some(token.credential_epoch);
        change.set.password_hash = Some(hash);
        change.set.email_verified = Some(true);
        change.consequences.ends_sessions = true;
        change.consequences.ends_tokens = true;
        let change = change.recorded(self.by_owner(AuditKind::PasswordReset, &token.user_id));
        let user = self.redeem(&token, &change).await?;
        tracing::info!(user = %user.id, "password reset");
        self.parts.limits.pardon(&Identifier::of_email(&user.email)).await;
        self.parts.sessions.end_all(&user).await;
        self.notify(&user, Notice::PasswordChanged).await;
        Ok(())
    }
}
