//! `vestibule serve`.

use std::process::ExitCode;

use anyhow::Context;

use super::with_settings;
use crate::{
    app::{self, Ambient},
    config::Config,
    http::{Server, ServerTimeouts},
    lifecycle,
};

/// Serves until told to stop. Exits with 2 for settings that cannot be used, 1 for anything else
/// that keeps the service from starting.
pub(super) fn run() -> ExitCode {
    with_settings(|config| serve(config).map(|()| ExitCode::SUCCESS))
}

fn serve(config: &Config) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    runtime.block_on(async {
        let timeouts = ServerTimeouts::new(config.http.shutdown_timeout);
        let server = Server::bind(config.http.bind, timeouts).await;
        let server = server.with_context(|| format!("cannot listen on {}", config.http.bind))?;
        let admin_server = match config.admin.bind {
            Some(address) => {
                let server = Server::bind(address, timeouts).await;
                Some(server.with_context(|| format!("cannot listen on {address}"))?)
            }
            None => None,
        };
        let app = app::build(config, Ambient::default()).await?;
        let address = server.local_address().context("cannot tell the address")?;
        if !config.tokens.keys.sealer.can_seal() {
            tracing::warn!(
                "SECRET_KEY is not set: signing keys are stored in clear, which is for development only"
            );
        }
        tracing::info!(%address, public_url = %config.http.public_url, "serving; GraphQL is at /graphql");
        if let Some(address) = config.admin.bind {
            tracing::info!(%address, "administration is at /admin/graphql of this address alone");
        }
        lifecycle::run(app, server, admin_server).await;
        Ok(())
    })
}
