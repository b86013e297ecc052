//! `vestibule keys`.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{output::Format, print, with_domain};
use crate::{
    app::Opening,
    domain::{
        Domain,
        administration::Administrator,
        ids::KeyId,
        tokens::{KeyState, KeySummary},
    },
};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// List the signing keys, the oldest first.
    List,
    /// Make a new key. It signs after `KEY_PUBLISH_AHEAD`; the old one verifies until its last token has
    /// expired.
    Rotate {
        /// Sign with it from now on. Services that have not seen it yet refuse its tokens for a moment.
        #[arg(long)]
        at_once: bool,
    },
    /// Take a key out: tokens that it signed are refused. For a key that somebody may have copied;
    /// rotate with `--at-once` first.
    Revoke {
        /// The id, `key_…`.
        key: String,
    },
}

/// Runs beside a service that serves the same store, also on SQLite.
pub(super) fn run(command: KeysCommand, format: Format) -> ExitCode {
    with_domain(Opening::Beside, async move |domain: &Domain| act(domain, command, format).await)
}

async fn act(domain: &Domain, command: KeysCommand, format: Format) -> anyhow::Result<ExitCode> {
    let (administration, operator) = (&domain.administration, Administrator::operator());
    match command {
        KeysCommand::List => {
            let rows: Vec<Value> = domain.tokens.keys().list().await?.iter().map(as_json).collect();
            Ok(format.rows(&["id", "algorithm", "state", "signsFrom"], &rows))
        }
        KeysCommand::Rotate { at_once } => {
            let made = administration.rotate_signing_key(&operator, at_once).await?;
            Ok(said(format, &json!({ "made": made.as_str() }), made.as_str()))
        }
        KeysCommand::Revoke { key } => {
            let id: KeyId = key.parse().context("the id of a key starts with key_")?;
            administration.revoke_signing_key(&operator, &id).await?;
            Ok(said(format, &json!({ "revoked": id.as_str() }), &format!("{id} is taken out")))
        }
    }
}

/// What was done: an object for programs, a line for people and for scripts that read it.
fn said(format: Format, object: &Value, line: &str) -> ExitCode {
    if format.json { format.one(object) } else { print(&format!("{line}\n")) }
}

fn as_json(key: &KeySummary) -> Value {
    json!({
        "id": key.id.as_str(),
        "algorithm": key.algorithm.as_str(),
        "state": match key.state {
            KeyState::Next => "next",
            KeyState::Active => "active",
            KeyState::Retired => "retired",
        },
        "signsFrom": key.active_from.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    })
}
