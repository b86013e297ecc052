//! `vestibule doctor`.

use std::{fmt::Write, process::ExitCode};

use anyhow::Context;

use super::{print, with_settings};
use crate::{
    app::{self, Checkup},
    config::Config,
    domain::accounts::EmailAddress,
};

/// Looks at everything that the service needs, says what it finds, and fails if anything is wrong.
pub(super) fn run(mail_to: Option<String>) -> ExitCode {
    with_settings(|config| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("cannot start")?.block_on(examine(config, mail_to))
    })
}

async fn examine(config: &Config, mail_to: Option<String>) -> anyhow::Result<ExitCode> {
    let address = mail_to.map(|text| {
        EmailAddress::parse(&text).map_err(|fault| anyhow::anyhow!("--mail-to {}", fault.message))
    });
    let checkup: Checkup = app::examine(config, address.transpose()?).await;
    let mut text = String::from("settings  ok\n");
    for finding in &checkup.findings {
        let (state, what) = match &finding.outcome {
            Ok(what) => ("ok", what),
            Err(what) => ("FAILED", what),
        };
        let _ = writeln!(text, "{:<9} {state}  {what}", finding.part);
    }
    let printed = print(&text);
    Ok(if checkup.is_well() { printed } else { ExitCode::FAILURE })
}
