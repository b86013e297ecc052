//! `kill -9` in the midst of registrations: every acknowledged account can log in after the restart.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tempfile::tempdir;

use crate::support::process::Process;

const ROUNDS: usize = 3;
const CLIENTS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_accounts_survive_kill_9_on_sqlite() {
    let folder = tempdir().unwrap();
    survives(folder.path(), super::owned(&[])).await;
}

#[cfg(feature = "server-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_accounts_survive_kill_9_on_mongodb() {
    let folder = tempdir().unwrap();
    let mut settings = super::owned(&[]);
    settings.extend(crate::support::servers::settings());
    survives(folder.path(), settings).await;
}

async fn survives(folder: &Path, settings: Vec<(String, String)>) {
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..ROUNDS {
        let mut process = Process::start(folder, &settings).await;
        let storm = (0..CLIENTS).map(|client| register_until_it_ends(&process, round, client, &acknowledged));
        let storm = futures_util::future::join_all(storm);
        let enough = (round + 1) * (CLIENTS + 1);
        tokio::select! {
            _ = storm => panic!("the clients ended by themselves"),
            () = until(&acknowledged, enough) => {}
        }
        process.kill();
    }
    let process = Process::start(folder, &settings).await;
    let acknowledged = acknowledged.lock().unwrap().clone();
    assert!(acknowledged.len() > ROUNDS * CLIENTS, "only {} accounts were made", acknowledged.len());
    for email in &acknowledged {
        let answer = process.login(email).await.unwrap();
        assert!(answer.get("errors").is_none(), "{email} was acknowledged and is lost: {answer}");
    }
}

/// Waits a second and a half at least, and until so many were acknowledged; half a minute at most.
async fn until(acknowledged: &Mutex<BTreeSet<String>>, enough: usize) {
    for tick in 0..300 {
        if tick >= 15 && acknowledged.lock().unwrap().len() >= enough {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn register_until_it_ends(
    process: &Process,
    round: usize,
    client: usize,
    acknowledged: &Mutex<BTreeSet<String>>,
) {
    for number in 0..10_000 {
        let email = format!("r{round}c{client}n{number}@example.com");
        let Some(answer) = process.register(&email).await else { continue };
        if answer["data"]["register"]["user"]["id"].is_string() {
            acknowledged.lock().unwrap().insert(email);
        }
    }
}
