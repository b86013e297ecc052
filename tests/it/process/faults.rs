//! What the service depends on goes away, is slow, is full, and comes back.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::support::process::Process;

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("")
}

/// The size of the database's log in kibibytes, rounded up.
fn log_size(folder: &Path) -> u32 {
    let log = folder.join("data/vestibule.sqlite-wal");
    u32::try_from(std::fs::metadata(log).unwrap().len().div_ceil(1024)).unwrap()
}

/// A shell that lets files of the program grow to so many kibibytes and no further is the nearest to
/// a full disk that a test can have without one.
#[tokio::test]
async fn a_full_disk_is_a_typed_error_and_nothing_is_lost() {
    let folder = tempdir().unwrap();
    let first = Process::start(folder.path(), &super::owned(&[])).await;
    let (token, _) = signed_in(&first, "early@example.com").await;
    drop(first);
    let size = log_size(folder.path()) + 600;
    let full = Process::start_with_limited_files(folder.path(), &super::owned(&[]), size).await;
    let mut acknowledged = vec!["early@example.com".to_owned()];
    let mut refused = 0;
    for number in 0..200 {
        let email = format!("n{number}@example.com");
        let answer = full.register(&email).await.unwrap();
        if answer.get("errors").is_none() {
            acknowledged.push(email);
        } else {
            assert_eq!(code(&answer), "SERVICE_UNAVAILABLE", "{answer}");
            assert!(answer["errors"][0]["extensions"]["retryAfter"].is_u64());
            refused += 1;
        }
    }
    assert!(acknowledged.len() > 1, "nobody registered before the disk was full");
    assert!(refused > 0, "the disk was never full");
    drop(full);
    // Nor does a start need room: what only reads is answered.
    let size = log_size(folder.path());
    let full = Process::start_with_limited_files(folder.path(), &super::owned(&[]), size).await;
    assert!(me(&full, &token).await["data"]["me"]["id"].is_string(), "{}", full.log());
    assert_eq!(code(&full.register("late@example.com").await.unwrap()), "SERVICE_UNAVAILABLE");
    drop(full);
    let process = Process::start(folder.path(), &super::owned(&[])).await;
    for email in acknowledged {
        assert!(process.login(&email).await.unwrap().get("errors").is_none(), "{email} is lost");
    }
    assert!(process.register("late@example.com").await.unwrap().get("errors").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_no_change_is_made_without_its_event() {
    let folder = tempdir().unwrap();
    let full = Process::start_with_limited_files(folder.path(), &super::owned(&[]), 600).await;
    let registered = full.register("ada@example.com").await.unwrap();
    let token = registered["data"]["register"]["accessToken"].as_str().unwrap().to_owned();
    let id = registered["data"]["register"]["user"]["id"].as_str().unwrap().to_owned();
    let update = "mutation($name: String!) { updateProfile(input: { name: $name }) { user { version } } }";
    let (mut made, mut refused) = (0_i64, 0);
    for number in 0..2_000 {
        let name = format!("Ada {number}");
        let answer = full.post(Some(&token), update, json!({ "name": name })).await.unwrap();
        if let Some(version) = answer["data"]["updateProfile"]["user"]["version"].as_i64() {
            made = version - 1;
        } else {
            assert_eq!(code(&answer), "SERVICE_UNAVAILABLE", "{answer}");
            refused += 1;
        }
        if refused == 20 {
            break;
        }
    }
    assert!(made > 0 && refused == 20, "{made} made, {refused} refused");
    drop(full);
    let again = Process::start(folder.path(), &super::owned(&[])).await;
    let token = again.login("ada@example.com").await.unwrap()["data"]["login"]["accessToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let me = again.post(Some(&token), "{ me { version } }", json!({})).await.unwrap();
    let version = me["data"]["me"]["version"].as_i64().unwrap();
    assert!(version > made, "what was answered is there");
    drop(again);
    let events = super::commands::rows(folder.path(), &["audit", "list", "--subject", &id, "--limit", "0"]);
    let updates = events.iter().filter(|event| event["type"] == "PROFILE_UPDATED").count();
    assert_eq!(
        i64::try_from(updates).unwrap(),
        version - 1,
        "each change has its event, and each event its change"
    );
    assert_eq!(super::commands::rows(folder.path(), &["audit", "verify"])[0]["fault"], Value::Null);
}

async fn me(process: &Process, token: &str) -> Value {
    process.post(Some(token), "{ me { id } }", json!({})).await.unwrap_or(Value::Null)
}

async fn signed_in(process: &Process, email: &str) -> (String, String) {
    let answer = process.register(email).await.unwrap();
    let text = |name: &str| {
        answer["data"]["register"][name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    };
    (text("accessToken"), text("refreshToken"))
}

#[cfg(feature = "server-tests")]
mod with_servers {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::support::{process::free_port, proxy::Proxy, redis::Redis, servers};

    fn settings(mongodb: &str, redis: &str) -> Vec<(String, String)> {
        super::super::owned(&[("DATABASE_URL", mongodb), ("REDIS_URL", redis)])
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn redis_stops_and_starts_under_load_and_nobody_notices() {
        let (folder, port) = (tempdir().unwrap(), free_port());
        let redis = Redis::start(port, folder.path()).await;
        let settings = settings(&servers::mongodb_url(), &format!("redis://127.0.0.1:{port}"));
        let process = Process::start(folder.path(), &settings).await;
        let mut people = Vec::new();
        for number in 0..4 {
            people.push(signed_in(&process, &format!("n{number}@example.com")).await);
        }
        let (stop, count) = (AtomicBool::new(false), std::sync::atomic::AtomicUsize::new(0));
        let load = people.iter().map(async |(token, _)| {
            while !stop.load(Ordering::Relaxed) {
                let answer = me(&process, token).await;
                assert!(answer["data"]["me"]["id"].is_string(), "a failed me: {answer}\n{}", process.log());
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let script = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            drop(redis);
            tokio::time::sleep(Duration::from_secs(2)).await;
            let ready = reqwest::get(format!("{}/health/ready", process.url)).await.unwrap();
            let ready = (ready.status().as_u16(), ready.json::<Value>().await.unwrap());
            assert_eq!(ready, (200, json!({ "status": "degraded", "store": "ok", "cache": "unavailable" })));
            let redis = Redis::start(port, folder.path()).await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            stop.store(true, Ordering::Relaxed);
            redis
        };
        let (_, _redis) = tokio::join!(futures_util::future::join_all(load), script);
        assert!(count.load(Ordering::Relaxed) > 100, "hardly any load");
        let ready: Value =
            reqwest::get(format!("{}/health/ready", process.url)).await.unwrap().json().await.unwrap();
        assert_eq!(ready["cache"], "ok", "Redis is used again");
        for (_, refresh_token) in &people {
            let query = "mutation($input: RefreshInput!) { refresh(input: $input) { user { id } } }";
            let input = json!({ "input": { "refreshToken": refresh_token } });
            let answer = process.post(None, query, input).await.unwrap();
            assert!(answer.get("errors").is_none(), "a session is lost: {answer}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_logout_while_redis_is_away_is_not_undone_by_its_old_copies() {
        let folder = tempdir().unwrap();
        let proxy = Proxy::to(servers::redis_url().trim_start_matches("redis://").to_owned()).await;
        let redis = format!("redis://{}", proxy.address);
        let mut settings = settings(&servers::mongodb_url(), &redis);
        settings.push(("REDIS_KEY_PREFIX".into(), servers::unique()));
        let process = Process::start(folder.path(), &settings).await;
        let (token, _) = signed_in(&process, "ada@example.com").await;
        assert!(me(&process, &token).await["data"]["me"]["id"].is_string());
        proxy.cut();
        let logout = process.post(Some(&token), "mutation { logout { success } }", json!({})).await.unwrap();
        assert_eq!(logout["data"]["logout"]["success"], true);
        let reason = async || me(&process, &token).await["errors"][0]["extensions"]["reason"].clone();
        assert_eq!(reason().await, "SESSION_REVOKED");
        proxy.open();
        // The copy that Redis still has is replaced before it is believed; another node sees it too.
        let started = Instant::now();
        let other = Process::start(folder.path(), &settings).await;
        while started.elapsed() < Duration::from_secs(10) {
            assert_eq!(reason().await, "SESSION_REVOKED");
            if me(&other, &token).await["errors"][0]["extensions"]["reason"] == "SESSION_REVOKED" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the other node never heard of the logout");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_database_that_is_away_or_silent_is_a_typed_error_and_recovers() {
        let folder = tempdir().unwrap();
        let url = servers::mongodb_url();
        let (target, database) = url.trim_start_matches("mongodb://").split_once('/').unwrap();
        let proxy = Proxy::to(target.to_owned()).await;
        let mongodb = format!("mongodb://{}/{database}?directConnection=true", proxy.address);
        let mut settings = settings(&mongodb, &servers::redis_url());
        settings.push(("REDIS_KEY_PREFIX".into(), servers::unique()));
        let process = Process::start(folder.path(), &settings).await;
        let (token, _) = signed_in(&process, "ada@example.com").await;
        for fault in [Proxy::cut, Proxy::silence] {
            fault(&proxy);
            let started = Instant::now();
            let answer = process.login("ada@example.com").await.unwrap();
            assert_eq!(code(&answer), "SERVICE_UNAVAILABLE", "{answer}");
            assert!(started.elapsed() < Duration::from_secs(8), "it took {:?}", started.elapsed());
            assert!(!answer.to_string().contains("mongo"), "the driver shows through: {answer}");
            assert!(me(&process, &token).await["data"]["me"]["id"].is_string(), "cached sessions still work");
            let asked = Instant::now();
            let ready = reqwest::get(format!("{}/health/ready", process.url)).await.unwrap();
            assert_eq!(ready.status().as_u16(), 503);
            assert!(asked.elapsed() < Duration::from_millis(1_500), "it took {:?}", asked.elapsed());
            proxy.open();
            let recovered = Instant::now();
            while code(&process.login("ada@example.com").await.unwrap()) == "SERVICE_UNAVAILABLE" {
                assert!(
                    recovered.elapsed() < Duration::from_secs(30),
                    "it never recovered:\n{}",
                    process.log()
                );
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// How often Redis ran each command, `INFO` itself left out.
    async fn commands(port: u16) -> std::collections::BTreeMap<String, u64> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(b"INFO commandstats\r\nQUIT\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls="));
        lines
            .map(|(name, rest)| (name.to_owned(), rest.split(',').next().unwrap().parse().unwrap()))
            .filter(|(name, _)| name != "info" && name != "quit")
            .collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_warm_me_costs_no_store_access_and_no_command_of_redis() {
        const REQUESTS: u64 = 50;
        let (folder, port) = (tempdir().unwrap(), free_port());
        let _redis = Redis::start(port, folder.path()).await;
        let url = servers::mongodb_url();
        let (target, database) = url.trim_start_matches("mongodb://").split_once('/').unwrap();
        let proxy = Proxy::to(target.to_owned()).await;
        let mongodb = format!("mongodb://{}/{database}?directConnection=true", proxy.address);
        let process =
            Process::start(folder.path(), &settings(&mongodb, &format!("redis://127.0.0.1:{port}"))).await;
        let (token, _) = signed_in(&process, "ada@example.com").await;
        // The connections say first that they track.
        for _ in 0..50 {
            me(&process, &token).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        proxy.cut();
        let before = commands(port).await;
        for _ in 0..REQUESTS {
            assert!(me(&process, &token).await["data"]["me"]["id"].is_string());
        }
        let mut after = commands(port).await;
        after.retain(|name, count| {
            *count -= before.get(name).copied().unwrap_or(0);
            *count > 0
        });
        // Whether Redis is there is asked all the time, and counted here.
        after.remove("ping");
        assert_eq!(after.into_iter().collect::<Vec<_>>(), []);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_redis_that_comes_back_empty_loses_no_session_and_no_revocation() {
        let (folder, port) = (tempdir().unwrap(), free_port());
        let redis = Redis::start(port, folder.path()).await;
        let settings = settings(&servers::mongodb_url(), &format!("redis://127.0.0.1:{port}"));
        let process = Process::start(folder.path(), &settings).await;
        let other = Process::start(folder.path(), &settings).await;
        let (alive, _) = signed_in(&process, "ada@example.com").await;
        let (ended, _) = signed_in(&process, "eve@example.com").await;
        for token in [&alive, &ended] {
            assert!(me(&other, token).await["data"]["me"]["id"].is_string());
        }
        process.post(Some(&ended), "mutation { logout { success } }", json!({})).await.unwrap();
        drop(redis);
        let _redis = Redis::start(port, folder.path()).await;
        for _ in 0..60 {
            for node in [&process, &other] {
                assert!(me(node, &alive).await["data"]["me"]["id"].is_string());
                assert_eq!(me(node, &ended).await["errors"][0]["extensions"]["reason"], "SESSION_REVOKED");
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Sends a command and waits for the answer.
    async fn command(port: u16, command: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_redis_that_comes_back_with_an_older_snapshot_brings_no_session_back() {
        let (folder, port) = (tempdir().unwrap(), free_port());
        let redis = Redis::start(port, folder.path()).await;
        let settings = settings(&servers::mongodb_url(), &format!("redis://127.0.0.1:{port}"));
        let here = Process::start(folder.path(), &settings).await;
        let there = Process::start(folder.path(), &settings).await;
        let (alive, _) = signed_in(&here, "ada@example.com").await;
        let (ended, _) = signed_in(&here, "eve@example.com").await;
        for token in [&alive, &ended, &alive, &ended] {
            assert!(me(&there, token).await["data"]["me"]["id"].is_string());
        }
        assert!(command(port, "SAVE").await.contains("OK"));
        here.post(Some(&ended), "mutation { logout { success } }", json!({})).await.unwrap();
        drop(redis);
        let _redis = Redis::start(port, folder.path()).await;
        assert!(
            command(port, "DBSIZE").await.starts_with(":4"),
            "the copies are back, without the tombstone"
        );
        drop(here);
        let fresh = Process::start(folder.path(), &settings).await;
        for _ in 0..60 {
            for process in [&there, &fresh] {
                assert!(me(process, &alive).await["data"]["me"]["id"].is_string());
                assert_eq!(me(process, &ended).await["errors"][0]["extensions"]["reason"], "SESSION_REVOKED");
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_silent_redis_only_costs_time() {
        let folder = tempdir().unwrap();
        let proxy = Proxy::to(servers::redis_url().trim_start_matches("redis://").to_owned()).await;
        let mut settings = settings(&servers::mongodb_url(), &format!("redis://{}", proxy.address));
        settings.push(("REDIS_KEY_PREFIX".into(), servers::unique()));
        let process = Process::start(folder.path(), &settings).await;
        let (token, _) = signed_in(&process, "ada@example.com").await;
        proxy.silence();
        for _ in 0..20 {
            let started = Instant::now();
            assert!(me(&process, &token).await["data"]["me"]["id"].is_string());
            assert!(started.elapsed() < Duration::from_secs(3), "it took {:?}", started.elapsed());
        }
    }
}
