//! Documents as MongoDB keeps them. Ids are their own `_id`; times are BSON dates, which have the
//! millisecond precision of the domain.

use mongodb::bson::{self, Binary, spec::BinarySubtype};
use serde::{Deserialize, Serialize};

use crate::domain::{
    clock::Instant,
    ids::{KeyId, NoteId, SessionId, UserId},
    sessions::{Impersonation, Note, RetiredToken, Session},
    store::{StoreError, StoreResult},
    tokens::{KeyAlgorithm, KeyMaterial, StoredKey, TokenHash},
};

pub(super) fn date(instant: Instant) -> bson::DateTime {
    bson::DateTime::from_millis(instant.timestamp_millis())
}

pub(super) fn instant(date: bson::DateTime) -> StoreResult<Instant> {
    Instant::from_timestamp_millis(date.timestamp_millis()).ok_or(StoreError::Corrupt)
}

pub(super) fn binary(bytes: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RetiredTokenDocument {
    hash: Binary,
    at: bson::DateTime,
    sealed_successor: Binary,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SessionDocument {
    #[serde(rename = "_id")]
    id: SessionId,
    user_id: UserId,
    device_name: Option<String>,
    user_agent: Option<String>,
    ip_address: Option<String>,
    created_at: bson::DateTime,
    /// Documents of the first versions have none: it is the login.
    #[serde(default)]
    authenticated_at: Option<bson::DateTime>,
    last_seen_at: bson::DateTime,
    idle_expires_at: bson::DateTime,
    absolute_expires_at: bson::DateTime,
    ended_at: Option<bson::DateTime>,
    session_epoch: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    impersonation: Option<Box<Impersonation>>,
    version: i64,
    refresh_family: Binary,
    refresh_hash: Binary,
    /// Tokens that were rotated away and can still be exchanged for their successor.
    retired: Vec<RetiredTokenDocument>,
}

impl SessionDocument {
    pub(super) fn new(session: &Session, family: &TokenHash, refresh: &TokenHash) -> Self {
        Self {
            id: session.id.clone(),
            user_id: session.user_id.clone(),
            device_name: session.device_name.clone(),
            user_agent: session.user_agent.clone(),
            ip_address: session.ip_address.clone(),
            created_at: date(session.created_at),
            authenticated_at: Some(date(session.authenticated_at)),
            last_seen_at: date(session.last_seen_at),
            idle_expires_at: date(session.idle_expires_at),
            absolute_expires_at: date(session.absolute_expires_at),
            ended_at: session.ended_at.map(date),
            session_epoch: session.session_epoch,
            impersonation: session.impersonation.clone(),
            version: session.version,
            refresh_family: binary(family.as_bytes()),
            refresh_hash: binary(refresh.as_bytes()),
            retired: Vec::new(),
        }
    }

    /// The tokens that were retired after `since`.
    pub(super) fn retired_after(&self, since: Instant) -> StoreResult<Vec<RetiredToken>> {
        let since = date(since);
        let open = self.retired.iter().filter(|token| token.at > since);
        open.map(|token| {
            let hash = TokenHash::from_stored(&token.hash.bytes).ok_or(StoreError::Corrupt)?;
            Ok(RetiredToken { hash, sealed_successor: token.sealed_successor.bytes.clone() })
        })
        .collect()
    }
}

impl TryFrom<SessionDocument> for Session {
    type Error = StoreError;

    fn try_from(document: SessionDocument) -> StoreResult<Self> {
        Ok(Self {
            id: document.id,
            user_id: document.user_id,
            device_name: document.device_name,
            user_agent: document.user_agent,
            ip_address: document.ip_address,
            created_at: instant(document.created_at)?,
            authenticated_at: instant(document.authenticated_at.unwrap_or(document.created_at))?,
            last_seen_at: instant(document.last_seen_at)?,
            idle_expires_at: instant(document.idle_expires_at)?,
            absolute_expires_at: instant(document.absolute_expires_at)?,
            ended_at: document.ended_at.map(instant).transpose()?,
            session_epoch: document.session_epoch,
            impersonation: document.impersonation,
            version: document.version,
        })
    }
}

/// A document of which only the id was asked for.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SessionIdDocument {
    #[serde(rename = "_id")]
    pub(super) id: SessionId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeyDocument {
    #[serde(rename = "_id")]
    id: KeyId,
    material: Binary,
    sealed: bool,
    created_at: bson::DateTime,
    algorithm: String,
    generation: i64,
    active_from: bson::DateTime,
}

impl From<&StoredKey> for KeyDocument {
    fn from(key: &StoredKey) -> Self {
        let (bytes, sealed) = key.material.parts();
        Self {
            id: key.id.clone(),
            material: binary(bytes),
            sealed,
            created_at: date(key.created_at),
            algorithm: key.algorithm.as_str().to_owned(),
            generation: key.generation,
            active_from: date(key.active_from),
        }
    }
}

impl TryFrom<KeyDocument> for StoredKey {
    type Error = StoreError;

    fn try_from(document: KeyDocument) -> StoreResult<Self> {
        let bytes = document.material.bytes;
        Ok(Self {
            id: document.id,
            material: if document.sealed { KeyMaterial::Sealed(bytes) } else { KeyMaterial::Plain(bytes) },
            created_at: instant(document.created_at)?,
            algorithm: KeyAlgorithm::parse(&document.algorithm).ok_or(StoreError::Corrupt)?,
            generation: document.generation,
            active_from: instant(document.active_from)?,
        })
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NoteDocument {
    #[serde(rename = "_id")]
    id: NoteId,
    user_id: UserId,
    session_id: Option<SessionId>,
    made_at: bson::DateTime,
}

impl From<&Note> for NoteDocument {
    fn from(note: &Note) -> Self {
        Self {
            id: note.id.clone(),
            user_id: note.user_id.clone(),
            session_id: note.session_id.clone(),
            made_at: date(note.made_at),
        }
    }
}

impl TryFrom<NoteDocument> for Note {
    type Error = StoreError;

    fn try_from(document: NoteDocument) -> StoreResult<Self> {
        let NoteDocument { id, user_id, session_id, made_at } = document;
        Ok(Self { id, user_id, session_id, made_at: instant(made_at)? })
    }
}
