//! Keys and values in Redis: `PREFIX:{USER}:s:SESSION` and `PREFIX:{USER}:u`, each either
//! `VERSION|JSON` or, for an ended session, the tombstone.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use crate::domain::{
    ids::{SessionId, UserId},
    sessions::CachedSession,
};

/// What stands where an ended session was. Not a version, so that no copy looks newer.
pub(super) const TOMBSTONE: &str = "ended";

/// Makes the keys.
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    pub(super) fn session(&self, user: &UserId, session: &SessionId) -> String {
        format!("{}:{{{user}}}:s:{session}", self.prefix)
    }

    pub(super) fn user(&self, user: &UserId) -> String {
        format!("{}:{{{user}}}:u", self.prefix)
    }
}

/// The part of a value after the version.
pub(super) fn encode<T: Serialize>(value: &T) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// A value that cannot be read, as from another version of the program, is no value.
pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Option<T> {
    let (_version, json) = text.split_once('|')?;
    serde_json::from_str(json).ok()
}

pub(super) fn decode_session(text: Option<&str>) -> CachedSession {
    match text {
        Some(TOMBSTONE) => CachedSession::Ended,
        Some(text) => {
            decode(text).map_or(CachedSession::Absent, |session| CachedSession::Live(Arc::new(session)))
        }
        None => CachedSession::Absent,
    }
}
