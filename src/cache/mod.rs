//! The volatile copies. [`open`] is the only place that asks which kind is configured.

mod absent;
mod documents;
mod events;
mod local;
mod rates;
mod redis;

use std::{sync::Arc, time::Duration};

pub use documents::LocalDocuments;
pub use events::LocalEvents;
pub use local::LocalCache;
pub use rates::LocalRates;

use crate::{
    config::CacheConfig,
    domain::{
        checkup::{Finding, State},
        documents::DocumentCache,
        random::SharedRandom,
        rate_limits::RateCounters,
        sessions::{EventBus, SessionCache},
    },
};

/// How long a copy is kept unless its session is used, which makes it anew each minute. For so long copies
/// are not believed when Redis may have lost writes that it had acknowledged.
const COPY_TTL: Duration = Duration::from_mins(1);
/// How long a tombstone is kept: longer than any fill that was under way can take.
const TOMBSTONE_TTL: Duration = Duration::from_mins(15);

/// What is volatile: copies, news and counters.
#[derive(Clone)]
pub struct Cache {
    /// Copies of sessions and users.
    pub sessions: Arc<dyn SessionCache>,
    /// News of them.
    pub events: Arc<dyn EventBus>,
    /// Counters of what is tried.
    pub rates: Arc<dyn RateCounters>,
    /// Documents that clients send by their hash.
    pub documents: Arc<dyn DocumentCache>,
}

/// Why the cache could not be set up. A Redis that does not answer is no reason.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the cache: {0}")]
pub struct CacheError(String);

/// Sets up the cache for a command. What a service keeps in its own process cannot be reached from here, so
/// that everything is told to it by notes.
///
/// # Errors
/// [`CacheError`] for settings that cannot work.
pub async fn open_for_command(config: &CacheConfig, random: &SharedRandom) -> Result<Cache, CacheError> {
    let cache = open(config, random).await?;
    Ok(match config {
        CacheConfig::Local => Cache { sessions: Arc::new(absent::AbsentCache), ..cache },
        CacheConfig::Redis(_) => cache,
    })
}

/// Looks at what is configured, and changes nothing.
pub async fn inspect(config: &CacheConfig) -> Vec<Finding> {
    match config {
        CacheConfig::Local => vec![Finding::new("cache", State::well("in the process"))],
        CacheConfig::Redis(settings) => redis::inspect(settings).await,
    }
}

/// Sets up the configured cache. With Redis this returns without waiting for long: the service
/// works, slower, until Redis answers.
///
/// # Errors
/// [`CacheError`] for settings that cannot work.
pub async fn open(config: &CacheConfig, random: &SharedRandom) -> Result<Cache, CacheError> {
    match config {
        CacheConfig::Local => Ok(Cache {
            sessions: Arc::new(LocalCache::default()),
            events: Arc::new(LocalEvents::default()),
            rates: Arc::new(LocalRates::default()),
            documents: Arc::new(LocalDocuments::default()),
        }),
        CacheConfig::Redis(settings) => redis::open(settings, random).await,
    }
}
