//! Mail by SMTP, over connections that are kept.

use std::{error::Error as _, time::Duration};

use async_trait::async_trait;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{
        Error, PoolConfig,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use secrecy::ExposeSecret;
use tracing::Instrument;

use super::{MailerError, Sender};
use crate::{
    config::{SmtpConfig, SmtpTls},
    domain::{
        mail::{Mail, Mailer},
        outbox::TaskError,
        traces::trace_part,
    },
};

/// How long the server may take to answer a command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a mail may take as a whole. Less than the lease of its task.
const SEND_TIMEOUT: Duration = Duration::from_secs(45);
const CONNECTIONS: u32 = 8;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Smtp {
    sender: Sender,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Smtp {
    pub(super) fn open(sender: Sender, server: &SmtpConfig) -> Result<Self, MailerError> {
        Ok(Self { sender, transport: transport(server)? })
    }
}

fn transport(server: &SmtpConfig) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailerError> {
    let pool = PoolConfig::new().max_size(CONNECTIONS).idle_timeout(IDLE_TIMEOUT);
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .timeout(Some(COMMAND_TIMEOUT))
        .pool_config(pool)
        .tls(tls(server)?);
    if let Some((user, password)) = &server.credentials {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
    }
    Ok(builder.build())
}

/// Connects, with TLS and credentials as configured, and says good-bye.
pub(super) async fn inspect(server: &SmtpConfig) -> Result<String, MailerError> {
    let transport = transport(server)?;
    #[expect(clippy::disallowed_methods, reason = "nothing is sent")]
    match tokio::time::timeout(COMMAND_TIMEOUT, transport.test_connection()).await {
        Ok(Ok(true)) => {
            Ok(format!("{}:{} takes mail; --mail-to ADDRESS sends a test message", server.host, server.port))
        }
        Ok(Ok(false)) => Err(MailerError::Server("it hung up".into())),
        // What the server said is not repeated: it may quote the user.
        Ok(Err(error)) => Err(MailerError::Server(kind(&error))),
        Err(_) => Err(MailerError::Server("it does not answer in time".into())),
    }
}

fn kind(error: &Error) -> String {
    match error.status() {
        Some(code) => format!("it refuses with {code}"),
        None if error.is_timeout() => "it does not answer in time".into(),
        None if error.is_tls() => "TLS fails, or is not offered".into(),
        None => "no connection".into(),
    }
}

fn tls(server: &SmtpConfig) -> Result<Tls, MailerError> {
    let unusable = |error: Error| MailerError::Server(error.to_string());
    let parameters = || {
        let mut parameters = TlsParameters::builder(server.host.clone());
        if let Some(pem) = &server.authority {
            parameters = parameters.add_root_certificate(Certificate::from_pem(pem).map_err(unusable)?);
        }
        parameters.build().map_err(unusable)
    };
    Ok(match server.tls {
        SmtpTls::Implicit => Tls::Wrapper(parameters()?),
        SmtpTls::Required => Tls::Required(parameters()?),
        SmtpTls::Opportunistic => Tls::Opportunistic(parameters()?),
        SmtpTls::Off => Tls::None,
    })
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, mail: &Mail) -> Result<(), TaskError> {
        let (_, message) = self.sender.message(mail)?;
        let part = trace_part!("mail", otel.kind = "client");
        #[expect(clippy::disallowed_methods, reason = "a mail that is given up half-way is sent again")]
        match tokio::time::timeout(SEND_TIMEOUT, self.transport.send(message)).instrument(part).await {
            Ok(Ok(_)) => {
                tracing::info!(mail = %mail.id, "mail sent");
                Ok(())
            }
            Ok(Err(error)) => Err(classify(&error)),
            Err(_) => Err(TaskError::Later("the mail server took too long".into())),
        }
    }
}

/// What the server said is not repeated: it may quote the address.
fn classify(error: &Error) -> TaskError {
    let Some(code) = &error.status() else {
        // It hung up after the connection stood, or did not answer: that may be about this one mail.
        let is_about_mail = error.is_timeout() || error.is_response() || error.is_client();
        // What went wrong on the way is about the network and about no person.
        let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        let text = format!("the mail server cannot be reached, or hung up: {cause}");
        return if is_about_mail { TaskError::Later(text) } else { TaskError::Outage(text) };
    };
    let text = format!("the mail server answered {code}");
    match u16::from(*code) {
        // This recipient, now and for ever (RFC 5321 §4.2.3). Not 552 and 554, which may be about anything.
        550 | 551 | 553 | 555 | 556 => TaskError::Never(text),
        // This service, for lack of credentials (RFC 4954 §6).
        530..=539 => TaskError::Outage(text),
        _ => TaskError::Later(text),
    }
}
