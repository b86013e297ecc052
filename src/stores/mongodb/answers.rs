//! Answers by their keys in MongoDB.

use async_trait::async_trait;
use mongodb::bson::{self, Binary, Bson, Document, doc};
use serde::{Deserialize, Serialize};

use super::{
    MongoStore,
    documents::{binary, date},
};
use crate::domain::{
    clock::Instant,
    idempotency::{Answer, AnswerStore, Begun, Reservation},
    store::{StoreError, StoreResult},
    tokens::TokenHash,
};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AnswerDocument {
    #[serde(rename = "_id")]
    id: Binary,
    fingerprint: Binary,
    begun_at: bson::DateTime,
    sealed: Option<Binary>,
}

impl AnswerDocument {
    fn new(reservation: &Reservation) -> Self {
        Self {
            id: binary(reservation.id.as_bytes()),
            fingerprint: binary(reservation.fingerprint.as_bytes()),
            begun_at: date(reservation.at),
            sealed: None,
        }
    }
}

/// What holds while a reservation does.
fn held(reservation: &Reservation) -> Document {
    doc! {
        "_id": binary(reservation.id.as_bytes()), "begun_at": date(reservation.at), "sealed": Bson::Null,
    }
}

#[async_trait]
impl AnswerStore for MongoStore {
    async fn begin(
        &self,
        reservation: &Reservation,
        given_up: Instant,
        expired: Instant,
    ) -> StoreResult<Begun> {
        let (answers, document) = (self.answers.clone(), AnswerDocument::new(reservation));
        let inserted = self.bounded(async move { answers.insert_one(document).await }).await;
        match inserted {
            Ok(_) => return Ok(Begun::New),
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
        // Whoever replaces it first has it: the next finds another time in it.
        let free = doc! {
            "_id": binary(reservation.id.as_bytes()),
            "$or": [
                { "begun_at": { "$lt": date(expired) } },
                { "begun_at": { "$lt": date(given_up) }, "sealed": Bson::Null },
            ],
        };
        let (answers, document) = (self.answers.clone(), AnswerDocument::new(reservation));
        let replaced =
            self.bounded(async move { answers.find_one_and_replace(free, document).await }).await?;
        if replaced.is_some() {
            return Ok(Begun::New);
        }
        let (answers, id) = (self.answers.clone(), doc! { "_id": binary(reservation.id.as_bytes()) });
        let found = self.bounded(async move { answers.find_one(id).await }).await?;
        // Abandoned in between: the caller may try again.
        let found = found.ok_or(StoreError::Unavailable)?;
        Ok(Begun::Known(Answer {
            fingerprint: TokenHash::from_stored(&found.fingerprint.bytes).ok_or(StoreError::Corrupt)?,
            sealed: found.sealed.map(|sealed| sealed.bytes),
        }))
    }

    async fn finish(&self, reservation: &Reservation, sealed: Vec<u8>) -> StoreResult<()> {
        let (answers, filter) = (self.answers.clone(), held(reservation));
        let update = doc! { "$set": { "sealed": binary(&sealed) } };
        self.bounded(async move { answers.update_one(filter, update).await }).await.map(drop)
    }

    async fn abandon(&self, reservation: &Reservation) -> StoreResult<()> {
        let (answers, filter) = (self.answers.clone(), held(reservation));
        self.bounded(async move { answers.delete_one(filter).await }).await.map(drop)
    }

    async fn purge(&self, before: Instant) -> StoreResult<u64> {
        self.calls.count_as_background();
        let (answers, filter) = (self.answers.clone(), doc! { "begun_at": { "$lt": date(before) } });
        let outcome = self.bounded(async move { answers.delete_many(filter).await }).await;
        outcome.map(|outcome| outcome.deleted_count)
    }
}
