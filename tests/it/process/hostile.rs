//! Requests of those who mean harm, kept in `tests/data/hostile.json`: each gets its refusal, and costs the
//! service little.

use std::{fmt::Write, fs, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::process::Process;

/// The most processor time that a refusal may take; four times that without optimisation.
const MOST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 200 } else { 50 });

/// A part many times, between two others.
#[derive(Deserialize)]
struct Repeated {
    #[serde(default)]
    head: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    times: usize,
    #[serde(default)]
    tail: String,
    #[serde(default)]
    copies: Option<usize>,
}

impl Repeated {
    fn text(&self) -> String {
        format!("{}{}{}", self.head, self.unit.repeat(self.times), self.tail)
    }
}

#[derive(Deserialize)]
struct Hostile {
    name: String,
    /// The document of a request; without it the body is as it stands here.
    query: Option<Repeated>,
    #[serde(flatten)]
    body: Repeated,
    hex: Option<String>,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, Repeated>,
    status: u16,
    code: Option<String>,
    limit: Option<String>,
}

impl Hostile {
    fn bytes(&self) -> Vec<u8> {
        let byte = |hex: &str, at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let body = match (&self.query, &self.hex) {
            (Some(query), _) => json!({ "query": query.text() }).to_string().into_bytes(),
            (None, Some(hex)) => (0..hex.len()).step_by(2).map(|at| byte(hex, at)).collect(),
            (None, None) => self.body.text().into_bytes(),
        };
        let mut head = "POST /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n".to_owned();
        for (name, value) in
            [("content-type", "application/json"), ("accept", "application/graphql-response+json")]
        {
            if !self.headers.contains_key(name) && (name != "accept" || self.status != 200) {
                write!(head, "{name}: {value}\r\n").unwrap();
            }
        }
        for (name, value) in &self.headers {
            for _ in 0..value.copies.unwrap_or(1) {
                write!(head, "{name}: {}\r\n", value.text()).unwrap();
            }
        }
        write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
        [head.into_bytes(), body].concat()
    }
}

/// The processor time of a process so far: that of all its threads, in nanoseconds.
fn processor_time(process: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let spent = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(spent.sum())
}

async fn exchange(process: &Process, bytes: &[u8]) -> (u16, Value) {
    let address = process.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Whoever is refused early may find the other end closed.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    #[expect(clippy::disallowed_methods, reason = "no driver call is in it")]
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    read.expect("no answer in time").ok();
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    // A body in chunks has its length before it.
    let json = body
        .find('{')
        .map_or("", |at| &body[at..])
        .rsplit_once('}')
        .map_or(String::new(), |(json, _)| format!("{json}}}"));
    (status, serde_json::from_str(&json).unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_gets_its_refusal_and_costs_little() {
    let list: Vec<Hostile> = serde_json::from_str(include_str!("../../data/hostile.json")).unwrap();
    assert!(list.len() >= 40);
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    exchange(&process, &list[0].bytes()).await;
    let mut faults = Vec::new();
    for hostile in &list {
        let bytes = hostile.bytes();
        let mut spent = Duration::MAX;
        for _ in 0..5 {
            let before = processor_time(process.id());
            let (status, answer) = exchange(&process, &bytes).await;
            spent = spent.min(processor_time(process.id()).saturating_sub(before));
            let extensions = &answer["errors"][0]["extensions"];
            let code = extensions["code"].as_str();
            let limit = extensions["limitName"].as_str();
            let is_limit = hostile.limit.is_none() || limit == hostile.limit.as_deref();
            if status != hostile.status || code != hostile.code.as_deref() || !is_limit {
                faults.push(format!("{}: {status} {code:?} {limit:?}", hostile.name));
                break;
            }
        }
        if spent > MOST {
            faults.push(format!("{}: {spent:?} of processor time", hostile.name));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let alive = process.post(None, "{ me { id } }", json!({})).await;
    assert_eq!(alive.unwrap()["data"], json!({ "me": null }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_idle_connections_keep_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let address = process.url.strip_prefix("http://").unwrap().to_owned();
    let mut idle = Vec::new();
    for number in 0..2_000 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        // Half of them begin to say something and go on for ever.
        if number % 2 == 0 {
            stream.write_all(b"POST /graphql HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        }
        idle.push(stream);
    }
    let before = processor_time(process.id());
    let me = json!({ "query": "{ me { id } }" }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{me}",
        me.len()
    );
    let (status, answer) = exchange(&process, request.as_bytes()).await;
    assert_eq!((status, &answer["data"]), (200, &json!({ "me": null })));
    let spent = processor_time(process.id()).saturating_sub(before);
    assert!(spent < MOST, "{spent:?}");
    drop(idle);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_never_ends_is_refused_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
    let address = process.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head).await.unwrap();
    let mut answer = vec![0; 1024];
    #[expect(clippy::disallowed_methods, reason = "no driver call is in it")]
    let read =
        tokio::time::timeout(Duration::from_secs(40), stream.read(&mut answer)).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(text.starts_with("HTTP/1.1 408"), "{text}");
}

/// To close a connection on bytes that nobody has read resets it, and the reset can overtake the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let address = process.url.strip_prefix("http://").unwrap();
    let part = vec![b' '; 100_000];
    for (path, status) in [("/nothing", "404"), ("/graphql", "413")] {
        for _ in 0..10 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 600000\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            for _ in 0..6 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                stream.write_all(&part).await.unwrap();
            }
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            let text = String::from_utf8_lossy(&answer);
            assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
        }
    }
}
