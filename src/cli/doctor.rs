//! `vestibule doctor`.

use std::{fmt::Write, process::ExitCode};

use anyhow::Context;
use serde_json::json;

use super::{output::Format, print, with_settings};
use crate::{
    app,
    config::Config,
    domain::{
        accounts::EmailAddress,
        checkup::{Finding, State},
    },
};

/// Looks at everything that the service needs, says what it finds and what helps, and fails if anything does not
/// work. What is doubtful is told and is no failure.
pub(super) fn run(mail_to: Option<String>, format: Format) -> ExitCode {
    with_settings(|config| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("cannot start")?.block_on(examine(config, mail_to, format))
    })
}

async fn examine(config: &Config, mail_to: Option<String>, format: Format) -> anyhow::Result<ExitCode> {
    let address = mail_to.map(|text| {
        EmailAddress::parse(&text).map_err(|fault| anyhow::anyhow!("--mail-to {}", fault.message))
    });
    let mut findings = vec![Finding::new("settings", State::well("they can be used"))];
    findings.extend(app::examine(config, address.transpose()?).await);
    let mut text = String::new();
    for Finding { part, state } in &findings {
        let (word, what, remedy) = match state {
            State::Well(what) => ("ok", what, None),
            State::Doubtful { what, remedy } => ("doubtful", what, Some(remedy)),
            State::Faulty { what, remedy } => ("FAILED", what, Some(remedy)),
        };
        let _ = if format.json {
            writeln!(
                text,
                "{}",
                json!({ "part": part, "state": word.to_lowercase(), "what": what, "remedy": remedy })
            )
        } else {
            let remedy = remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default();
            writeln!(text, "{part:<9} {word:<9} {what}{remedy}")
        };
    }
    let printed = print(&text);
    let has_failed = findings.iter().any(|finding| matches!(finding.state, State::Faulty { .. }));
    Ok(if has_failed { ExitCode::FAILURE } else { printed })
}
