//! The composition root: settings to stores, stores to domain, domain to schema, schema to router.
//! The only place that knows all the parts.

mod checkup;

use std::{num::NonZeroUsize, sync::Arc, thread, time::Duration};

use axum::Router;
use chrono::TimeDelta;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    breaches::RangeClient,
    cache::{self, Cache, CacheError},
    config::{Config, TrustedDocuments},
    domain::{
        self, Domain,
        accounts::{AccountParts, AccountSettings, Accounts},
        avatars::AvatarStore,
        background::{Background, LOWER_PRIORITY},
        clock::SharedClock,
        idempotency::Answers,
        mail::Mailer,
        one_time::{OneTimeParts, OneTimeTokens},
        outbox::{Outbox, Worker},
        passwords::{BreachedPasswords, PasswordPolicy, Passwords},
        random::SharedRandom,
        rate_limits::{DeviceTokens, RateLimits},
        sessions::{SessionCache, SessionParts, Sessions},
        store::StoreCalls,
        tokens::{AccessTokens, IssuerSettings, KeyRing, KeyRingParts},
    },
    graphql::{Documents, Executions, Graphql},
    http::{self, Health, HttpParts, ServerTimeouts},
    mailer::{self, MailerError, Outgoing},
    media::{self, MediaError},
    stores::{OpenError, Stores},
};

pub use checkup::{Checkup, Finding, examine};

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
    /// The services behind it.
    pub domain: Domain,
    /// Does what was put off.
    pub worker: Worker,
    /// Cancelled to announce that the service is about to stop.
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
    let adapters = Adapters { mailer, avatars, stores: &stores, cache: &cache };
    let domain = domain(config, &adapters, &ambient).await?;
    let documents = Documents {
        trusted: config.graphql.trusted.clone(),
        own: TrustedDocuments::new(http::OWN_DOCUMENTS.map(str::to_owned)),
        cache: cache.documents.clone(),
    };
    // Half of the cores, so that the other half is there for everybody else.
    let readers = thread::available_parallelism().map_or(1, NonZeroUsize::get).div_ceil(2);
    let readers =
        Background::start(("read", LOWER_PRIORITY), vec![(); readers], LARGE_REQUESTS, LARGE_REQUEST_RETRY);
    let readers = readers.map_err(StartError::Threads)?;
    let stopping = CancellationToken::new();
    let executions = TaskTracker::new();
    let router = http::router(HttpParts {
        graphql: Graphql::new(domain.clone(), &config.graphql, documents, Arc::new(readers)),
        domain: domain.clone(),
        key_set_max_age: key_set_max_age(config.tokens.keys.publish_ahead),
        health: Health { store: stores.health, cache: cache.sessions.clone(), stopping: stopping.clone() },
        config: config.http.clone(),
        shown: config.graphql.clone(),
        mailbox,
        body_timeout: ServerTimeouts::new(config.http.shutdown_timeout).body,
        clock: ambient.clock,
        random: ambient.random,
        executions: Executions { tracker: executions.clone(), time_limit: config.http.request_timeout },
    });
    Ok(App {
        router,
        worker: Worker::new(domain.outbox.clone(), domain.accounts.clone()),
        domain,
        stopping,
        executions,
        store_calls: stores.calls,
        cache: cache.sessions,
        key_interval: key_interval(config.tokens.keys.publish_ahead),
    })
}

/// What the domain talks to.
struct Adapters<'a> {
    stores: &'a Stores,
    cache: &'a Cache,
    mailer: Arc<dyn Mailer>,
    avatars: Arc<dyn AvatarStore>,
}

/// What is asked of new passwords.
fn password_policy(config: &Config) -> Result<PasswordPolicy, StartError> {
    let client = config.rules.breaches.clone().map(RangeClient::new).transpose();
    let client = client.map_err(|error| StartError::Breaches(error.to_string()))?;
    let host = config.http.public_url.host_str().unwrap_or_default();
    let product = config.mail.from.name.clone().unwrap_or_default();
    Ok(PasswordPolicy {
        min_score: config.rules.min_score,
        blocklist: Arc::new(config.rules.blocklist.clone()),
        words: ["vestibule", host, &product].map(str::to_lowercase).into(),
        breaches: client.map(|client| Arc::new(client) as Arc<dyn BreachedPasswords>),
        fails_closed: config.rules.fails_closed,
    })
}

async fn domain(config: &Config, adapters: &Adapters<'_>, ambient: &Ambient) -> Result<Domain, StartError> {
    let Adapters { stores, cache, mailer, avatars } = adapters;
    let Ambient { clock, random } = ambient.clone();
    let keys = key_ring(config, stores, ambient);
    let tokens = Arc::new(AccessTokens::open(issuer(config), keys).await.map_err(StartError::Keys)?);
    let passwords = Passwords::start(config.passwords.pool, password_policy(config)?, &random);
    let passwords = Arc::new(passwords.map_err(StartError::Threads)?);
    let outbox = Arc::new(Outbox::new(stores.outbox.clone(), clock.clone(), random.clone()));
    let one_time = Arc::new(OneTimeTokens::new(OneTimeParts {
        store: stores.one_time.clone(),
        clock: clock.clone(),
        random: random.clone(),
        settings: config.accounts.one_time,
    }));
    let limits = RateLimits::new(cache.rates.clone(), clock.clone(), config.rates.clone());
    let limits = Arc::new(limits);
    let device_keys = config.tokens.keys.sealer.device_keys(&*random);
    let sessions = Arc::new(Sessions::new(SessionParts {
        users: stores.users.clone(),
        store: stores.sessions.clone(),
        cache: cache.sessions.clone(),
        notes: stores.notes.clone(),
        events: cache.events.clone(),
        tokens: tokens.clone(),
        outbox: outbox.clone(),
        limits: limits.clone(),
        devices: DeviceTokens::new(&device_keys, clock.clone(), random.clone()),
        passwords: passwords.clone(),
        clock: clock.clone(),
        random: random.clone(),
        settings: config.tokens.sessions,
    }));
    let accounts = Arc::new(Accounts::new(AccountParts {
        users: stores.users.clone(),
        passwords: passwords.clone(),
        limits: limits.clone(),
        sessions: sessions.clone(),
        one_time: one_time.clone(),
        outbox: outbox.clone(),
        avatars: avatars.clone(),
        mailer: mailer.clone(),
        clock,
        random,
        settings: AccountSettings {
            pages: config.mail.pages.clone(),
            require_verified_email: config.accounts.require_verified_email,
            private_registration: config.accounts.private_registration,
            deletion_grace: config.accounts.deletion_grace,
        },
    }));
    sessions.follow_notes();
    let time_limit = TimeDelta::from_std(config.http.request_timeout).unwrap_or(TimeDelta::MAX);
    let answers =
        Answers::new(stores.answers.clone(), ambient.clock.clone(), ambient.random.clone(), time_limit);
    let answers = Arc::new(answers);
    Ok(Domain { answers, accounts, outbox, one_time, passwords, tokens, rate_limits: limits, sessions })
}

/// Opens the signing keys for a command that runs beside a service.
///
/// # Errors
/// `Store` and `Keys`.
pub async fn open_keys(config: &Config) -> Result<KeyRing, StartError> {
    install_crypto();
    let stores = Stores::open_beside(&config.database).await?;
    let keys = key_ring(config, &stores, &Ambient::default());
    KeyRing::read(keys, issuer(config).validation()).await.map_err(StartError::Keys)
}

/// Who issues tokens with these settings.
fn issuer(config: &Config) -> IssuerSettings {
    IssuerSettings {
        issuer: config.http.public_url.as_str().trim_end_matches('/').to_owned(),
        audience: AUDIENCE.to_owned(),
        ttl: config.tokens.access_ttl,
        leeway: config.tokens.sessions.clock_leeway,
    }
}

/// What the signing keys of these settings are made of.
fn key_ring(config: &Config, stores: &Stores, ambient: &Ambient) -> KeyRingParts {
    KeyRingParts {
        store: stores.keys.clone(),
        policy: config.tokens.keys.clone(),
        clock: ambient.clock.clone(),
        random: ambient.random.clone(),
    }
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
