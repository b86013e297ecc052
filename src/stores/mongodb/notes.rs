//! Notes in MongoDB.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::bson::doc;

use super::{
    MongoStore,
    documents::{NoteDocument, date},
};
use crate::domain::{
    clock::Instant,
    ids::NoteId,
    sessions::{Note, NoteStore},
    store::StoreResult,
};

#[async_trait]
impl NoteStore for MongoStore {
    async fn insert(&self, note: &Note) -> StoreResult<()> {
        self.calls.count_as_background();
        let (notes, document) = (self.notes.clone(), NoteDocument::from(note));
        self.bounded(async move { notes.insert_one(document).await }).await.map(drop)
    }

    async fn list(&self, after: Option<&NoteId>, limit: u32) -> StoreResult<Vec<Note>> {
        self.calls.count_as_background();
        let filter = after.map_or_else(|| doc! {}, |after| doc! { "_id": { "$gt": after.as_str() } });
        let notes = self.notes.clone();
        let found: Vec<NoteDocument> = self
            .bounded(async move {
                notes.find(filter).sort(doc! { "_id": 1 }).limit(i64::from(limit)).await?.try_collect().await
            })
            .await?;
        found.into_iter().map(TryInto::try_into).collect()
    }

    async fn remove(&self, ids: &[NoteId]) -> StoreResult<()> {
        self.calls.count_as_background();
        let ids: Vec<&str> = ids.iter().map(NoteId::as_str).collect();
        let (notes, filter) = (self.notes.clone(), doc! { "_id": { "$in": ids } });
        self.bounded(async move { notes.delete_many(filter).await }).await.map(drop)
    }

    async fn purge(&self, before: Instant) -> StoreResult<u64> {
        self.calls.count_as_background();
        let (notes, filter) = (self.notes.clone(), doc! { "made_at": { "$lt": date(before) } });
        let outcome = self.bounded(async move { notes.delete_many(filter).await }).await;
        outcome.map(|outcome| outcome.deleted_count)
    }
}
