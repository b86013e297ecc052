//! Mails: what they say, and the port through which they go out. How they are worded and sent is the
//! business of the mailer.

use async_trait::async_trait;
use chrono::{NaiveDate, TimeDelta};

use super::{
    accounts::{EmailAddress, Locale},
    ids::TaskId,
    outbox::TaskError,
};

/// The languages that mails are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, also for everybody whose language is not here.
    English,
    /// French.
    French,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::French];

    /// The language for a person.
    pub fn of(locale: Option<&Locale>) -> Self {
        let found = Self::ALL.into_iter().find(|one| locale.is_some_and(|tag| tag.language() == one.tag()));
        found.unwrap_or(Self::English)
    }

    /// The language tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }
}

/// A way to do something once: a link, and a code for the device that asked.
#[derive(Clone)]
pub struct Invitation {
    /// The link, with a token in its fragment.
    pub link: String,
    /// For how long the link works.
    pub link_ttl: TimeDelta,
    /// The code.
    pub code: Option<String>,
    /// For how long the code works.
    pub code_ttl: TimeDelta,
}

/// What a mail says.
#[derive(Clone)]
pub enum MailContent {
    /// Please verify your address.
    VerifyEmail(Invitation),
    /// This is the way to a new password.
    ResetPassword(Invitation),
    /// Somebody has made an account for you; this is the way to a password.
    Invited(Invitation),
    /// Shall the account move to this address?
    ConfirmEmailChange(Invitation),
    /// The account has moved to another address.
    EmailChanged {
        /// Where the account is now.
        new_email: EmailAddress,
        /// The way back.
        undo: Invitation,
    },
    /// Those who run the service have given the account another address.
    EmailReplaced {
        /// What the address is now.
        new_email: EmailAddress,
    },
    /// The password was changed.
    PasswordChanged,
    /// Somebody else tried to use your address.
    AddressInUse,
    /// The account will be erased.
    DeletionScheduled {
        /// On which day.
        date: NaiveDate,
    },
    /// The account will not be erased after all.
    AccountRestored,
    /// The account was erased.
    AccountDeleted,
    /// A test.
    Test,
}

/// A mail to one person.
#[derive(Clone)]
pub struct Mail {
    /// The task that it is sent for: copies of one mail can be recognised by it.
    pub id: TaskId,
    /// The address.
    pub to: EmailAddress,
    /// What the person is called; empty where that is not known.
    pub name: String,
    /// The language.
    pub language: Language,
    /// What it says.
    pub content: MailContent,
}

/// A mail as it was written, where mails stay in the process.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// What it is called.
    pub id: String,
    /// To whom it is.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// As text.
    pub text: String,
    /// As HTML.
    pub html: String,
}

/// The mails that stay in the process, for developers.
pub trait Mailbox: Send + Sync {
    /// The last mails, the newest first.
    fn list(&self) -> Vec<Delivered>;
}

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a mail over to the next server; within a minute it has or has not.
    ///
    /// # Errors
    /// `Never` when the server refuses the recipient or the message for good, `Outage` when it cannot be
    /// reached or refuses this service, `Later` for anything else. Then the mail may have been sent.
    async fn send(&self, mail: &Mail) -> Result<(), TaskError>;
}
