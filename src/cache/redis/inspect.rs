//! What `vestibule doctor` asks of Redis.

use fred::{
    interfaces::{ClientLike, FredResult},
    types::{ClusterHash, CustomCommand, InfoKind, Value},
};

use super::connection::Connection;
use crate::{
    config::RedisConfig,
    domain::{
        checkup::{Finding, State},
        clock::Instant,
    },
};

const PART: &str = "cache";
/// The first version that tells clients what has changed.
const OLDEST: u32 = 6;

/// Looks at the server.
pub(in crate::cache) async fn inspect(settings: &RedisConfig) -> Vec<Finding> {
    let faulty = |what: String, remedy: &str| vec![Finding::new(PART, State::faulty(what, remedy))];
    let connection = match Connection::open(settings) {
        Ok(connection) => connection,
        Err(error) => return faulty(error.to_string(), "see REDIS_URL and REDIS_CA_FILE"),
    };
    connection.connect().await;
    let Some(client) = connection.clients().iter().find(|client| client.is_connected()) else {
        let remedy = "see whether it runs, whether REDIS_URL names it and its user, and what is between; the service works without it, slower";
        return faulty("Redis does not answer".into(), remedy);
    };
    let server: FredResult<Value> = client.info(Some(InfoKind::Server)).await;
    let memory: FredResult<Value> = client.info(Some(InfoKind::Memory)).await;
    let mut findings = vec![version(server), eviction(memory)];
    let time: FredResult<(i64, i64)> = client
        .custom(CustomCommand::new_static("TIME", ClusterHash::Random, false), Vec::<Value>::new())
        .await;
    if let Ok((seconds, micros)) = time
        && let Some(time) = Instant::from_timestamp(seconds, 0)
    {
        findings.push(Finding::new(PART, State::of_clock(time + chrono::TimeDelta::microseconds(micros))));
    }
    findings
}

/// A line of the text that Redis tells of itself. A cluster answers with one text for each node.
fn told(answer: &Value, name: &str) -> Option<String> {
    let text = match answer {
        Value::Map(nodes) => nodes.values().find_map(Value::as_string)?,
        answer => answer.as_string()?,
    };
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned()))
}

fn version(answer: FredResult<Value>) -> Finding {
    let version = answer.ok().and_then(|answer| told(&answer, "redis_version"));
    let state = match version {
        None => State::doubtful(
            "it does not tell its version",
            "let the user of REDIS_URL run INFO, or see to it yourself",
        ),
        Some(version) => {
            let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
            if major.is_some_and(|major| major >= OLDEST) {
                State::well(format!("Redis {version}; it tells what has changed"))
            } else {
                let remedy = "use version 6 or later: without CLIENT TRACKING each request asks Redis";
                State::doubtful(format!("Redis {version}"), remedy)
            }
        }
    };
    Finding::new(PART, state)
}

fn eviction(answer: FredResult<Value>) -> Finding {
    let answer = answer.ok();
    let text = |name: &str| answer.as_ref().and_then(|answer| told(answer, name));
    let limit = text("maxmemory").and_then(|limit| limit.parse::<u64>().ok()).unwrap_or_default();
    let state = match text("maxmemory_policy") {
        None => State::doubtful(
            "it does not tell its policy",
            "see that maxmemory-policy evicts where maxmemory is set",
        ),
        Some(policy) if policy == "noeviction" && limit > 0 => State::doubtful(
            format!("maxmemory is {limit} bytes, and nothing is evicted"),
            "set maxmemory-policy to allkeys-lru: a full Redis takes no copy, and each request asks the store",
        ),
        Some(policy) => State::well(format!("maxmemory {limit}, policy {policy}")),
    };
    Finding::new(PART, state)
}
