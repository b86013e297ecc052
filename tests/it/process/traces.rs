//! Traces, as a collector gets them by OTLP over HTTP.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use prost::Message;
use serde_json::json;
use tempfile::tempdir;
use vestibule::domain::hex::of as hex;

use super::owned;
use crate::support::process::Process;

/// What the collector was sent: the raw bodies and their authorization.
type Sent = Arc<Mutex<Vec<(Bytes, String)>>>;

async fn take(State(sent): State<Sent>, headers: HeaderMap, body: Bytes) {
    let authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    sent.lock().unwrap().push((body, authorization.unwrap_or_default()));
}

async fn collector() -> (String, Sent) {
    let sent = Sent::default();
    let router = Router::new().route("/v1/traces", post(take)).with_state(sent.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, sent)
}

fn spans(sent: &Sent) -> Vec<Span> {
    let sent = sent.lock().unwrap();
    let requests = sent.iter().map(|(body, _)| ExportTraceServiceRequest::decode(body.clone()).unwrap());
    let resources = requests.flat_map(|request| request.resource_spans);
    resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_followed_from_the_caller_to_the_store() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let (url, sent) = collector().await;
    let folder = tempdir().unwrap();
    let settings = owned(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20of-the-collector"),
        ("SMTP_URL", "none"),
        ("SECRET_KEY", "Zc0rpQ7canaryXw3Vb9Tn5Kd1Fh6Jm8Ls"),
    ]);
    let mut process = Process::start(folder.path(), &settings).await;
    let registered = process.register("canary-address@example.com").await.unwrap();
    let token = registered["data"]["register"]["accessToken"].as_str().unwrap().to_owned();
    let query = "mutation($input: LoginInput!) { login(input: $input) { user { id } } }";
    let input = json!({ "email": "canary-address@example.com", "password": "correct horse battery" });
    let answer = reqwest::Client::new()
        .post(format!("{}/graphql", process.url))
        .header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-00"))
        .json(&json!({ "query": query, "variables": { "input": input } }))
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success());
    process.post(Some(&token), "{ me { id } }", json!({})).await.unwrap();
    process.terminate();
    assert!(process.wait().success(), "{}", process.log());

    let all = spans(&sent);
    let of_trace: Vec<&Span> = all.iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let named = |name: &str| {
        let found = of_trace.iter().find(|span| span.name == name);
        *found.unwrap_or_else(|| panic!("no span {name} in {of_trace:#?}"))
    };
    let request = named("request");
    assert_eq!(hex(&request.parent_span_id), "b7ad6b7169203331");
    let operation = named("operation");
    assert_eq!(operation.parent_span_id, request.span_id);
    assert!(format!("{operation:?}").contains("login"), "{operation:?}");
    assert_eq!(named("hash").parent_span_id, operation.span_id);
    assert_eq!(named("store").parent_span_id, operation.span_id);
    // The other requests have traces of their own.
    let requests = all.iter().filter(|span| span.name == "request" && hex(&span.trace_id) != TRACE).count();
    assert!(requests >= 2, "{requests}");

    let log = process.log();
    let line = log.lines().find(|line| line.contains("session started") && line.contains(TRACE));
    assert!(line.is_some(), "no log line has the id of the trace: {log}");
    let sent = sent.lock().unwrap();
    assert!(sent.iter().all(|(_, authorization)| authorization == "Bearer of-the-collector"));
    let told: String = sent.iter().map(|(body, _)| String::from_utf8_lossy(body).into_owned()).collect();
    for secret in ["correct horse", "canary", &token, "$2b$", "example.com"] {
        assert!(!told.contains(secret), "{secret} is in a trace");
        assert!(!log.contains(secret) || secret == "example.com", "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_collector_that_is_away_or_hangs_holds_nothing_up() {
    // It takes connections, and says nothing.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    for url in [silent.as_str(), "http://127.0.0.1:9"] {
        let folder = tempdir().unwrap();
        let settings = owned(&[("OTEL_EXPORTER_OTLP_ENDPOINT", url)]);
        let mut process = Process::start(folder.path(), &settings).await;
        process.register("ada@example.com").await.unwrap();
        for _ in 0..20 {
            let began = Instant::now();
            let answer = process.post(None, "{ me { id } }", json!({})).await.unwrap();
            assert!(answer.get("data").is_some(), "{answer}");
            assert!(began.elapsed() < Duration::from_secs(2));
        }
        process.terminate();
        let began = Instant::now();
        assert!(process.wait().success());
        assert!(began.elapsed() < Duration::from_secs(20), "the end waits for the collector");
    }
}
