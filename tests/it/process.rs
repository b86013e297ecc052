//! The program as a process: settings, signals, sudden ends, faults of what it depends on.

mod backup;
mod commands;
mod faults;
mod hostile;
mod moving;
#[cfg(feature = "server-tests")]
mod nodes;
mod operators;
#[cfg(feature = "server-tests")]
mod outages;
mod reload;
mod sudden_end;
#[cfg(feature = "server-tests")]
mod topologies;
mod traces;
mod upgrades;

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Output,
    time::Duration,
};

use serde_json::json;
use tempfile::tempdir;

use crate::support::process::{Process, command, free_port};

fn owned(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let cost = [("BCRYPT_COST", "4")];
    cost.iter().chain(settings).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Runs a program that is expected not to serve.
fn failed(folder: &std::path::Path, settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command(folder, &owned(settings)).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn bad_settings_are_all_reported_and_exit_with_2() {
    let folder = tempdir().unwrap();
    let settings =
        [("BIND_ADDR", "nowhere"), ("ACCESS_TOKEN_TTL", "5 parsecs"), ("REDIS_URL", "http://:hunter2@h")];
    let (code, text) = failed(folder.path(), &settings);
    assert_eq!(code, Some(2));
    for name in ["BIND_ADDR", "ACCESS_TOKEN_TTL", "REDIS_URL"] {
        assert!(text.contains(name), "{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
    std::fs::write(folder.path().join(".env"), "BIND_ADDR=also-nowhere\n").unwrap();
    let (code, text) = failed(folder.path(), &[]);
    assert_eq!((code, text.contains("BIND_ADDR")), (Some(2), true), ".env is read: {text}");
}

#[test]
fn what_keeps_it_from_starting_is_said_and_exits_with_1() {
    let folder = tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, text) = failed(folder.path(), &[("BIND_ADDR", &address)]);
    assert_eq!((code, text.contains("cannot listen on")), (Some(1), true), "{text}");
    let free = format!("127.0.0.1:{}", free_port());
    let (code, text) =
        failed(folder.path(), &[("DATABASE_URL", "sqlite:///proc/x.sqlite"), ("BIND_ADDR", &free)]);
    assert_eq!((code, text.contains("cannot open the database /proc/x.sqlite")), (Some(1), true), "{text}");
    std::fs::write(
        folder.path().join("text.sqlite"),
        "this is no database, whatever its name says; ".repeat(100),
    )
    .unwrap();
    let (code, text) =
        failed(folder.path(), &[("DATABASE_URL", "sqlite://text.sqlite"), ("BIND_ADDR", &free)]);
    assert_eq!((code, text.contains("cannot open the database text.sqlite")), (Some(1), true), "{text}");
}

#[tokio::test]
async fn a_second_process_on_one_sqlite_file_is_refused() {
    let folder = tempdir().unwrap();
    let first = Process::start(folder.path(), &owned(&[])).await;
    let (code, text) = failed(folder.path(), &[("BIND_ADDR", &format!("127.0.0.1:{}", free_port()))]);
    assert_eq!(code, Some(1));
    assert!(text.contains("in use by another process"), "{text}");
    assert!(first.register("ada@example.com").await.unwrap().get("errors").is_none());
}

#[tokio::test]
async fn a_signal_lets_requests_in_flight_finish() {
    let folder = tempdir().unwrap();
    let settings = owned(&[("BCRYPT_COST", "12")]);
    let mut process = Process::start(folder.path(), &settings).await;
    let answer = {
        let registration = process.register("ada@example.com");
        tokio::pin!(registration);
        // Under way, and far from done.
        tokio::select! {
            answer = &mut registration => panic!("too fast to be in flight: {answer:?}"),
            () = tokio::time::sleep(Duration::from_millis(60)) => {}
        }
        process.terminate();
        registration.await
    };
    assert!(
        answer.is_some_and(|answer| answer["data"]["register"]["user"]["id"].is_string()),
        "{}",
        process.log()
    );
    assert!(process.wait().success());
}

#[tokio::test]
async fn a_restart_keeps_accounts_sessions_and_keys() {
    let folder = tempdir().unwrap();
    let mut process = Process::start(folder.path(), &owned(&[])).await;
    let registered = process.register("ada@example.com").await.unwrap();
    process.terminate();
    assert!(process.wait().success());
    let process = Process::start(folder.path(), &owned(&[])).await;
    let token = registered["data"]["register"]["accessToken"].as_str();
    let me = process.post(token, "{ me { email } }", json!({})).await.unwrap();
    assert_eq!(me, json!({ "data": { "me": { "email": "ada@example.com" } } }));
}

async fn send_registration_and_hang_up(process: &Process) {
    let body = json!({ "query": "mutation { register(input: { email: \"ada@example.com\", password: \"correct horse battery\", name: \"Ada\" }) { user { id } } }" }).to_string();
    let mut stream = TcpStream::connect(process.url.trim_start_matches("http://")).unwrap();
    write!(stream, "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    stream.flush().unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_stop_what_it_asked_for() {
    let folder = tempdir().unwrap();
    let process = Process::start(folder.path(), &owned(&[("BCRYPT_COST", "10")])).await;
    send_registration_and_hang_up(&process).await;
    for _ in 0..100 {
        if process.login("ada@example.com").await.is_some_and(|answer| answer.get("errors").is_none()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the registration was lost:\n{}", process.log());
}

#[tokio::test]
async fn what_a_client_that_hung_up_asked_for_is_finished_before_the_end() {
    let folder = tempdir().unwrap();
    let mut process = Process::start(folder.path(), &owned(&[("BCRYPT_COST", "12")])).await;
    send_registration_and_hang_up(&process).await;
    process.terminate();
    assert!(process.wait().success());
    let process = Process::start(folder.path(), &owned(&[("BCRYPT_COST", "12")])).await;
    let answer = process.login("ada@example.com").await.unwrap();
    assert!(answer.get("errors").is_none(), "the registration was dropped half-way: {answer}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let folder = tempdir().unwrap();
    let process = Process::start(folder.path(), &owned(&[])).await;
    let address = process.url.trim_start_matches("http://").to_owned();
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        stream.write_all(b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{").unwrap();
        let mut answer = [0; 512];
        let count = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..count]).into_owned()
    });
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn no_secret_is_in_the_log() {
    let folder = tempdir().unwrap();
    // The mailbox of developers logs links, so that they can be clicked.
    let settings =
        [("RUST_LOG", "trace"), ("SECRET_KEY", "Zc0rpQ7canaryXw3Vb9Tn5Kd1Fh6Jm8Ls"), ("SMTP_URL", "none")];
    let settings = owned(&settings);
    let mut process = Process::start(folder.path(), &settings).await;
    let answer = process.register("canary-address@example.com").await.unwrap();
    let payload = &answer["data"]["register"];
    let text = |name: &str| payload[name].as_str().unwrap().to_owned();
    process.post(Some(&text("accessToken")), "{ me { id } }", json!({})).await.unwrap();
    let refresh = "mutation($input: RefreshInput!) { refresh(input: $input) { accessToken } }";
    process.post(None, refresh, json!({ "input": { "refreshToken": text("refreshToken") } })).await.unwrap();
    process.login("canary-address@example.com").await.unwrap();
    process.post(Some("canary-bearer"), "{ me { id } }", json!({})).await.unwrap();
    process.terminate();
    process.wait();
    let log = process.log();
    assert!(log.contains("account made"), "{log}");
    for secret in ["correct horse battery", "canary", &text("accessToken"), &text("refreshToken"), "$2b$"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is in the log: {}", line.unwrap_or_default());
    }
}
