//! What operators are told: metrics, the health of the parts, and that a node is about to stop.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;
use tempfile::tempdir;

use super::owned;
use crate::support::process::{Process, free_port};

/// A program whose operators have a listener, and the address of that.
async fn observed(folder: &std::path::Path, more: &[(&str, &str)]) -> (Process, String) {
    let address = format!("127.0.0.1:{}", free_port());
    let mut settings = owned(more);
    settings.push(("METRICS_BIND".to_owned(), address.clone()));
    (Process::start(folder, &settings).await, format!("http://{address}"))
}

async fn text(url: String) -> (u16, String) {
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The value of a series, or nothing where it is not there.
fn value(metrics: &str, series: &str) -> Option<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

/// Every series without its value.
fn series(metrics: &str) -> BTreeSet<String> {
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

#[tokio::test]
async fn what_happens_is_counted() {
    let folder = tempdir().unwrap();
    let (process, operators) = observed(folder.path(), &[]).await;
    let registered = process.register("ada@example.com").await.unwrap();
    let token = registered["data"]["register"]["accessToken"].as_str().unwrap().to_owned();
    let refresh = registered["data"]["register"]["refreshToken"].as_str().unwrap().to_owned();
    process.login("ada@example.com").await.unwrap();
    process.login("nobody@example.com").await.unwrap();
    for _ in 0..5 {
        process.post(Some(&token), "{ me { id } }", json!({})).await.unwrap();
    }
    process.post(Some(&token), "{ nonsense }", json!({})).await.unwrap();
    let query = "mutation($input: RefreshInput!) { refresh(input: $input) { accessToken } }";
    process.post(None, query, json!({ "input": { "refreshToken": refresh } })).await.unwrap();
    process.post(Some(&token), "mutation { logout(input: {}) { success } }", json!({})).await.unwrap();

    let answer = reqwest::get(format!("{operators}/metrics")).await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    let metrics = answer.text().await.unwrap();
    assert!(metrics.ends_with("# EOF\n"));
    let operation = |kind: &str, field: &str, outcome: &str| {
        let labels = format!("{{schema=\"user\",kind=\"{kind}\",field=\"{field}\",outcome=\"{outcome}\"}}");
        value(&metrics, &format!("vestibule_operations_total{labels}"))
    };
    assert_eq!(operation("mutation", "register", "ok"), Some(1.0), "{metrics}");
    assert_eq!(operation("mutation", "login", "ok"), Some(1.0));
    assert_eq!(operation("mutation", "login", "INVALID_CREDENTIALS"), Some(1.0));
    assert_eq!(operation("query", "me", "ok"), Some(5.0));
    assert_eq!(operation("query", "invalid", "GRAPHQL_VALIDATION_FAILED"), Some(1.0));
    for (name, least) in [
        ("vestibule_sessions_started_total{by=\"registration\"}", 1.0),
        ("vestibule_sessions_started_total{by=\"login\"}", 1.0),
        ("vestibule_sessions_ended_total{by=\"logout\"}", 1.0),
        ("vestibule_refreshes_total{by=\"rotated\"}", 1.0),
        ("vestibule_graphql_errors_total{code=\"INVALID_CREDENTIALS\"}", 1.0),
        ("vestibule_hashing_duration_seconds_count", 3.0),
        ("vestibule_hashing_wait_seconds_count", 3.0),
        ("vestibule_cache_lookups_total{layer=\"near_copy\",outcome=\"hit\"}", 5.0),
        ("vestibule_cache_lookups_total{layer=\"verified_token\",outcome=\"hit\"}", 4.0),
        ("vestibule_store_calls_total{store=\"sqlite\",kind=\"write\",outcome=\"ok\"}", 3.0),
        ("vestibule_store_call_duration_seconds_count{store=\"sqlite\",kind=\"read\"}", 1.0),
        ("vestibule_http_requests_total{status=\"200\"}", 10.0),
        ("process_open_fds", 5.0),
        ("process_resident_memory_bytes", 1e6),
        ("process_cpu_seconds_total", 0.0),
    ] {
        let found = value(&metrics, name).unwrap_or_else(|| panic!("{name} is missing:\n{metrics}"));
        assert!(found >= least, "{name} is {found}");
    }
    assert_eq!(value(&metrics, "vestibule_subscriptions"), Some(0.0));
    assert_eq!(value(&metrics, "vestibule_outbox_given_up"), Some(0.0));
    assert!(metrics.contains("vestibule_build_info{version="), "{metrics}");
}

#[tokio::test]
async fn clients_cannot_make_series() {
    let folder = tempdir().unwrap();
    let (process, operators) = observed(folder.path(), &[]).await;
    let ask = async |n: usize| {
        let query = format!("query Name{n} {{ alias{n}: me {{ id }} }}");
        process.post(None, &query, json!({})).await.unwrap();
        process.post(None, &format!("{{ unknown{n} }}"), json!({})).await.unwrap();
        process.post(None, &format!("{{ me {{ field{n} }} }}"), json!({})).await.unwrap();
        process.post(Some(&format!("token{n}")), "{ me { id } }", json!({})).await.unwrap();
        reqwest::get(format!("{}/nowhere/{n}", process.url)).await.unwrap();
        let stream = reqwest::Client::new().post(format!("{}/graphql", process.url));
        let stream = stream
            .header("accept", "text/event-stream")
            .json(&json!({ "query": format!("subscription {{ made{n} }}") }));
        stream.send().await.unwrap().text().await.unwrap();
        process.login(&format!("nobody{n}@example.com")).await.unwrap();
    };
    ask(0).await;
    text(format!("{operators}/metrics")).await;
    let before = series(&text(format!("{operators}/metrics")).await.1);
    for n in 1..30 {
        ask(n).await;
    }
    let after = series(&text(format!("{operators}/metrics")).await.1);
    let new: Vec<_> = after.difference(&before).collect();
    assert!(new.is_empty(), "{new:?}");
}

#[tokio::test]
async fn only_operators_are_told() {
    let folder = tempdir().unwrap();
    let (process, operators) = observed(folder.path(), &[]).await;
    assert_eq!(text(format!("{}/metrics", process.url)).await.0, 404);
    let (status, body) = text(format!("{}/health/ready", process.url)).await;
    assert_eq!((status, body.as_str()), (200, r#"{"status":"ok"}"#));
    let (status, body) = text(format!("{operators}/health/ready")).await;
    assert_eq!((status, body.contains("store") && body.contains("cache")), (200, true), "{body}");
    assert_eq!(text(format!("{operators}/graphql")).await.0, 404);
    for url in [&process.url, &operators] {
        assert_eq!(text(format!("{url}/health/startup")).await.0, 200);
    }

    // At home, without a listener for it, the one there is tells.
    let folder = tempdir().unwrap();
    let home = Process::start(folder.path(), &owned(&[])).await;
    assert_eq!(text(format!("{}/metrics", home.url)).await.0, 200);
    // In the open it does not.
    let folder = tempdir().unwrap();
    let settings = owned(&[
        ("APP_ENV", "production"),
        ("PUBLIC_URL", "https://accounts.example.com"),
        ("SECRET_KEY", "Zc0rpQ7kXw3Vb9Tn5Kd1Fh6Jm8Lsq2Ry"),
        ("RATE_LIMITS", "login.address=60/5m"),
        ("SMTP_URL", "none"),
        ("BCRYPT_COST", "10"),
    ]);
    let open = Process::start(folder.path(), &settings).await;
    assert_eq!(text(format!("{}/metrics", open.url)).await.0, 404);
    assert_eq!(text(format!("{}/health/ready", open.url)).await.1, r#"{"status":"ok"}"#);
}

#[tokio::test]
async fn a_node_says_that_it_stops_before_it_does() {
    let folder = tempdir().unwrap();
    let (mut process, operators) = observed(folder.path(), &[("SHUTDOWN_DELAY", "3s")]).await;
    let registered = process.register("ada@example.com").await.unwrap();
    let token = registered["data"]["register"]["accessToken"].as_str().unwrap().to_owned();
    process.terminate();
    let mut told = None;
    for _ in 0..100 {
        let (status, body) = text(format!("{}/health/ready", process.url)).await;
        if status == 503 {
            told = Some(body);
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(told.as_deref(), Some(r#"{"status":"stopping"}"#));
    assert!(text(format!("{operators}/health/ready")).await.1.contains("stopping"));
    // Whoever comes meanwhile is served, on a new connection too.
    for _ in 0..10 {
        let answer = process.post(Some(&token), "{ me { email } }", json!({})).await.unwrap();
        assert_eq!(answer["data"]["me"]["email"], "ada@example.com");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(process.wait().success());
    assert!(reqwest::get(format!("{operators}/health/live")).await.is_err(), "the process has ended");
}
