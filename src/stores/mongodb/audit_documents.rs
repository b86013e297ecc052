//! Documents of the audit log.

use mongodb::bson::{self, Binary};
use serde::{Deserialize, Serialize};

use super::documents::{binary, date, instant};
use crate::domain::{
    audit::{
        AuditActor, AuditEvent, AuditKind, AuditOutcome, Chained, Forgettable, Link, PersonalParts,
        Unreadable,
    },
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
    client_salt: Option<Binary>,
    client: Option<String>,
    client_hash: Option<Binary>,
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
        let parts = PersonalParts::new(event, &SystemRandom);
        let (salt, json) = parts.details.content.unzip();
        let client_hash = parts.client.as_ref().map(|client| binary(client.hash.as_bytes()));
        let (client_salt, client) = parts.client.and_then(|client| client.content).unzip();
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
            details_hash: binary(parts.details.hash.as_bytes()),
            client_salt: client_salt.map(|salt| binary(&salt)),
            client,
            client_hash,
            unsealed: Some(true),
            position: None,
            hash: None,
        }
    }

    pub(super) fn read(self) -> StoreResult<(AuditEvent, PersonalParts)> {
        let content = |salt: Option<Binary>, text| salt.map(|salt| salt.bytes).zip(text);
        let details =
            Forgettable { content: content(self.salt, self.details), hash: hash(&self.details_hash)? };
        let client = match &self.client_hash {
            Some(found) => {
                Some(Forgettable { content: content(self.client_salt, self.client), hash: hash(found)? })
            }
            None => None,
        };
        let parts = PersonalParts { details, client };
        let (details, client) = parts.read();
        let event = AuditEvent {
            id: self.id,
            at: instant(self.at)?,
            kind: AuditKind::parse(&self.kind).ok_or(StoreError::Corrupt)?,
            outcome: AuditOutcome::parse(&self.outcome).ok_or(StoreError::Corrupt)?,
            actor: AuditActor::from_stored(self.actor),
            subject: self.subject,
            session_id: self.session_id,
            request_id: self.request_id,
            details,
            client,
        };
        Ok((event, parts))
    }

    pub(super) fn chained(self) -> StoreResult<Chained> {
        let link = self.link()?;
        let (event, parts) = self.read()?;
        Ok(Chained { event, parts, link })
    }

    /// Its place in the chain.
    pub(super) fn link(&self) -> StoreResult<Link> {
        let position = self.position.ok_or(StoreError::Corrupt)?;
        Ok(Link { position, hash: hash(self.hash.as_ref().ok_or(StoreError::Corrupt)?)? })
    }

    /// What cannot be read was changed, and is told with its place.
    pub(super) fn chained_if_readable(self) -> Result<Chained, Unreadable> {
        let position = self.position.unwrap_or_default();
        self.chained().map_err(|_| Unreadable { position })
    }
}

pub(super) fn hash(binary: &Binary) -> StoreResult<TokenHash> {
    TokenHash::from_stored(&binary.bytes).ok_or(StoreError::Corrupt)
}
