//! What benchmarks of the parts of a request share: a service in this process, with one person in it.

use std::ffi::OsString;

use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use http_body_util::BodyExt;
use tower::ServiceExt;
use vestibule::{
    app::{self, Ambient, App},
    config::Config,
};

/// What a client asks.
pub(crate) const ME: &str = r#"{"query":"{ me { id email name roles createdAt } }"}"#;
const REGISTER: &str = r#"{"query":"mutation { register(input: { email: \"ada@example.com\", password: \"correct horse battery\", name: \"Ada Lovelace\" }) { user { id } session { id } accessToken } }"}"#;

/// A service with a person who is logged in.
pub(crate) struct Bench {
    pub(crate) app: App,
    pub(crate) token: String,
    pub(crate) user_id: String,
    pub(crate) session_id: String,
}

/// A service on SQLite in memory.
pub(crate) async fn start() -> Bench {
    let settings = [("DATABASE_URL", "sqlite::memory:"), ("BCRYPT_COST", "4"), ("RATE_LIMITS", "off")];
    let settings = settings.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let config = Config::from_variables(settings).unwrap();
    let app = app::build(&config, Ambient::default()).await.unwrap();
    let answer = post(&app.router, None, REGISTER).await;
    let member = |from: &str, name: &str| {
        let (_, rest) = answer.split_once(from).unwrap_or_else(|| panic!("{answer}"));
        let (_, rest) = rest.split_once(&format!("\"{name}\":\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let token = member("register", "accessToken");
    let (user_id, session_id) = (member("\"user\"", "id"), member("\"session\"", "id"));
    Bench { app, token, user_id, session_id }
}

/// Posts a body as clients do, and answers that of the answer.
pub(crate) async fn post(router: &Router, token: Option<&str>, body: &'static str) -> String {
    let mut request = Request::post("/graphql").header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::from(body)).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}
