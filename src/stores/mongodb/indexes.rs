//! Collections, their indexes and the version of the schema. Making them is idempotent and safe
//! when several processes start at once.

use std::time::Duration;

use mongodb::{
    Collection, Database, IndexModel,
    bson::{Bson, Document, doc},
    error::Error,
    options::IndexOptions,
};

use super::{error, upgrades};
use crate::stores::OpenError;

pub(super) const USERS: &str = "users";
pub(super) const SESSIONS: &str = "sessions";
pub(super) const KEYS: &str = "signing_keys";
pub(super) const NOTES: &str = "notes";
pub(super) const ONE_TIME: &str = "one_time_tokens";
pub(super) const OUTBOX: &str = "outbox";
pub(super) const ANSWERS: &str = "answers";
pub(super) const AUDIT: &str = "audit_events";
pub(super) const ROLES: &str = "roles";
pub(super) const SERVICE_TOKENS: &str = "service_tokens";
pub(super) const META: &str = "meta";

pub(super) const REFRESH_FAMILY: &str = "sessions_unique_refresh_family";
pub(super) const SESSIONS_BY_USER: &str = "sessions_by_user_and_end";
pub(super) const UNIQUE_EMAIL: &str = "users_unique_email_key";
pub(super) const UNIQUE_USERNAME: &str = "users_unique_username_key";
pub(super) const USERS_BY_NAME: &str = "users_by_name";
pub(super) const USERS_BY_USERNAME: &str = "users_by_username";
pub(super) const USERS_BY_LAST_SEEN: &str = "users_by_last_seen";
pub(super) const USERS_BY_STATUS: &str = "users_by_status";
pub(super) const USERS_BY_VERIFIED: &str = "users_by_verified";
pub(super) const USERS_BY_ROLE: &str = "users_by_role";
pub(super) const USERS_BY_SUSPENSION_END: &str = "users_by_suspension_end";
pub(super) const AUDIT_BY_POSITION: &str = "audit_events_unique_position";
pub(super) const AUDIT_UNSEALED: &str = "audit_events_waiting";
pub(super) const AUDIT_BY_SUBJECT: &str = "audit_events_by_subject";
pub(super) const AUDIT_BY_ACTOR: &str = "audit_events_by_actor";
pub(super) const AUDIT_BY_KIND: &str = "audit_events_by_kind";
pub(super) const TOKENS_BY_TICKET: &str = "one_time_tokens_by_ticket";
pub(super) const TOKENS_BY_USER: &str = "one_time_tokens_by_user";
pub(super) const OUTBOX_BY_DUE: &str = "outbox_by_due";
pub(super) const OUTBOX_BY_END: &str = "outbox_by_end";
pub(super) const OUTBOX_BY_USER: &str = "outbox_by_user";
pub(super) const UNIQUE_KEY_GENERATION: &str = "signing_keys_unique_generation";

/// What a database of this schema has.
pub(super) const EXPECTED: [(&str, &[&str]); 9] = [
    (
        USERS,
        &[
            UNIQUE_EMAIL,
            UNIQUE_USERNAME,
            USERS_BY_NAME,
            USERS_BY_USERNAME,
            USERS_BY_LAST_SEEN,
            USERS_BY_STATUS,
            USERS_BY_VERIFIED,
            USERS_BY_ROLE,
            USERS_BY_SUSPENSION_END,
        ],
    ),
    (SESSIONS, &[REFRESH_FAMILY, SESSIONS_BY_USER, "sessions_by_expiry", "sessions_by_end"]),
    (KEYS, &[UNIQUE_KEY_GENERATION]),
    (NOTES, &["notes_by_time"]),
    (
        ONE_TIME,
        &["one_time_tokens_unique_hash", TOKENS_BY_TICKET, TOKENS_BY_USER, "one_time_tokens_by_expiry"],
    ),
    (OUTBOX, &["outbox_unique_task_id", OUTBOX_BY_DUE, OUTBOX_BY_END, OUTBOX_BY_USER]),
    (ANSWERS, &["answers_by_time"]),
    (AUDIT, &[AUDIT_BY_POSITION, AUDIT_UNSEALED, AUDIT_BY_SUBJECT, AUDIT_BY_ACTOR, AUDIT_BY_KIND]),
    (SERVICE_TOKENS, &["service_tokens_unique_hash"]),
];

/// The newest schema this program knows.
pub(super) const SCHEMA_VERSION: i64 = 7;
/// From this schema on every user has an epoch of credentials.
const CREDENTIAL_EPOCHS: i64 = 7;
/// A server that has just started, or is electing a primary, is given this many tries.
const ATTEMPTS: u32 = 8;
const PAUSE: Duration = Duration::from_millis(500);

/// Why the schema could not be made.
pub(super) enum IndexError {
    Driver(Error),
    TooNew(OpenError),
}

impl From<Error> for IndexError {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

/// Makes what is missing.
pub(super) async fn create(database: &Database) -> Result<(), IndexError> {
    let mut attempt = 1;
    loop {
        match create_once(database).await {
            Err(IndexError::Driver(error)) if attempt < ATTEMPTS && error::is_passing(&error) => {
                tracing::warn!(
                    error = error::describe(&error),
                    attempt,
                    "MongoDB is not ready; trying again"
                );
                tokio::time::sleep(PAUSE * attempt).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

async fn create_once(database: &Database) -> Result<(), IndexError> {
    let found = check_version(database).await?;
    make(database).await?;
    if found < CREDENTIAL_EPOCHS {
        upgrades::credentials(&database.collection(USERS)).await?;
    }
    // A newer program may have come meanwhile.
    check_version(database).await?;
    // Only now: a process that ends half-way leaves the schema as it was called before.
    let meta: Collection<Document> = database.collection(META);
    let raise = doc! { "$max": { "version": SCHEMA_VERSION } };
    meta.update_one(doc! { "_id": "schema" }, raise).upsert(true).await?;
    Ok(())
}

async fn make(database: &Database) -> Result<(), IndexError> {
    let documents = |name: &str| database.collection::<Document>(name);
    documents(USERS)
        .create_indexes([
            unique(UNIQUE_EMAIL, doc! { "email_key": 1 }),
            unique_where_present(UNIQUE_USERNAME, doc! { "username_key": 1 }),
        ])
        .await?;
    let sessions: Collection<Document> = documents(SESSIONS);
    sessions
        .create_indexes([
            unique(REFRESH_FAMILY, doc! { "refresh_family": 1 }),
            plain(SESSIONS_BY_USER, doc! { "user_id": 1, "ended_at": 1, "_id": 1 }),
            plain("sessions_by_expiry", doc! { "idle_expires_at": 1 }),
            plain("sessions_by_end", doc! { "ended_at": 1 }),
        ])
        .await?;
    upgrades::drop_index(&sessions, "sessions_by_user").await?;
    upgrades::keys(&documents(KEYS)).await?;
    documents(KEYS).create_index(unique(UNIQUE_KEY_GENERATION, doc! { "generation": 1 })).await?;
    documents(NOTES).create_index(plain("notes_by_time", doc! { "made_at": 1 })).await?;
    create_mail_indexes(database).await?;
    documents(ANSWERS).create_index(plain("answers_by_time", doc! { "begun_at": 1 })).await?;
    upgrades::users(&documents(USERS)).await?;
    create_directory_indexes(database).await
}

/// Those of lists of users, of the audit log and of service tokens.
async fn create_directory_indexes(database: &Database) -> Result<(), IndexError> {
    let documents = |name: &str| database.collection::<Document>(name);
    documents(USERS)
        .create_indexes([
            plain(USERS_BY_NAME, doc! { "name_key": 1, "_id": 1 }),
            plain(USERS_BY_USERNAME, doc! { "username": 1, "_id": 1 }),
            plain(USERS_BY_LAST_SEEN, doc! { "last_seen_at": 1, "_id": 1 }),
            plain(USERS_BY_STATUS, doc! { "status": 1, "_id": 1 }),
            plain(USERS_BY_VERIFIED, doc! { "email_verified": 1, "_id": 1 }),
            plain(USERS_BY_ROLE, doc! { "roles": 1, "_id": 1 }),
            plain(USERS_BY_SUSPENSION_END, doc! { "suspended_until": 1 }),
        ])
        .await?;
    documents(AUDIT)
        .create_indexes([
            unique_where_present(AUDIT_BY_POSITION, doc! { "position": 1 }),
            where_true(AUDIT_UNSEALED, "unsealed"),
            plain(AUDIT_BY_SUBJECT, doc! { "subject": 1, "_id": 1 }),
            plain(AUDIT_BY_ACTOR, doc! { "actor": 1, "_id": 1 }),
            plain(AUDIT_BY_KIND, doc! { "kind": 1, "_id": 1 }),
        ])
        .await?;
    // It had every event that ever was.
    upgrades::drop_index(&documents(AUDIT), "audit_events_unsealed").await?;
    documents(SERVICE_TOKENS).create_index(unique("service_tokens_unique_hash", doc! { "hash": 1 })).await?;
    Ok(())
}

/// Those of one-time tokens and of the outbox.
async fn create_mail_indexes(database: &Database) -> Result<(), IndexError> {
    let tokens: Collection<Document> = database.collection(ONE_TIME);
    tokens
        .create_indexes([
            unique("one_time_tokens_unique_hash", doc! { "hash": 1 }),
            plain(TOKENS_BY_TICKET, doc! { "ticket": 1, "_id": 1 }),
            plain(TOKENS_BY_USER, doc! { "user_id": 1, "_id": 1 }),
            plain("one_time_tokens_by_expiry", doc! { "expires_at": 1 }),
        ])
        .await?;
    let outbox: Collection<Document> = database.collection(OUTBOX);
    outbox
        .create_indexes([
            unique("outbox_unique_task_id", doc! { "task_id": 1 }),
            plain(OUTBOX_BY_DUE, doc! { "ended_at": 1, "due_at": 1 }),
            plain(OUTBOX_BY_END, doc! { "ended_at": 1 }),
            plain(OUTBOX_BY_USER, doc! { "user_id": 1 }),
        ])
        .await?;
    Ok(())
}

/// The version that a database has.
pub(super) async fn found_version(database: &Database) -> Result<Option<i64>, Error> {
    let meta: Collection<Document> = database.collection(META);
    let stored = meta.find_one(doc! { "_id": "schema" }).await?;
    // Whoever has set it by hand may have written another type of number.
    #[expect(clippy::cast_possible_truncation, reason = "far beyond any version")]
    let number = |version: &Bson| match version {
        Bson::Int32(version) => Some(i64::from(*version)),
        Bson::Int64(version) => Some(*version),
        Bson::Double(version) => Some(*version as i64),
        _ => None,
    };
    Ok(stored.and_then(|document| document.get("version").and_then(number)))
}

/// The version that the database has, which may be none yet.
async fn check_version(database: &Database) -> Result<i64, IndexError> {
    let found = found_version(database).await?.unwrap_or_default();
    if found > SCHEMA_VERSION {
        return Err(IndexError::TooNew(OpenError::TooNew { found, known: SCHEMA_VERSION }));
    }
    Ok(found)
}

fn unique(name: &str, keys: Document) -> IndexModel {
    let options = IndexOptions::builder().name(name.to_owned()).unique(true).build();
    IndexModel::builder().keys(keys).options(options).build()
}

/// Documents without the field are none of its business.
fn unique_where_present(name: &str, keys: Document) -> IndexModel {
    let options = IndexOptions::builder().name(name.to_owned()).unique(true).sparse(true).build();
    IndexModel::builder().keys(keys).options(options).build()
}

/// Of those documents alone of which the field is true, in the order of their ids.
fn where_true(name: &str, field: &str) -> IndexModel {
    let options =
        IndexOptions::builder().name(name.to_owned()).partial_filter_expression(doc! { field: true }).build();
    IndexModel::builder().keys(doc! { field: 1, "_id": 1 }).options(options).build()
}

fn plain(name: &str, keys: Document) -> IndexModel {
    let options = IndexOptions::builder().name(name.to_owned()).build();
    IndexModel::builder().keys(keys).options(options).build()
}
