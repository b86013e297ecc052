//! Signing keys: replaced without a token being refused, published in time, taken out.

use std::sync::Arc;

use axum::http::{Request, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::TimeDelta;
use serde_json::{Value, json};
use vestibule::domain::ids::KeyId;

use crate::support::{Backend, TestApp, TestClock, config, on_every_backend};

on_every_backend!(
    a_key_is_published_before_it_signs_and_kept_until_its_last_token_has_expired,
    keys_are_replaced_on_schedule,
    a_key_that_was_taken_out_verifies_nothing,
    a_key_can_sign_at_once,
    the_metadata_lead_to_the_keys,
);

async fn published(app: &TestApp) -> Vec<Value> {
    let request = Request::get("/.well-known/jwks.json").body(axum::body::Body::empty()).unwrap();
    let answer = app.send(request).await;
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/jwk-set+json");
    assert_eq!(answer.header(header::CACHE_CONTROL), "public, max-age=300");
    answer.json()["keys"].as_array().unwrap().clone()
}

async fn kids(app: &TestApp) -> Vec<String> {
    published(app).await.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(token: &str) -> String {
    let header = BASE64.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

async fn tend(app: &TestApp) {
    app.domain.tokens.tend_keys().await.unwrap();
}

async fn a_key_is_published_before_it_signs_and_kept_until_its_last_token_has_expired(app: &TestApp) {
    let before = app.user("ada").await;
    let old = kid(&before.access_token);
    let new = app.domain.tokens.keys().rotate(false).await.unwrap();
    assert_eq!(kids(app).await, [old.clone(), new.to_string()]);
    app.advance(TimeDelta::minutes(10) - TimeDelta::seconds(1));
    tend(app).await;
    let last_of_old = app.login_again("ada").await;
    assert_eq!(kid(&last_of_old.access_token), old);
    app.advance(TimeDelta::seconds(1));
    tend(app).await;
    let first_of_new = app.login_again("ada").await;
    assert_eq!(kid(&first_of_new.access_token), new.to_string());
    app.advance(TimeDelta::seconds(298));
    tend(app).await;
    last_of_old.me().await.data("/me/id");
    first_of_new.me().await.data("/me/id");
    // Five minutes of a token and five more.
    app.advance(TimeDelta::minutes(5) + TimeDelta::seconds(1));
    tend(app).await;
    assert_eq!(kids(app).await, [old.clone(), new.to_string()]);
    app.advance(TimeDelta::seconds(1));
    tend(app).await;
    assert_eq!(kids(app).await, [new.to_string()]);
    let header = format!("Bearer {}", last_of_old.access_token);
    let answer = app.post(&[("authorization", &header)], "{ me { id } }", json!({})).await;
    assert_eq!(answer.reason(), "TOKEN_INVALID", "its key is gone");
}

async fn keys_are_replaced_on_schedule(app: &TestApp) {
    let first = kids(app).await;
    app.advance(TimeDelta::days(90) - TimeDelta::milliseconds(1));
    tend(app).await;
    assert_eq!(kids(app).await, first);
    app.advance(TimeDelta::milliseconds(1));
    tend(app).await;
    tend(app).await;
    let both = kids(app).await;
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    app.advance(TimeDelta::minutes(10));
    assert_eq!(kid(&app.user("ada").await.access_token), both[1]);
}

async fn a_key_that_was_taken_out_verifies_nothing(app: &TestApp) {
    let ada = app.user("ada").await;
    ada.me().await.data("/me/id");
    let old: KeyId = kid(&ada.access_token).parse().unwrap();
    app.domain.tokens.keys().rotate(true).await.unwrap();
    assert!(app.domain.tokens.keys().revoke(&old).await.unwrap());
    assert!(!app.domain.tokens.keys().revoke(&old).await.unwrap());
    assert_eq!(ada.me().await.reason(), "TOKEN_INVALID", "also a token that was verified before");
    let refreshed = app.refresh(&ada.refresh_token).await;
    app.me(&refreshed.text_at("/refresh/accessToken")).await.data("/me/id");
}

async fn a_key_can_sign_at_once(app: &TestApp) {
    let before = app.user("ada").await;
    let new = app.domain.tokens.keys().rotate(true).await.unwrap();
    let after = app.login_again("ada").await;
    assert_eq!(kid(&after.access_token), new.to_string());
    before.me().await.data("/me/id");
    after.me().await.data("/me/id");
}

async fn the_metadata_lead_to_the_keys(app: &TestApp) {
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let answer = app.send(Request::get(path).body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.json()["issuer"], "http://localhost:8080");
        assert_eq!(answer.json()["jwks_uri"], "http://localhost:8080/.well-known/jwks.json");
        assert_eq!(answer.header(header::CACHE_CONTROL), "public, max-age=300");
    }
    let key = published(app).await.remove(0);
    let members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"], "and nothing private");
}

#[tokio::test]
async fn keys_of_every_algorithm_sign_and_verify() {
    for (algorithm, members) in
        [("EdDSA", &["crv", "x"][..]), ("ES256", &["crv", "x", "y"][..]), ("RS256", &["e", "n"][..])]
    {
        let app = TestApp::with(Backend::Embedded, &[("SIGNING_ALGORITHM", algorithm)]).await;
        let ada = app.user("ada").await;
        ada.me().await.data("/me/id");
        let key = published(&app).await.remove(0);
        assert_eq!((&key["alg"], &key["kid"]), (&json!(algorithm), &json!(kid(&ada.access_token))));
        assert!(members.iter().all(|member| key[member].is_string()), "{key}");
        assert!(
            ["d", "p", "q", "dp", "dq", "qi", "k"].iter().all(|secret| key.get(secret).is_none()),
            "{key}"
        );
    }
}

#[tokio::test]
async fn another_algorithm_replaces_the_key_and_old_tokens_still_verify() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("v.sqlite").display());
    let clock = Arc::new(TestClock::default());
    let settings = |algorithm: &str| {
        config(&[("DATABASE_URL".into(), url.clone()), ("SIGNING_ALGORITHM".into(), algorithm.into())])
    };
    let app = TestApp::node(&settings("EdDSA"), clock.clone()).await;
    let token = app.user("ada").await.access_token;
    drop(app);
    // The file is given free when its threads have ended.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let app = TestApp::node(&settings("ES256"), clock).await;
    app.me(&token).await.data("/me/id");
    assert_eq!(published(&app).await.len(), 2);
    app.advance(TimeDelta::minutes(10));
    let new = app.login("ada@example.com", "correct horse battery").await.text_at("/login/accessToken");
    assert_eq!(kid(&new), kids(&app).await[1]);
    app.me(&new).await.data("/me/id");
}

#[cfg(feature = "server-tests")]
mod several_nodes {
    use super::*;
    use crate::support::servers;

    async fn two(settings: &[(&str, &str)], apart: TimeDelta) -> (TestApp, TestApp) {
        let own: Vec<_> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let config = config(&[servers::settings(), own].concat());
        let clocks: [Arc<TestClock>; 2] = Default::default();
        clocks[1].advance(apart);
        let [here, there] = clocks;
        (TestApp::node(&config, here).await, TestApp::node(&config, there).await)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_node_learns_a_key_that_another_has_made() {
        let (here, there) = two(&[], TimeDelta::zero()).await;
        here.user("ada").await;
        here.domain.tokens.keys().rotate(true).await.unwrap();
        let token = here.login_again("ada").await.access_token;
        there.advance(TimeDelta::seconds(2));
        there.me(&token).await.data("/me/id");
        assert_eq!(kids(&there).await, kids(&here).await);
        assert_eq!(kid(&there.login_again("ada").await.access_token), kid(&token));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nodes_that_replace_a_key_at_once_replace_it_once() {
        let (here, there) = two(&[], TimeDelta::zero()).await;
        for node in [&here, &there] {
            node.advance(TimeDelta::days(90));
        }
        tokio::join!(tend(&here), tend(&there));
        tokio::join!(tend(&here), tend(&there));
        assert_eq!(kids(&here).await, kids(&there).await);
        assert_eq!(kids(&here).await.len(), 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nodes_whose_clocks_are_two_minutes_apart_are_one_service() {
        let (behind, ahead) = two(&[("CLOCK_LEEWAY", "2m")], TimeDelta::minutes(2)).await;
        let ada = ahead.user("ada").await;
        behind.me(&ada.access_token).await.data("/me/id");
        let token = behind.login_again("ada").await.access_token;
        ahead.me(&token).await.data("/me/id");
        // An answer that got lost is asked for again at the other node, in either direction.
        let first = ahead.refresh(&ada.refresh_token).await.text_at("/refresh/refreshToken");
        assert_eq!(behind.refresh(&ada.refresh_token).await.text_at("/refresh/refreshToken"), first);
        let second = behind.refresh(&first).await.text_at("/refresh/refreshToken");
        assert_eq!(ahead.refresh(&first).await.text_at("/refresh/refreshToken"), second);
        behind.domain.tokens.keys().rotate(false).await.unwrap();
        for node in [&behind, &ahead] {
            node.advance(TimeDelta::minutes(9));
        }
        tend(&ahead).await;
        let early = ahead.login_again("ada").await.access_token;
        behind.me(&early).await.data("/me/id");
        assert_ne!(kid(&early), kid(&token), "it signs on one node before the other, which knows it");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_token_of_the_future_is_refused_without_a_leeway() {
        let (behind, ahead) = two(&[], TimeDelta::minutes(2)).await;
        let token = ahead.user("ada").await.access_token;
        assert_eq!(behind.me(&token).await.reason(), "TOKEN_INVALID");
        behind.advance(TimeDelta::minutes(2));
        behind.me(&token).await.data("/me/id");
    }

    /// What a warm `me` costs, by the counts of the two ports.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_warm_me_calls_neither_store_nor_redis() {
        let (app, _) = two(&[], TimeDelta::zero()).await;
        let ada = app.user("ada").await;
        for _ in 0..60 {
            ada.me().await.data("/me/id");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let counts = || (app.store_calls.of_requests(), app.cache.round_trips());
        let before = counts();
        for _ in 0..1_000 {
            ada.me().await.data("/me/id");
        }
        assert_eq!(counts(), before);
        assert!(before.0 > 0 && before.1 > 0, "they count");
    }
}
