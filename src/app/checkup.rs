//! What `vestibule doctor` looks at, beside a service that may be running. It changes nothing.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use super::{Ambient, install_crypto};
use crate::{
    cache,
    config::{AvatarConfig, Config, DatabaseConfig, MailTransport, SqliteFile},
    domain::{
        accounts::EmailAddress,
        checkup::{Finding, State},
        ids::TaskId,
        mail::{Language, Mail, MailContent},
    },
    mailer, media,
    stores::{Stores, mongodb, sqlite},
};

/// Files that a busy node has open: connections of clients above all.
const FILES: u64 = 16_896;
/// Whoever else may read a file.
const OTHERS: u32 = 0o077;

/// Looks at store, cache, outbox, mail, pictures, and the files and limits of the process.
pub async fn examine(config: &Config, mail_to: Option<EmailAddress>) -> Vec<Finding> {
    install_crypto();
    let mut findings = match &config.database {
        DatabaseConfig::Sqlite(SqliteFile::Path(path)) => sqlite::inspect(path),
        DatabaseConfig::Sqlite(SqliteFile::Memory) => vec![Finding::new(
            "store",
            State::doubtful(
                "it is in memory",
                "set DATABASE_URL to a file or to MongoDB: all is gone with the process",
            ),
        )],
        DatabaseConfig::MongoDb(url) => mongodb::inspect(url).await,
    };
    // Opening a store may bring it up to date: only one in which nothing is missing is opened.
    let is_current = Stores::version(&config.database).await;
    let is_current = is_current.is_ok_and(|version| version.found == Some(version.known));
    let is_whole = !findings.iter().any(|finding| matches!(finding.state, State::Faulty { .. }));
    if is_current && is_whole {
        findings.push(Finding::new("outbox", outbox(config).await));
    }
    findings.extend(cache::inspect(&config.cache).await);
    findings.push(Finding::new("mail", mail(config, mail_to).await));
    findings.push(Finding::new("pictures", media::inspect(&config.avatars).await));
    findings.push(Finding::new("files", open_files()));
    findings.extend(secret_files(config));
    findings
}

/// Something that was given up is for a person to look at.
async fn outbox(config: &Config) -> State {
    let stores = match Stores::open_beside(&config.database).await {
        Ok(stores) => stores,
        Err(error) => return State::faulty(error.to_string(), "see the store"),
    };
    let summary = match stores.outbox.summary().await {
        Ok(summary) => summary,
        Err(error) => return State::faulty(error.to_string(), "see the store"),
    };
    let waiting = match summary.oldest_due_at {
        Some(since) => format!("{} waiting, the first of them due at {since}", summary.waiting),
        None => "nothing waiting".to_owned(),
    };
    match summary.given_up {
        0 => State::well(waiting),
        count => State::faulty(
            format!("{waiting}; {count} given up in the last 7 days"),
            "see the log for \"given up\", which says why; whoever waits for a mail has to ask for it again",
        ),
    }
}

async fn mail(config: &Config, to: Option<EmailAddress>) -> State {
    const REMEDY: &str = "see SMTP_URL, SMTP_CA_FILE and MAIL_TEMPLATES, and what the mail server logs";
    let outgoing = match mailer::open(&config.mail) {
        Ok(outgoing) => outgoing,
        Err(error) => return State::faulty(error.to_string(), REMEDY),
    };
    let Some(to) = to else {
        return match &config.mail.transport {
            MailTransport::Smtp(_) => State::of(mailer::inspect(&config.mail).await, REMEDY),
            MailTransport::Mailbox => State::well("no SMTP_URL: mails are shown at /dev/mail"),
            MailTransport::Off => State::well("turned off"),
        };
    };
    let ambient = Ambient::default();
    let (id, content) = (TaskId::generate(ambient.clock.now(), &*ambient.random), MailContent::Test);
    let mail = Mail { id, to, name: String::new(), language: Language::English, content };
    let sent = outgoing.mailer.send(&mail).await;
    State::of(sent.map(|()| format!("a test message was handed over, {}", mail.id)), REMEDY)
}

fn open_files() -> State {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    match limit {
        Some(limit) if limit < FILES => State::doubtful(
            format!("the process may have {limit} files and sockets open"),
            format!("allow {FILES} or more (ulimit -n, LimitNOFILE): each client needs one"),
        ),
        Some(limit) => State::well(format!("{limit} files and sockets may be open")),
        None => State::well("files and sockets without a limit"),
    }
}

/// Files of secrets that others may read.
fn secret_files(config: &Config) -> Vec<Finding> {
    let mut files = vec![PathBuf::from(".env")];
    files.extend(config.secret_files());
    if let AvatarConfig::Folder(path) = &config.avatars
        && path.exists()
        && rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_err()
    {
        let what = format!("{} cannot be written", path.display());
        return vec![Finding::new(
            "files",
            State::faulty(what, "let the user of the service write into AVATAR_DIR"),
        )];
    }
    let of = |path: PathBuf| {
        let mode = fs::metadata(&path).ok()?.permissions().mode();
        let state = if mode & OTHERS == 0 {
            State::well(format!("nobody but its owner may read {}", path.display()))
        } else {
            State::doubtful(
                format!("others than its owner may get at {}", path.display()),
                format!("it holds secrets: chmod 600 {}", path.display()),
            )
        };
        Some(Finding::new("files", state))
    };
    files.into_iter().filter_map(of).collect()
}
