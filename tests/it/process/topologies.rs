//! Redis as a cluster and behind Sentinel: the same service.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    process::{Process, free_port},
    servers,
};

/// A program of Redis, ended when dropped.
struct Server {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Server {
    async fn start(arguments: impl FnOnce(u16, &Path) -> Vec<String>) -> Self {
        // A node of a cluster also listens on the port ten thousand higher.
        let port = std::iter::repeat_with(free_port).take(100).find(|port| *port < 55_000).unwrap();
        let folder = tempdir().unwrap();
        let child = Command::new(servers::variable("VESTIBULE_TEST_REDIS_SERVER"))
            .args(arguments(port, folder.path()))
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port, _folder: folder };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("Redis did not start");
    }

    /// Sends a command, and answers with what came until the connection was closed.
    async fn command(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    async fn until(&self, command: &str, expected: &str) {
        let started = Instant::now();
        while !self.command(command).await.contains(expected) {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "never {expected}: {}",
                self.command(command).await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn node(mongodb: &str, redis: &str) -> (Process, TempDir) {
    let folder = tempdir().unwrap();
    let settings = [("DATABASE_URL", mongodb), ("REDIS_URL", redis), ("BCRYPT_COST", "4")];
    (Process::start(folder.path(), &super::owned(&settings)).await, folder)
}

fn text(answer: &Value, pointer: &str) -> String {
    answer
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer}: {answer}"))
        .to_owned()
}

async fn me(process: &Process, token: &str) -> Value {
    process.post(Some(token), "{ me { id } }", json!({})).await.unwrap()
}

async fn is_degraded(process: &Process) -> bool {
    let ready = reqwest::get(format!("{}/health/ready", process.url)).await.unwrap();
    ready.json::<Value>().await.unwrap()["cache"] != "ok"
}

/// What happens on one node is heard on the other.
async fn tells_events(here: &Process, there: &Process, email: &str) {
    let answer = here.register(email).await.unwrap();
    let token = text(&answer, "/data/register/accessToken");
    let query = json!({ "query": "subscription { sessionEvents { type } }" });
    let request = reqwest::Client::new().post(format!("{}/graphql", there.url)).bearer_auth(&token);
    let mut events = request.header("accept", "text/event-stream").json(&query).send().await.unwrap();
    // News is not kept: what happens while a node looks for its new primary, it does not hear of.
    for _ in 0..20 {
        here.login(email).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test gives up by failing")]
        let Ok(event) = tokio::time::timeout(Duration::from_secs(1), events.chunk()).await else { continue };
        let event = String::from_utf8(event.unwrap().unwrap().to_vec()).unwrap();
        assert!(event.contains("CREATED"), "{event}");
        return;
    }
    panic!("nothing was heard: {}", there.log());
}

/// Logs in on one node and out on the other, several times.
async fn is_one_service(here: &Process, there: &Process, prefix: &str) {
    tells_events(here, there, &format!("{prefix}@example.com")).await;
    for number in 0..8 {
        let answer = here.register(&format!("{prefix}{number}@example.com")).await.unwrap();
        let token = text(&answer, "/data/register/accessToken");
        for process in [here, there, here, there] {
            text(&me(process, &token).await, "/data/me/id");
        }
        let logout = there.post(Some(&token), "mutation { logout { success } }", json!({})).await.unwrap();
        assert_eq!(logout["data"]["logout"]["success"], true, "{logout}");
        let started = Instant::now();
        while me(here, &token).await["data"]["me"]["id"].is_string() {
            assert!(started.elapsed() < Duration::from_secs(2), "it never learns");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_one_redis() {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Server::start(|_, _| ["--cluster-enabled", "yes"].map(ToOwned::to_owned).to_vec()).await);
    }
    for (node, slots) in nodes.iter().zip(["0 5460", "5461 10922", "10923 16383"]) {
        node.command(&format!("CLUSTER ADDSLOTSRANGE {slots}")).await;
        node.command(&format!("CLUSTER MEET 127.0.0.1 {}", nodes[0].port)).await;
    }
    for node in &nodes {
        node.until("CLUSTER INFO", "cluster_state:ok").await;
        node.until("CLUSTER INFO", "cluster_known_nodes:3").await;
    }
    let (mongodb, redis) = (servers::mongodb_url(), format!("redis-cluster://127.0.0.1:{}", nodes[0].port));
    let ((here, _one), (there, _two)) = (node(&mongodb, &redis).await, node(&mongodb, &redis).await);
    is_one_service(&here, &there, "n").await;
    assert!(!is_degraded(&here).await && !is_degraded(&there).await, "{}", here.log());
    // The keys are spread, and what is warm asks none of the nodes.
    let answer = here.register("warm@example.com").await.unwrap();
    let token = text(&answer, "/data/register/accessToken");
    for _ in 0..60 {
        text(&me(&here, &token).await, "/data/me/id");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let reads = async || {
        let mut count = 0;
        for node in &nodes {
            let stats = node.command("INFO commandstats").await;
            let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_mget:calls="));
            count += line.map_or(0, |line| line.split(',').next().unwrap().parse::<u64>().unwrap());
        }
        count
    };
    let before = reads().await;
    assert!(before > 0, "nothing was ever read");
    for _ in 0..50 {
        text(&me(&here, &token).await, "/data/me/id");
    }
    assert_eq!(reads().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_sentinel_a_new_primary_is_followed() {
    let primary = Server::start(|_, _| Vec::new()).await;
    let address = primary.port.to_string();
    let replica =
        Server::start(|_, _| ["--replicaof", "127.0.0.1", &address].map(ToOwned::to_owned).to_vec()).await;
    replica.until("INFO replication", "master_link_status:up").await;
    let sentinel = Server::start(|_, folder| {
        let file = folder.join("sentinel.conf");
        let settings = format!(
            "sentinel monitor main 127.0.0.1 {address} 1\nsentinel down-after-milliseconds main 500\n\
             sentinel failover-timeout main 3000\n"
        );
        std::fs::write(&file, settings).unwrap();
        vec![file.display().to_string(), "--sentinel".into()]
    })
    .await;
    sentinel.until("SENTINEL replicas main", &replica.port.to_string()).await;
    let mongodb = servers::mongodb_url();
    let redis = format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName=main", sentinel.port);
    let ((here, _one), (there, _two)) = (node(&mongodb, &redis).await, node(&mongodb, &redis).await);
    is_one_service(&here, &there, "before").await;
    assert!(!is_degraded(&here).await, "{}", here.log());
    let answer = here.register("ada@example.com").await.unwrap();
    let token = text(&answer, "/data/register/accessToken");
    drop(primary);
    let started = Instant::now();
    // Nobody notices while the new primary is found.
    while is_degraded(&here).await || is_degraded(&there).await || started.elapsed() < Duration::from_secs(2)
    {
        text(&me(&here, &token).await, "/data/me/id");
        text(&me(&there, &token).await, "/data/me/id");
        assert!(started.elapsed() < Duration::from_secs(40), "{}", here.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    replica.until("INFO replication", "role:master").await;
    is_one_service(&here, &there, "after").await;
}
