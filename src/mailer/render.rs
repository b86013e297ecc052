//! Mails in words: a catalogue of texts for each language, and one layout for HTML and one for text.
//! All are built in; a folder may have files that take their place.

use std::{collections::BTreeMap, fs, path::Path};

use chrono::{Datelike, NaiveDate, TimeDelta};
use minijinja::{Environment, UndefinedBehavior, context};
use serde::Deserialize;

use super::MailerError;
use crate::domain::mail::{Language, Mail, MailContent};

const LAYOUT_HTML: &str = "layout.html";
const LAYOUT_TEXT: &str = "layout.txt";
/// Templates of strings are named after these, by which the library knows whether to escape.
const AS_HTML: &str = "text.html";
const AS_TEXT: &str = "text.txt";

/// The texts of one language.
#[derive(Debug, Clone, Deserialize)]
struct Catalogue {
    common: Common,
    #[serde(flatten)]
    messages: BTreeMap<String, Texts>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    greeting: String,
    code_intro: String,
    link_fallback: String,
    signature: String,
    months: [String; 12],
    date: String,
    first_day: String,
    minute: [String; 2],
    hour: [String; 2],
    day: [String; 2],
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    subject: String,
    heading: String,
    body: Vec<String>,
    action: String,
    closing: Vec<String>,
}

/// A mail in words.
#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// Texts and layouts.
pub(super) struct Templates {
    engine: Environment<'static>,
    catalogues: Vec<(Language, Catalogue)>,
    product: String,
}

/// What differs from mail to mail.
#[derive(Default)]
struct Parts {
    message: &'static str,
    link: String,
    link_ttl: TimeDelta,
    code: String,
    code_ttl: TimeDelta,
    new_email: String,
    date: Option<NaiveDate>,
}

impl Parts {
    fn of(content: &MailContent) -> Self {
        let (message, invitation) = match content {
            MailContent::VerifyEmail(invitation) => ("verify_email", Some(invitation)),
            MailContent::ResetPassword(invitation) => ("reset_password", Some(invitation)),
            MailContent::Invited(invitation) => ("invited", Some(invitation)),
            MailContent::ConfirmEmailChange(invitation) => ("confirm_email_change", Some(invitation)),
            MailContent::EmailChanged { undo, .. } => ("email_changed", Some(undo)),
            MailContent::EmailReplaced { .. } => ("email_replaced", None),
            MailContent::PasswordChanged => ("password_changed", None),
            MailContent::AddressInUse => ("address_in_use", None),
            MailContent::DeletionScheduled { .. } => ("deletion_scheduled", None),
            MailContent::AccountRestored => ("account_restored", None),
            MailContent::AccountDeleted => ("account_deleted", None),
            MailContent::Test => ("test", None),
        };
        let mut parts = Self { message, ..Self::default() };
        if let Some(invitation) = invitation {
            parts.link.clone_from(&invitation.link);
            parts.link_ttl = invitation.link_ttl;
            parts.code = invitation.code.clone().unwrap_or_default();
            parts.code_ttl = invitation.code_ttl;
        }
        match content {
            MailContent::EmailChanged { new_email, .. } | MailContent::EmailReplaced { new_email } => {
                parts.new_email = new_email.to_string();
            }
            MailContent::DeletionScheduled { date } => parts.date = Some(*date),
            _ => {}
        }
        parts
    }
}

impl Templates {
    pub(super) fn open(folder: Option<&Path>, product: String) -> Result<Self, MailerError> {
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_trim_blocks(false);
        for (name, built_in) in [
            (LAYOUT_HTML, include_str!("../../assets/mail/layout.html")),
            (LAYOUT_TEXT, include_str!("../../assets/mail/layout.txt")),
        ] {
            let layout = read(folder, name, built_in)?;
            engine.add_template_owned(name, layout).map_err(|error| MailerError::template(name, &error))?;
        }
        let mut catalogues = Vec::new();
        for language in Language::ALL {
            let (name, built_in) = match language {
                Language::English => ("en.json", include_str!("../../assets/mail/en.json")),
                Language::French => ("fr.json", include_str!("../../assets/mail/fr.json")),
            };
            let parse = |text: &str| -> Result<Catalogue, MailerError> {
                serde_json::from_str(text).map_err(|error| MailerError::template(name, &error))
            };
            let mut catalogue = parse(&read(folder, name, built_in)?)?;
            // Texts of one's own may be older than the program, and know nothing of newer mails.
            for (message, texts) in parse(built_in)?.messages {
                catalogue.messages.entry(message).or_insert(texts);
            }
            catalogues.push((language, catalogue));
        }
        Ok(Self { engine, catalogues, product })
    }

    pub(super) fn render(&self, mail: &Mail) -> Result<Rendered, minijinja::Error> {
        let missing = |what: String| minijinja::Error::new(minijinja::ErrorKind::TemplateNotFound, what);
        let found = self.catalogues.iter().find(|(language, _)| *language == mail.language);
        let (_, catalogue) = found.ok_or_else(|| missing(mail.language.tag().into()))?;
        let parts = Parts::of(&mail.content);
        let texts = catalogue.messages.get(parts.message).ok_or_else(|| missing(parts.message.into()))?;
        let words =
            Words { engine: &self.engine, product: &self.product, mail, parts: &parts, catalogue, texts };
        Ok(Rendered {
            subject: words.say(AS_TEXT, &texts.subject)?,
            text: words.lay_out(LAYOUT_TEXT, AS_TEXT)?,
            html: words.lay_out(LAYOUT_HTML, AS_HTML)?,
        })
    }
}

/// What one mail is made of.
struct Words<'a> {
    engine: &'a Environment<'static>,
    product: &'a str,
    mail: &'a Mail,
    parts: &'a Parts,
    catalogue: &'a Catalogue,
    texts: &'a Texts,
}

impl Words<'_> {
    /// A string of the catalogue with what it speaks of, escaped as `kind` wants it.
    fn say(&self, kind: &str, text: &str) -> Result<String, minijinja::Error> {
        let (parts, common) = (self.parts, &self.catalogue.common);
        let variables = context! {
            product => self.product,
            name => self.mail.name,
            email => self.mail.to.as_str(),
            old_email => self.mail.to.as_str(),
            new_email => if parts.new_email.is_empty() { self.mail.to.as_str() } else { &parts.new_email },
            link_expires => common.duration(parts.link_ttl),
            code_expires => common.duration(parts.code_ttl),
            date => parts.date.map(|date| self.date(date)).transpose()?,
        };
        self.engine.render_named_str(kind, text, variables)
    }

    fn date(&self, date: NaiveDate) -> Result<String, minijinja::Error> {
        let common = &self.catalogue.common;
        let day = if date.day() == 1 { common.first_day.clone() } else { date.day().to_string() };
        let variables = context! { day, month => common.months[date.month0() as usize], year => date.year() };
        self.engine.render_named_str(AS_TEXT, &common.date, variables)
    }

    fn lay_out(&self, layout: &str, kind: &str) -> Result<String, minijinja::Error> {
        let (common, texts, parts) = (&self.catalogue.common, self.texts, self.parts);
        let say_all = |texts: &[String]| -> Result<Vec<String>, minijinja::Error> {
            texts.iter().map(|text| self.say(kind, text)).collect()
        };
        let say_if =
            |is_said: bool, text: &str| if is_said { self.say(kind, text) } else { Ok(String::new()) };
        self.engine.get_template(layout)?.render(context! {
            lang => self.mail.language.tag(),
            product => self.say(kind, "{{ product }}")?,
            subject => self.say(kind, &texts.subject)?,
            heading => self.say(kind, &texts.heading)?,
            greeting => say_if(!self.mail.name.is_empty(), &common.greeting)?,
            body => say_all(&texts.body)?,
            action => self.say(kind, &texts.action)?,
            link => parts.link,
            link_fallback => self.say(kind, &common.link_fallback)?,
            code => parts.code,
            code_intro => say_if(!parts.code.is_empty(), &common.code_intro)?,
            closing => say_all(&texts.closing)?,
            signature => self.say(kind, &common.signature)?,
        })
    }
}

impl Common {
    /// A duration in its largest whole unit, its number and unit held together.
    fn duration(&self, duration: TimeDelta) -> String {
        let minutes = duration.num_minutes();
        let (count, unit) = match minutes {
            _ if minutes >= 48 * 60 && minutes % (24 * 60) == 0 => (minutes / (24 * 60), &self.day),
            _ if minutes >= 60 && minutes % 60 == 0 => (minutes / 60, &self.hour),
            _ => (minutes, &self.minute),
        };
        let [one, many] = unit;
        format!("{count}\u{a0}{}", if count == 1 { one } else { many })
    }
}

fn read(folder: Option<&Path>, name: &str, built_in: &str) -> Result<String, MailerError> {
    let Some(path) = folder.map(|folder| folder.join(name)).filter(|path| path.exists()) else {
        return Ok(built_in.to_owned());
    };
    fs::read_to_string(&path).map_err(|error| MailerError::unreadable(&path, &error))
}
