//! The embedded store: one SQLite file in WAL mode, one thread that writes, several that read.

mod access;
mod answers;
mod audit;
mod backup;
mod database;
mod directory;
mod error;
mod group;
mod inspect;
mod keys;
mod lock;
mod notes;
mod one_time;
mod outbox;
mod rotation;
mod rows;
mod schema;
mod sessions;
mod users;

use std::sync::Arc;

pub use backup::{CopyError, back_up, restore};
use database::Database;
pub use inspect::inspect;

use super::{OpenError, SchemaVersion, Stores};
use crate::config::SqliteFile;

/// Whether another process may have the file open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// It may not: this process serves, and keeps copies.
    Alone,
    /// It may.
    Beside,
}

/// The version of the schema of a file.
///
/// # Errors
/// [`OpenError`].
pub fn version(file: &SqliteFile) -> Result<SchemaVersion, OpenError> {
    let found = match file {
        SqliteFile::Path(path) if path.exists() => Some(database::version(path)?),
        SqliteFile::Path(_) | SqliteFile::Memory => None,
    };
    Ok(SchemaVersion { found, known: schema::known() })
}

/// Opens the file, creating it and its folder where they are missing.
///
/// # Errors
/// [`OpenError`].
pub async fn open(file: &SqliteFile, sharing: Sharing) -> Result<Stores, OpenError> {
    let file = file.clone();
    // Opening touches the disk and may wait for another process: not on the runtime's threads.
    let opened = tokio::task::spawn_blocking(move || Database::open(&file, sharing)).await;
    let database = Arc::new(opened.map_err(|_| OpenError::Unusable {
        path: "the SQLite file".into(),
        reason: "opening it failed".into(),
    })??);
    Ok(Stores {
        users: database.clone(),
        sessions: database.clone(),
        keys: database.clone(),
        notes: database.clone(),
        one_time: database.clone(),
        outbox: database.clone(),
        answers: database.clone(),
        directory: database.clone(),
        audit: database.clone(),
        roles: database.clone(),
        service_tokens: database.clone(),
        calls: database.calls().clone(),
        health: database,
    })
}
