//! How each task of the outbox is done.

use async_trait::async_trait;

use super::{Accounts, letters};
use crate::domain::{
    mail::{Language, Mail, MailContent},
    outbox::{Entry, Task, TaskError, TaskHandler},
};

#[async_trait]
impl TaskHandler for Accounts {
    async fn handle(&self, entry: &Entry) -> Result<(), TaskError> {
        let id = &entry.id;
        let mail = match &entry.task {
            Task::Register(pending) => return self.make_account(pending, entry.created_at).await,
            Task::DropAvatar { user_id, public_id } => return self.delete_avatar(user_id, public_id).await,
            Task::EraseAccount { user_id } => return self.erase(user_id, id).await,
            Task::VerifyEmail { email, ticket } => match self.letter_to(email, id).await? {
                Some(letter) => letter.verify_email(*ticket).await?,
                None => None,
            },
            Task::ResetPassword { email, ticket } => match self.letter_to(email, id).await? {
                Some(letter) => letter.reset_password(*ticket).await?,
                None => None,
            },
            Task::ChangeEmail { user_id, credential_epoch, email, ticket } => {
                match self.letter_of(user_id, id).await? {
                    Some(letter) => letter.change_email(*credential_epoch, email, *ticket).await?,
                    None => None,
                }
            }
            Task::EmailChanged { user_id, from, to, token } => match self.letter_of(user_id, id).await? {
                Some(letter) => letter.email_changed(from, to, token).await?,
                None => None,
            },
            Task::EmailReplaced { user_id, from, to } => {
                self.letter_of(user_id, id).await?.and_then(|letter| letter.email_replaced(from, to))
            }
            Task::AddressInUse { email } => {
                self.letter_to(email, id).await?.map(super::letters::Letter::address_in_use)
            }
            Task::Notice { user_id, notice } => {
                self.letter_of(user_id, id).await?.map(|letter| letter.notice(notice))
            }
            Task::Invite { user_id } => match self.letter_of(user_id, id).await? {
                Some(letter) => letter.invitation_to_join().await?,
                None => None,
            },
            Task::Unknown => return Err(TaskError::Later("a newer program knows how to do it".into())),
            Task::Farewell { email, name, locale } => Some(Mail {
                id: id.clone(),
                to: email.clone(),
                name: letters::greeted(name),
                language: Language::of(locale.as_ref()),
                content: MailContent::AccountDeleted,
            }),
        };
        match mail {
            Some(mail) => self.parts.mailer.send(&mail).await,
            // Nobody is to get it, or not any more.
            None => Ok(()),
        }
    }
}
