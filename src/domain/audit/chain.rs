//! The chain of hashes: each event has the SHA-256 of itself and of the hash before, so that an event that
//! was removed or changed is found. What is personal stands in it as hashes of its own, each with a salt that
//! goes together with it: to forget a person breaks no link.

use aws_lc_rs::digest;

use serde::{Serialize, de::DeserializeOwned};

use super::{AuditClient, AuditDetails, AuditEvent};
use crate::domain::{
    ids::{RequestId, SessionId},
    random::{self, Random},
    tokens::TokenHash,
};

const SALT_BYTES: usize = 16;

/// What can be forgotten of an event, as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgettable {
    /// The salt, then the thing as JSON; `None` once it was forgotten.
    pub content: Option<(Vec<u8>, String)>,
    /// The hash of both.
    pub hash: TokenHash,
}

impl Forgettable {
    fn new<T: Serialize>(thing: Option<&T>, random: &dyn Random) -> Self {
        let salt = random::bytes::<SALT_BYTES>(random).to_vec();
        let json = thing.and_then(|thing| serde_json::to_string(thing).ok()).unwrap_or_default();
        Self { hash: hash_content(&salt, &json), content: Some((salt, json)) }
    }

    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let (_, json) = self.content.as_ref()?;
        serde_json::from_str(json).ok()
    }

    fn is_unchanged(&self) -> bool {
        self.content.as_ref().is_none_or(|(salt, json)| hash_content(salt, json) == self.hash)
    }
}

/// What is personal in an event, as a store keeps it: each part is forgotten with another person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalParts {
    /// What was done and why: of the person whom the event is about.
    pub details: Forgettable,
    /// Where it was done from: also of the person who did it. Events of before schema 6 have it in `details`.
    pub client: Option<Forgettable>,
}

impl PersonalParts {
    /// What is to be stored of an event.
    pub fn new(event: &AuditEvent, random: &dyn Random) -> Self {
        Self {
            details: Forgettable::new(event.details.as_ref(), random),
            client: Some(Forgettable::new(event.client.as_ref(), random)),
        }
    }

    /// What has not been forgotten, and can be read.
    pub fn read(&self) -> (Option<AuditDetails>, Option<AuditClient>) {
        (self.details.read(), self.client.as_ref().unwrap_or(&self.details).read())
    }

    /// Whether what is there is what was written.
    pub fn is_unchanged(&self) -> bool {
        self.details.is_unchanged() && self.client.as_ref().is_none_or(Forgettable::is_unchanged)
    }

    /// Whether something was forgotten.
    pub fn is_redacted(&self) -> bool {
        self.details.content.is_none() || self.client.as_ref().is_some_and(|client| client.content.is_none())
    }
}

fn hash_content(salt: &[u8], json: &str) -> TokenHash {
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
    pub fn next(&self, event: &AuditEvent, parts: &PersonalParts) -> Self {
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
        context.update(parts.details.hash.as_bytes());
        if let Some(client) = &parts.client {
            context.update(client.hash.as_bytes());
        }
        Self { position, hash: TokenHash::of_digest(&context.finish()) }
    }
}

/// An event as it stands in the chain.
#[derive(Debug, Clone)]
pub struct Chained {
    /// The event.
    pub event: AuditEvent,
    /// What is personal in it, as it is stored.
    pub parts: PersonalParts,
    /// Its place.
    pub link: Link,
}
