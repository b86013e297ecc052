//! The life of a serving process: signals, the announcement that it stops, housekeeping.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::signal::unix::Signal;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::{App, Reload},
    domain::{Domain, audit::SEAL_INTERVAL, tokens::AccessTokens},
    http::Server,
};

/// How often what ended long ago is dropped.
const HOUSEKEEPING: Duration = Duration::from_hours(1);

/// How long executions without a client may take at the end: longer than store calls do.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// Reads the settings again, and hands the service what it can take over.
pub type Reread = Box<dyn Fn(Reload) -> BoxFuture<'static, ()> + Send + Sync>;

/// What a process listens to.
pub struct Listeners {
    /// That of everybody.
    pub public: Server,
    /// That of administration, where it has one of its own.
    pub administration: Option<Server>,
    /// That of operators, where they have one.
    pub operators: Option<Server>,
    /// Reads the settings again; called when the process is told to (SIGHUP).
    pub reread: Reread,
    /// When it is told to. Heard from the start on: unheard it would end the process.
    pub hangups: Option<Signal>,
    /// For how long requests are taken after it was said that they should go elsewhere.
    pub delay: Duration,
}

/// Serves until the process is told to stop (SIGTERM or Ctrl-C). It says that it is not ready, goes on for the
/// delay, and then lets requests in flight finish. A second signal ends it at once.
pub async fn run(app: App, listeners: Listeners) {
    let Listeners { public: server, administration: admin_server, operators, reread, hangups, delay } =
        listeners;
    let housekeeping = tokio::spawn(keep_house(app.domain.clone()));
    let keys = tokio::spawn(tend_keys(app.domain.tokens.clone(), app.key_interval));
    let audit = tokio::spawn(tend_audit(app.domain.clone()));
    let hangups = tokio::spawn(heed_hangups(app.reload, reread, hangups));
    let stopping = app.stopping.clone();
    let admin_stops = app.stopping.clone();
    let administration = app.admin_router.zip(admin_server);
    let administration = tokio::spawn(async move {
        if let Some((router, server)) = administration {
            server.serve(router, admin_stops.cancelled_owned()).await;
        }
    });
    // Operators see the end of it.
    let ended = CancellationToken::new();
    let until_the_end = ended.clone().cancelled_owned();
    let operators = app.operators_router.zip(operators);
    let operators = tokio::spawn(async move {
        if let Some((router, server)) = operators {
            server.serve(router, until_the_end).await;
        }
    });
    let leaving = app.leaving.clone();
    let (worker, worker_stops) = (app.worker, app.stopping.clone());
    let worker = tokio::spawn(async move { worker.run(worker_stops).await });
    let stop = async move {
        signal().await;
        leaving.cancel();
        if !delay.is_zero() {
            tracing::info!(?delay, "not ready any more; requests are still taken");
            tokio::time::sleep(delay).await;
        }
        stopping.cancel();
        tracing::info!("stopping; requests in flight may finish");
    };
    let executions = app.executions;
    let serve = async move {
        server.serve(app.router, stop).await;
        let _ = administration.await;
        finish(&executions).await;
        // What was begun is finished: a mail that is cut off would be sent twice.
        #[expect(clippy::disallowed_methods, reason = "the last resort at the end of the process")]
        if tokio::time::timeout(LAST_WAIT, worker).await.is_err() {
            tracing::warn!("tasks of the outbox did not finish in time; they are begun again");
        }
        ended.cancel();
        let _ = operators.await;
    };
    tokio::select! {
        () = serve => {}
        () = second_signal() => tracing::warn!("stopped at once"),
    }
    housekeeping.abort();
    keys.abort();
    audit.abort();
    hangups.abort();
}

/// Waits for executions whose client has hung up: a store call must not be dropped half-way.
async fn finish(executions: &TaskTracker) {
    executions.close();
    #[expect(clippy::disallowed_methods, reason = "the last resort at the end of the process")]
    if tokio::time::timeout(LAST_WAIT, executions.wait()).await.is_err() {
        tracing::warn!(count = executions.len(), "executions did not finish in time");
    }
}

async fn keep_house(domain: Domain) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        for (what, dropped) in [
            ("sessions", domain.sessions.purge().await),
            ("notes", domain.sessions.purge_notes().await),
            ("one-time tokens", domain.one_time.purge().await),
            ("outbox entries", domain.outbox.purge().await),
            ("answers", domain.answers.purge().await),
            ("audit events", domain.audit.purge().await),
            ("service tokens", domain.administration.purge_service_tokens().await),
        ] {
            match dropped {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, what, "dropped what ended long ago"),
                Err(error) => tracing::warn!(%error, what, "what ended long ago was not dropped"),
            }
        }
    }
}

/// Brings the audit log into its chain, ends suspensions whose time is over, and makes the first
/// administrator.
async fn tend_audit(domain: Domain) {
    let mut ticks = tokio::time::interval(SEAL_INTERVAL);
    let mut has_administrator = false;
    loop {
        ticks.tick().await;
        if let Err(error) = domain.audit.seal().await {
            tracing::debug!(%error, "the audit log was not sealed");
        }
        if let Err(error) = domain.administration.end_suspensions().await {
            tracing::debug!(%error, "suspensions that are over are still listed");
        }
        if !has_administrator {
            has_administrator = domain.administration.bootstrap().await.unwrap_or(false);
        }
    }
}

/// Does what is due to the signing keys, and learns what other nodes did.
async fn tend_keys(tokens: Arc<AccessTokens>, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    loop {
        ticks.tick().await;
        if let Err(error) = tokens.tend_keys().await {
            tracing::warn!(%error, "the signing keys were not looked after");
        }
    }
}

/// Reads the settings again each time that the process is told to.
async fn heed_hangups(reload: Reload, reread: Reread, hangups: Option<Signal>) {
    let Some(mut hangups) = hangups else { return };
    while hangups.recv().await.is_some() {
        reread(reload.clone()).await;
    }
}

async fn second_signal() {
    signal().await;
    signal().await;
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return interrupt().await };
    tokio::select! {
        _ = terminate.recv() => {}
        () = interrupt() => {}
    }
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a way to hear of signals the process can only be killed.
        std::future::pending::<()>().await;
    }
}
