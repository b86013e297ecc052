//! The store for many nodes: MongoDB, majority writes, reads from the primary.

mod access;
mod answers;
mod audit;
mod audit_documents;
mod call;
mod directory;
mod documents;
mod error;
mod indexes;
mod inspect;
mod keys;
mod mail_documents;
mod mongoose;
mod notes;
mod one_time;
mod outbox;
mod sessions;
mod upgrades;
mod user_documents;
mod users;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mongodb::{
    Client, Collection, Database,
    bson::doc,
    event::{EventHandler, cmap::CmapEvent},
    options::{Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};
use secrecy::{ExposeSecret, SecretString};

pub use self::{directory::find_command, inspect::inspect, mongoose::MongooseUsers};

use self::{
    access::{RoleDocument, ServiceTokenDocument},
    answers::AnswerDocument,
    audit_documents::AuditDocument,
    documents::{KeyDocument, NoteDocument, SessionDocument},
    mail_documents::{OneTimeTokenDocument, OutboxDocument},
    user_documents::UserDocument,
};
use super::{OpenError, SchemaVersion, Stores};
use crate::domain::{
    metrics::metrics,
    store::{StoreCalls, StoreHealth, StoreResult},
};

/// The database used where the URL names none.
const DEFAULT_DATABASE: &str = "vestibule";
/// How long to look for a server that takes the call. Less than the time a call may take.
const SELECTION_TIMEOUT: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a majority may take to confirm a write.
const WRITE_TIMEOUT: Duration = Duration::from_secs(4);

/// The collections of the service.
pub(super) struct MongoStore {
    database: Database,
    users: Collection<UserDocument>,
    sessions: Collection<SessionDocument>,
    keys: Collection<KeyDocument>,
    notes: Collection<NoteDocument>,
    one_time: Collection<OneTimeTokenDocument>,
    outbox: Collection<OutboxDocument>,
    answers: Collection<AnswerDocument>,
    audit: Collection<AuditDocument>,
    roles: Collection<RoleDocument>,
    service_tokens: Collection<ServiceTokenDocument>,
    calls: Arc<StoreCalls>,
}

/// Connects, and makes the collections' indexes where they are missing.
///
/// # Errors
/// [`OpenError`]; its text names hosts and no credentials.
pub async fn open(url: &SecretString) -> Result<Stores, OpenError> {
    let (database, address) = connect(url).await?;
    indexes::create(&database).await.map_err(|error| match error {
        indexes::IndexError::Driver(error) => OpenError::MongoDb { address, reason: error::describe(&error) },
        indexes::IndexError::TooNew(error) => error,
    })?;
    let store = Arc::new(MongoStore {
        users: database.collection(indexes::USERS),
        sessions: database.collection(indexes::SESSIONS),
        keys: database.collection(indexes::KEYS),
        notes: database.collection(indexes::NOTES),
        one_time: database.collection(indexes::ONE_TIME),
        outbox: database.collection(indexes::OUTBOX),
        answers: database.collection(indexes::ANSWERS),
        audit: database.collection(indexes::AUDIT),
        roles: database.collection(indexes::ROLES),
        service_tokens: database.collection(indexes::SERVICE_TOKENS),
        calls: Arc::default(),
        database,
    });
    Ok(Stores {
        users: store.clone(),
        sessions: store.clone(),
        keys: store.clone(),
        notes: store.clone(),
        one_time: store.clone(),
        outbox: store.clone(),
        answers: store.clone(),
        directory: store.clone(),
        audit: store.clone(),
        roles: store.clone(),
        service_tokens: store.clone(),
        calls: store.calls.clone(),
        health: store,
    })
}

/// The version of the schema, without changing it.
///
/// # Errors
/// [`OpenError`].
pub async fn version(url: &SecretString) -> Result<SchemaVersion, OpenError> {
    let (database, address) = connect(url).await?;
    let found = indexes::found_version(&database).await;
    let found = found.map_err(|error| OpenError::MongoDb { address, reason: error::describe(&error) })?;
    Ok(SchemaVersion { found, known: indexes::SCHEMA_VERSION })
}

/// The database, and the hosts without credentials.
async fn connect(url: &SecretString) -> Result<(Database, String), OpenError> {
    let options = client_options(url).await?;
    let address = options.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let name = options.default_database.clone().unwrap_or_else(|| DEFAULT_DATABASE.into());
    let client = Client::with_options(options);
    let client = client
        .map_err(|error| OpenError::MongoDb { address: address.clone(), reason: error::describe(&error) })?;
    Ok((client.database(&name), address))
}

async fn client_options(url: &SecretString) -> Result<ClientOptions, OpenError> {
    let mut options =
        ClientOptions::parse(url.expose_secret()).await.map_err(|error| OpenError::MongoDb {
            // The URL may hold a password and is not repeated.
            address: "the configured DATABASE_URL".into(),
            reason: error::describe(&error),
        })?;
    options.app_name.get_or_insert_with(|| "vestibule".into());
    options.server_selection_timeout.get_or_insert(SELECTION_TIMEOUT);
    options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
    // Guarantees, not preferences: whatever the URL says, an acknowledged write is on a majority
    // and a read sees it.
    options.retry_writes = Some(true);
    options.write_concern = Some(
        WriteConcern::builder().w(Acknowledgment::Majority).w_timeout(WRITE_TIMEOUT).journal(true).build(),
    );
    options.read_concern = Some(ReadConcern::local());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options.cmap_event_handler = Some(EventHandler::callback(count_connections));
    Ok(options)
}

/// Keeps the count of connections to MongoDB.
#[expect(clippy::needless_pass_by_value, reason = "the driver gives it away")]
fn count_connections(event: CmapEvent) {
    let metrics = metrics();
    match event {
        CmapEvent::ConnectionCreated(_) => metrics.mongodb_open.inc(),
        CmapEvent::ConnectionClosed(_) => metrics.mongodb_open.dec(),
        CmapEvent::ConnectionCheckedOut(_) => metrics.mongodb_in_use.inc(),
        CmapEvent::ConnectionCheckedIn(_) => metrics.mongodb_in_use.dec(),
        _ => 0,
    };
}

impl MongoStore {
    /// Awaits a call of the driver for as long as a call may take.
    async fn bounded<T, F>(&self, call: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: Future<Output = mongodb::error::Result<T>> + Send + 'static,
    {
        self.calls.count();
        metrics().mongodb.store(call::bounded(call)).await
    }
}

#[async_trait]
impl StoreHealth for MongoStore {
    async fn ping(&self) -> StoreResult<()> {
        let database = self.database.clone();
        self.bounded(async move { database.run_command(doc! { "ping": 1 }).await }).await.map(drop)
    }
}
