//! The composition root: settings to stores, stores to domain, domain to schema, schema to router.
//! The only place that knows all the parts.

use std::sync::{Arc, atomic::AtomicBool};

use axum::Router;
use tokio_util::task::TaskTracker;

use crate::{
    cache::{self, CacheError},
    config::Config,
    domain::{
        self, Domain,
        accounts::{AccountParts, Accounts},
        clock::SharedClock,
        passwords::Passwords,
        random::SharedRandom,
        sessions::{SessionCache, SessionParts, Sessions},
        tokens::{AccessTokens, IssuerSettings, SigningKeys},
    },
    graphql::Graphql,
    http::{self, Health, HttpParts, ServerTimeouts},
    stores::{OpenError, Stores},
};

/// Whom access tokens are meant for.
const AUDIENCE: &str = "vestibule";

/// What tests replace: time and chance.
#[derive(Clone)]
pub struct Ambient {
    /// The time.
    pub clock: SharedClock,
    /// Randomness.
    pub random: SharedRandom,
}

impl Default for Ambient {
    fn default() -> Self {
        Self { clock: Arc::new(domain::clock::SystemClock), random: Arc::new(domain::random::SystemRandom) }
    }
}

/// Why the service could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The signing keys.
    #[error("cannot load the signing keys: {0}")]
    Keys(domain::Error),
    /// The hashing threads.
    #[error("cannot start the hashing threads: {0}")]
    Threads(std::io::Error),
}

/// A service, put together and not serving yet.
pub struct App {
    /// The whole HTTP surface; can be called without a socket.
    pub router: Router,
    /// The services behind it.
    pub domain: Domain,
    /// Set to announce that the service is about to stop.
    pub stopping: Arc<AtomicBool>,
    /// Executions under way, to be waited for at the end.
    pub executions: TaskTracker,
}

/// Opens what the settings name and puts a service together.
///
/// # Errors
/// [`StartError`].
pub async fn build(config: &Config, ambient: Ambient) -> Result<App, StartError> {
    install_crypto();
    let stores = Stores::open(&config.database).await?;
    let cache = cache::open(&config.cache).await?;
    assemble(config, stores, cache, ambient).await
}

/// Puts a service together from stores and a cache that are open.
///
/// # Errors
/// `Keys` and `Threads`.
pub async fn assemble(
    config: &Config,
    stores: Stores,
    cache: Arc<dyn SessionCache>,
    ambient: Ambient,
) -> Result<App, StartError> {
    let domain = domain(config, &stores, &cache, &ambient).await?;
    let stopping = Arc::new(AtomicBool::new(false));
    let executions = TaskTracker::new();
    let router = http::router(HttpParts {
        graphql: Graphql::new(domain.clone(), config.graphql),
        health: Health { store: stores.health, cache, stopping: stopping.clone() },
        config: config.http.clone(),
        shown: config.graphql,
        body_timeout: ServerTimeouts::new(config.http.shutdown_timeout).body,
        clock: ambient.clock,
        random: ambient.random,
        executions: executions.clone(),
    });
    Ok(App { router, domain, stopping, executions })
}

async fn domain(
    config: &Config,
    stores: &Stores,
    cache: &Arc<dyn SessionCache>,
    ambient: &Ambient,
) -> Result<Domain, StartError> {
    let Ambient { clock, random } = ambient.clone();
    let keys = SigningKeys::load(&*stores.keys, &config.tokens.keys, &*clock, &*random);
    let issuer = IssuerSettings {
        issuer: config.http.public_url.as_str().trim_end_matches('/').to_owned(),
        audience: AUDIENCE.to_owned(),
        ttl: config.tokens.access_ttl,
    };
    let tokens =
        AccessTokens::new(issuer, keys.await.map_err(StartError::Keys)?, clock.clone(), random.clone());
    let passwords = Passwords::start(config.passwords.pool, &random).map_err(StartError::Threads)?;
    let passwords = Arc::new(passwords);
    let sessions = Arc::new(Sessions::new(SessionParts {
        users: stores.users.clone(),
        store: stores.sessions.clone(),
        cache: cache.clone(),
        tokens,
        passwords: passwords.clone(),
        clock: clock.clone(),
        random: random.clone(),
        settings: config.tokens.sessions,
    }));
    let accounts = Arc::new(Accounts::new(AccountParts {
        users: stores.users.clone(),
        cache: cache.clone(),
        passwords,
        sessions: sessions.clone(),
        clock,
        random,
    }));
    Ok(Domain { accounts, sessions })
}

/// One crypto library for all TLS. Later calls change nothing.
pub fn install_crypto() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
