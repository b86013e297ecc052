//! The outbox in MongoDB. The place of an entry is its `_id`, so that there is one.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::{
    bson::{Bson, Document, doc},
    options::{Hint, ReturnDocument},
};

use super::{MongoStore, documents::date, indexes, mail_documents::OutboxDocument};
use crate::domain::{
    clock::Instant,
    ids::{TaskId, UserId},
    outbox::{Enqueued, Entry, KEPT_AFTER_DONE, KEPT_AFTER_GIVING_UP, OutboxStore, OutboxSummary},
    store::{StoreError, StoreResult},
};

/// Entries about one person that are read at once.
const LIST_LIMIT: i64 = 1_000;

impl MongoStore {
    async fn update_entry(&self, id: &TaskId, update: Document) -> StoreResult<()> {
        self.calls.count_as_background();
        let (outbox, filter) = (self.outbox.clone(), doc! { "task_id": id.as_str(), "ended_at": Bson::Null });
        self.bounded(async move { outbox.update_one(filter, update).await }).await.map(drop)
    }

    async fn count_entries(&self, filter: Document, index: &str) -> StoreResult<u64> {
        self.calls.count_as_background();
        let (outbox, hint) = (self.outbox.clone(), Hint::Name(index.to_owned()));
        self.bounded(async move { outbox.count_documents(filter).hint(hint).await }).await
    }
}

#[async_trait]
impl OutboxStore for MongoStore {
    async fn enqueue(&self, entry: &Entry, unless_after: Option<Instant>) -> StoreResult<Enqueued> {
        let mut filter = doc! { "_id": &entry.slot };
        if let Some(unless_after) = unless_after {
            filter.insert("created_at", doc! { "$lte": date(unless_after) });
        }
        let (outbox, document) = (self.outbox.clone(), OutboxDocument::try_from(entry)?);
        let replaced =
            self.bounded(async move { outbox.replace_one(filter, document).upsert(true).await }).await;
        match replaced {
            Ok(_) => Ok(Enqueued::Queued),
            // Two that made the place at once: the later one takes it now.
            Err(StoreError::Conflict(_)) if unless_after.is_none() => {
                let (outbox, document) = (self.outbox.clone(), OutboxDocument::try_from(entry)?);
                let filter = doc! { "_id": &entry.slot };
                self.bounded(async move { outbox.replace_one(filter, document).await }).await?;
                Ok(Enqueued::Queued)
            }
            // The place is taken by an entry that does not fit the filter, so that another was to be made.
            Err(StoreError::Conflict(_)) => {
                let (outbox, filter) = (self.outbox.clone(), doc! { "_id": &entry.slot });
                let found = self.bounded(async move { outbox.find_one(filter).await }).await?;
                let at = found.map_or(Ok(entry.created_at), |found| found.created_at())?;
                Ok(Enqueued::Recent { at })
            }
            Err(error) => Err(error),
        }
    }

    async fn claim(&self, now: Instant, until: Instant, limit: usize) -> StoreResult<Vec<Entry>> {
        let mut claimed = Vec::new();
        while claimed.len() < limit {
            self.calls.count_as_background();
            let filter = doc! { "ended_at": Bson::Null, "due_at": { "$lte": date(now) } };
            let update = doc! { "$set": { "due_at": date(until) }, "$inc": { "attempts": 1_i64 } };
            let outbox = self.outbox.clone();
            let found = self
                .bounded(async move {
                    outbox
                        .find_one_and_update(filter, update)
                        .sort(doc! { "due_at": 1 })
                        .hint(Hint::Name(indexes::OUTBOX_BY_DUE.to_owned()))
                        .return_document(ReturnDocument::After)
                        .await
                })
                .await?;
            let Some(found) = found else { break };
            claimed.push(found.try_into()?);
        }
        Ok(claimed)
    }

    async fn finish(&self, id: &TaskId, at: Instant) -> StoreResult<()> {
        let forgotten = doc! { "ended_at": date(at), "task": Bson::Null, "user_id": Bson::Null };
        self.update_entry(id, doc! { "$set": forgotten }).await
    }

    async fn postpone(&self, id: &TaskId, due_at: Instant) -> StoreResult<()> {
        self.update_entry(id, doc! { "$set": { "due_at": date(due_at) } }).await
    }

    async fn give_up(&self, id: &TaskId, at: Instant, reason: &str) -> StoreResult<()> {
        let failed = doc! { "ended_at": date(at), "task": Bson::Null, "failure": reason };
        self.update_entry(id, doc! { "$set": failed }).await
    }

    async fn list_of(&self, user: &UserId) -> StoreResult<Vec<Entry>> {
        let filter = doc! { "user_id": user.as_str(), "ended_at": Bson::Null };
        let (outbox, hint) = (self.outbox.clone(), Hint::Name(indexes::OUTBOX_BY_USER.to_owned()));
        let found: Vec<OutboxDocument> = self
            .bounded(
                async move { outbox.find(filter).hint(hint).limit(LIST_LIMIT).await?.try_collect().await },
            )
            .await?;
        found.into_iter().map(TryInto::try_into).collect()
    }

    async fn forget(&self, user: &UserId, kept: &TaskId) -> StoreResult<()> {
        let filter = doc! { "user_id": user.as_str(), "task_id": { "$ne": kept.as_str() } };
        let (outbox, hint) = (self.outbox.clone(), Hint::Name(indexes::OUTBOX_BY_USER.to_owned()));
        self.bounded(async move { outbox.delete_many(filter).hint(hint).await }).await.map(drop)
    }

    async fn purge(&self, now: Instant) -> StoreResult<u64> {
        let mut removed = 0;
        for (failure, kept) in [
            (doc! { "$eq": Bson::Null }, KEPT_AFTER_DONE),
            (doc! { "$ne": Bson::Null }, KEPT_AFTER_GIVING_UP),
        ] {
            self.calls.count_as_background();
            let filter = doc! { "ended_at": { "$lte": date(now - kept) }, "failure": failure };
            let (outbox, hint) = (self.outbox.clone(), Hint::Name(indexes::OUTBOX_BY_END.to_owned()));
            let outcome = self.bounded(async move { outbox.delete_many(filter).hint(hint).await }).await?;
            removed += outcome.deleted_count;
        }
        Ok(removed)
    }

    async fn summary(&self) -> StoreResult<OutboxSummary> {
        let waiting = doc! { "ended_at": Bson::Null };
        let given_up = doc! { "ended_at": { "$ne": Bson::Null }, "failure": { "$ne": Bson::Null } };
        let (outbox, oldest) = (self.outbox.clone(), waiting.clone());
        self.calls.count_as_background();
        let oldest = self
            .bounded(async move {
                let hint = Hint::Name(indexes::OUTBOX_BY_DUE.to_owned());
                outbox.find_one(oldest).sort(doc! { "due_at": 1 }).hint(hint).await
            })
            .await?;
        Ok(OutboxSummary {
            waiting: self.count_entries(waiting, indexes::OUTBOX_BY_DUE).await?,
            given_up: self.count_entries(given_up, indexes::OUTBOX_BY_END).await?,
            oldest_due_at: oldest.map(|entry| entry.due_at()).transpose()?,
        })
    }
}
