//! `vestibule migrate`.

use std::process::ExitCode;

use anyhow::Context;

use super::{FAULTY, print, with_settings};
use crate::stores::Stores;

/// Brings the schema of the store up to date, or says whether it is.
pub(super) fn run(is_check: bool) -> ExitCode {
    with_settings(|config| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("cannot start")?.block_on(async {
            crate::app::install_crypto();
            if is_check {
                let version = Stores::version(&config.database).await?;
                let text = match version.found {
                    Some(found) => format!("schema {found}, this program needs {}\n", version.known),
                    None => format!("no schema yet, this program makes {}\n", version.known),
                };
                let printed = print(&text);
                let is_current = version.found == Some(version.known);
                return Ok(if is_current { printed } else { ExitCode::from(FAULTY) });
            }
            drop(Stores::open(&config.database).await?);
            let version = Stores::version(&config.database).await?;
            Ok(print(&format!("schema {}\n", version.known)))
        })
    })
}
