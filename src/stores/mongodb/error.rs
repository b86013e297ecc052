//! The one place that knows what the driver's errors mean.

use mongodb::error::{Error, ErrorKind, WriteFailure};

use super::indexes;
use crate::domain::store::{Field, StoreError};

const DUPLICATE_KEY: i32 = 11_000;
/// Command errors that pass: elections, shutdowns, time limits, failed write concerns, no space.
const PASSING: &[i32] =
    &[6, 7, 50, 64, 89, 91, 189, 262, 9001, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436, 14_031];
/// Unique indexes and the fields they stand for.
const UNIQUE_INDEXES: &[(&str, Field)] = &[
    (indexes::UNIQUE_EMAIL, Field::Email),
    (indexes::UNIQUE_USERNAME, Field::Username),
    (indexes::UNIQUE_KEY_GENERATION, Field::KeyGeneration),
];

/// Maps and logs an error.
pub(super) fn map(error: &Error) -> StoreError {
    let mapped = classify(error);
    match mapped {
        StoreError::Conflict(_) => {}
        StoreError::Unavailable => tracing::warn!(error = describe(error), "MongoDB is unavailable"),
        StoreError::Corrupt => {
            tracing::error!(error = describe(error), "MongoDB refused or holds something unreadable");
        }
    }
    mapped
}

fn classify(error: &Error) -> StoreError {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(failure)) => by_code(failure.code, &failure.message),
        ErrorKind::Command(failure) => by_code(failure.code, &failure.message),
        ErrorKind::Write(WriteFailure::WriteConcernError(_))
        | ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Authentication { .. }
        | ErrorKind::Shutdown => StoreError::Unavailable,
        // Everything else the driver knows or will know is no fault of the network.
        _ => StoreError::Corrupt,
    }
}

pub(super) fn by_code(code: i32, message: &str) -> StoreError {
    if code == DUPLICATE_KEY {
        let index = UNIQUE_INDEXES.iter().find(|(index, _)| message.contains(index));
        return StoreError::Conflict(index.map_or(Field::Identity, |(_, field)| *field));
    }
    if PASSING.contains(&code) { StoreError::Unavailable } else { StoreError::Corrupt }
}

/// Whether waiting may help; wrong credentials and refused commands stay as they are.
pub(super) fn is_passing(error: &Error) -> bool {
    !matches!(&*error.kind, ErrorKind::Authentication { .. }) && classify(error) == StoreError::Unavailable
}

/// What an error was, without the documents, values and credentials that its text may quote.
pub(super) fn describe(error: &Error) -> String {
    match &*error.kind {
        ErrorKind::Command(failure) => {
            format!("command failed with {} ({})", failure.code, failure.code_name)
        }
        ErrorKind::Write(WriteFailure::WriteError(failure)) => format!("write failed with {}", failure.code),
        ErrorKind::Write(_) => "a majority did not confirm the write".into(),
        ErrorKind::Io(error) => format!("i/o: {}", error.kind()),
        ErrorKind::ServerSelection { .. } => "no server answered in time".into(),
        ErrorKind::ConnectionPoolCleared { .. } => "the connections were closed".into(),
        ErrorKind::DnsResolve { .. } => "the host name was not resolved".into(),
        ErrorKind::Authentication { .. } => "the credentials were refused".into(),
        ErrorKind::InvalidArgument { .. } => "the URL or a request is malformed".into(),
        ErrorKind::InvalidTlsConfig { .. } => "the TLS settings are not usable".into(),
        ErrorKind::IncompatibleServer { .. } => "the server is too old".into(),
        ErrorKind::BsonDeserialization(_) | ErrorKind::Bson(_) => {
            "a stored document has another shape".into()
        }
        _ => "another driver error".into(),
    }
}
