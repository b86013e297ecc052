//! A service without a socket, and the people who use it.

use std::{ffi::OsString, net::IpAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, header},
};
use chrono::TimeDelta;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use vestibule::{
    app::{self, Ambient},
    cache,
    config::Config,
    domain::{
        Domain,
        administration::{Action, Administrator},
        clock::{Clock, Instant},
        outbox::Worker,
        random::SystemRandom,
        sessions::SessionCache,
        store::StoreCalls,
    },
    http::PeerAddress,
    stores::Stores,
};

use super::{Answer, TestClock};

/// What the service keeps its data in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// SQLite in memory, cache in the process.
    Embedded,
    /// Real servers, a database and a key prefix of the test's own.
    #[cfg(feature = "server-tests")]
    MongoDbAndRedis,
}

pub(crate) struct TestApp {
    router: Router,
    pub(crate) domain: Domain,
    pub(crate) store_calls: Arc<StoreCalls>,
    pub(crate) cache: Arc<dyn SessionCache>,
    pub(crate) worker: Worker,
    pub(crate) stores: Stores,
    pub(crate) clock: Arc<TestClock>,
}

impl TestApp {
    pub(crate) async fn start(backend: Backend) -> Self {
        Self::with(backend, &[]).await
    }

    /// A service with some settings of the test's own.
    pub(crate) async fn with(backend: Backend, settings: &[(&str, &str)]) -> Self {
        Self::of(&config(&[backend_settings(backend), owned(settings)].concat())).await
    }

    async fn of(config: &Config) -> Self {
        Self::node(config, Arc::default()).await
    }

    /// One of several nodes, which share what their settings name.
    pub(crate) async fn node(config: &Config, clock: Arc<TestClock>) -> Self {
        app::install_crypto();
        let stores = Stores::open(&config.database).await.unwrap_or_else(|error| panic!("{error}"));
        Self::assemble(config, stores, clock).await
    }

    /// A service on stores of the test's own.
    pub(crate) async fn on(config: &Config, stores: Stores) -> Self {
        Self::assemble(config, stores, Arc::default()).await
    }

    async fn assemble(config: &Config, stores: Stores, clock: Arc<TestClock>) -> Self {
        let ambient = Ambient { clock: clock.clone(), random: Arc::new(SystemRandom) };
        let cache = cache::open(&config.cache, &ambient.random).await.unwrap();
        let app = app::assemble(config, stores.clone(), cache, ambient)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let app::App { router, domain, store_calls, cache, worker, .. } = app;
        Self { router, domain, store_calls, cache, worker, stores, clock }
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Does what was put off and is due, and answers how much that was.
    pub(crate) async fn work(&self) -> usize {
        self.worker.run_due().await.unwrap()
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, text, bytes }
    }

    /// Posts an operation with these headers besides those of every client.
    pub(crate) async fn post(&self, headers: &[(&str, &str)], query: &str, variables: Value) -> Answer {
        let body = json!({ "query": query, "variables": variables }).to_string();
        self.send(post_request(headers, body)).await
    }

    /// Posts an operation of administration with this token.
    pub(crate) async fn administer(&self, token: &str, query: &str, variables: Value) -> Answer {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let mut request = post_request(&[("authorization", &format!("Bearer {token}"))], body);
        *request.uri_mut() = "/admin/graphql".parse().unwrap();
        self.send(request).await
    }

    /// Registers a person who has these roles.
    pub(crate) async fn user_with_roles(&self, name: &str, roles: &[&str]) -> Persona<'_> {
        let person = self.user(name).await;
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        let (id, operator) = (person.id.parse().unwrap(), Administrator::operator());
        self.domain.administration.act(&operator, &id, Action::SetRoles(roles)).await.unwrap();
        person
    }

    /// Posts an operation from an address.
    pub(crate) async fn post_from(&self, address: &str, query: &str, variables: Value) -> Answer {
        let mut request = post_request(&[], json!({ "query": query, "variables": variables }).to_string());
        request.extensions_mut().insert(PeerAddress((address.parse::<IpAddr>().unwrap(), 4_711).into()));
        self.send(request).await
    }

    /// What the developers' mailbox has, the newest first.
    pub(crate) async fn mailbox(&self) -> String {
        let mut request = Request::get("/dev/mail").header(header::HOST, "localhost:8080");
        let peer = PeerAddress(([127, 0, 0, 1], 4_711).into());
        request.extensions_mut().unwrap().insert(peer);
        self.send(request.body(Body::empty()).unwrap()).await.text
    }

    /// The token of the newest link to this page that the developers' mailbox has.
    pub(crate) async fn sent_token(&self, page: &str) -> String {
        let mails = self.mailbox().await;
        let (_, after) = mails.split_once(&format!("/{page}#token=")).expect("no such link");
        after.split(['&', '"', '<']).next().unwrap().to_owned()
    }

    /// Logs in from an address.
    pub(crate) async fn login_from(&self, address: &str, email: &str, password: &str) -> Answer {
        let input = json!({ "email": email, "password": password });
        self.post_from(address, LOGIN, json!({ "input": input })).await
    }

    /// Posts an operation as nobody in particular.
    pub(crate) async fn anonymous(&self, query: &str, variables: Value) -> Answer {
        self.post(&[], query, variables).await
    }

    /// Registers a person; `name` is also the local part of the address.
    pub(crate) async fn user(&self, name: &str) -> Persona<'_> {
        let email = format!("{name}@example.com");
        let answer = self.register(&email, PASSWORD, name).await;
        Persona::of(self, &answer, "/register")
    }

    pub(crate) async fn register(&self, email: &str, password: &str, name: &str) -> Answer {
        let input = json!({ "email": email, "password": password, "name": name });
        self.anonymous(REGISTER, json!({ "input": input })).await
    }

    pub(crate) async fn login(&self, email: &str, password: &str) -> Answer {
        self.anonymous(LOGIN, json!({ "input": { "email": email, "password": password } })).await
    }

    /// Logs a person in on another device.
    pub(crate) async fn login_again(&self, name: &str) -> Persona<'_> {
        let answer = self.login(&format!("{name}@example.com"), PASSWORD).await;
        Persona::of(self, &answer, "/login")
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.anonymous(REFRESH, json!({ "input": { "refreshToken": token } })).await
    }

    pub(crate) async fn me(&self, access_token: &str) -> Answer {
        self.post(&[("authorization", &format!("Bearer {access_token}"))], ME, json!({})).await
    }
}

/// The password of every person unless a test says otherwise.
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const ME: &str = "{ me { id email emailVerified name roles version } }";
pub(crate) const REGISTER: &str = "mutation($input: RegisterInput!) { register(input: $input) {
    user { id email name version } session { id } accessToken refreshToken accessTokenExpiresAt emailVerificationRequired } }";
pub(crate) const LOGIN: &str = "mutation($input: LoginInput!) { login(input: $input) {
    user { id email } session { id deviceName current } accessToken refreshToken accessTokenExpiresAt } }";
const REFRESH: &str = "mutation($input: RefreshInput!) { refresh(input: $input) {
    user { id } session { id } accessToken refreshToken accessTokenExpiresAt } }";

/// A person with the tokens of one device.
pub(crate) struct Persona<'a> {
    app: &'a TestApp,
    pub(crate) id: String,
    pub(crate) session_id: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

impl<'a> Persona<'a> {
    pub(crate) fn of(app: &'a TestApp, answer: &Answer, payload: &str) -> Self {
        let text = |pointer: &str| answer.text_at(&format!("{payload}{pointer}"));
        Self {
            app,
            id: text("/user/id"),
            session_id: text("/session/id"),
            access_token: text("/accessToken"),
            refresh_token: text("/refreshToken"),
        }
    }

    pub(crate) async fn post(&self, query: &str, variables: Value) -> Answer {
        let bearer = format!("Bearer {}", self.access_token);
        self.app.post(&[("authorization", &bearer)], query, variables).await
    }

    /// Posts an operation of administration.
    pub(crate) async fn administer(&self, query: &str, variables: Value) -> Answer {
        self.app.administer(&self.access_token, query, variables).await
    }

    pub(crate) async fn me(&self) -> Answer {
        self.app.me(&self.access_token).await
    }

    pub(crate) async fn change_password(
        &self,
        current: &str,
        new: &str,
        keep_other_sessions: bool,
    ) -> Answer {
        let query = "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { user { id version } } }";
        let input = json!({
            "currentPassword": current, "newPassword": new, "keepOtherSessions": keep_other_sessions,
        });
        self.post(query, json!({ "input": input })).await
    }
}

pub(crate) fn post_request(headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(Method::POST).uri("/graphql");
    let names = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    if !names("content-type") {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

/// A configuration of these settings; the cost of hashing is the least there is, and nobody tries too much.
pub(crate) fn config(settings: &[(String, String)]) -> Config {
    let settings = settings.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let at_ease = [("BCRYPT_COST", "4"), ("RATE_LIMITS", "off")];
    let at_ease = at_ease.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Config::from_variables(at_ease.into_iter().chain(settings)).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn owned(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn backend_settings(backend: Backend) -> Vec<(String, String)> {
    match backend {
        Backend::Embedded => owned(&[("DATABASE_URL", "sqlite::memory:")]),
        #[cfg(feature = "server-tests")]
        Backend::MongoDbAndRedis => super::servers::settings(),
    }
}
