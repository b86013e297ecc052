//! The mailbox of developers: mails stay in the process, and their links are logged.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use super::Sender;
use crate::domain::{
    mail::{Delivered, Mail, Mailbox, Mailer},
    outbox::TaskError,
};

/// Mails that are kept.
const KEPT: usize = 100;

/// Mails of this process, the newest first.
pub(super) struct DevMailbox {
    sender: Sender,
    delivered: Mutex<VecDeque<Delivered>>,
}

impl DevMailbox {
    pub(super) const fn new(sender: Sender) -> Self {
        Self { sender, delivered: Mutex::new(VecDeque::new()) }
    }
}

impl Mailbox for DevMailbox {
    fn list(&self) -> Vec<Delivered> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[async_trait]
impl Mailer for DevMailbox {
    async fn send(&self, mail: &Mail) -> Result<(), TaskError> {
        let (rendered, _) = self.sender.message(mail)?;
        let link = rendered.text.lines().find(|line| line.starts_with("http")).unwrap_or_default();
        // The link is a secret: this mailbox exists in development alone.
        tracing::info!(to = %mail.to, subject = rendered.subject, link, "mail; all are at /dev/mail");
        let delivered = Delivered {
            id: mail.id.to_string(),
            to: mail.to.to_string(),
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
        };
        let mut mails = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
        mails.push_front(delivered);
        mails.truncate(KEPT);
        Ok(())
    }
}
