//! Transport: routes, the GraphQL endpoint, cookies, cross-site protection, health, the playground.

mod account_pages;
mod answer;
mod avatars;
mod body;
mod client_address;
mod console;
mod cookies;
mod csrf;
mod dev_mail;
mod embedded;
mod graphql;
mod health;
mod layers;
mod linger;
mod media;
mod playground;
mod render;
mod server;
mod sockets;
mod sse;
mod well_known;
mod ws;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

use self::sockets::Sockets;
pub use account_pages::OWN_DOCUMENTS;
pub use client_address::PeerAddress;
pub use console::{Console, documents as console_documents};
pub use health::Health;
pub use server::{Server, ServerTimeouts, raise_file_limit};

use crate::{
    config::{GraphqlConfig, HttpConfig},
    domain::{Domain, clock::SharedClock, mail::Mailbox, random::SharedRandom},
    graphql::{Executions, Graphql},
};

/// What the handlers share.
#[derive(Clone)]
pub struct HttpState(Arc<Shared>);

struct Shared {
    parts: HttpParts,
    sockets: Sockets,
}

/// What the transport is made of.
#[derive(Clone)]
pub struct HttpParts {
    /// Whether the schema is that of administration, where cookies count for nothing.
    pub is_administration: bool,
    /// The schema.
    pub graphql: Graphql,
    /// The services behind it.
    pub domain: Domain,
    /// How long other services may keep the set of public keys.
    pub key_set_max_age: Duration,
    /// What is asked for readiness.
    pub health: Health,
    /// Settings of the listener.
    pub config: HttpConfig,
    /// What the endpoint shows of itself.
    pub shown: GraphqlConfig,
    /// The console, where it is shown.
    pub console: Option<Console>,
    /// The mails of this process, where they stay in it.
    pub mailbox: Option<Arc<dyn Mailbox>>,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// The time.
    pub clock: SharedClock,
    /// Randomness for request ids.
    pub random: SharedRandom,
    /// Runs executions.
    pub executions: Executions,
}

impl std::ops::Deref for HttpState {
    type Target = HttpParts;

    fn deref(&self) -> &HttpParts {
        &self.0.parts
    }
}

impl HttpState {
    fn new(parts: HttpParts) -> Self {
        let sockets = Sockets::new(parts.config.max_sockets, parts.config.max_sockets_per_user);
        Self(Arc::new(Shared { parts, sockets }))
    }

    fn sockets(&self) -> &Sockets {
        &self.0.sockets
    }
}

/// The endpoint of administration.
fn administration_endpoint(parts: HttpParts) -> Router<HttpState> {
    let endpoint = get(graphql::get).post(graphql::post).fallback(answer::method_not_allowed);
    Router::new().route("/admin/graphql", endpoint).with_state(HttpState::new(parts))
}

/// A listener for administration and nothing else, but for the health of the process.
pub fn administration_router(parts: HttpParts) -> Router {
    let state = HttpState::new(parts.clone());
    let router = Router::new()
        .merge(administration_endpoint(parts))
        .merge(health::routes(false))
        .fallback(answer::not_found);
    layers::wrap(router, &state).with_state(state)
}

/// A listener for operators: what was counted, and the health of the parts.
pub fn operators_router(parts: HttpParts) -> Router {
    let state = HttpState::new(parts);
    let router = Router::new().merge(health::routes(true)).fallback(answer::not_found);
    layers::wrap(router, &state).with_state(state)
}

/// The whole HTTP surface; with administration, where that has no listener of its own.
pub fn router(parts: HttpParts, administration: Option<HttpParts>) -> Router {
    let state = HttpState::new(parts);
    let router = Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post).fallback(answer::method_not_allowed))
        .route("/graphql/ws", get(ws::open).post(graphql::post).fallback(answer::method_not_allowed))
        .route("/.well-known/jwks.json", get(well_known::jwks))
        .route("/.well-known/openid-configuration", get(well_known::metadata))
        .route("/.well-known/oauth-authorization-server", get(well_known::metadata))
        .route("/playground/{*path}", get(playground::asset))
        .route("/console", get(console::page))
        .route("/console/", get(console::page))
        .route("/console/{*path}", get(console::file))
        .route("/account/{page}", get(account_pages::page))
        .route("/avatars", post(avatars::receive).layer(DefaultBodyLimit::max(avatars::MAX_FORM_BYTES)))
        .route("/avatars/{name}", get(avatars::full))
        .route("/avatars/{name}/{size}", get(avatars::square))
        .route("/dev/mail", get(dev_mail::list))
        .route("/dev/mail/{id}", get(dev_mail::html))
        .merge(health::routes(state.config.shows_parts))
        .fallback(answer::not_found);
    let router = match administration {
        Some(parts) => router.merge(administration_endpoint(parts)),
        None => router,
    };
    layers::wrap(router, &state).with_state(state)
}

/// What the fuzz target `headers` feeds: numbers of headers, and their values.
///
/// # Panics
/// Where what must hold does not.
#[cfg(feature = "fuzzing")]
pub fn read_headers(given: &[(u8, Vec<u8>)]) {
    use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

    use crate::config::{Origin, ProxyConfig, ProxyHeader};

    let names = [
        header::COOKIE,
        header::AUTHORIZATION,
        header::ACCEPT,
        header::CONTENT_TYPE,
        HeaderName::from_static("x-forwarded-for"),
        header::FORWARDED,
        header::ORIGIN,
        HeaderName::from_static("sec-fetch-site"),
    ];
    let mut headers = HeaderMap::new();
    for (number, value) in given {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(names[usize::from(*number) % names.len()].clone(), value);
        }
    }
    let _ = (media::ResponseType::negotiate(&headers), media::accepts_events(&headers));
    let _ = (media::is_json(&headers), media::wants_html(&headers));
    for is_secure in [true, false] {
        let names = cookies::CookieNames::new(is_secure);
        let _ = (names.credentials(&headers), names.are_present(&headers));
    }
    let allowed: Vec<Origin> = Origin::parse("https://app.example.com").into_iter().collect();
    let _ = csrf::judge(&headers, &allowed);
    let peer = std::net::IpAddr::from([203, 0, 113, 9]);
    for proxy_header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
        let believed = ProxyConfig { trusted: vec![peer.into()], header: proxy_header };
        let _ = client_address::client_address(peer, &headers, &believed);
        let stranger = ProxyConfig { trusted: Vec::new(), header: proxy_header };
        assert_eq!(client_address::client_address(peer, &headers, &stranger), peer);
    }
}
