//! Documents of the audit log.

use mongodb::bson::{self, Binary};
use serde::{Deserialize, Serialize};

use super::documents::{binary, date, instant};
use crate::domain::{
    audit::{AuditActor, AuditEvent, AuditKind, AuditOutcome, Chained, Link, StoredDetails},
    ids::{AuditEventId, RequestId, SessionId},
    random::SystemRandom,
    store::{StoreError, StoreResult},
    tokens::TokenHash,
};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AuditDocument {
    #[serde(rename = "_id")]
    pub(super) id: AuditEventId,
    pub(super) at: bson::DateTime,
    kind: String,
    outcome: String,
    actor: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    session_id: Option<SessionId>,
    request_id: Option<RequestId>,
    salt: Option<Binary>,
    details: Option<String>,
    details_hash: Binary,
    /// There while the event is not in the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unsealed: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<Binary>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct EndDocument {
    pub(super) position: i64,
    pub(super) hash: Binary,
}

impl AuditDocument {
    pub(super) fn new(event: &AuditEvent) -> Self {
        let details = StoredDetails::new(event.details.as_ref(), &SystemRandom);
        let (salt, json) = details.content.unzip();
        Self {
            id: event.id.clone(),
            at: date(event.at),
            kind: event.kind.as_str().to_owned(),
            outcome: event.outcome.as_str().to_owned(),
            actor: event.actor.as_str().to_owned(),
            subject: event.subject.clone(),
            session_id: event.session_id.clone(),
            request_id: event.request_id.clone(),
            salt: salt.map(|salt| binary(&salt)),
            details: json,
            details_hash: binary(details.hash.as_bytes()),
            unsealed: Some(true),
            position: None,
            hash: None,
        }
    }

    pub(super) fn read(self) -> StoreResult<(AuditEvent, StoredDetails)> {
        let content = self.salt.map(|salt| salt.bytes).zip(self.details);
        let details = StoredDetails { content, hash: hash(&self.details_hash)? };
        let event = AuditEvent {
            id: self.id,
            at: instant(self.at)?,
            kind: AuditKind::parse(&self.kind).ok_or(StoreError::Corrupt)?,
            outcome: AuditOutcome::parse(&self.outcome).ok_or(StoreError::Corrupt)?,
            actor: AuditActor::from_stored(self.actor),
            subject: self.subject,
            session_id: self.session_id,
            request_id: self.request_id,
            details: details.read(),
        };
        Ok((event, details))
    }

    pub(super) fn chained(self) -> StoreResult<Chained> {
        let position = self.position.ok_or(StoreError::Corrupt)?;
        let link = Link { position, hash: hash(self.hash.as_ref().ok_or(StoreError::Corrupt)?)? };
        let (event, details) = self.read()?;
        Ok(Chained { event, details, link })
    }
}

pub(super) fn hash(binary: &Binary) -> StoreResult<TokenHash> {
    TokenHash::from_stored(&binary.bytes).ok_or(StoreError::Corrupt)
}
