//! One-time tokens in MongoDB.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::{
    bson::{Bson, Document, doc},
    options::{Hint, ReturnDocument},
};

use super::{
    MongoStore,
    documents::{binary, date},
    indexes,
    mail_documents::OneTimeTokenDocument,
};
use crate::domain::{
    clock::Instant,
    ids::{OneTimeTokenId, UserId},
    one_time::{OneTimeToken, OneTimeTokenStore, Purpose},
    store::StoreResult,
    tokens::TokenHash,
};

/// Tokens of one person that are read at once.
const LIST_LIMIT: i64 = 1_000;

impl MongoStore {
    async fn update_token(&self, filter: Document, update: Document) -> StoreResult<Option<OneTimeToken>> {
        let tokens = self.one_time.clone();
        let updated = self
            .bounded(async move {
                tokens.find_one_and_update(filter, update).return_document(ReturnDocument::After).await
            })
            .await?;
        updated.map(TryInto::try_into).transpose()
    }
}

#[async_trait]
impl OneTimeTokenStore for MongoStore {
    async fn insert(&self, token: &OneTimeToken, hash: &TokenHash) -> StoreResult<()> {
        let (tokens, document) = (self.one_time.clone(), OneTimeTokenDocument::new(token, hash));
        self.bounded(async move { tokens.insert_one(document).await }).await.map(drop)
    }

    async fn rehash(&self, id: &OneTimeTokenId, hash: &TokenHash, at: Instant) -> StoreResult<bool> {
        let filter = doc! { "_id": id.as_str(), "used_at": Bson::Null, "expires_at": { "$gt": date(at) } };
        let update = doc! { "$set": { "hash": binary(hash.as_bytes()) } };
        Ok(self.update_token(filter, update).await?.is_some())
    }

    async fn find(&self, hash: &TokenHash) -> StoreResult<Option<OneTimeToken>> {
        let (tokens, filter) = (self.one_time.clone(), doc! { "hash": binary(hash.as_bytes()) });
        let found = self.bounded(async move { tokens.find_one(filter).await }).await?;
        found.map(TryInto::try_into).transpose()
    }

    async fn attempt(
        &self,
        ticket: &TokenHash,
        purpose: Purpose,
        at: Instant,
        limit: u32,
    ) -> StoreResult<Option<OneTimeToken>> {
        // The newest token of the ticket alone: one that was used or tried too often is not passed over
        // for an older one. That a newer one is made in between costs the caller a try.
        let (tokens, by_ticket) = (self.one_time.clone(), doc! { "ticket": binary(ticket.as_bytes()) });
        let newest = self
            .bounded(async move {
                let hint = Hint::Name(indexes::TOKENS_BY_TICKET.to_owned());
                tokens.find_one(by_ticket).sort(doc! { "_id": -1 }).hint(hint).await
            })
            .await?;
        let Some(newest) = newest else { return Ok(None) };
        let filter = doc! {
            "_id": newest.id(), "purpose": purpose.as_str(), "used_at": Bson::Null,
            "code_expires_at": { "$gt": date(at) }, "attempts": { "$lt": i64::from(limit) },
        };
        self.update_token(filter, doc! { "$inc": { "attempts": 1_i64 } }).await
    }

    async fn consume(&self, id: &OneTimeTokenId, at: Instant) -> StoreResult<bool> {
        let filter = doc! { "_id": id.as_str(), "used_at": Bson::Null };
        let used = self.update_token(filter, doc! { "$set": { "used_at": date(at) } }).await?;
        Ok(used.is_some())
    }

    async fn give_back(&self, id: &OneTimeTokenId) -> StoreResult<()> {
        let back = doc! { "$set": { "used_at": Bson::Null } };
        self.update_token(doc! { "_id": id.as_str() }, back).await.map(drop)
    }

    async fn list_of(&self, user: &UserId) -> StoreResult<Vec<OneTimeToken>> {
        let (tokens, filter) = (self.one_time.clone(), doc! { "user_id": user.as_str() });
        let found: Vec<OneTimeTokenDocument> = self
            .bounded(async move {
                tokens.find(filter).sort(doc! { "_id": 1 }).limit(LIST_LIMIT).await?.try_collect().await
            })
            .await?;
        found.into_iter().map(TryInto::try_into).collect()
    }

    async fn remove_of(&self, user: &UserId) -> StoreResult<()> {
        let filter = doc! { "user_id": user.as_str() };
        let tokens = self.one_time.clone();
        let hint = Hint::Name(indexes::TOKENS_BY_USER.to_owned());
        self.bounded(async move { tokens.delete_many(filter).hint(hint).await }).await.map(drop)
    }

    async fn purge(&self, now: Instant) -> StoreResult<u64> {
        self.calls.count_as_background();
        let (tokens, filter) = (self.one_time.clone(), doc! { "expires_at": { "$lte": date(now) } });
        let outcome = self.bounded(async move { tokens.delete_many(filter).await }).await;
        outcome.map(|outcome| outcome.deleted_count)
    }
}
