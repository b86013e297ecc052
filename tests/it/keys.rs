//! Signing keys: replaced without a token being refused, published in time, taken out.

use std::sync::Arc;

use aws_lc_rs::signature::Ed25519KeyPair;
use axum::http::{Request, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::TimeDelta;
use serde_json::{Value, json};
use vestibule::{
    app::Ambient,
    domain::{Error, administration::Administrator, ids::KeyId, random::SystemRandom},
    stores::Stores,
};

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

async fn rotate(app: &TestApp, at_once: bool) -> Result<KeyId, Error> {
    app.domain.administration.rotate_signing_key(&Administrator::operator(), at_once).await
}

async fn revoke(app: &TestApp, key: &KeyId) -> Result<(), Error> {
    app.domain.administration.revoke_signing_key(&Administrator::operator(), key).await
}

async fn tend(app: &TestApp) {
    app.domain.tokens.tend_keys().await.unwrap();
}

async fn a_key_is_published_before_it_signs_and_kept_until_its_last_token_has_expired(app: &TestApp) {
    let before = app.user("ada").await;
    let old = kid(&before.access_token);
    let new = rotate(app, false).await.unwrap();
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
    // An hour, the longest that a token can be set to, and five minutes more.
    app.advance(TimeDelta::minutes(60) + TimeDelta::seconds(1));
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
    rotate(app, true).await.unwrap();
    revoke(app, &old).await.unwrap();
    assert!(matches!(revoke(app, &old).await, Err(Error::NotFound)));
    assert_eq!(ada.me().await.reason(), "TOKEN_INVALID", "also a token that was verified before");
    let refreshed = app.refresh(&ada.refresh_token).await;
    app.me(&refreshed.text_at("/refresh/accessToken")).await.data("/me/id");
}

async fn a_key_can_sign_at_once(app: &TestApp) {
    let before = app.user("ada").await;
    let new = rotate(app, true).await.unwrap();
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

/// A key of the operator, as PKCS#8 and as PEM.
fn own_key(folder: &std::path::Path, name: &str) -> (Vec<u8>, String) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let der = pair.to_pkcs8v1().unwrap().as_ref().to_vec();
    let body = base64::engine::general_purpose::STANDARD.encode(&der);
    let path = folder.join(name).display().to_string();
    std::fs::write(&path, format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"))
        .unwrap();
    (der, path)
}

/// A token of these headers and claims, signed with this key.
fn signed(der: &[u8], header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).unwrap();
    format!("{message}.{}", BASE64.encode(pair.sign(message.as_bytes())))
}

#[tokio::test]
async fn only_the_key_that_is_known_by_its_id_verifies_and_with_its_algorithm_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ((own, path), (foreign, _)) =
        (own_key(folder.path(), "own.pem"), own_key(folder.path(), "foreign.pem"));
    let app = TestApp::with(Backend::Embedded, &[("SIGNING_KEY_FILE", &path)]).await;
    let ada = app.user("ada").await;
    let part = |index: usize| -> Value {
        let part = ada.access_token.split('.').nth(index).unwrap();
        serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
    };
    let (header, claims) = (part(0), part(1));
    let with = |member: &str, value: Value| {
        let mut header = header.clone();
        header[member] = value;
        header
    };
    app.me(&signed(&own, &header, &claims)).await.data("/me/id");
    // Where keys could be had from is not looked at, whoever says it.
    for member in ["jku", "x5u"] {
        let header = with(member, json!("https://evil.example.com/keys"));
        app.me(&signed(&own, &header, &claims)).await.data("/me/id");
        assert_eq!(app.me(&signed(&foreign, &header, &claims)).await.reason(), "TOKEN_INVALID");
    }
    let jwk = with("jwk", published(&app).await.remove(0));
    assert_eq!(app.me(&signed(&foreign, &jwk, &claims)).await.reason(), "TOKEN_INVALID");
    for (member, value) in [
        ("kid", json!("key_01h455vb4pex5vsknk084sn02q")),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!("key_".to_owned() + &"0".repeat(2_000))),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!("")),
        ("kid", Value::Null),
        ("alg", json!("ES256")),
        ("alg", json!("RS256")),
        ("alg", json!("HS256")),
        ("alg", json!("none")),
        ("typ", json!("JWT")),
        ("typ", Value::Null),
        ("crit", json!(["exp"])),
    ] {
        let token = signed(&own, &with(member, value.clone()), &claims);
        assert_eq!(app.me(&token).await.reason(), "TOKEN_INVALID", "{member}: {value}");
    }
    for (member, value) in [
        ("iss", json!("http://evil.example.com")),
        ("aud", json!("another")),
        ("aud", Value::Null),
        ("sub", json!("user_01h455vb4pex5vsknk084sn02q")),
        ("sid", json!("sess_nonsense")),
        ("nbf", json!(claims["nbf"].as_i64().unwrap() + 1)),
        ("exp", json!("never")),
    ] {
        let mut changed = claims.clone();
        changed[member] = value.clone();
        let answer = app.me(&signed(&own, &header, &changed)).await;
        assert!(
            ["TOKEN_INVALID", "SESSION_REVOKED"].contains(&answer.reason().as_str()),
            "{member}: {value}"
        );
    }
}

#[tokio::test]
async fn a_key_of_the_operator_is_replaced_by_another_file_and_never_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("v.sqlite").display());
    let (first, second) = (own_key(folder.path(), "1.pem").1, own_key(folder.path(), "2.pem").1);
    let clock = Arc::new(TestClock::default());
    let start = async |file: &str| {
        // The file is given free when the threads of the last one have ended.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let settings =
            config(&[("DATABASE_URL".into(), url.clone()), ("SIGNING_KEY_FILE".into(), file.to_owned())]);
        TestApp::node(&settings, clock.clone()).await
    };
    let app = start(&first).await;
    let old = app.user("ada").await.access_token;
    assert!(rotate(&app, false).await.is_err(), "the file says which key");
    drop(app);
    let app = start(&second).await;
    assert_eq!(kids(&app).await.len(), 2);
    app.me(&old).await.data("/me/id");
    app.advance(TimeDelta::minutes(10));
    let new = app.login_again("ada").await.access_token;
    assert_ne!(kid(&new), kid(&old));
    drop(app);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let settings = config(&[("DATABASE_URL".into(), url.clone()), ("SIGNING_KEY_FILE".into(), first)]);
    let stores = Stores::open(&settings.database).await.unwrap();
    let cache = vestibule::cache::open(&settings.cache, &(Arc::new(SystemRandom) as _)).await.unwrap();
    let refused = vestibule::app::assemble(&settings, stores, cache, Ambient::default()).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("SIGNING_KEY_FILE")));
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
        rotate(&here, true).await.unwrap();
        let token = here.login_again("ada").await.access_token;
        there.advance(TimeDelta::seconds(2));
        let at_once = futures_util::future::join_all((0..20).map(|_| there.me(&token))).await;
        for answer in &at_once {
            answer.data("/me/id");
        }
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
        rotate(&behind, false).await.unwrap();
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
