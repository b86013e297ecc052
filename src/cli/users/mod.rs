//! `vestibule users`.

mod act;
mod arguments;
mod create;
mod export;
mod import;
mod list;
mod rows;

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use self::arguments::{CreateArguments, ListArguments, SuspendArguments, Who};
use super::{output::Format, with_domain};
use crate::{
    app::Opening,
    domain::{
        Domain, Error,
        accounts::{EmailAddress, Locale, TimeZone, User, UserStatus, Username},
        administration::{Action, Administrator},
        clock::Instant,
        ids::UserId,
    },
};

#[derive(Debug, Subcommand)]
pub(super) enum UsersCommand {
    /// List users, the newest first.
    List(ListArguments),
    /// Show one user.
    Show(Who),
    /// Make an account.
    Create(CreateArguments),
    /// Close an account for a time.
    Suspend(SuspendArguments),
    /// Open an account again that is suspended or going to be erased.
    Restore(Who),
    /// Give a user these roles and no others, but for that of everybody.
    SetRole {
        #[command(flatten)]
        who: Who,
        /// Names of roles; none for that of everybody alone.
        roles: Vec<String>,
    },
    /// Make the password worthless, and send the owner of the account the way to a new one.
    ResetPassword(Who),
    /// Take users over from a file or from the database of another program.
    Import(import::ImportArguments),
    /// Write all users, with the hashes of their passwords, as `import` reads them.
    Export(export::ExportArguments),
    /// Log a user out everywhere.
    RevokeSessions(Who),
    /// Close an account and have it erased after the grace period.
    Delete {
        #[command(flatten)]
        who: Who,
        /// Do it without asking.
        #[arg(long)]
        yes: bool,
    },
}

/// Works on the stores, whether or not a service runs.
pub(super) fn run(command: UsersCommand, format: Format) -> ExitCode {
    with_domain(Opening::OrMake, async move |domain: &Domain| {
        let operator = Administrator::operator();
        match command {
            UsersCommand::List(arguments) => list::run(domain, &operator, arguments, format).await,
            UsersCommand::Create(arguments) => {
                let user = create::run(domain, &operator, arguments).await?;
                Ok(format.one(&as_json(&user)))
            }
            UsersCommand::Show(who) => {
                let user = find(domain, &operator, &who).await?;
                let mut shown = as_json(&user);
                let metadata = domain.administration.find_metadata(&operator, &user.id).await?;
                let metadata = metadata.unwrap_or_default();
                shown["publicMetadata"] = metadata.public.to_value();
                shown["appMetadata"] = metadata.app.to_value();
                Ok(format.one(&shown))
            }
            UsersCommand::Import(arguments) => import::run(domain, arguments, format).await,
            UsersCommand::Export(arguments) => export::run(domain, arguments).await,
            UsersCommand::Suspend(arguments) => act::suspend(domain, arguments, format).await,
            UsersCommand::Restore(who) => act::run(domain, &who, Action::Restore, format).await,
            UsersCommand::SetRole { who, roles } => {
                act::run(domain, &who, Action::SetRoles(roles), format).await
            }
            UsersCommand::ResetPassword(who) => {
                act::run(domain, &who, Action::ForcePasswordReset, format).await
            }
            UsersCommand::RevokeSessions(who) => act::run(domain, &who, Action::RevokeSessions, format).await,
            UsersCommand::Delete { who, yes } => act::delete(domain, &who, yes, format).await,
        }
    })
}

/// The user who is named by an id or an address.
async fn find(domain: &Domain, operator: &Administrator, who: &Who) -> anyhow::Result<User> {
    let administration = &domain.administration;
    let found = if let Ok(id) = who.user.parse::<UserId>() {
        administration.find_user(operator, &id).await?
    } else {
        let email = EmailAddress::parse(&who.user);
        let email = email.map_err(|_| anyhow::anyhow!("{:?} is no id and no e-mail address", who.user))?;
        administration.find_user_by_email(operator, &email).await?
    };
    Ok(found.ok_or(Error::NotFound)?)
}

fn time(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn as_json(user: &User) -> Value {
    let status = match user.status() {
        UserStatus::Active => "active",
        UserStatus::Suspended => "suspended",
        UserStatus::Deleting => "deleting",
    };
    let suspension = user.suspension.as_ref();
    json!({
        "id": user.id.as_str(),
        "email": user.email.as_str(),
        "emailVerified": user.email_verified,
        "name": user.name.as_str(),
        "username": user.username.as_ref().map(Username::as_str),
        "locale": user.locale.as_ref().map(Locale::as_str),
        "timeZone": user.time_zone.as_ref().map(TimeZone::as_str),
        "roles": user.roles,
        "status": status,
        "suspendedUntil": suspension.and_then(|suspension| suspension.until).map(time),
        "suspensionReason": suspension.map(|suspension| suspension.reason.as_str()),
        "deletionDueAt": user.deletion_due_at.map(time),
        "createdAt": time(user.created_at),
        "updatedAt": time(user.updated_at),
        "lastSeenAt": user.last_seen_at.map(time),
        "version": user.version,
    })
}
