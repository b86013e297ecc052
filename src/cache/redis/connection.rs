//! The connections to Redis. A cache must not hold up what it is to speed up: commands have short
//! time limits, and after a failure none is sent for a moment.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use fred::{
    clients::{Client, Pool},
    error::Error,
    interfaces::{ClientLike, EventInterface, FredResult},
    types::{
        Builder, RespVersion,
        config::{Config, ReconnectPolicy, TlsConfig, TlsConnector},
    },
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use secrecy::ExposeSecret;
use tracing::Span;

use super::trust::Trust;
use crate::{
    cache::CacheError,
    config::RedisConfig,
    domain::{
        metrics::metrics,
        sessions::{CacheResult, CacheUnavailable},
    },
};

/// Connections; each carries many commands at once.
const POOL: usize = 4;
/// Changes told by Redis that may wait to be heard; with more, everything is forgotten.
const CHANGES: usize = 1_024;
const COMMAND_TIMEOUT: Duration = Duration::from_millis(500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the start of the service waits for Redis.
const START_TIMEOUT: Duration = Duration::from_secs(2);
/// For how long no command is sent after one failed.
const PAUSE_MILLIS: u64 = 500;
const MIN_RECONNECT_MILLIS: u32 = 100;
const MAX_RECONNECT_MILLIS: u32 = 2_000;

pub(super) struct Connection {
    pool: Pool,
    opened_at: Instant,
    /// Milliseconds after `opened_at` until which no command is sent.
    paused_until: AtomicU64,
    round_trips: AtomicU64,
    trust: Trust,
}

impl Connection {
    pub(super) fn open(settings: &RedisConfig) -> Result<Self, CacheError> {
        let pool = builder(settings)?.build_pool(POOL).map_err(|error| unusable(&error))?;
        for client in pool.clients() {
            client.on_error(|(error, _server)| async move {
                tracing::warn!(error = describe(&error), "the connection to Redis broke");
                Ok(())
            });
        }
        Ok(Self {
            pool,
            opened_at: Instant::now(),
            paused_until: AtomicU64::new(0),
            round_trips: AtomicU64::new(0),
            trust: Trust::default(),
        })
    }

    /// Connects, and waits a moment for Redis to answer.
    pub(super) async fn connect(&self) {
        // Goes on by itself for as long as the pool lives.
        drop(self.pool.connect_pool());
        #[expect(clippy::disallowed_methods, reason = "no call of the MongoDB driver is in it")]
        let started = tokio::time::timeout(START_TIMEOUT, self.pool.wait_for_connect()).await;
        if !matches!(started, Ok(Ok(()))) {
            tracing::warn!("Redis does not answer; sessions are read from the store until it does");
        }
    }

    pub(super) const fn trust(&self) -> &Trust {
        &self.trust
    }

    pub(super) fn clients(&self) -> &[Client] {
        self.pool.clients()
    }

    /// Commands that were sent for requests.
    pub(super) fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }

    pub(super) fn is_connected(&self) -> bool {
        !self.is_paused() && self.pool.clients().iter().all(ClientLike::is_connected)
    }

    fn is_paused(&self) -> bool {
        self.elapsed_millis() < self.paused_until.load(Ordering::Relaxed)
    }

    /// A client to send a command with.
    pub(super) fn client(&self) -> CacheResult<Asked<'_>> {
        let client = self.pool.next_connected();
        if self.is_paused() || !client.is_connected() {
            metrics().redis.miss();
            return Err(CacheUnavailable);
        }
        self.round_trips.fetch_add(1, Ordering::Relaxed);
        Ok(Asked { connection: self, client, since: Instant::now(), _part: metrics().redis.part() })
    }

    fn elapsed_millis(&self) -> u64 {
        u64::try_from(self.opened_at.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A client, and a command that it is about to send.
pub(super) struct Asked<'a> {
    connection: &'a Connection,
    client: &'a Client,
    since: Instant,
    /// Ends with the command.
    _part: Span,
}

impl std::ops::Deref for Asked<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.client
    }
}

impl Asked<'_> {
    /// Takes the outcome of the command; a failure stops commands for a moment.
    pub(super) fn judge<T>(self, outcome: FredResult<T>) -> CacheResult<T> {
        metrics().redis.note(self.since.elapsed(), outcome.is_ok());
        outcome.map_err(|error| {
            tracing::warn!(error = describe(&error), "Redis did not do what it was asked");
            let Connection { trust, paused_until, .. } = self.connection;
            trust.lose();
            paused_until.store(self.connection.elapsed_millis() + PAUSE_MILLIS, Ordering::Relaxed);
            CacheUnavailable
        })
    }
}

/// What every connection has in common.
pub(super) fn builder(settings: &RedisConfig) -> Result<Builder, CacheError> {
    // The library's text may repeat the URL, which may hold a password.
    let mut config = Config::from_url(settings.url.expose_secret())
        .map_err(|error| CacheError(format!("REDIS_URL cannot be used ({:?})", error.kind())))?;
    config.version = RespVersion::RESP3;
    config.fail_fast = false;
    if let Some(path) = &settings.ca_file {
        if config.tls.is_none() {
            return Err(CacheError("REDIS_CA_FILE needs a REDIS_URL with TLS, such as rediss://".into()));
        }
        config.tls = Some(TlsConfig::from(trust(path)?));
    }
    let mut builder = Builder::from_config(config);
    builder
        .with_performance_config(|performance| {
            performance.default_command_timeout = COMMAND_TIMEOUT;
            performance.broadcast_channel_capacity = CHANGES;
        })
        .with_connection_config(|connection| {
            connection.connection_timeout = CONNECT_TIMEOUT;
            connection.internal_command_timeout = CONNECT_TIMEOUT;
            connection.max_command_attempts = 1;
            connection.unresponsive.max_timeout = Some(2 * COMMAND_TIMEOUT);
            connection.unresponsive.interval = COMMAND_TIMEOUT;
        })
        .set_policy(ReconnectPolicy::new_exponential(0, MIN_RECONNECT_MILLIS, MAX_RECONNECT_MILLIS, 2));
    Ok(builder)
}

pub(super) fn unusable(error: &Error) -> CacheError {
    CacheError(format!("connections cannot be made ({:?})", error.kind()))
}

/// Trusts the authorities of a PEM file and no others.
fn trust(path: &Path) -> Result<TlsConnector, CacheError> {
    let unusable = |reason: String| CacheError(format!("REDIS_CA_FILE {} {reason}", path.display()));
    let pem = fs::read(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| unusable("is not PEM".into()))?;
        roots.add(certificate).map_err(|_| unusable("has a certificate that cannot be used".into()))?;
    }
    if roots.is_empty() {
        return Err(unusable("has no certificate".into()));
    }
    let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(client.into())
}

/// What an error was, without the keys, values and credentials that its text may quote.
fn describe(error: &Error) -> String {
    format!("{:?}", error.kind())
}
