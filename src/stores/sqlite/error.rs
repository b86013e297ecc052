//! The one place that knows what SQLite's errors mean.

use rusqlite::{Error, ErrorCode};

use crate::domain::store::{Field, StoreError};

/// The unique columns and the fields they stand for, as SQLite names them in its message.
const UNIQUE_COLUMNS: &[(&str, Field)] = &[
    ("users.email_key", Field::Email),
    ("users.username_key", Field::Username),
    ("signing_keys.generation", Field::KeyGeneration),
];

/// Maps and logs an error. What SQLite says names tables and columns and no values.
pub(super) fn map(error: &Error) -> StoreError {
    let mapped = classify(error);
    match mapped {
        StoreError::Conflict(_) => {}
        StoreError::Unavailable => tracing::warn!(%error, "SQLite is unavailable"),
        StoreError::Corrupt => tracing::error!(%error, "SQLite refused or holds something unreadable"),
    }
    mapped
}

pub(super) fn classify(error: &Error) -> StoreError {
    let Error::SqliteFailure(failure, message) = error else { return StoreError::Corrupt };
    match failure.code {
        ErrorCode::ConstraintViolation => {
            let message = message.as_deref().unwrap_or_default();
            let field = UNIQUE_COLUMNS.iter().find(|(column, _)| message.contains(column));
            StoreError::Conflict(field.map_or(Field::Identity, |(_, field)| *field))
        }
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::ReadOnly
        | ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::PermissionDenied
        | ErrorCode::OutOfMemory
        | ErrorCode::OperationInterrupted
        | ErrorCode::FileLockingProtocolFailed => StoreError::Unavailable,
        _ => StoreError::Corrupt,
    }
}
