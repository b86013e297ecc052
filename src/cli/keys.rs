//! `vestibule keys`.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;

use super::{print, with_settings};
use crate::{
    app,
    config::Config,
    domain::{
        ids::KeyId,
        tokens::{KeyRing, KeyState},
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
pub(super) fn run(command: KeysCommand) -> ExitCode {
    with_settings(|config| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let text = runtime.context("cannot start")?.block_on(act(command, config))?;
        Ok(print(&text))
    })
}

async fn act(command: KeysCommand, config: &Config) -> anyhow::Result<String> {
    let keys = app::open_keys(config).await?;
    match command {
        KeysCommand::List => list(&keys).await,
        KeysCommand::Rotate { at_once } => {
            let key = keys.rotate(at_once).await?;
            Ok(format!("{key}\n"))
        }
        KeysCommand::Revoke { key } => {
            let id: KeyId = key.parse().context("the id of a key starts with key_")?;
            if keys.revoke(&id).await? {
                Ok(format!("{id} is taken out\n"))
            } else {
                bail!("there is no key {id}")
            }
        }
    }
}

async fn list(ring: &KeyRing) -> anyhow::Result<String> {
    let keys = ring.list().await?;
    let lines = keys.into_iter().map(|key| {
        let state = match key.state {
            KeyState::Next => "next",
            KeyState::Active => "active",
            KeyState::Retired => "retired",
        };
        let from = key.active_from.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        format!("{}  {:<5}  {state:<7}  from {from}\n", key.id, key.algorithm.as_str())
    });
    Ok(lines.collect())
}
