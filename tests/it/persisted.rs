//! Documents by their hash: automatic persisted queries, and trusted documents.

use aws_lc_rs::digest;
use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::support::{Answer, Backend, PASSWORD, TestApp, on_every_backend, post_request};

on_every_backend!(
    a_document_is_sent_once_and_named_from_then_on,
    a_hash_that_is_none_or_of_another_document_is_refused,
    what_is_named_is_held_to_the_limits_and_rules,
);

const DOCUMENT: &str = "query Who { me { id email } }";

fn hash(text: &str) -> String {
    vestibule::domain::hex::of(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn by_hash(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

async fn send(app: &TestApp, body: Value) -> Answer {
    app.send(post_request(&[("accept", "application/graphql-response+json")], body.to_string())).await
}

/// Documents are kept beside their first request, which does not wait for that.
async fn until_known(app: &TestApp, hash: &str) {
    for _ in 0..100 {
        let answer = send(app, json!({ "documentId": hash })).await.json();
        if answer["errors"][0]["extensions"]["code"] != "PERSISTED_QUERY_NOT_FOUND" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the document is never known");
}

async fn a_document_is_sent_once_and_named_from_then_on(app: &TestApp) {
    let hash = hash(DOCUMENT);
    let named = json!({ "extensions": by_hash(&hash) });
    let unknown = send(app, named.clone()).await;
    assert_eq!((unknown.code().as_str(), unknown.status.as_u16()), ("PERSISTED_QUERY_NOT_FOUND", 404));
    assert_eq!(unknown.json()["errors"][0]["message"], "PersistedQueryNotFound", "what Apollo looks for");
    let sent = send(app, json!({ "query": DOCUMENT, "extensions": by_hash(&hash) })).await;
    assert_eq!(sent.json(), json!({ "data": { "me": null } }));
    until_known(app, &hash).await;
    assert_eq!(send(app, named).await.text, sent.text);
    for id in [hash.clone(), format!("sha256:{hash}"), hash.to_uppercase()] {
        assert_eq!(send(app, json!({ "documentId": id })).await.text, sent.text, "{id}");
    }
    let parameters = format!("/graphql?extensions={}", by_hash(&hash).to_string().replace('"', "%22"));
    let got = app.send(Request::get(parameters).body(Body::empty()).unwrap()).await;
    assert_eq!(got.json(), sent.json());
    // One that was never sent with its hash is not known by it.
    send(app, json!({ "query": "{ __typename }" })).await;
    let other = send(app, json!({ "documentId": self::hash("{ __typename }") })).await;
    assert_eq!(other.code(), "PERSISTED_QUERY_NOT_FOUND");
}

async fn a_hash_that_is_none_or_of_another_document_is_refused(app: &TestApp) {
    let right = hash(DOCUMENT);
    for extensions in [
        by_hash("nonsense"),
        by_hash(&right[1..]),
        json!({ "persistedQuery": { "version": 2, "sha256Hash": right } }),
        json!({ "persistedQuery": { "sha256Hash": right } }),
        json!({ "persistedQuery": "x" }),
        by_hash(&hash("{ me { id } }")),
    ] {
        let answer = send(app, json!({ "query": DOCUMENT, "extensions": extensions })).await;
        assert_eq!((answer.code().as_str(), answer.status.as_u16()), ("BAD_USER_INPUT", 400), "{extensions}");
    }
    assert_eq!(send(app, json!({ "documentId": right })).await.code(), "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(send(app, json!({})).await.code(), "BAD_USER_INPUT");
    assert_eq!(send(app, json!({ "query": 7, "documentId": right })).await.code(), "BAD_USER_INPUT");
}

async fn what_is_named_is_held_to_the_limits_and_rules(app: &TestApp) {
    let two = "mutation { a: login(input: { email: \"a@b.c\", password: \"x\" }) { accessToken }
        b: login(input: { email: \"a@b.c\", password: \"x\" }) { accessToken } }";
    send(app, json!({ "query": two, "extensions": by_hash(&hash(two)) })).await;
    // What is refused is not kept, whoever sends it.
    assert_eq!(send(app, json!({ "documentId": hash(two) })).await.code(), "PERSISTED_QUERY_NOT_FOUND");
    let logout = "mutation { logout { success } }";
    send(app, json!({ "query": logout, "extensions": by_hash(&hash(logout)) })).await.data("/logout");
    until_known(app, &hash(logout)).await;
    let parameters = format!("/graphql?documentId={}", hash(logout));
    let got = app.send(Request::get(parameters).body(Body::empty()).unwrap()).await;
    assert_eq!(got.status.as_u16(), 405);
}

#[tokio::test]
async fn where_documents_must_be_trusted_nothing_else_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("documents.json");
    let login = "mutation($input: LoginInput!) { login(input: $input) { accessToken } }";
    let manifest = json!({ hash(DOCUMENT): DOCUMENT, format!("sha256:{}", hash(login)): login });
    std::fs::write(&path, manifest.to_string()).unwrap();
    let app = TestApp::with(Backend::Embedded, &[("TRUSTED_DOCUMENTS", path.to_str().unwrap())]).await;
    for body in [
        json!({ "query": DOCUMENT }),
        json!({ "documentId": hash(DOCUMENT) }),
        json!({ "query": DOCUMENT, "extensions": by_hash(&hash(DOCUMENT)) }),
    ] {
        assert_eq!(send(&app, body).await.json(), json!({ "data": { "me": null } }));
    }
    for query in [
        "{ me { id } }",
        "{ __schema { types { name } } }",
        &format!("{DOCUMENT} "),
        "{",
        "mutation { logout { success } }",
    ] {
        for body in
            [json!({ "query": query }), json!({ "query": query, "extensions": by_hash(&hash(query)) })]
        {
            let answer = send(&app, body).await;
            assert_eq!(
                (answer.code().as_str(), answer.status.as_u16()),
                ("DOCUMENT_NOT_TRUSTED", 403),
                "{query}"
            );
        }
        let named = send(&app, json!({ "documentId": hash(query) })).await;
        assert_eq!(named.code(), "PERSISTED_QUERY_NOT_FOUND", "{query}");
    }
    let input = json!({ "email": "nobody@example.com", "password": PASSWORD });
    let answer = send(&app, json!({ "documentId": hash(login), "variables": { "input": input } })).await;
    assert_eq!(answer.code(), "INVALID_CREDENTIALS");
    // The pages that mails lead to are the service's own.
    let verify = "mutation($input: VerifyEmailInput!) { verifyEmail(input: $input) { success } }";
    let answer = send(&app, json!({ "query": verify, "variables": { "input": { "token": "x" } } })).await;
    assert_eq!(answer.code(), "TOKEN_INVALID");
}
