//! Access tokens that are not ours, or no longer, or of another kind, on both backends.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, on_every_backend};

on_every_backend!(
    a_token_is_what_it_should_be,
    tampered_tokens_are_refused,
    tokens_without_a_signature_are_refused,
    tokens_of_other_keys_are_refused,
    tokens_of_other_kinds_are_refused,
);

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
}

fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    format!("{}.{}.{signature}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()))
}

async fn a_token_is_what_it_should_be(app: &TestApp) {
    let ada = app.user("ada").await;
    let (header, claims) = (part(&ada.access_token, 0), part(&ada.access_token, 1));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
    assert!(header["kid"].as_str().unwrap().starts_with("key_"));
    assert_eq!(claims["sub"], ada.id.as_str());
    assert_eq!(claims["sid"], ada.session_id.as_str());
    assert_eq!(claims["iss"], "http://localhost:8080");
    assert_eq!(claims["aud"], "vestibule");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert_eq!(claims["nbf"], claims["iat"]);
    assert!(claims["jti"].as_str().unwrap().starts_with("tok_"));
    assert!(ada.refresh_token.starts_with("vrt_"));
}

async fn tampered_tokens_are_refused(app: &TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let signature = eve.access_token.rsplit('.').next().unwrap();
    let mut claims = part(&eve.access_token, 1);
    claims["sub"] = json!(ada.id);
    let forged = unsigned(&part(&eve.access_token, 0), &claims, signature);
    assert_eq!(app.me(&forged).await.reason(), "TOKEN_INVALID");
    for cut in [1, 10, ada.access_token.len() / 2] {
        assert_eq!(app.me(&ada.access_token[..ada.access_token.len() - cut]).await.reason(), "TOKEN_INVALID");
    }
    assert_eq!(app.me(&format!("{}x", ada.access_token)).await.reason(), "TOKEN_INVALID");
    assert_eq!(app.me(&"x".repeat(100_000)).await.reason(), "TOKEN_INVALID");
    ada.me().await.data("/me/id");
}

async fn tokens_without_a_signature_are_refused(app: &TestApp) {
    let ada = app.user("ada").await;
    let (header, claims) = (part(&ada.access_token, 0), part(&ada.access_token, 1));
    for algorithm in ["none", "None", "NONE", "HS256", "RS256"] {
        let mut header = header.clone();
        header["alg"] = json!(algorithm);
        for signature in ["", ada.access_token.rsplit('.').next().unwrap()] {
            let answer = app.me(&unsigned(&header, &claims, signature)).await;
            assert_eq!(answer.reason(), "TOKEN_INVALID", "{algorithm}");
        }
    }
}

/// Signs claims with a key of the attacker, by whichever header.
fn signed_by_a_stranger(header: &Header, claims: &Value) -> String {
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let key = EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref());
    jsonwebtoken::encode(header, claims, &key).unwrap()
}

async fn tokens_of_other_keys_are_refused(app: &TestApp) {
    let ada = app.user("ada").await;
    let claims = part(&ada.access_token, 1);
    let own_kid = part(&ada.access_token, 0)["kid"].as_str().unwrap().to_owned();
    for kid in
        [Some(own_kid), Some("key_00000000000000000000000000".into()), Some("../../etc/passwd".into()), None]
    {
        let mut header = Header::new(Algorithm::EdDSA);
        (header.typ, header.kid) = (Some("at+jwt".into()), kid);
        header.jku = Some("https://evil.example.com/keys".into());
        assert_eq!(app.me(&signed_by_a_stranger(&header, &claims)).await.reason(), "TOKEN_INVALID");
    }
    let elsewhere = TestApp::start(Backend::Embedded).await.user("ada").await.access_token.clone();
    assert_eq!(app.me(&elsewhere).await.reason(), "TOKEN_INVALID", "another service's key");
}

async fn tokens_of_other_kinds_are_refused(app: &TestApp) {
    let ada = app.user("ada").await;
    assert_eq!(app.me(&ada.refresh_token).await.reason(), "TOKEN_INVALID");
    assert_eq!(app.refresh(&ada.access_token).await.code(), "TOKEN_INVALID");
    assert_eq!(app.refresh("").await.code(), "TOKEN_INVALID");
}

#[tokio::test]
async fn a_token_of_another_issuer_with_the_same_keys_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("shared.sqlite").display());
    let token = {
        let app = TestApp::with(
            Backend::Embedded,
            &[("DATABASE_URL", &url), ("PUBLIC_URL", "http://a.example.com")],
        )
        .await;
        app.user("ada").await.access_token.clone()
    };
    // The file is free when the threads of the first service have ended.
    let app = loop_until_open(&url).await;
    assert_eq!(app.me(&token).await.reason(), "TOKEN_INVALID");
}

async fn loop_until_open(url: &str) -> TestApp {
    for _ in 0..100 {
        let lock = std::fs::File::open(format!("{}.lock", url.trim_start_matches("sqlite://"))).unwrap();
        if lock.try_lock().is_ok() {
            drop(lock);
            return TestApp::with(
                Backend::Embedded,
                &[("DATABASE_URL", url), ("PUBLIC_URL", "http://b.example.com")],
            )
            .await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the database is still in use");
}
