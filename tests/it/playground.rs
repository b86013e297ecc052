//! The playground, as far as it can be seen without a browser; `web/e2e` drives a real one.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};

use crate::support::{Answer, Backend, TestApp};

async fn page(settings: &[(&str, &str)]) -> Answer {
    let app = TestApp::with(Backend::Embedded, settings).await;
    app.send(Request::get("/graphql").header("accept", "text/html,*/*;q=0.8").body(Body::empty()).unwrap())
        .await
}

#[tokio::test]
async fn browsers_get_a_page_with_a_strict_policy() {
    let answer = page(&[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'; script-src "));
    assert!(answer.text.contains("Vestibule playground"));
}

#[tokio::test]
async fn the_built_page_asks_no_other_host() {
    let answer = page(&[]).await;
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/web/dist/index.html");
    assert_eq!(
        std::path::Path::new(built).exists(),
        answer.text.contains("/playground/assets/"),
        "embed what was built"
    );
    if std::path::Path::new(built).exists() {
        assert!(!answer.text.contains("https://"), "{}", answer.text);
        assert!(!answer.header("content-security-policy").contains("https://"));
    }
}

#[tokio::test]
async fn a_playground_that_is_off_is_not_there() {
    let answer = page(&[("PLAYGROUND", "off")]).await;
    assert_ne!(answer.status, StatusCode::OK);
    assert!(!answer.text.contains("<html"));
}
