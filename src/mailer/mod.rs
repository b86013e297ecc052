//! The ways out for mails: a mail server, a mailbox of this process for developers, or none.

mod mailbox;
mod render;
mod smtp;

use std::{io, path::Path, sync::Arc};

use async_trait::async_trait;
use lettre::message::{Mailbox, Message, MultiPart, SinglePart, header};

use mailbox::DevMailbox;
use render::{Rendered, Templates};
use smtp::Smtp;

use crate::{
    config::{MailConfig, MailTransport},
    domain::{
        mail::{self, Mail, Mailer},
        outbox::TaskError,
    },
};

/// Why mail cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    /// A text or layout cannot be read.
    #[error("cannot read the mail template {file}: {reason}")]
    Template {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The mail server cannot be used as configured.
    #[error("cannot use the mail server: {0}")]
    Server(String),
}

impl MailerError {
    fn template(file: impl AsRef<Path>, reason: &dyn std::fmt::Display) -> Self {
        Self::Template { file: file.as_ref().display().to_string(), reason: reason.to_string() }
    }

    fn unreadable(file: &Path, error: &io::Error) -> Self {
        Self::template(file, error)
    }
}

/// The mailer of a process.
#[derive(Clone)]
pub struct Outgoing {
    /// Sends.
    pub mailer: Arc<dyn Mailer>,
    /// What was sent, where mails stay in the process.
    pub mailbox: Option<Arc<dyn mail::Mailbox>>,
}

/// Sets up what is configured. No server is asked yet.
///
/// # Errors
/// [`MailerError`].
pub fn open(config: &MailConfig) -> Result<Outgoing, MailerError> {
    let templates = Templates::open(config.templates.as_deref(), product(&config.from))?;
    let sender = Sender { templates, from: config.from.clone() };
    Ok(match &config.transport {
        MailTransport::Smtp(server) => {
            Outgoing { mailer: Arc::new(Smtp::open(sender, server)?), mailbox: None }
        }
        MailTransport::Mailbox => {
            let mailbox = Arc::new(DevMailbox::new(sender));
            Outgoing { mailer: mailbox.clone(), mailbox: Some(mailbox) }
        }
        MailTransport::Off => Outgoing { mailer: Arc::new(Nowhere), mailbox: None },
    })
}

/// Connects to the mail server as a mail would, and sends none.
///
/// # Errors
/// What is wrong.
pub async fn inspect(config: &MailConfig) -> Result<String, MailerError> {
    match &config.transport {
        MailTransport::Smtp(server) => smtp::inspect(server).await,
        MailTransport::Mailbox | MailTransport::Off => Ok("no mail server".into()),
    }
}

/// What the service is called: by its own name, or by that of its domain.
fn product(from: &Mailbox) -> String {
    from.name.clone().unwrap_or_else(|| from.email.domain().to_owned())
}

/// What every way out has in common.
struct Sender {
    templates: Templates,
    from: Mailbox,
}

impl Sender {
    /// The mail as it goes over the wire. Copies of one mail have one `Message-ID`.
    fn message(&self, mail: &Mail) -> Result<(Rendered, Message), TaskError> {
        let never =
            |error: &dyn std::fmt::Display| TaskError::Never(format!("the mail cannot be written: {error}"));
        let rendered = self.templates.render(mail).map_err(|error| never(&error))?;
        let to =
            mail.to.for_the_wire().parse().map_err(|error: lettre::address::AddressError| never(&error))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(mail.name.clone()).filter(|name| !name.is_empty()), to))
            .subject(rendered.subject.clone())
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .header(AutoSubmitted)
            .header(ContentLanguage(mail.language.tag()));
        let parts = MultiPart::alternative()
            .singlepart(SinglePart::plain(rendered.text.clone()))
            .singlepart(SinglePart::html(rendered.html.clone()));
        let message = message.multipart(parts).map_err(|error| never(&error))?;
        Ok((rendered, message))
    }
}

/// Tells other programs not to answer (RFC 3834 §5).
#[derive(Clone)]
struct AutoSubmitted;

/// The language of both parts (RFC 3282 §2).
#[derive(Clone)]
struct ContentLanguage(&'static str);

/// A header that is written and never read.
macro_rules! written_header {
    ($type:ty, $name:literal, $value:expr) => {
        impl header::Header for $type {
            fn name() -> header::HeaderName {
                header::HeaderName::new_from_ascii_str($name)
            }

            fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Err("this header is written and never read".into())
            }

            fn display(&self) -> header::HeaderValue {
                let value: fn(&Self) -> &str = $value;
                header::HeaderValue::new(Self::name(), value(self).to_owned())
            }
        }
    };
}

written_header!(AutoSubmitted, "Auto-Submitted", |_| "auto-generated");
written_header!(ContentLanguage, "Content-Language", |language| language.0);

/// No way out: every mail is given up.
struct Nowhere;

#[async_trait]
impl Mailer for Nowhere {
    async fn send(&self, _: &Mail) -> Result<(), TaskError> {
        Err(TaskError::Never("mail is turned off (SMTP_URL=none)".into()))
    }
}
