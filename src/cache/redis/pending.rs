//! What Redis did not take while it did not answer. Until it takes it, this process acts on it
//! alone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use fred::{
    interfaces::{FredResult, KeysInterface},
    types::Expiration,
};

use super::{connection::Connection, entries::TOMBSTONE, tombstone_seconds};
use crate::domain::sessions::CacheResult;

/// How often the list is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// Entries kept at most, about 200 bytes each. With more, the copies in Redis end by themselves.
const CAPACITY: usize = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The copy is replaced by a tombstone.
    End,
    /// The copy is deleted.
    Forget,
}

#[derive(Default)]
pub(super) struct Pending(Mutex<HashMap<String, Change>>);

impl Pending {
    pub(super) fn has(&self, key: &str) -> bool {
        self.changes().contains_key(key)
    }

    pub(super) fn end_later(&self, key: String) {
        self.add(key, Change::End);
    }

    pub(super) fn forget_later(&self, key: String) {
        self.add(key, Change::Forget);
    }

    fn add(&self, key: String, change: Change) {
        let mut changes = self.changes();
        if changes.len() < CAPACITY || changes.contains_key(&key) {
            changes.insert(key, change);
        } else {
            tracing::error!("too many revocations wait for Redis; other nodes learn of this one late");
        }
    }

    fn changes(&self) -> MutexGuard<'_, HashMap<String, Change>> {
        // A panic between two map operations leaves the map whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self) -> Vec<(String, Change)> {
        self.changes().iter().map(|(key, change)| (key.clone(), *change)).collect()
    }
}

/// Keeps telling Redis for as long as the cache lives.
pub(super) fn start(pending: &Arc<Pending>, connection: &Arc<Connection>) {
    let (pending, connection) = (Arc::downgrade(pending), Arc::clone(connection));
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(RETRY);
        loop {
            ticks.tick().await;
            let Some(pending) = Weak::upgrade(&pending) else { return };
            for (key, change) in pending.snapshot() {
                if apply(&connection, &key, change).await.is_err() {
                    break;
                }
                pending.changes().remove(&key);
            }
        }
    });
}

async fn apply(connection: &Connection, key: &str, change: Change) -> CacheResult<()> {
    match change {
        Change::End => write_tombstone(connection, key).await,
        Change::Forget => {
            let client = connection.client()?;
            let deleted: FredResult<i64> = client.del(key).await;
            connection.judge(deleted).map(drop)
        }
    }
}

pub(super) async fn write_tombstone(connection: &Connection, key: &str) -> CacheResult<()> {
    let client = connection.client()?;
    let lifetime = Some(Expiration::EX(tombstone_seconds()));
    let set: FredResult<()> = client.set(key, TOMBSTONE, lifetime, None, false).await;
    connection.judge(set)
}
