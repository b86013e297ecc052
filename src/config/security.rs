//! Settings of tokens, sessions and passwords.

use std::{collections::HashSet, num::NonZeroUsize, thread, time::Duration};

use chrono::TimeDelta;

use super::{AccountConfig, Environment, Source, keys, variables};
use crate::domain::{
    passwords::{BCRYPT_COSTS, PoolSettings},
    sessions::SessionSettings,
    tokens::{KeyPolicy, Sealer, SecretKey},
};

const MIN_SECRET_CHARACTERS: usize = 32;
/// Fewer different characters than this are no random secret.
const MIN_DIFFERENT_CHARACTERS: usize = 10;
/// Costs below this are for tests.
const MIN_PRODUCTION_COST: u32 = 10;
/// The library's own hash is optimised in every build, that of several lanes only where the program is.
const DEFAULT_LANES: usize = if cfg!(debug_assertions) { 1 } else { 2 };
/// Words that documentation puts where a secret goes.
const EXAMPLE_WORDS: &[&str] =
    &["changeme", "change-me", "change_me", "example", "secret", "password", "your-", "openssl", "vestibule"];

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const LONGEST_SESSION: Duration = Duration::from_hours(400 * 24);

/// Settings of tokens and sessions.
#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// How stored signing keys are sealed.
    pub keys: KeyPolicy,
    /// How long an access token is valid.
    pub access_ttl: Duration,
    /// How long sessions live.
    pub sessions: SessionSettings,
}

/// Settings of password hashing.
#[derive(Debug, Clone)]
pub struct PasswordConfig {
    /// The hashing threads.
    pub pool: PoolSettings,
}

pub(super) fn tokens(
    source: &mut Source,
    environment: Environment,
    accounts: Option<&AccountConfig>,
) -> Option<TokenConfig> {
    let secrets = source.list(&variables::SECRET_KEY, read_secret);
    if environment == Environment::Production && secrets.is_empty() {
        source.problem(&variables::SECRET_KEY, "must be set in production");
    }
    let access_ttl = source.duration(&variables::ACCESS_TOKEN_TTL, SECOND..=HOUR);
    let idle_ttl = source.duration(&variables::SESSION_IDLE_TTL, SECOND..=LONGEST_SESSION);
    let absolute_ttl = source.duration(&variables::SESSION_ABSOLUTE_TTL, SECOND..=LONGEST_SESSION);
    if absolute_ttl < idle_ttl {
        source.problem(&variables::SESSION_ABSOLUTE_TTL, "must not be less than SESSION_IDLE_TTL");
    }
    let refresh_grace = source.duration(&variables::REFRESH_GRACE, Duration::ZERO..=5 * MINUTE);
    let leeway = source.duration(&variables::CLOCK_LEEWAY, Duration::ZERO..=5 * MINUTE);
    Some(TokenConfig {
        keys: keys::read(source, environment, Sealer::new(secrets), leeway)?,
        access_ttl,
        sessions: SessionSettings {
            idle_ttl: TimeDelta::from_std(idle_ttl).ok()?,
            absolute_ttl: TimeDelta::from_std(absolute_ttl).ok()?,
            refresh_grace: TimeDelta::from_std(refresh_grace).ok()?,
            clock_leeway: TimeDelta::from_std(leeway).ok()?,
            require_verified_email: accounts?.require_verified_email,
        },
    })
}

pub(super) fn passwords(source: &mut Source, environment: Environment) -> PasswordConfig {
    let cost = source.number(&variables::BCRYPT_COST, BCRYPT_COSTS);
    if environment == Environment::Production && cost < MIN_PRODUCTION_COST {
        let message = format!("must be at least {MIN_PRODUCTION_COST} in production");
        source.problem(&variables::BCRYPT_COST, message);
    }
    let threads = match source.number(&variables::HASH_THREADS, 0..=256_usize) {
        0 => thread::available_parallelism().map_or(1, NonZeroUsize::get),
        threads => threads,
    };
    let queue = source.number(&variables::HASH_QUEUE, 1..=100_000_usize);
    let lanes = match source.number(&variables::HASH_LANES, 0..=4_usize) {
        0 => DEFAULT_LANES,
        lanes => lanes,
    };
    let max_wait = source.duration(&variables::HASH_MAX_WAIT, SECOND..=MINUTE);
    PasswordConfig { pool: PoolSettings { cost, threads, lanes, queue, max_wait } }
}

/// The value is never repeated: it is a secret.
fn read_secret(text: &str) -> Result<SecretKey, String> {
    if text.chars().count() < MIN_SECRET_CHARACTERS {
        return Err(format!("must have at least {MIN_SECRET_CHARACTERS} characters"));
    }
    let lowercase = text.to_lowercase();
    let is_example = EXAMPLE_WORDS.iter().any(|word| lowercase.contains(word));
    if is_example || text.chars().collect::<HashSet<_>>().len() < MIN_DIFFERENT_CHARACTERS {
        return Err("looks like an example; it must be random".into());
    }
    Ok(SecretKey::new(text.to_owned().into()))
}
