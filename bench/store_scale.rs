//! What refreshing and revoking a session costs on SQLite with a thousand sessions in the store and
//! with a million: `cargo bench --bench store_scale`. Prints medians of several rounds, in turn, and
//! their ratio.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends when something is wrong, and prints"
)]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use chrono::{TimeDelta, TimeZone, Utc};
use rusqlite::Connection;
use vestibule::{
    config::{DatabaseConfig, SqliteFile},
    domain::{
        ids::{SessionId, UserId},
        random::SystemRandom,
        sessions::{Rotation, RotationOutcome, Session, SessionSelector},
        tokens::RefreshToken,
    },
    stores::Stores,
};

const ROUNDS: usize = 9;
const OPERATIONS: usize = 200;

fn now() -> chrono::DateTime<Utc> {
    Utc.with_ymd_and_hms(2030, 1, 2, 3, 4, 5).unwrap()
}

async fn open(path: &Path) -> Stores {
    Stores::open(&DatabaseConfig::Sqlite(SqliteFile::Path(path.to_owned()))).await.unwrap()
}

/// A store with so many sessions, a tenth as many people, in no order.
async fn filled(path: &Path, sessions: u32) -> Stores {
    drop(open(path).await);
    // The file is free when the threads of the store have ended.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let connection = Connection::open(path).unwrap();
    let at = now().timestamp_millis();
    let hour = 3_600_000;
    connection
        .execute_batch(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {sessions})
             INSERT INTO sessions (id, user_id, device_name, user_agent, ip_address, created_at, last_seen_at,
                 idle_expires_at, absolute_expires_at, ended_at, session_epoch, version, refresh_family,
                 refresh_hash, authenticated_at) SELECT
                 'sess_0' || substr(lower(hex(randomblob(13))), 1, 25),
                 'user_01h455vb4pex5vs' || printf('%010d', abs(random()) % max({sessions} / 10, 1)),
                 'Firefox on Linux', 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0',
                 '203.0.113.7', {at}, {at}, {at} + 300 * {hour}, {at} + 2000 * {hour}, NULL, 1, 1,
                 randomblob(32), randomblob(32), {at} FROM n;
             PRAGMA wal_checkpoint(TRUNCATE);"
        ))
        .unwrap();
    drop(connection);
    open(path).await
}

async fn insert(stores: &Stores) -> (SessionId, RefreshToken) {
    let token = RefreshToken::generate(&SystemRandom);
    let session = Session {
        id: SessionId::generate(now(), &SystemRandom),
        user_id: UserId::generate(now(), &SystemRandom),
        device_name: None,
        user_agent: None,
        ip_address: None,
        created_at: now(),
        authenticated_at: now(),
        last_seen_at: now(),
        idle_expires_at: now() + TimeDelta::hours(300),
        absolute_expires_at: now() + TimeDelta::hours(2_000),
        ended_at: None,
        session_epoch: 1,
        impersonation: None,
        version: 1,
    };
    stores.sessions.insert(&session, (&token.family(), &token.hash()), None).await.unwrap();
    (session.id, token)
}

/// The medians of a refresh and of a revocation.
async fn round(stores: &Stores) -> [Duration; 2] {
    let mut sessions = Vec::new();
    for _ in 0..OPERATIONS {
        sessions.push(insert(stores).await);
    }
    let mut refreshes = Vec::new();
    for (_, token) in &sessions {
        let successor = token.successor(&SystemRandom);
        let rotation = Rotation {
            family: token.family(),
            presented: token.hash(),
            successor: successor.hash(),
            sealed_successor: successor.seal_for(token, &SystemRandom).unwrap(),
            at: now(),
            grace: TimeDelta::seconds(10),
            idle_ttl: TimeDelta::hours(300),
        };
        let started = Instant::now();
        let outcome = stores.sessions.rotate(&rotation).await.unwrap();
        refreshes.push(started.elapsed());
        assert!(matches!(outcome, RotationOutcome::Rotated(_)));
    }
    let mut revocations = Vec::new();
    for (id, _) in sessions {
        let started = Instant::now();
        let ended = stores.sessions.end(&SessionSelector::Id(id), now()).await.unwrap();
        revocations.push(started.elapsed());
        assert!(ended.is_some());
    }
    [median(&mut refreshes), median(&mut revocations)]
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let small = filled(&folder.path().join("small.sqlite"), 1_000).await;
    let large = filled(&folder.path().join("large.sqlite"), 1_000_000).await;
    println!("filled in {:.1?}", started.elapsed());
    let (mut of_small, mut of_large) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_small.push(round(&small).await);
        of_large.push(round(&large).await);
    }
    for (index, name) in ["refresh", "revoke"].into_iter().enumerate() {
        let over = |rounds: &[[Duration; 2]]| {
            median(&mut rounds.iter().map(|round| round[index]).collect::<Vec<_>>())
        };
        let (small, large) = (over(&of_small), over(&of_large));
        let ratio = large.as_secs_f64() / small.as_secs_f64();
        println!("{name}: {small:.1?} with 1,000 sessions, {large:.1?} with 1,000,000, ratio {ratio:.2}");
    }
}
