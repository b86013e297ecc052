//! The pages of the console, as the program serves them.

use std::io::Read as _;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};

use crate::{
    http::request,
    support::{Answer, Backend, TestApp},
};

async fn get(app: &TestApp, path: &str) -> Answer {
    request(app, Method::GET, path, &[("accept", "text/html")]).await
}

#[tokio::test]
async fn pages_come_with_a_strict_policy_at_every_address_of_theirs() {
    let app = TestApp::with(Backend::Embedded, &[]).await;
    let config = get(&app, "/console/config.json").await.json();
    assert_eq!(config["adminEndpoint"], "/admin/graphql");
    assert_eq!((&config["playground"], &config["mailbox"]), (&true.into(), &true.into()));
    if get(&app, "/console").await.status == StatusCode::NOT_FOUND {
        // A program that was built without Node has none.
        return;
    }
    for path in ["/console", "/console/", "/console/sessions", "/console/admin/users/user_01h"] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert_eq!(answer.header("x-frame-options"), "DENY");
    }
    for path in [
        "/console/assets/nothing.js",
        "/console/documents.json",
        "/console/documents.json.gz",
        "/console/index.html",
        "/console/../Cargo.toml",
    ] {
        assert_eq!(get(&app, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn files_come_compressed_to_those_who_accept_it_and_as_they_were_to_all_others() {
    let app = TestApp::start(Backend::Embedded).await;
    let page = get(&app, "/console").await;
    let Some((_, rest)) = page.text.split_once("src=\"") else { return };
    let script = rest.split_once('"').unwrap().0;
    let ask =
        |encoding| Request::get(script).header("accept-encoding", encoding).body(Body::empty()).unwrap();
    let compressed = app.send(ask("gzip, br")).await;
    assert_eq!(compressed.header("content-encoding"), "gzip");
    let mut expected = String::new();
    flate2::read::GzDecoder::new(&*compressed.bytes).read_to_string(&mut expected).unwrap();
    for plain in [app.send(ask("br")).await, app.send(ask("gzip;q=0")).await, get(&app, script).await] {
        assert_eq!((plain.status, plain.header("content-encoding")), (StatusCode::OK, ""));
        assert!(plain.text == expected && expected.contains("function"), "{script}");
        vary(&plain);
    }
    vary(&compressed);
    assert_eq!(get(&app, &format!("{script}.gz")).await.status, StatusCode::NOT_FOUND);
}

/// Caches keep one for those who accept gzip and one for the others.
fn vary(answer: &Answer) {
    let values = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap());
    assert!(values.collect::<Vec<_>>().join(",").contains("accept-encoding"), "{:?}", answer.headers);
}

#[tokio::test]
async fn a_console_that_is_off_is_not_there() {
    let app = TestApp::with(Backend::Embedded, &[("CONSOLE", "off")]).await;
    for path in ["/console", "/console/config.json", "/console/sessions"] {
        assert_eq!(get(&app, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let apart = TestApp::with(Backend::Embedded, &[("ADMIN_BIND", "127.0.0.1:1")]).await;
    assert!(get(&apart, "/console/config.json").await.json()["adminEndpoint"].is_null());
}
