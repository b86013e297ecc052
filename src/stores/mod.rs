//! The durable stores. [`Stores::open`] is the only place that asks which one is configured.

pub mod mongodb;
pub mod sqlite;

use std::sync::Arc;

use crate::{
    config::DatabaseConfig,
    domain::{
        accounts::UserStore,
        idempotency::AnswerStore,
        one_time::OneTimeTokenStore,
        outbox::OutboxStore,
        sessions::{NoteStore, SessionStore},
        store::{StoreCalls, StoreHealth},
        tokens::KeyStore,
    },
};

/// The stores of a running process.
#[derive(Clone)]
pub struct Stores {
    /// Users.
    pub users: Arc<dyn UserStore>,
    /// Sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// Signing keys.
    pub keys: Arc<dyn KeyStore>,
    /// What the cache could not be told.
    pub notes: Arc<dyn NoteStore>,
    /// Tokens of mails.
    pub one_time: Arc<dyn OneTimeTokenStore>,
    /// What is to be done later.
    pub outbox: Arc<dyn OutboxStore>,
    /// Answers that are given again.
    pub answers: Arc<dyn AnswerStore>,
    /// How often the store is called.
    pub calls: Arc<StoreCalls>,
    /// Whether the store answers.
    pub health: Arc<dyn StoreHealth>,
}

/// Why a store could not be opened. The text says what to do and names no secret.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the SQLite file open.
    #[error("{path} is in use by another process; one process serves a SQLite file, use MongoDB for several")]
    InUse {
        /// The file.
        path: String,
    },
    /// The SQLite file or its folder cannot be written.
    #[error("cannot open the database {path}: {reason}")]
    Unusable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The database was made by a newer version of the service.
    #[error(
        "the database has schema version {found}, this program knows versions up to {known}; use a newer program"
    )]
    TooNew {
        /// The version found.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// MongoDB did not answer in time, or refused.
    #[error("cannot use MongoDB at {address}: {reason}")]
    MongoDb {
        /// Host and port, without credentials.
        address: String,
        /// The kind of failure.
        reason: String,
    },
}

impl Stores {
    /// Opens the configured store: creates what is missing, brings an older schema up to date, and
    /// may be called by several processes at once.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(config: &DatabaseConfig) -> Result<Self, OpenError> {
        match config {
            DatabaseConfig::Sqlite(file) => sqlite::open(file, sqlite::Sharing::Alone).await,
            DatabaseConfig::MongoDb(url) => mongodb::open(url).await,
        }
    }

    /// Opens the configured store for a command that runs beside a service and touches nothing that
    /// the service keeps copies of.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_beside(config: &DatabaseConfig) -> Result<Self, OpenError> {
        match config {
            DatabaseConfig::Sqlite(file) => sqlite::open(file, sqlite::Sharing::Beside).await,
            DatabaseConfig::MongoDb(url) => mongodb::open(url).await,
        }
    }
}
