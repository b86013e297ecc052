//! Settings of the durable store and the cache.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use super::{Source, variables};

/// Where the embedded store keeps the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteFile {
    /// A file.
    Path(PathBuf),
    /// Memory, gone with the process.
    Memory,
}

/// The durable store.
#[derive(Debug, Clone)]
pub enum DatabaseConfig {
    /// A file of one process.
    Sqlite(SqliteFile),
    /// A server for many. The URL may hold a password.
    MongoDb(SecretString),
}

/// The cache.
#[derive(Debug, Clone)]
pub enum CacheConfig {
    /// In the process.
    Local,
    /// In Redis.
    Redis(RedisConfig),
}

/// How Redis is reached.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// The URL, which may hold a password.
    pub url: SecretString,
    /// The authority that signed the certificate of Redis, if it is not a public one.
    pub ca_file: Option<PathBuf>,
    /// What every key starts with.
    pub key_prefix: String,
}

pub(super) fn database(source: &mut Source) -> Option<DatabaseConfig> {
    source.parse(&variables::DATABASE_URL, |text| {
        if text == "sqlite::memory:" {
            return Ok(DatabaseConfig::Sqlite(SqliteFile::Memory));
        }
        match text.split_once("://") {
            Some(("sqlite", file)) if !file.is_empty() && !file.contains('?') => {
                Ok(DatabaseConfig::Sqlite(SqliteFile::Path(file.into())))
            }
            Some(("mongodb" | "mongodb+srv", rest)) if !rest.is_empty() => {
                Ok(DatabaseConfig::MongoDb(text.to_owned().into()))
            }
            // The value may hold a password and is not repeated.
            _ => Err("must start with sqlite://, mongodb:// or mongodb+srv:// and name a place".into()),
        }
    })
}

pub(super) fn cache(source: &mut Source, database: Option<&DatabaseConfig>) -> Option<CacheConfig> {
    let is_local_meant = source.parse(&variables::CACHE, read_is_local)?;
    let key_prefix = source.parse(&variables::REDIS_KEY_PREFIX, read_key_prefix)?;
    let ca_file = source.optional(&variables::REDIS_CA_FILE).map(PathBuf::from);
    let url = source.parse(&variables::REDIS_URL, read_redis_url)?;
    match url {
        Some(_) if is_local_meant => {
            source.problem(&variables::CACHE, "must not be local when REDIS_URL is set");
            None
        }
        Some(url) => Some(CacheConfig::Redis(RedisConfig { url, ca_file, key_prefix })),
        None if matches!(database, Some(DatabaseConfig::MongoDb(_))) && !is_local_meant => {
            let message = "must be set with MongoDB, where several nodes share sessions; CACHE=local if one node is meant";
            source.problem(&variables::REDIS_URL, message);
            None
        }
        None => Some(CacheConfig::Local),
    }
}

fn read_is_local(text: &str) -> Result<bool, String> {
    match text {
        "" => Ok(false),
        "local" => Ok(true),
        _ => Err("must be local or not set".into()),
    }
}

fn read_key_prefix(text: &str) -> Result<String, String> {
    let fits = text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    fits.then(|| text.to_owned()).ok_or_else(|| "must be at most 64 letters, digits, - and _".into())
}

fn read_redis_url(text: &str) -> Result<Option<SecretString>, String> {
    const SCHEMES: &[&str] =
        &["redis", "rediss", "redis-cluster", "rediss-cluster", "redis-sentinel", "rediss-sentinel"];
    if text.is_empty() {
        return Ok(None);
    }
    // The value may hold a password and is not repeated.
    let url = Url::parse(text).map_err(|_| "must be a URL".to_owned())?;
    if !SCHEMES.contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
        return Err(
            "must start with redis://, rediss://, redis-cluster:// or redis-sentinel:// and name a host"
                .into(),
        );
    }
    Ok(Some(text.to_owned().into()))
}
