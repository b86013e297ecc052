//! From what was written down to a mail: whether it is still to be sent, to whom, and with which token.

use super::{Accounts, DisplayName, EmailAddress, TimeZone, User};
use crate::domain::{
    error::{Error, Result},
    ids::{OneTimeTokenId, TaskId, UserId},
    mail::{Invitation, Language, Mail, MailContent},
    one_time::{CODE_TTL, Minted, Purpose},
    outbox::Notice,
    tokens::TokenHash,
};

/// The most characters of a name that mails greet with.
const MAX_GREETED: usize = 50;

/// Whose mail it is.
pub(super) struct Letter<'a> {
    accounts: &'a Accounts,
    task: &'a TaskId,
    user: User,
}

impl Accounts {
    /// A letter to the person with this address, as its owner wrote it; `None` if there is nobody.
    pub(super) async fn letter_to<'a>(
        &'a self,
        email: &EmailAddress,
        task: &'a TaskId,
    ) -> Result<Option<Letter<'a>>> {
        let found = self.parts.users.find_by_email(&email.key()).await?;
        Ok(found.map(|found| Letter { accounts: self, task, user: found.user }))
    }

    /// A letter to this person.
    pub(super) async fn letter_of<'a>(&'a self, id: &UserId, task: &'a TaskId) -> Result<Option<Letter<'a>>> {
        let found = self.parts.users.find(id).await?;
        Ok(found.map(|user| Letter { accounts: self, task, user }))
    }
}

impl Letter<'_> {
    pub(super) async fn verify_email(self, ticket: Option<TokenHash>) -> Result<Option<Mail>> {
        if self.user.email_verified {
            return Ok(None);
        }
        let email = self.user.email.clone();
        let invitation = self.invite(Purpose::VerifyEmail, &email, ticket).await?;
        Ok(Some(self.with(email, MailContent::VerifyEmail(invitation))))
    }

    pub(super) async fn reset_password(self, ticket: Option<TokenHash>) -> Result<Option<Mail>> {
        let email = self.user.email.clone();
        let invitation = self.invite(Purpose::ResetPassword, &email, ticket).await?;
        Ok(Some(self.with(email, MailContent::ResetPassword(invitation))))
    }

    pub(super) async fn invitation_to_join(self) -> Result<Option<Mail>> {
        let email = self.user.email.clone();
        let minted = self.accounts.parts.one_time.mint_invitation(&self.user).await?;
        let invitation = self.invitation(Purpose::ResetPassword, minted);
        Ok(Some(self.with(email, MailContent::Invited(invitation))))
    }

    /// `None` if the address belongs to somebody else, whom [`Accounts::warn_owner`] tells of it.
    pub(super) async fn change_email(
        self,
        credential_epoch: i64,
        email: &EmailAddress,
        ticket: TokenHash,
    ) -> Result<Option<Mail>> {
        if self.user.credential_epoch != credential_epoch {
            return Ok(None);
        }
        let owner = self.accounts.parts.users.find_by_email(&email.key()).await?;
        if owner.is_some_and(|owner| owner.user.id != self.user.id) {
            return self.accounts.warn_owner(email).await.map(|()| None).map_err(|_| Error::unavailable());
        }
        let invitation = self.invite(Purpose::ChangeEmail, email, Some(ticket)).await?;
        Ok(Some(self.with(email.clone(), MailContent::ConfirmEmailChange(invitation))))
    }

    /// `None` if the account did not move after all.
    pub(super) async fn email_changed(
        self,
        from: &EmailAddress,
        to: &EmailAddress,
        token: &OneTimeTokenId,
    ) -> Result<Option<Mail>> {
        if self.user.email.key() == from.key() {
            return Ok(None);
        }
        let armed = self.accounts.parts.one_time.arm(token, Purpose::UndoEmailChange).await?;
        let Some(armed) = armed else { return Ok(None) };
        let undo = self.invitation(Purpose::UndoEmailChange, armed);
        let content = MailContent::EmailChanged { new_email: to.clone(), undo };
        Ok(Some(self.with(from.clone(), content)))
    }

    /// `None` if the account was not moved after all.
    pub(super) fn email_replaced(self, from: &EmailAddress, to: &EmailAddress) -> Option<Mail> {
        if self.user.email.key() == from.key() {
            return None;
        }
        Some(self.with(from.clone(), MailContent::EmailReplaced { new_email: to.clone() }))
    }

    pub(super) fn address_in_use(self) -> Mail {
        let email = self.user.email.clone();
        self.with(email, MailContent::AddressInUse)
    }

    pub(super) fn notice(self, notice: &Notice) -> Mail {
        let content = match notice {
            Notice::PasswordChanged => MailContent::PasswordChanged,
            Notice::AccountRestored => MailContent::AccountRestored,
            Notice::DeletionScheduled { at } => {
                let zone = self.user.time_zone.as_ref();
                let date = zone.map_or_else(|| at.date_naive(), |zone: &TimeZone| zone.day_of(*at));
                MailContent::DeletionScheduled { date }
            }
        };
        let email = self.user.email.clone();
        self.with(email, content)
    }

    async fn invite(
        &self,
        purpose: Purpose,
        email: &EmailAddress,
        ticket: Option<TokenHash>,
    ) -> Result<Invitation> {
        let parts = &self.accounts.parts;
        let minted = parts.one_time.mint(purpose, &self.user, email, ticket).await?;
        Ok(self.invitation(purpose, minted))
    }

    fn invitation(&self, purpose: Purpose, minted: Minted) -> Invitation {
        let pages = &self.accounts.parts.settings.pages;
        let Minted { secret, code, ttl } = minted;
        let page = match purpose {
            Purpose::VerifyEmail => "verify-email",
            Purpose::ResetPassword => "reset-password",
            Purpose::ChangeEmail => "confirm-email-change",
            Purpose::UndoEmailChange => "undo-email-change",
        };
        // What follows `#` goes to no server and into no log.
        let language = Language::of(self.user.locale.as_ref()).tag();
        let link = format!("{pages}{page}#token={}&lang={language}", secret.expose());
        let code = code.map(|code| code.expose());
        Invitation { link, link_ttl: ttl, code, code_ttl: CODE_TTL.min(ttl) }
    }

    fn with(self, to: EmailAddress, content: MailContent) -> Mail {
        let language = Language::of(self.user.locale.as_ref());
        Mail { id: self.task.clone(), to, name: greeted(&self.user.name), language, content }
    }
}

/// A name as mails greet with it. Anybody can have a mail sent to anybody by registering: a name that
/// could carry an address or a message is left out.
pub(super) fn greeted(name: &DisplayName) -> String {
    let name = name.as_str();
    let mut characters = name.chars();
    let is_plain = characters.all(|c| c.is_alphabetic() || matches!(c, ' ' | '\'' | '’' | '-'));
    let is_name = is_plain && name.chars().count() <= MAX_GREETED && name.split(' ').count() <= 5;
    if is_name { name.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_greet_with_names_and_with_nothing_else() {
        for (name, shown) in [
            ("Ada Lovelace", "Ada Lovelace"),
            ("Zoë O’Neill-Smith", "Zoë O’Neill-Smith"),
            ("李小龍", "李小龍"),
            ("you won http://evil.example", ""),
            ("evil.example", ""),
            ("call 555 1234", ""),
            ("please log in at our other place now", ""),
        ] {
            assert_eq!(greeted(&DisplayName::parse(name).unwrap()), shown, "{name}");
        }
    }
}
