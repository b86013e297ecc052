//! `vestibule serve`.

use std::{net::SocketAddr, process::ExitCode, sync::Arc};

use anyhow::Context;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Mutex,
};

use super::with_settings;
use crate::{
    app::{self, Ambient, RELOADABLE},
    config::Config,
    http::{Server, ServerTimeouts, raise_file_limit},
    lifecycle::{self, Listeners, Reread},
    telemetry,
};

/// Serves until told to stop. Exits with 2 for settings that cannot be used, 1 for anything else
/// that keeps the service from starting.
pub(super) fn run() -> ExitCode {
    with_settings(|config| serve(config).map(|()| ExitCode::SUCCESS))
}

/// Reads `.env` and the environment again, and says of each setting that has changed what becomes of it. With a
/// faulty one everything stays as it is.
fn reread(config: Config) -> Reread {
    let current = Arc::new(Mutex::new(config));
    Box::new(move |reload| {
        let current = current.clone();
        Box::pin(async move {
            let mut current = current.lock().await;
            let new = match Config::from_environment() {
                Ok(new) => new,
                Err(error) => return tracing::error!(%error, "the settings stay as they were"),
            };
            let takes_secrets = reload.apply(&new).await;
            let is_filtered = telemetry::change_filter(&new.log);
            tracing::info!("the settings were read again");
            for setting in current.differences(&new) {
                match setting {
                    "RUST_LOG" if !is_filtered => tracing::error!(setting, "could not be taken over"),
                    "SECRET_KEY" if !takes_secrets => {
                        tracing::error!(
                            setting,
                            "is not taken over: it does not open the keys that are stored"
                        );
                    }
                    _ if RELOADABLE.contains(&setting) => tracing::info!(setting, "taken over"),
                    _ => tracing::warn!(
                        setting,
                        "has changed, and is taken over when the service starts again"
                    ),
                }
            }
            *current = new;
        })
    })
}

fn serve(config: &Config) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    raise_file_limit();
    runtime.block_on(async {
        let timeouts = ServerTimeouts::new(config.http.shutdown_timeout);
        let bind = async |address: SocketAddr| {
            let server = Server::bind(address, timeouts).await;
            server.with_context(|| format!("cannot listen on {address}"))
        };
        let own = async |address: Option<SocketAddr>| match address {
            Some(address) => bind(address).await.map(Some),
            None => anyhow::Ok(None),
        };
        let listeners = Listeners {
            public: bind(config.http.bind).await?,
            administration: own(config.admin.bind).await?,
            operators: own(config.http.metrics_bind).await?,
            reread: reread(config.clone()),
            hangups: signal(SignalKind::hangup()).ok(),
            delay: config.http.shutdown_delay,
        };
        let app = app::build(config, Ambient::default()).await?;
        let address = listeners.public.local_address().context("cannot tell the address")?;
        if !config.tokens.keys.sealer.can_seal() {
            tracing::warn!(
                "SECRET_KEY is not set: signing keys are stored in clear, which is for development only"
            );
        }
        tracing::info!(%address, public_url = %config.http.public_url, "serving; GraphQL is at /graphql");
        if let Some(address) = config.admin.bind {
            tracing::info!(%address, "administration is at /admin/graphql of this address alone");
        }
        if let Some(address) = config.http.metrics_bind {
            tracing::info!(%address, "metrics are at /metrics of this address alone");
        }
        lifecycle::run(app, listeners).await;
        Ok(())
    })
}
