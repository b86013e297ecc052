//! What a new password must be: strong, not on a list, not leaked; and what a form is told of it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use serde_json::{Value, json};

use crate::support::{Answer, Backend, TestApp};

const STRENGTH: &str = "query($input: PasswordStrengthInput!) { passwordStrength(input: $input) {
    score minimumScore acceptable fault warning suggestions } }";

async fn strength(app: &TestApp, input: Value) -> Value {
    app.anonymous(STRENGTH, json!({ "input": input })).await.data("/passwordStrength")
}

fn weak(answer: &Answer) -> (String, String) {
    answer.faults().remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_that_are_easy_to_guess_are_refused_everywhere() {
    let app = TestApp::start(Backend::Embedded).await;
    for password in ["password1", "qwertyuiop", "12345678", "iloveyou2", "aaaaaaaaaaaa", "Lovelace12"] {
        let answer = app.register("lovelace@example.com", password, "Ada Lovelace").await;
        assert!(answer.json().get("errors").is_some(), "{password} was taken");
        assert_eq!(weak(&answer), ("input.password".to_owned(), "TOO_WEAK".to_owned()), "{password}");
        assert_eq!(answer.error()["fields"][0]["limit"], 3);
        let told = json!({ "password": password, "email": "lovelace@example.com", "name": "Ada Lovelace" });
        let told = strength(&app, told).await;
        assert_eq!((&told["acceptable"], &told["fault"]), (&json!(false), &json!("TOO_WEAK")), "{told}");
    }
    let ada = app.user("ada").await;
    let answer = ada.change_password("correct horse battery", "password1", true).await;
    assert_eq!(weak(&answer), ("input.newPassword".to_owned(), "TOO_WEAK".to_owned()));
    ada.me().await.data("/me/id");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn form_and_service_agree() {
    let app = TestApp::start(Backend::Embedded).await;
    let good = strength(&app, json!({ "password": "correct horse battery" })).await;
    assert_eq!(good["acceptable"], true);
    assert_eq!((&good["score"], &good["minimumScore"]), (&json!(4), &json!(3)));
    let weak = strength(&app, json!({ "password": "password1" })).await;
    assert!(weak["score"].as_i64().unwrap() < 2 && weak["warning"].is_string(), "{weak}");
    assert!(!weak["suggestions"].as_array().unwrap().is_empty(), "{weak}");
    for (password, fault) in [("", "REQUIRED"), ("short", "TOO_SHORT"), (&*"x".repeat(257), "TOO_LONG")] {
        let told = strength(&app, json!({ "password": password })).await;
        assert_eq!((&told["score"], &told["fault"]), (&json!(0), &json!(fault)));
    }
    // What is known of the caller counts, without being said.
    let ada = app.user("wolfeschlegelstein").await;
    let input = json!({ "input": { "password": "wolfeschlegelstein1" } });
    let known = ada.post(STRENGTH, input.clone()).await.data("/passwordStrength");
    let unknown = app.anonymous(STRENGTH, input).await.data("/passwordStrength");
    assert!(known["score"].as_i64() < unknown["score"].as_i64(), "{known} {unknown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_least_score_and_the_blocklist_are_configured() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "Correct Horse Battery\n\n  zebra crossing at noon \n").unwrap();
    let path = file.path().to_str().unwrap();
    let settings = [("PASSWORD_BLOCKLIST", path), ("PASSWORD_MIN_SCORE", "0")];
    let app = TestApp::with(Backend::Embedded, &settings).await;
    for password in ["correct horse battery", "CORRECT horse BATTERY", "Zebra Crossing at Noon"] {
        let answer = app.register("ada@example.com", password, "Ada").await;
        assert_eq!(weak(&answer).1, "TOO_WEAK", "{password}");
    }
    app.register("ada@example.com", "password1", "Ada").await.data("/register");
}

/// A list of leaked passwords as Pwned Passwords answers: `correct horse battery` is on it.
async fn leaks(status: StatusCode) -> (String, Arc<AtomicUsize>, Arc<Mutex<Vec<String>>>) {
    let (count, asked) = (Arc::new(AtomicUsize::new(0)), Arc::<Mutex<Vec<String>>>::default());
    let (counted, noted) = (count.clone(), asked.clone());
    let answer = async move |Path(prefix): Path<String>| {
        counted.fetch_add(1, Ordering::Relaxed);
        noted.lock().unwrap().push(prefix.clone());
        let (known, rest) = LEAKED.split_at(5);
        let found = if prefix == known { format!("{rest}:42") } else { String::new() };
        (status, format!("{}:0\r\n{found}\r\n{}:7\r\n", "0".repeat(35), "F".repeat(35)))
    };
    let router = Router::new().route("/range/{prefix}", get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/range/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, count, asked)
}

/// The SHA-1 of `correct horse battery`.
const LEAKED: &str = "98DECC62ECE399A22ED30D490EF333BE7FDE7385";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaked_passwords_are_refused_and_only_a_prefix_is_told() {
    let (url, count, asked) = leaks(StatusCode::OK).await;
    let app = TestApp::with(Backend::Embedded, &[("BREACHED_PASSWORDS_URL", &url)]).await;
    let answer = app.register("ada@example.com", "correct horse battery", "Ada").await;
    assert_eq!(weak(&answer), ("input.password".to_owned(), "BREACHED".to_owned()));
    let told = strength(&app, json!({ "password": "correct horse battery" })).await;
    assert_eq!((&told["acceptable"], &told["fault"]), (&json!(false), &json!("BREACHED")));
    assert_eq!(count.load(Ordering::Relaxed), 1, "an answer is kept");
    strength(&app, json!({ "password": "password1" })).await;
    assert_eq!(count.load(Ordering::Relaxed), 1, "what is too weak is not asked for");
    app.register("ada@example.com", "a brand new bicycle bell", "Ada").await.data("/register");
    assert!(asked.lock().unwrap().iter().all(|prefix| prefix.len() == 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_does_not_answer_fails_as_configured() {
    let (url, ..) = leaks(StatusCode::INTERNAL_SERVER_ERROR).await;
    let open = TestApp::with(Backend::Embedded, &[("BREACHED_PASSWORDS_URL", &url)]).await;
    open.register("ada@example.com", "correct horse battery", "Ada").await.data("/register");
    let settings = [("BREACHED_PASSWORDS_URL", url.as_str()), ("BREACHED_PASSWORDS_FAIL", "closed")];
    let closed = TestApp::with(Backend::Embedded, &settings).await;
    let answer = closed.register("ada@example.com", "correct horse battery", "Ada").await;
    assert_eq!(answer.code(), "SERVICE_UNAVAILABLE");
}
