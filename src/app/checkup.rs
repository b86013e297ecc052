//! What `vestibule doctor` looks at.

use super::{Ambient, install_crypto};
use crate::{
    cache,
    config::{Config, MailTransport},
    domain::{
        accounts::EmailAddress,
        ids::TaskId,
        mail::{Language, Mail, MailContent},
        random::SharedRandom,
    },
    mailer,
    stores::Stores,
};

/// What was found in one part.
pub struct Finding {
    /// The part.
    pub part: &'static str,
    /// What is well, or what is not.
    pub outcome: Result<String, String>,
}

/// What was found.
pub struct Checkup {
    /// Part by part.
    pub findings: Vec<Finding>,
}

impl Checkup {
    /// Whether nothing is wrong.
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.outcome.is_ok())
    }
}

/// Looks at store, cache, outbox and mail, beside a service that may be running.
pub async fn examine(config: &Config, mail_to: Option<EmailAddress>) -> Checkup {
    install_crypto();
    let ambient = Ambient::default();
    let mut findings = Vec::new();
    let mut note = |part, outcome| findings.push(Finding { part, outcome });
    match Stores::open_beside(&config.database).await {
        Ok(stores) => {
            let answers = stores.health.ping().await;
            note("store", answers.map(|()| "it answers".into()).map_err(|error| error.to_string()));
            note("outbox", outbox(&stores).await);
        }
        Err(error) => note("store", Err(error.to_string())),
    }
    note("cache", cache(config, &ambient.random).await);
    note("mail", mail(config, &ambient, mail_to).await);
    Checkup { findings }
}

/// Something that was given up is for a person to look at.
async fn outbox(stores: &Stores) -> Result<String, String> {
    let summary = stores.outbox.summary().await.map_err(|error| error.to_string())?;
    let waiting = match summary.oldest_due_at {
        Some(since) => format!("{} waiting, the first of them due at {since}", summary.waiting),
        None => "nothing waiting".to_owned(),
    };
    match summary.given_up {
        0 => Ok(waiting),
        count => Err(format!("{waiting}; {count} given up in the last 7 days, see the log for \"given up\"")),
    }
}

async fn cache(config: &Config, random: &SharedRandom) -> Result<String, String> {
    let opened = cache::open(&config.cache, random).await.map_err(|error| error.to_string())?;
    let answers = opened.sessions.ping().await;
    answers.map(|()| "it answers".into()).map_err(|_| "it does not answer".into())
}

async fn mail(config: &Config, ambient: &Ambient, to: Option<EmailAddress>) -> Result<String, String> {
    let outgoing = mailer::open(&config.mail).map_err(|error| error.to_string())?;
    let Some(to) = to else {
        return Ok(match &config.mail.transport {
            MailTransport::Smtp(_) => "templates are good; --mail-to ADDRESS sends a test message".into(),
            MailTransport::Mailbox => "no SMTP_URL: mails are shown at /dev/mail".into(),
            MailTransport::Off => "turned off".into(),
        });
    };
    let (id, content) = (TaskId::generate(ambient.clock.now(), &*ambient.random), MailContent::Test);
    let mail = Mail { id, to, name: String::new(), language: Language::English, content };
    let sent = outgoing.mailer.send(&mail).await;
    sent.map(|()| format!("a test message was handed over, {}", mail.id)).map_err(|error| error.to_string())
}
