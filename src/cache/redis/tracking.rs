//! Hears from Redis what has changed, on the connections that read it, and notices when it would not.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fred::{
    clients::Client,
    interfaces::{ClientLike, EventInterface, TrackingInterface},
    types::client::Invalidation,
};
use futures_util::future::join_all;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{connection::Connection, near::Near, provenance::Provenance};

/// How often every connection is asked whether it is there.
const HEARTBEAT: Duration = Duration::from_millis(400);

/// Starts listening on every connection, for as long as the cache lives.
pub(super) fn start(connection: &Arc<Connection>, near: &Arc<Near>) {
    let tracked: Arc<Vec<AtomicBool>> =
        Arc::new(connection.clients().iter().map(|_| AtomicBool::new(false)).collect());
    for (index, client) in connection.clients().iter().enumerate() {
        tokio::spawn(hear_changes(client.invalidation_rx(), connection.clone(), Arc::downgrade(near)));
        let listener = Listener { index, connection: connection.clone(), tracked: tracked.clone() };
        tokio::spawn(listener.clone().hear_errors(client.error_rx()));
        tokio::spawn(listener.hear_connects(client.clone(), client.reconnect_rx()));
    }
    tokio::spawn(beat(connection.clone(), Arc::downgrade(near), tracked));
}

async fn hear_changes(mut changes: Receiver<Invalidation>, connection: Arc<Connection>, near: Weak<Near>) {
    loop {
        let heard = changes.recv().await;
        let Some(near) = near.upgrade() else { return };
        match heard {
            // Without keys it means all of them, as after FLUSHALL.
            Ok(change) if change.keys.is_empty() => near.forget_all(),
            Ok(change) => {
                for key in change.keys.iter().filter_map(|key| key.as_str()) {
                    near.forget(key);
                }
            }
            Err(RecvError::Lagged(_)) => {
                connection.trust().lose();
                near.forget_all();
            }
            Err(RecvError::Closed) => return,
        }
    }
}

#[derive(Clone)]
struct Listener {
    index: usize,
    connection: Arc<Connection>,
    tracked: Arc<Vec<AtomicBool>>,
}

impl Listener {
    fn set(&self, is_tracked: bool) {
        self.tracked[self.index].store(is_tracked, Ordering::Release);
    }

    async fn hear_errors<T: Clone>(self, mut errors: Receiver<T>) {
        while !matches!(errors.recv().await, Err(RecvError::Closed)) {
            self.set(false);
            self.connection.trust().lose();
        }
    }

    async fn hear_connects<T: Clone>(self, client: Client, mut connects: Receiver<T>) {
        while !matches!(connects.recv().await, Err(RecvError::Closed)) {
            tracing::info!("connected to Redis");
            self.set(false);
            self.connection.trust().lose();
            self.set(track(&client).await);
        }
    }
}

/// An answer comes after every change that Redis told before it.
async fn beat(connection: Arc<Connection>, near: Weak<Near>, tracked: Arc<Vec<AtomicBool>>) {
    let provenance = Provenance::default();
    let mut has_warned = false;
    let mut ticks = tokio::time::interval(HEARTBEAT);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if near.strong_count() == 0 {
            return;
        }
        let (generation, at) = (connection.trust().generation(), connection.trust().now());
        if connection.trust().must_vet() && !vet(&connection, &provenance, generation).await {
            if !has_warned {
                tracing::warn!("Redis does not answer INFO; until it does, nothing in it is believed");
            }
            has_warned = true;
            continue;
        }
        let mut is_tracked = true;
        for (client, tracked) in connection.clients().iter().zip(tracked.iter()) {
            // One that could not start to track is asked again.
            if !tracked.load(Ordering::Acquire) && client.is_connected() {
                let generation = connection.trust().generation();
                let started = track(client).await;
                tracked.store(started && generation == connection.trust().generation(), Ordering::Release);
            }
            is_tracked &= tracked.load(Ordering::Acquire);
        }
        if !is_tracked {
            continue;
        }
        if join_all(connection.clients().iter().map(answers)).await.into_iter().all(|answers| answers) {
            connection.trust().hear(generation, at);
        } else {
            connection.trust().lose();
        }
    }
}

/// Asks the servers for their past, and says how long they are not believed; `false` when one does not
/// answer.
async fn vet(connection: &Connection, provenance: &Provenance, generation: u64) -> bool {
    let Some(doubt) = provenance.ask(connection.clients()).await else { return false };
    if !doubt.is_zero() {
        tracing::warn!(
            seconds = doubt.as_secs(),
            "Redis may have lost writes and is not believed for a while"
        );
    }
    connection.trust().vet(generation, doubt);
    true
}

/// Whether every server that the client is connected to is there; a cluster has several.
async fn answers(client: &Client) -> bool {
    if !client.is_clustered() {
        return client.ping::<String>(None).await.is_ok();
    }
    let servers = client.active_connections();
    let pings = servers
        .iter()
        .map(|server| async move { client.with_cluster_node(server).ping::<String>(None).await.is_ok() });
    !servers.is_empty() && join_all(pings).await.into_iter().all(|answers| answers)
}

/// Asks Redis to tell of changes to what this connection reads.
async fn track(client: &Client) -> bool {
    let started = client.start_tracking(Vec::<String>::new(), false, false, false, false).await;
    if started.is_err() {
        tracing::warn!("Redis does not track changes; every request asks it");
    }
    started.is_ok()
}
