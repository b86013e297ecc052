//! The chain of hashes: each event has the SHA-256 of itself and of the hash before, so that an event that
//! was removed or changed is found. What is personal stands in it as a hash of its own, with a salt that
//! goes together with it: to forget a person breaks no link.

use aws_lc_rs::digest;

use super::{AuditDetails, AuditEvent};
use crate::domain::{
    ids::{RequestId, SessionId},
    random::{self, Random},
    tokens::TokenHash,
};

const SALT_BYTES: usize = 16;

/// The details as a store keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDetails {
    /// The salt, then the details as JSON; `None` once they were forgotten.
    pub content: Option<(Vec<u8>, String)>,
    /// The hash of both.
    pub hash: TokenHash,
}

impl StoredDetails {
    /// What is to be stored of the details of an event.
    pub fn new(details: Option<&AuditDetails>, random: &dyn Random) -> Self {
        let salt = random::bytes::<SALT_BYTES>(random).to_vec();
        let json = details.and_then(|details| serde_json::to_string(details).ok()).unwrap_or_default();
        Self { hash: hash_details(&salt, &json), content: Some((salt, json)) }
    }

    /// The details, where they were not forgotten; `None` inside for what cannot be read.
    pub fn read(&self) -> Option<AuditDetails> {
        let (_, json) = self.content.as_ref()?;
        serde_json::from_str(json).ok()
    }

    /// Whether they are what was written.
    pub fn is_unchanged(&self) -> bool {
        self.content.as_ref().is_none_or(|(salt, json)| hash_details(salt, json) == self.hash)
    }
}

fn hash_details(salt: &[u8], json: &str) -> TokenHash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(salt);
    context.update(json.as_bytes());
    TokenHash::of_digest(&context.finish())
}

/// A place in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// How many events there were before, since the beginning.
    pub position: i64,
    /// The hash of the event there, and of all before.
    pub hash: TokenHash,
}

impl Link {
    /// What stands before the first event.
    pub fn origin() -> Self {
        Self { position: 0, hash: TokenHash::of_text("vestibule/audit/v1") }
    }

    /// The link of an event that comes after this one.
    #[must_use]
    pub fn next(&self, event: &AuditEvent, details: &TokenHash) -> Self {
        let position = self.position + 1;
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(self.hash.as_bytes());
        context.update(&position.to_be_bytes());
        context.update(&event.at.timestamp_millis().to_be_bytes());
        let AuditEvent { id, kind, outcome, actor, subject, session_id, request_id, .. } = event;
        for part in [
            Some(id.as_str()),
            Some(kind.as_str()),
            Some(outcome.as_str()),
            Some(actor.as_str()),
            subject.as_deref(),
            session_id.as_ref().map(SessionId::as_str),
            request_id.as_ref().map(RequestId::as_str),
        ] {
            // With its length before it, so that no two lists of parts have the same bytes.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            context.update(&length.to_be_bytes());
            context.update(part.unwrap_or_default().as_bytes());
        }
        context.update(details.as_bytes());
        Self { position, hash: TokenHash::of_digest(&context.finish()) }
    }
}

/// An event as it stands in the chain.
#[derive(Debug, Clone)]
pub struct Chained {
    /// The event.
    pub event: AuditEvent,
    /// Its details as they are stored.
    pub details: StoredDetails,
    /// Its place.
    pub link: Link,
}
