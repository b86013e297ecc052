//! `vestibule audit`.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    FAULTY,
    output::{Format, Listing},
    report, with_domain,
};
use crate::{
    app::Opening,
    domain::{
        Domain,
        administration::Administrator,
        audit::{AuditEvent, AuditFilter, AuditKind, AuditSelector, Link},
        hex,
        ids::{RequestId, SessionId},
        tokens::TokenHash,
    },
};

const COLUMNS: &[&str] = &["at", "type", "outcome", "actor", "subject", "ipAddress"];

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// List events, the newest first.
    List(ListArguments),
    /// Recompute the chain of hashes, and say where it is broken. Prints where it ends.
    Verify {
        /// An end that was printed before, as POSITION:HASH: the log must contain it.
        #[arg(long, value_name = "POSITION:HASH")]
        contains: Option<String>,
    },
}

/// Which events, and how many.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Those about this user or thing, by its id or name.
    #[arg(long)]
    subject: Option<String>,
    /// What this user or service did, by its id, or `anonymous`, `operator`, `system`.
    #[arg(long)]
    actor: Option<String>,
    /// Those of this type, such as LOGIN.
    #[arg(long = "type")]
    kind: Option<String>,
    /// How many at most; 0 for all.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

pub(super) fn run(command: AuditCommand, format: Format) -> ExitCode {
    with_domain(Opening::OrMake, async move |domain: &Domain| match command {
        AuditCommand::List(arguments) => list(domain, arguments, format).await,
        AuditCommand::Verify { contains } => verify(domain, contains.as_deref(), format).await,
    })
}

async fn list(domain: &Domain, arguments: ListArguments, format: Format) -> anyhow::Result<ExitCode> {
    let of = match (arguments.subject, arguments.actor, arguments.kind) {
        (None, None, None) => AuditSelector::All,
        (Some(subject), None, None) => AuditSelector::Subject(subject),
        (None, Some(actor), None) => AuditSelector::Actor(actor),
        (None, None, Some(kind)) => {
            let known = AuditKind::parse(&kind).with_context(|| format!("{kind:?} is no type of event"))?;
            AuditSelector::Kind(known)
        }
        _ => bail!("there can be one of --subject, --actor and --type: no index finds several"),
    };
    let (operator, filter) = (Administrator::operator(), AuditFilter { of, ..AuditFilter::default() });
    let (mut listing, mut after) = (Listing::new(format, COLUMNS, arguments.limit), None);
    loop {
        let found = domain.administration.list_events(&operator, &filter, &listing.page(after)).await?;
        if !listing.add(found.items.iter().map(as_json)) || !found.has_next {
            return Ok(listing.finish());
        }
        after = found.items.last().map(|event| event.id.clone());
    }
}

fn as_json(event: &AuditEvent) -> Value {
    let (details, client) = (event.details.as_ref(), event.client.as_ref());
    json!({
        "id": event.id.as_str(),
        "at": event.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "type": event.kind.as_str(),
        "outcome": event.outcome.as_str(),
        "actor": event.actor.as_str(),
        "subject": event.subject,
        "sessionId": event.session_id.as_ref().map(SessionId::as_str),
        "requestId": event.request_id.as_ref().map(RequestId::as_str),
        "ipAddress": client.and_then(|client| client.ip_address.as_deref()),
        "userAgent": client.and_then(|client| client.user_agent.as_deref()),
        "reason": details.and_then(|details| details.reason.as_deref()),
        "changes": details.map(|details| &details.changes),
    })
}

async fn verify(domain: &Domain, contains: Option<&str>, format: Format) -> anyhow::Result<ExitCode> {
    let expected = contains.map(read_link).transpose()?;
    let found = domain.audit.verify(expected).await?;
    let last = found.ends.last;
    let printed = format.one(&json!({
        "events": found.events,
        "redacted": found.redacted,
        "unsealed": found.unsealed,
        "end": format!("{}:{}", last.position, hex::of(last.hash.as_bytes())),
        "fault": found.fault.as_ref().map(ToString::to_string),
    }));
    match found.fault {
        None => Ok(printed),
        Some(fault) => {
            report(&fault);
            Ok(ExitCode::from(FAULTY))
        }
    }
}

fn read_link(text: &str) -> anyhow::Result<Link> {
    let link = || {
        let (position, hash) = text.split_once(':')?;
        Some(Link { position: position.parse().ok()?, hash: TokenHash::from_hex(hash)? })
    };
    link().context("--contains must be POSITION:HASH, as this command prints it")
}
