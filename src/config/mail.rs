//! Settings of mail and of the pages that mails lead to.

use std::{fs, net::IpAddr, path::PathBuf};

use lettre::message::Mailbox;
use secrecy::SecretString;
use url::Url;

use super::{Environment, HttpConfig, Source, variables};

/// Turns mail off where a server is demanded.
const NONE: &str = "none";

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, or no mail.
    Required,
    /// STARTTLS where the server offers it.
    Opportunistic,
    /// None.
    Off,
}

/// A mail server.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// User and password.
    pub credentials: Option<(String, SecretString)>,
    /// PEM of the authority that signed its certificate, if it is not a public one.
    pub authority: Option<Vec<u8>>,
}

/// Where mails go.
#[derive(Debug, Clone)]
pub enum MailTransport {
    /// To a mail server.
    Smtp(Box<SmtpConfig>),
    /// Into a mailbox of this process, which developers read at `/dev/mail`.
    Mailbox,
    /// Nowhere.
    Off,
}

/// Settings of mail.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// Where mails go.
    pub transport: MailTransport,
    /// Whom they are from; its name is the name of the service.
    pub from: Mailbox,
    /// A folder whose texts and layouts take the place of the built-in ones.
    pub templates: Option<PathBuf>,
    /// Where the pages are that mails lead to; ends with `/`.
    pub pages: Url,
}

pub(super) fn read(
    source: &mut Source,
    environment: Environment,
    http: Option<&HttpConfig>,
) -> Option<MailConfig> {
    let authority = source.parse(&variables::SMTP_CA_FILE, read_file).flatten();
    let transport = source.parse(&variables::SMTP_URL, |text| read_transport(text, environment));
    let from = source.parse(&variables::MAIL_FROM, |text| {
        text.parse::<Mailbox>()
            .map_err(|_| "must be an address such as Example <accounts@example.com>".to_owned())
    });
    let templates = source.parse(&variables::MAIL_TEMPLATES, read_folder).flatten();
    let pages = source.parse(&variables::ACCOUNT_PAGES_URL, |text| read_pages(text, environment));
    let mut transport = transport?;
    if let MailTransport::Smtp(smtp) = &mut transport {
        smtp.authority = authority;
        if from.as_ref().is_some_and(|from| from.email.domain() == "localhost")
            && environment == Environment::Production
        {
            source.problem(&variables::MAIL_FROM, "must be set in production");
        }
    }
    let pages = pages?.or_else(|| http?.public_url.join("account/").ok())?;
    Some(MailConfig { transport, from: from?, templates, pages })
}

/// The value is never repeated: it may hold a password.
fn read_transport(text: &str, environment: Environment) -> Result<MailTransport, String> {
    match (text, environment) {
        ("", Environment::Development) => return Ok(MailTransport::Mailbox),
        ("", Environment::Production) => {
            return Err("must be set in production; `none` sends no mail at all".into());
        }
        (NONE, _) => return Ok(MailTransport::Off),
        _ => {}
    }
    let form = || "must be smtp://user:password@host:port or smtps://…".to_owned();
    let url = Url::parse(text).map_err(|_| form())?;
    // In a URL of this scheme every host is a name to the parser, addresses too.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    if host.is_empty() {
        return Err(form());
    }
    let is_near = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let asked = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
    let tls = match (url.scheme(), asked.as_deref()) {
        ("smtps", None) => SmtpTls::Implicit,
        ("smtp", Some("opportunistic")) => SmtpTls::Opportunistic,
        ("smtp", Some("none")) => SmtpTls::Off,
        ("smtp", None) if is_near => SmtpTls::Opportunistic,
        ("smtp", Some("required") | None) => SmtpTls::Required,
        ("smtp" | "smtps", Some(_)) => {
            return Err("has a tls that is not required, opportunistic or none".into());
        }
        _ => return Err(form()),
    };
    let is_protected = matches!(tls, SmtpTls::Implicit | SmtpTls::Required) || is_near;
    if environment == Environment::Production && !is_protected {
        return Err("must use TLS in production, unless the server is on this machine".into());
    }
    let decoded = |part: &str| percent_decoded(part).ok_or_else(form);
    let credentials = match (url.username(), url.password()) {
        ("", None) => None,
        (user, Some(password)) => Some((decoded(user)?, decoded(password)?.into())),
        _ => return Err("must have a password with its user".into()),
    };
    let port = url.port().unwrap_or(if tls == SmtpTls::Implicit { 465 } else { 587 });
    Ok(MailTransport::Smtp(Box::new(SmtpConfig { host, port, tls, credentials, authority: None })))
}

/// User and password as they are meant, in which a URL has some characters as `%40`.
pub(super) fn percent_decoded(part: &str) -> Option<String> {
    // As the value of a form it is decoded in the same way, but for `+`, which is itself here.
    let query = format!("v={}", part.replace('+', "%2B"));
    url::form_urlencoded::parse(query.as_bytes()).next().map(|(_, value)| value.into_owned())
}

fn read_file(path: &str) -> Result<Option<Vec<u8>>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    fs::read(path).map(Some).map_err(|error| format!("{path:?} cannot be read: {error}"))
}

fn read_folder(path: &str) -> Result<Option<PathBuf>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    let folder = PathBuf::from(path);
    if folder.is_dir() { Ok(Some(folder)) } else { Err(format!("{path:?} is not a folder")) }
}

fn read_pages(text: &str, environment: Environment) -> Result<Option<Url>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let url = Url::parse(text).map_err(|_| "must be a URL".to_owned())?;
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.path().ends_with('/');
    if !matches!(url.scheme(), "http" | "https") || !is_plain {
        return Err("must be an http or https URL that ends with / and has no query".into());
    }
    if environment == Environment::Production && url.scheme() != "https" {
        return Err("must be https in production".into());
    }
    Ok(Some(url))
}
