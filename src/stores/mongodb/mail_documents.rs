//! Documents of one-time tokens and of the outbox.

use mongodb::bson::{self, Binary};
use serde::{Deserialize, Serialize};

use super::documents::{binary, date, instant};
use crate::domain::{
    accounts::EmailAddress,
    clock::Instant,
    ids::{OneTimeTokenId, TaskId, UserId},
    one_time::{CodeState, OneTimeToken, Purpose},
    outbox::{Entry, Task},
    store::{StoreError, StoreResult},
    tokens::TokenHash,
};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OneTimeTokenDocument {
    #[serde(rename = "_id")]
    id: OneTimeTokenId,
    hash: Binary,
    purpose: String,
    user_id: UserId,
    credential_epoch: i64,
    email: EmailAddress,
    ticket: Option<Binary>,
    code: Option<Binary>,
    code_expires_at: Option<bson::DateTime>,
    attempts: i64,
    created_at: bson::DateTime,
    expires_at: bson::DateTime,
    used_at: Option<bson::DateTime>,
}

impl OneTimeTokenDocument {
    pub(super) fn new(token: &OneTimeToken, hash: &TokenHash) -> Self {
        let code = token.code.as_ref();
        Self {
            id: token.id.clone(),
            hash: binary(hash.as_bytes()),
            purpose: token.purpose.as_str().to_owned(),
            user_id: token.user_id.clone(),
            credential_epoch: token.credential_epoch,
            email: token.email.clone(),
            ticket: code.map(|code| binary(code.ticket.as_bytes())),
            code: code.map(|code| binary(code.code.as_bytes())),
            code_expires_at: code.map(|code| date(code.expires_at)),
            attempts: code.map_or(0, |code| i64::from(code.attempts)),
            created_at: date(token.created_at),
            expires_at: date(token.expires_at),
            used_at: token.used_at.map(date),
        }
    }

    pub(super) fn id(&self) -> &str {
        self.id.as_str()
    }
}

impl TryFrom<OneTimeTokenDocument> for OneTimeToken {
    type Error = StoreError;

    fn try_from(document: OneTimeTokenDocument) -> StoreResult<Self> {
        let hash = |hash: Binary| TokenHash::from_stored(&hash.bytes).ok_or(StoreError::Corrupt);
        let code = match (document.ticket, document.code, document.code_expires_at) {
            (Some(ticket), Some(code), Some(expires_at)) => Some(CodeState {
                ticket: hash(ticket)?,
                code: hash(code)?,
                expires_at: instant(expires_at)?,
                attempts: u32::try_from(document.attempts).map_err(|_| StoreError::Corrupt)?,
            }),
            _ => None,
        };
        Ok(Self {
            id: document.id,
            purpose: Purpose::parse(&document.purpose).ok_or(StoreError::Corrupt)?,
            user_id: document.user_id,
            credential_epoch: document.credential_epoch,
            email: document.email,
            code,
            created_at: instant(document.created_at)?,
            expires_at: instant(document.expires_at)?,
            used_at: document.used_at.map(instant).transpose()?,
        })
    }
}

/// An entry of the outbox. Its task is JSON text, in which no key can be taken for an operator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OutboxDocument {
    #[serde(rename = "_id")]
    slot: String,
    task_id: TaskId,
    user_id: Option<UserId>,
    kind: String,
    task: Option<String>,
    created_at: bson::DateTime,
    due_at: bson::DateTime,
    attempts: i64,
    ended_at: Option<bson::DateTime>,
    failure: Option<String>,
}

impl OutboxDocument {
    pub(super) fn created_at(&self) -> StoreResult<Instant> {
        instant(self.created_at)
    }

    pub(super) fn due_at(&self) -> StoreResult<Instant> {
        instant(self.due_at)
    }
}

impl TryFrom<&Entry> for OutboxDocument {
    type Error = StoreError;

    fn try_from(entry: &Entry) -> StoreResult<Self> {
        Ok(Self {
            slot: entry.slot.clone(),
            task_id: entry.id.clone(),
            user_id: entry.user_id.clone(),
            kind: entry.task.kind().to_owned(),
            task: Some(serde_json::to_string(&entry.task).map_err(|_| StoreError::Corrupt)?),
            created_at: date(entry.created_at),
            due_at: date(entry.due_at),
            attempts: i64::from(entry.attempts),
            ended_at: None,
            failure: None,
        })
    }
}

impl TryFrom<OutboxDocument> for Entry {
    type Error = StoreError;

    fn try_from(document: OutboxDocument) -> StoreResult<Self> {
        let task = document.task.ok_or(StoreError::Corrupt)?;
        Ok(Self {
            id: document.task_id,
            slot: document.slot,
            user_id: document.user_id,
            task: Task::from_stored(&task),
            created_at: instant(document.created_at)?,
            due_at: instant(document.due_at)?,
            attempts: u32::try_from(document.attempts).map_err(|_| StoreError::Corrupt)?,
        })
    }
}
