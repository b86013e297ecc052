//! Moves of an account to another address, and back.

use super::{Accounts, EmailAddress, User, UserChange};
use crate::domain::{
    actor::{ClientInfo, Principal},
    audit::AuditKind,
    error::{Error, Result},
    one_time::{OneTimeToken, ProofRequest, Purpose, Ticket},
    outbox::{SETTLED, Slot, Task},
    passwords::PasswordHash,
    patch::Patch,
    rate_limits::{Class, Identifier},
    store::{Field, StoreError},
};

impl Accounts {
    /// Asks the owner of the new address whether the account may move there. The answer does not tell
    /// whether that address has an account.
    ///
    /// # Errors
    /// `BadUserInput`, `RateLimited` when it was asked for a moment ago, `ServiceUnavailable`.
    pub async fn request_email_change(
        &self,
        caller: &Principal,
        new_email: &str,
        client: &ClientInfo,
    ) -> Result<Ticket> {
        let email = EmailAddress::parse(new_email)
            .map_err(|fault| Error::bad_field(crate::domain::faults::Fault { field: "newEmail", ..fault }))?;
        let identifier = Identifier::of_user(&caller.user.id);
        self.parts.limits.check(Class::Verify, client, Some(&identifier)).await?;
        let (ticket, user) = (self.parts.one_time.ticket(), &caller.user);
        let task = Task::ChangeEmail {
            user_id: user.id.clone(),
            credential_epoch: user.credential_epoch,
            ticket: ticket.hash(),
            email,
        };
        // By the person, who could otherwise have us write to many.
        let slot = Slot::limited_of_user("change", &user.id);
        self.enqueue_mail(task, slot, (Class::Verify, &identifier)).await?;
        Ok(ticket)
    }

    /// Moves the account to the address whose mail was read. The owner of the old address, if it was
    /// verified, gets the way back.
    ///
    /// # Errors
    /// `BadUserInput`, `TokenInvalid`, `EmailTaken` when the address was taken meanwhile,
    /// `ServiceUnavailable`.
    pub async fn confirm_email_change(&self, proof: &ProofRequest, client: &ClientInfo) -> Result<User> {
        let token = self.find_token(proof, Purpose::ChangeEmail, client).await?;
        let before = self.holder(&token, true).await?;
        if before.email_verified && before.email.key() != token.email.key() {
            // Written down first: a move that nobody is told of would be worse than a notice in vain,
            // which is not sent.
            let way_back =
                self.parts.one_time.reserve(Purpose::UndoEmailChange, &before, &before.email).await?;
            let (user_id, from, to) = (before.id, before.email, token.email.clone());
            let notice = Task::EmailChanged { user_id, from, to, token: way_back };
            self.parts.outbox.enqueue_at(notice, None, self.parts.clock.now() + SETTLED).await?;
        }
        let mut change = UserChange::of(&token.user_id, self.parts.clock.now());
        change.only_if.credential_epoch = Some(token.credential_epoch);
        change.set.email = Some(token.email.clone());
        change.set.email_verified = Some(true);
        change.consequences.ends_tokens = true;
        let change = change.recorded(self.by_owner(AuditKind::EmailChanged, &token.user_id));
        let user = self.redeem(&token, &change).await?;
        tracing::info!(user = %user.id, "address changed");
        self.parts.sessions.announce_user(&user).await;
        Ok(user)
    }

    /// Moves the account back to the address whose owner did not want the move. Whoever made it knew the
    /// password: so that is worth nothing from now on, every session and every other token ends, and the
    /// way to a new password is sent to the address.
    ///
    /// # Errors
    /// `BadUserInput`, `TokenInvalid`, `EmailTaken` when the address was taken meanwhile,
    /// `ServiceUnavailable`.
    pub async fn undo_email_change(&self, proof: &ProofRequest, client: &ClientInfo) -> Result<()> {
        let one_time = &self.parts.one_time;
        let token = self.find_token(proof, Purpose::UndoEmailChange, client).await?;
        let holder = self.holder(&token, false).await?;
        let mut change = UserChange::of(&token.user_id, self.parts.clock.now());
        change.set.email = Some(token.email.clone());
        change.set.email_verified = Some(true);
        change.set.password_hash = Some(PasswordHash::none());
        if holder.suspension.is_none() {
            change.set.deletion_due_at = Patch::Clear;
        }
        change.consequences.ends_sessions = true;
        change.consequences.ends_tokens = true;
        let change = change.recorded(self.by_owner(AuditKind::EmailChangeUndone, &token.user_id));
        // Whoever moved the account on after that may not move it back again; before the change for those
        // who are fast, and after it for those who were faster.
        one_time.end_later(&token).await?;
        let user = match self.move_back(&change).await {
            Err(Error::EmailTaken) if self.evict(&token).await? => self.move_back(&change).await?,
            outcome => outcome?,
        };
        one_time.end_later(&token).await?;
        // Used up after the change, which bears being made twice: there is no second mail to ask for.
        one_time.consume(&token).await?;
        tracing::warn!(user = %user.id, "a change of the address was undone by its owner");
        self.parts.sessions.end_all(&user).await;
        let reset = Task::ResetPassword { email: user.email.clone(), ticket: None };
        self.parts.outbox.enqueue(reset, Some(Slot::of("undone", &user.email))).await
    }

    async fn move_back(&self, change: &UserChange) -> Result<User> {
        match self.parts.users.change(change).await {
            Ok(outcome) => outcome.changed().ok_or(Error::TokenInvalid),
            Err(StoreError::Conflict(Field::Email)) => Err(Error::EmailTaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an account that somebody has made with the address since the move, and did not verify: the
    /// owner of the address reads its mail, and wants it back. Answers whether there was one.
    async fn evict(&self, token: &OneTimeToken) -> Result<bool> {
        let users = &self.parts.users;
        let found = users.find_by_email(&token.email.key()).await?.map(|found| found.user);
        let Some(squatter) = found.filter(|user| !user.email_verified) else { return Ok(false) };
        let mut change = UserChange::of(&squatter.id, self.parts.clock.now());
        change.only_if.version = Some(squatter.version);
        change.consequences.ends_sessions = true;
        let Some(ended) = users.change(&change).await?.changed() else { return Ok(false) };
        tracing::warn!(user = %ended.id, "an unverified account is removed for the owner of its address");
        self.parts.sessions.end_all(&ended).await;
        self.parts.sessions.erase(&ended.id).await?;
        self.parts.one_time.remove_of(&ended.id).await?;
        if let Some(avatar) = &ended.avatar {
            self.drop_avatar(&ended.id, &avatar.public_id, self.parts.clock.now()).await?;
        }
        self.parts.audit.redact(&ended.id).await?;
        let event = self.by_owner(AuditKind::UserErased, &token.user_id).about(&ended.id);
        users.remove(&ended.id, Some(&event)).await?;
        Ok(true)
    }
}
