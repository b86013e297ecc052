//! The durable stores. [`Stores::open`] is the only place that asks which one is configured.

pub mod mongodb;
pub mod sqlite;

use std::sync::Arc;

use crate::{
    config::DatabaseConfig,
    domain::{
        access::{RoleStore, ServiceTokenStore},
        accounts::{UserDirectory, UserStore},
        audit::AuditStore,
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
    /// Users by the many.
    pub directory: Arc<dyn UserDirectory>,
    /// The audit log.
    pub audit: Arc<dyn AuditStore>,
    /// Roles.
    pub roles: Arc<dyn RoleStore>,
    /// Tokens of other services.
    pub service_tokens: Arc<dyn ServiceTokenStore>,
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
    /// The schema is older than this program needs, and a service that runs knows no other.
    #[error(
        "the database has schema version {found}, this program needs {known}; end the service and start its new program, or run `vestibule migrate`"
    )]
    TooOld {
        /// The version found.
        found: i64,
        /// The version that this program needs.
        known: i64,
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

/// The version of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaVersion {
    /// What there is; `None` where there is nothing yet.
    pub found: Option<i64>,
    /// What this program makes and needs.
    pub known: i64,
}

impl Stores {
    /// The version of the schema, without changing it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn version(config: &DatabaseConfig) -> Result<SchemaVersion, OpenError> {
        match config {
            DatabaseConfig::Sqlite(file) => sqlite::version(file),
            DatabaseConfig::MongoDb(url) => mongodb::version(url).await,
        }
    }

    /// Opens the configured store for a command: alone where no service runs, else beside it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_for_command(config: &DatabaseConfig) -> Result<Self, OpenError> {
        match Self::open(config).await {
            Err(OpenError::InUse { .. }) => Self::open_beside(config).await,
            opened => opened,
        }
    }

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

    /// Opens the configured store beside a service. What is changed that the service keeps copies of has to
    /// be told by notes.
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
