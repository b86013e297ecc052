//! The composition root: settings to stores, stores to domain, domain to schema, schema to router.
//! The only place that knows all the parts.

mod checkup;
mod compose;
mod reload;

use std::{num::NonZeroUsize, sync::Arc, thread, time::Duration};

use axum::Router;
use chrono::TimeDelta;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cache::{self, Cache, CacheError},
    config::{AvatarConfig, Config, TrustedDocuments},
    domain::{
        self, Domain,
        background::{Background, LOWER_PRIORITY},
        clock::SharedClock,
        live::Live,
        outbox::Worker,
        random::SharedRandom,
        sessions::SessionCache,
        store::StoreCalls,
        tokens::AccessTokens,
    },
    graphql::{Documents, Executions, Graphql},
    http::{self, Console, Health, HttpParts, ServerTimeouts},
    mailer::{self, MailerError, Outgoing},
    media::{self, MediaError},
    stores::{OpenError, Stores},
};

use self::compose::Adapters;
pub use checkup::examine;
pub use reload::{RELOADABLE, Reload};

/// Large requests that may wait to be read, and when those come back that may not.
const LARGE_REQUESTS: usize = 64;
const LARGE_REQUEST_RETRY: Duration = Duration::from_secs(1);
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
    /// The mail.
    #[error(transparent)]
    Mail(#[from] MailerError),
    /// The pictures.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The list of leaked passwords.
    #[error("cannot ask for leaked passwords: {0}")]
    Breaches(String),
    /// The threads for what takes long.
    #[error("cannot start the threads for what takes long: {0}")]
    Threads(std::io::Error),
}

/// A service, put together and not serving yet.
pub struct App {
    /// The whole HTTP surface; can be called without a socket.
    pub router: Router,
    /// That of administration, where it has a listener of its own.
    pub admin_router: Option<Router>,
    /// That of operators, where it has one.
    pub operators_router: Option<Router>,
    /// The services behind it.
    pub domain: Domain,
    /// Takes over new settings.
    pub reload: Reload,
    /// Does what was put off.
    pub worker: Worker,
    /// Cancelled to announce that new requests should go elsewhere.
    pub leaving: CancellationToken,
    /// Cancelled to announce that the service stops.
    pub stopping: CancellationToken,
    /// Executions under way, to be waited for at the end.
    pub executions: TaskTracker,
    /// How often the store is called.
    pub store_calls: Arc<StoreCalls>,
    /// The copies, which count how often they are asked for over the network.
    pub cache: Arc<dyn SessionCache>,
    /// How often the signing keys are looked after.
    pub key_interval: Duration,
}

/// Opens what the settings name and puts a service together.
///
/// # Errors
/// [`StartError`].
pub async fn build(config: &Config, ambient: Ambient) -> Result<App, StartError> {
    install_crypto();
    let stores = Stores::open(&config.database).await?;
    let cache = cache::open(&config.cache, &ambient.random).await?;
    assemble(config, stores, cache, ambient).await
}

/// Puts a service together from stores and a cache that are open.
///
/// # Errors
/// `Keys` and `Threads`.
pub async fn assemble(
    config: &Config,
    stores: Stores,
    cache: Cache,
    ambient: Ambient,
) -> Result<App, StartError> {
    let Outgoing { mailer, mailbox } = mailer::open(&config.mail)?;
    let random = &ambient.random;
    let avatars = media::open(&config.avatars, &config.http.public_url, &config.tokens.keys.sealer, random)?;
    let adapters = Adapters { mailer, avatars: avatars.clone(), stores: &stores, cache: &cache };
    let tokens = AccessTokens::open(compose::issuer(config), compose::key_ring(config, &stores, &ambient));
    let tokens = tokens.await.map_err(StartError::Keys)?;
    let domain = compose::domain(config, &adapters, &ambient, tokens)?;
    let trusted = Live::new(config.graphql.trusted.clone());
    let documents = Documents {
        trusted: trusted.clone(),
        own: TrustedDocuments::new(own_documents(config)),
        cache: cache.documents.clone(),
    };
    let readers = start_readers()?;
    let health = Health::new(stores.health, cache.sessions.clone());
    let executions = TaskTracker::new();
    let graphql = Graphql::new(domain.clone(), &config.graphql, documents, Arc::new(readers));
    let administration = graphql.for_administration(config.admin.limits);
    let parts = HttpParts {
        is_administration: false,
        graphql,
        domain: domain.clone(),
        key_set_max_age: key_set_max_age(config.tokens.keys.publish_ahead),
        health: health.clone(),
        config: config.http.clone(),
        shown: config.graphql.clone(),
        console: console(config),
        mailbox,
        body_timeout: ServerTimeouts::new(config.http.shutdown_timeout).body,
        clock: ambient.clock,
        random: ambient.random.clone(),
        executions: Executions { tracker: executions.clone(), time_limit: config.http.request_timeout },
    };
    let Routers { public: router, administration: admin_router, operators: operators_router } =
        routers(config, parts, administration);
    let reload = Reload {
        domain: domain.clone(),
        avatars,
        sealer: config.tokens.keys.sealer.clone(),
        trusted,
        random: ambient.random,
    };
    Ok(App {
        reload,
        router,
        admin_router,
        operators_router,
        worker: Worker::new(domain.outbox.clone(), domain.accounts.clone()),
        domain,
        leaving: health.leaving,
        stopping: health.stopping,
        executions,
        store_calls: stores.calls,
        cache: cache.sessions,
        key_interval: key_interval(config.tokens.keys.publish_ahead),
    })
}

/// What the service's own pages ask for.
fn own_documents(config: &Config) -> Vec<String> {
    let console = if config.http.shows_console { http::console_documents() } else { Vec::new() };
    http::OWN_DOCUMENTS.into_iter().map(str::to_owned).chain(console).collect()
}

/// The console, where it is to be shown.
fn console(config: &Config) -> Option<Console> {
    let (pictures, uploads) = match &config.avatars {
        AvatarConfig::Cloudinary(account) => {
            (Some(media::CLOUDINARY_DELIVERY.to_owned()), Some(account.api.origin().ascii_serialization()))
        }
        AvatarConfig::Folder(_) => (None, None),
    };
    let has_administration = config.admin.bind.is_none();
    config.http.shows_console.then_some(Console { has_administration, pictures, uploads })
}

struct Routers {
    public: Router,
    administration: Option<Router>,
    operators: Option<Router>,
}

/// What each listener answers.
fn routers(config: &Config, parts: HttpParts, administration: Graphql) -> Routers {
    let operators = config.http.metrics_bind.map(|_| http::operators_router(parts.clone()));
    let administration = HttpParts { graphql: administration, is_administration: true, ..parts.clone() };
    let (public, administration) = match config.admin.bind {
        Some(_) => (http::router(parts, None), Some(http::administration_router(administration))),
        None => (http::router(parts, Some(administration)), None),
    };
    Routers { public, administration, operators }
}

/// Threads that read what is large.
fn start_readers() -> Result<Background<()>, StartError> {
    // Half of the cores, so that the other half is there for everybody else.
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).div_ceil(2);
    let named = ("read", LOWER_PRIORITY);
    Background::start(named, vec![(); threads], LARGE_REQUESTS, LARGE_REQUEST_RETRY)
        .map_err(StartError::Threads)
}

/// How a command opens the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Alone where no service runs, and then it makes what is missing; else beside the service.
    OrMake,
    /// As it is: beside a service, or what one has left.
    Beside,
}

/// Opens the domain for a command.
///
/// # Errors
/// [`StartError`].
pub async fn open_domain(config: &Config, opening: Opening) -> Result<Domain, StartError> {
    install_crypto();
    let ambient = Ambient::default();
    let stores = match opening {
        Opening::OrMake => Stores::open_for_command(&config.database).await?,
        Opening::Beside => Stores::open_beside(&config.database).await?,
    };
    let cache = cache::open_for_command(&config.cache, &ambient.random).await?;
    let Outgoing { mailer, .. } = mailer::open(&config.mail)?;
    let sealer = &config.tokens.keys.sealer;
    let avatars = media::open(&config.avatars, &config.http.public_url, sealer, &ambient.random)?;
    let adapters = Adapters { mailer, avatars, stores: &stores, cache: &cache };
    let tokens = AccessTokens::read(compose::issuer(config), compose::key_ring(config, &stores, &ambient));
    let tokens = tokens.await.map_err(StartError::Keys)?;
    compose::domain(config, &adapters, &ambient, tokens)
}

/// Often enough that every node knows a new key before it signs.
fn key_interval(publish_ahead: TimeDelta) -> Duration {
    (publish_ahead / 3).to_std().unwrap_or_default().clamp(Duration::from_secs(1), Duration::from_secs(30))
}

/// Half of what a key is published ahead of its first token, so that nobody meets a token whose key they
/// do not know.
fn key_set_max_age(publish_ahead: TimeDelta) -> Duration {
    (publish_ahead / 2).to_std().unwrap_or_default().min(Duration::from_hours(1))
}

/// One crypto library for all TLS. Later calls change nothing.
pub fn install_crypto() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
