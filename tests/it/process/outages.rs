//! Outages of what the service depends on, and of what it has of the machine.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use mongodb::bson::{Document, doc};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::owned;
use crate::support::{
    process::{Process, command, free_port},
    proxy::Proxy,
    redis::Redis,
    servers,
};

/// A server of one member, which does not announce by itself that it is back.
const DIRECT: &str = "directConnection=true&serverMonitoringMode=poll";

/// A service whose MongoDB and Redis are behind proxies.
struct Behind {
    folder: TempDir,
    mongodb: Proxy,
    redis: Proxy,
    settings: Vec<(String, String)>,
    database: String,
    _redis: Redis,
}

impl Behind {
    async fn new() -> Self {
        let (folder, port) = (tempdir().unwrap(), free_port());
        let server = Redis::start(port, folder.path()).await;
        let url = servers::mongodb_url();
        let (target, database) = url.trim_start_matches("mongodb://").split_once('/').unwrap();
        let mongodb = Proxy::to(target.to_owned()).await;
        let redis = Proxy::to(format!("127.0.0.1:{port}")).await;
        let settings = owned(&[
            ("DATABASE_URL", &format!("mongodb://{}/{database}?{DIRECT}", mongodb.address)),
            ("REDIS_URL", &format!("redis://{}", redis.address)),
        ]);
        let database = database.to_owned();
        Self { folder, mongodb, redis, settings, database, _redis: server }
    }

    async fn start(&self) -> Process {
        Process::start(self.folder.path(), &self.settings).await
    }
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

fn token(answer: &Value, field: &str) -> String {
    answer["data"][field]["accessToken"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

async fn me(process: &Process, token: &str) -> Value {
    process.post(Some(token), "{ me { email } }", json!({})).await.unwrap()
}

/// Tries until it succeeds, and answers how long that took.
async fn until(most: Duration, mut done: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !done().await {
        assert!(began.elapsed() < most, "not within {most:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_stores_make_answers_late_and_not_wrong() {
    let behind = Behind::new().await;
    let process = behind.start().await;
    process.register("ada@example.com").await.unwrap();
    for fault in [Proxy::slow_down, Proxy::drip] {
        fault(&behind.mongodb);
        fault(&behind.redis);
        let began = Instant::now();
        let answer = process.login("ada@example.com").await.unwrap();
        assert_eq!(me(&process, &token(&answer, "login")).await["data"]["me"]["email"], "ada@example.com");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_connections_and_says_nothing_is_found_out() {
    let behind = Behind::new().await;
    let process = behind.start().await;
    let registered = process.register("ada@example.com").await.unwrap();
    // Those there are end, and new ones lead nowhere.
    behind.mongodb.cut();
    tokio::time::sleep(Duration::from_millis(200)).await;
    behind.mongodb.half_open();
    let began = Instant::now();
    let answer = process.login("ada@example.com").await.unwrap();
    assert_eq!(code(&answer), "SERVICE_UNAVAILABLE", "{answer}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let warm = me(&process, &token(&registered, "register")).await;
    assert_eq!(warm["data"]["me"]["email"], "ada@example.com", "from the copies");
    behind.mongodb.open();
    until(Duration::from_secs(30), async || {
        code(&process.login("ada@example.com").await.unwrap()).is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_meets_a_fail_over_is_made_once() {
    let behind = Behind::new().await;
    let process = behind.start().await;
    let direct = format!("{}?directConnection=true", servers::variable("VESTIBULE_TEST_MONGODB_URL"));
    let client =
        mongodb::Client::with_uri_str(direct.replace("?directConnection", "/?directConnection")).await;
    let client = client.unwrap();
    let admin = client.database("admin");
    // The server loses its place, or the connection breaks, with the write done or not.
    let faults = [
        doc! { "failCommands": ["insert", "update", "findAndModify"], "errorCode": 10107, "errorLabels": ["RetryableWriteError"] },
        doc! { "failCommands": ["insert", "update", "findAndModify"], "errorCode": 91, "errorLabels": ["RetryableWriteError"] },
        doc! { "failCommands": ["insert", "update", "findAndModify"], "closeConnection": true },
    ];
    let users = client.database(&behind.database).collection::<Document>("users");
    for (number, data) in faults.into_iter().enumerate() {
        let email = format!("ada{number}@example.com");
        let point = doc! { "configureFailPoint": "failCommand", "mode": { "times": 1 }, "data": data };
        admin.run_command(point).await.expect("the test's server takes fail points");
        let answer = process.register(&email).await.unwrap();
        let off = doc! { "configureFailPoint": "failCommand", "mode": "off" };
        admin.run_command(off).await.unwrap();
        assert!(answer.get("errors").is_none(), "{number}: {answer}\n{}", process.log());
        let found = users.count_documents(doc! { "email": &email }).await.unwrap();
        assert_eq!(found, 1, "one account for one address");
        assert!(code(&process.login(&email).await.unwrap()).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_both_stores_away_every_answer_is_typed_and_soon() {
    let behind = Behind::new().await;
    let process = behind.start().await;
    let registered = process.register("ada@example.com").await.unwrap();
    let token = token(&registered, "register");
    me(&process, &token).await;
    behind.redis.cut();
    behind.mongodb.cut();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        let asked = Instant::now();
        let answer = me(&process, &token).await;
        let is_served = answer["data"]["me"]["email"] == "ada@example.com";
        assert!(is_served || code(&answer) == "SERVICE_UNAVAILABLE", "{answer}");
        assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    behind.mongodb.open();
    behind.redis.open();
    let most = Duration::from_secs(15);
    until(most, async || me(&process, &token).await["data"]["me"]["email"] == "ada@example.com").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_order_in_which_things_start_does_not_matter() {
    for order in [["mongodb", "redis"], ["redis", "mongodb"]] {
        let behind = Behind::new().await;
        behind.mongodb.cut();
        behind.redis.cut();
        let starter = command(behind.folder.path(), &behind.settings);
        let starting = tokio::spawn(Process::of(starter));
        for part in order {
            tokio::time::sleep(Duration::from_secs(2)).await;
            if part == "mongodb" { behind.mongodb.open() } else { behind.redis.open() }
        }
        let process = starting.await.unwrap();
        let registered = process.register("ada@example.com").await.unwrap();
        assert_eq!(
            me(&process, &token(&registered, "register")).await["data"]["me"]["email"],
            "ada@example.com"
        );
    }
}

/// A connection that is kept.
async fn connected(process: &Process) -> TcpStream {
    TcpStream::connect(process.url.strip_prefix("http://").unwrap()).await.unwrap()
}

/// Asks over a connection, which stays open.
async fn ask(stream: &mut TcpStream) -> String {
    let body = r#"{"query":"{ me { id } }"}"#;
    let head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json";
    let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let count = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_are_served() {
    let folder = tempdir().unwrap();
    let process = Process::start(folder.path(), &owned(&[])).await;
    let mut open = Vec::new();
    for _ in 0..10_000 {
        open.push(connected(&process).await);
    }
    // The last and the first, and some between.
    for at in [9_999, 0, 5_000, 2_500, 7_500] {
        let answer = ask(&mut open[at]).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""me":null"#), "{at}: {answer}");
    }
    assert!(process.register("ada@example.com").await.unwrap().get("errors").is_none());
}

/// The program, started by a shell that has done something before.
fn after(folder: &Path, script: &str, settings: &[(String, String)]) -> Command {
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("{script}; exec \"$0\" serve"), env!("CARGO_BIN_EXE_vestibule")]);
    shell
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("RATE_LIMITS", "off");
    shell.envs(settings.iter().map(|(name, value)| (name, value)));
    shell
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_takes_all_descriptors_keeps_nobody_out_for_long() {
    let folder = tempdir().unwrap();
    let process = Process::of(after(folder.path(), "ulimit -n 200", &owned(&[]))).await;
    let mut open = Vec::new();
    for _ in 0..180 {
        open.push(connected(&process).await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    // Those that are in are served, and the store still opens what it needs.
    assert!(ask(&mut open[0]).await.starts_with("HTTP/1.1 200"));
    open.truncate(1);
    let most = Duration::from_secs(10);
    until(most, async || {
        let answer = process.register("ada@example.com").await;
        answer.is_some_and(|answer| answer.get("errors").is_none() || code(&answer) == "EMAIL_TAKEN")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_file_system_refuses_writes_and_loses_nothing() {
    let folder = tempdir().unwrap();
    let disk = folder.path().join("data");
    std::fs::create_dir(&disk).unwrap();
    let mount = format!("mount -t tmpfs -o size=3m tmpfs '{}'", disk.display());
    let inner = format!("{mount} && exec \"$0\" serve");
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "bash", "-c", &inner, env!("CARGO_BIN_EXE_vestibule")]);
    shell
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("RATE_LIMITS", "off");
    shell.envs(owned(&[]));
    let process = Process::of(shell).await;
    let (mut made, mut refused) = (Vec::new(), 0);
    for number in 0..20_000 {
        let email = format!("user{number}@example.com");
        let answer = process.register(&email).await.unwrap();
        match code(&answer) {
            "" => made.push(email),
            "SERVICE_UNAVAILABLE" => refused += 1,
            other => panic!("{other}: {answer}"),
        }
        if refused == 10 {
            break;
        }
    }
    assert!(!made.is_empty() && refused == 10, "{} made, {refused} refused", made.len());
    // Reading goes on; nobody who was told that they have an account is without.
    let registered_first = process.post(None, "{ me { id } }", json!({})).await.unwrap();
    assert_eq!(registered_first["data"], json!({ "me": null }));
    let url = process.url.clone();
    let ready = reqwest::get(format!("{url}/health/ready")).await.unwrap();
    assert!(ready.status().is_success(), "it still reads");
    // With room, all goes on by itself, and every account is there that somebody was told of.
    let pid = process.id().to_string();
    let more = ["--target", &pid, "--mount", "mount", "-o", "remount,size=64m", disk.to_str().unwrap()];
    assert!(Command::new("nsenter").args(more).status().unwrap().success());
    for email in &made {
        let answer = process.login(email).await.unwrap();
        assert_eq!(code(&answer), "", "{email}: {answer}");
    }
    let answer = process.register("late@example.com").await.unwrap();
    assert_eq!(code(&answer), "", "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_are_deleted_once_cloudinary_is_back() {
    use axum::{Json, Router, extract::State, routing::post};
    use std::sync::{Arc, Mutex};

    type Deleted = Arc<Mutex<Vec<String>>>;
    async fn destroy(State(deleted): State<Deleted>, form: String) -> Json<Value> {
        deleted.lock().unwrap().push(form);
        Json(json!({ "result": "ok" }))
    }
    let deleted = Deleted::default();
    let router = Router::new().route("/v1_1/cloud/image/destroy", post(destroy)).with_state(deleted.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let proxy = Proxy::to(target).await;
    let folder = tempdir().unwrap();
    let settings = owned(&[
        ("CLOUDINARY_URL", "cloudinary://key:a-secret-of-the-cloud@cloud"),
        ("CLOUDINARY_API_URL", &format!("http://{}", proxy.address)),
    ]);
    let mut process = Process::start(folder.path(), &settings).await;
    let registered = process.register("ada@example.com").await.unwrap();
    let token = token(&registered, "register");
    process.terminate();
    process.wait();
    let id = registered["data"]["register"]["user"]["id"].as_str().unwrap().to_owned();
    // The store says that there is a picture, as after an upload.
    let avatar = json!({ "public_id": "avatars/picture", "url": "https://res.cloudinary.com/cloud/picture", "width": 10, "height": 10 });
    let connection = rusqlite::Connection::open(folder.path().join("data/vestibule.sqlite")).unwrap();
    connection
        .execute(
            "UPDATE users SET avatar = ?1, version = version + 1 WHERE id = ?2",
            [&avatar.to_string(), &id],
        )
        .unwrap();
    drop(connection);
    let process = Process::start(folder.path(), &settings).await;
    proxy.cut();
    let query = "mutation { removeAvatar { user { id } } }";
    let answer = process.post(Some(&token), query, json!({})).await.unwrap();
    assert!(answer.get("errors").is_none(), "the person does not wait for the cloud: {answer}");
    // It is kept for some time, which is over now.
    let connection = rusqlite::Connection::open(folder.path().join("data/vestibule.sqlite")).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(
        connection
            .execute("UPDATE outbox SET due_at = 0 WHERE ended_at IS NULL AND kind LIKE '%avatar%'", [])
            .unwrap(),
        1
    );
    drop(connection);
    process.logged("will be tried again", 1).await;
    assert!(deleted.lock().unwrap().is_empty());
    proxy.open();
    for _ in 0..400 {
        if !deleted.lock().unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!deleted.lock().unwrap().is_empty(), "{}", process.log());
    assert!(deleted.lock().unwrap()[0].contains("picture"));
}
