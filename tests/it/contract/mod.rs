//! The contracts of stores and caches: plain functions over the traits, run against every
//! implementation, so that a failure names the promise and who broke it.

mod access;
mod answers;
mod audit;
mod cache;
mod counters;
mod directory;
mod keys;
mod notes;
mod one_time;
mod outbox;
#[cfg(feature = "server-tests")]
mod plans;
mod sessions;
mod users;

use chrono::{TimeDelta, TimeZone, Utc};
use vestibule::{
    config::{DatabaseConfig, SqliteFile},
    domain::{
        accounts::{DisplayName, EmailAddress, User, UserMetadata, UserWithPassword},
        clock::Instant,
        ids::{SessionId, UserId},
        passwords::PasswordHash,
        random::SystemRandom,
        sessions::Session,
        tokens::RefreshToken,
    },
    stores::Stores,
};

/// Runs each of these promises against every store.
macro_rules! on_every_store {
    ($($name:ident),+ $(,)?) => {
        mod sqlite_in_memory {
            $(#[tokio::test] async fn $name() { super::$name(&crate::contract::memory().await).await; })+
        }
        mod sqlite_file {
            $(#[tokio::test] async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                super::$name(&crate::contract::file(folder.path()).await).await;
            })+
        }
        #[cfg(feature = "server-tests")]
        mod mongodb {
            $(#[tokio::test] async fn $name() { super::$name(&crate::contract::mongodb().await).await; })+
        }
    };
}
use on_every_store;

async fn open(config: &DatabaseConfig) -> Stores {
    vestibule::app::install_crypto();
    Stores::open(config).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn memory() -> Stores {
    open(&DatabaseConfig::Sqlite(SqliteFile::Memory)).await
}

async fn file(folder: &std::path::Path) -> Stores {
    open(&DatabaseConfig::Sqlite(SqliteFile::Path(folder.join("test.sqlite")))).await
}

#[cfg(feature = "server-tests")]
async fn mongodb() -> Stores {
    open(&DatabaseConfig::MongoDb(crate::support::servers::mongodb_url().into())).await
}

fn now() -> Instant {
    Utc.with_ymd_and_hms(2030, 1, 2, 3, 4, 5).unwrap() + TimeDelta::milliseconds(678)
}

fn account(email: &str) -> UserWithPassword {
    let (email, name) = (EmailAddress::parse(email).unwrap(), DisplayName::parse("Zoë 李 $set").unwrap());
    let user = User::new(UserId::generate(now(), &SystemRandom), email, name, now());
    UserWithPassword { user, password_hash: hash("$2b$04$first"), metadata: UserMetadata::default() }
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::from_stored(text.into())
}

fn session(user: &UserId) -> (Session, RefreshToken) {
    let session = Session {
        id: SessionId::generate(now(), &SystemRandom),
        user_id: user.clone(),
        device_name: Some("$device".into()),
        user_agent: None,
        ip_address: Some("2001:db8::1".into()),
        created_at: now(),
        authenticated_at: now(),
        last_seen_at: now(),
        idle_expires_at: now() + TimeDelta::hours(1),
        absolute_expires_at: now() + TimeDelta::hours(2),
        ended_at: None,
        session_epoch: 1,
        impersonation: None,
        version: 1,
    };
    (session, RefreshToken::generate(&SystemRandom))
}
