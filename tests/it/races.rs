//! What must hold whatever comes in between: revocations against everything else, refreshes against
//! each other.

use std::collections::HashSet;

use chrono::TimeDelta;
use futures_util::future::{BoxFuture, FutureExt, join_all};
use proptest::{
    prelude::*,
    test_runner::{Config, FileFailurePersistence, TestRunner},
};
use serde_json::json;

use crate::support::{Answer, Backend, Persona, TestApp, on_every_backend};

on_every_backend!(
    what_races_a_revocation_never_brings_the_session_back,
    what_races_a_password_change_never_brings_a_session_back,
);

/// Reads, touches and refreshes a session and ends it, all at once; the answers of refreshes.
async fn race<'a>(app: &'a TestApp, target: &'a Persona<'a>, end: BoxFuture<'a, Answer>) -> Vec<Answer> {
    // Due for a touch, and cold on some rounds: the copies are filled while the session ends.
    app.advance(TimeDelta::seconds(61));
    let reads = (0..6).map(|_| target.me().map(|_| None).boxed());
    let refreshes = (0..3).map(|_| app.refresh(&target.refresh_token).map(Some).boxed());
    let end = end
        .map(|answer| {
            assert!(answer.json().get("errors").is_none(), "{}", answer.text);
            None
        })
        .boxed();
    let all = reads.chain([end]).chain(refreshes);
    join_all(all).await.into_iter().flatten().collect()
}

async fn assert_ended(app: &TestApp, target: &Persona<'_>, refreshed: &[Answer]) {
    let mut tokens = vec![(target.access_token.clone(), target.refresh_token.clone())];
    for answer in refreshed.iter().filter(|answer| answer.json().get("errors").is_none()) {
        let text = |name: &str| answer.text_at(&format!("/refresh/{name}"));
        tokens.push((text("accessToken"), text("refreshToken")));
    }
    for round in 0..3 {
        for (access, refresh) in &tokens {
            assert_eq!(app.me(access).await.reason(), "SESSION_REVOKED", "round {round}");
            assert_eq!(app.refresh(refresh).await.reason(), "SESSION_REVOKED", "round {round}");
        }
        // A touch or fill that was late would have come by now.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn what_races_a_revocation_never_brings_the_session_back(app: &TestApp) {
    app.user("ada").await;
    for round in 0..12 {
        let (owner, target) = (app.login_again("ada").await, app.login_again("ada").await);
        if round % 2 == 0 {
            target.me().await.data("/me/id");
        }
        let query = "mutation($id: ID!) { revokeSession(input: { id: $id }) { sessionId } }";
        let end = owner.post(query, json!({ "id": target.session_id })).boxed();
        let refreshed = race(app, &target, end).await;
        assert_ended(app, &target, &refreshed).await;
    }
}

async fn what_races_a_password_change_never_brings_a_session_back(app: &TestApp) {
    let owner = app.user("ada").await;
    let passwords = ["correct horse battery", "another horse battery"];
    for round in 0..6 {
        // The address logs in with the password of now; the owner's own token would expire on the way.
        let login = app.login("ada@example.com", passwords[round % 2]).await;
        let target = Persona::of(app, &login, "/login");
        let keeper = app.login("ada@example.com", passwords[round % 2]).await;
        let keeper = Persona::of(app, &keeper, "/login");
        let end = keeper.change_password(passwords[round % 2], passwords[(round + 1) % 2], false).boxed();
        let refreshed = race(app, &target, end).await;
        assert_ended(app, &target, &refreshed).await;
        keeper.me().await.data("/me/id");
    }
    drop(owner);
}

/// Tabs, devices and retries present tokens of one session at once, in batches, some of them retired.
/// Whatever the interleaving, all who are answered are led to one and the same chain, whose last token
/// is the only one that rotates; or the session has ended.
fn concurrent_refreshes_leave_one_chain(backend: Backend, cases: u32) {
    let batches = prop::collection::vec((prop::collection::vec(0_usize..4, 1..8), 0_i64..7), 1..6);
    let persistence = FileFailurePersistence::WithSource("regressions");
    let config = Config {
        cases,
        failure_persistence: Some(Box::new(persistence)),
        source_file: Some(file!()),
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&batches, |batches| {
        runtime.block_on(refresh_in_batches(backend, batches));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

async fn refresh_in_batches(backend: Backend, batches: Vec<(Vec<usize>, i64)>) {
    let app = TestApp::start(backend).await;
    let mut known = vec![app.user("ada").await.refresh_token];
    let mut has_ended = false;
    for (backs, wait) in batches {
        app.advance(TimeDelta::seconds(wait));
        let presented = backs.iter().map(|back| known[known.len().saturating_sub(1 + back)].clone());
        let answers = join_all(presented.map(|token| {
            let app = &app;
            async move { app.refresh(&token).await }
        }))
        .await;
        let refused = answers.iter().filter(|answer| answer.json().get("errors").is_some());
        has_ended |= refused.map(Answer::reason).any(|reason| reason == "SESSION_REVOKED");
        let led_to: Vec<String> = answers
            .iter()
            .filter(|answer| answer.json().get("errors").is_none())
            .map(|answer| answer.text_at("/refresh/refreshToken"))
            .collect();
        let mut seen: HashSet<String> = known.iter().cloned().collect();
        known.extend(led_to.into_iter().filter(|token| seen.insert(token.clone())));
        if !has_ended {
            continue;
        }
        for token in &known {
            assert_eq!(app.refresh(token).await.reason(), "SESSION_REVOKED");
        }
        return;
    }
    // Each token, asked at one instant, leads to the one that is current: there is one chain.
    let mut current = HashSet::new();
    for token in known.iter().rev().take(4) {
        let answer = app.refresh(token).await;
        if answer.json().get("errors").is_some() {
            assert_eq!(answer.reason(), "SESSION_REVOKED");
            return;
        }
        current.insert(answer.text_at("/refresh/refreshToken"));
    }
    assert_eq!(current.len(), 1, "more than one chain");
}

#[test]
fn concurrent_refreshes_leave_one_chain_on_the_embedded_default() {
    concurrent_refreshes_leave_one_chain(Backend::Embedded, 40);
}

#[cfg(feature = "server-tests")]
#[test]
fn concurrent_refreshes_leave_one_chain_on_mongodb_and_redis() {
    concurrent_refreshes_leave_one_chain(Backend::MongoDbAndRedis, 10);
}
