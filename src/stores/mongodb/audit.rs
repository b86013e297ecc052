//! The audit log in MongoDB. An event is written before the change that it describes and withdrawn when
//! that was not made; it gets its place in the chain when it is settled.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::{
    bson::{self, Document, doc},
    options::Hint,
};

use super::{
    MongoStore,
    audit_documents::{AuditDocument, EndDocument, hash},
    documents::{binary, date},
    indexes,
};
use crate::domain::{
    audit::{AuditEvent, AuditFilter, AuditSelector, AuditStore, ChainEnds, Chained, Link, Unreadable},
    clock::Instant,
    ids::AuditEventId,
    page::{End, PageRequest},
    store::{StoreError, StoreResult},
};

/// Events that are brought into the chain, and dropped, at a time.
const SEALED_AT_ONCE: i64 = 500;
const PURGED_AT_ONCE: i64 = 5_000;
/// The two ends of the chain, in the collection of what there is one of.
const FIRST: &str = "audit_first";
const LAST: &str = "audit_last";

impl MongoStore {
    /// Makes a change together with its event. That of a change of which nobody knows whether it was made
    /// stays.
    pub(super) async fn recorded<T>(
        &self,
        event: Option<&AuditEvent>,
        change: impl Future<Output = StoreResult<T>>,
        is_made: impl FnOnce(&T) -> bool,
    ) -> StoreResult<T> {
        if let Some(event) = event {
            self.append(event).await?;
        }
        let outcome = change.await;
        let is_made = match &outcome {
            Ok(outcome) => is_made(outcome),
            Err(StoreError::Conflict(_)) => false,
            Err(StoreError::Unavailable | StoreError::Corrupt) => true,
        };
        if let Some(event) = event.filter(|_| !is_made) {
            let withdrawn = doc! { "_id": event.id.as_str(), "unsealed": true };
            let events = self.audit.clone();
            // It stays, as an event of what was not done: more than there was, and never less.
            let _ = self.bounded(async move { events.delete_one(withdrawn).await }).await;
        }
        outcome
    }

    async fn read_end(&self, which: &'static str) -> StoreResult<Option<Link>> {
        let ends = self.database.collection::<EndDocument>(indexes::META);
        let found = self.bounded(async move { ends.find_one(doc! { "_id": which }).await }).await?;
        found.map(|end| Ok(Link { position: end.position, hash: hash(&end.hash)? })).transpose()
    }

    /// Moves an end of the chain on; never back.
    async fn set_end(&self, which: &'static str, link: &Link) -> StoreResult<()> {
        let ends = self.database.collection::<Document>(indexes::META);
        let (filter, end) = (
            doc! { "_id": which, "position": { "$lt": link.position } },
            doc! { "$set": { "position": link.position, "hash": binary(link.hash.as_bytes()) } },
        );
        match self.bounded(async move { ends.update_one(filter, end).upsert(true).await }).await {
            // It is further on already.
            Ok(_) | Err(StoreError::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn find_events(
        &self,
        filter: Document,
        sort: Document,
        limit: i64,
        hint: Option<&'static str>,
    ) -> StoreResult<Vec<AuditDocument>> {
        let events = self.audit.clone();
        self.bounded(async move {
            let mut found = events.find(filter).sort(sort).limit(limit);
            if let Some(hint) = hint {
                found = found.hint(Hint::Name(hint.to_owned()));
            }
            found.await?.try_collect().await
        })
        .await
    }

    /// The end of the chain: of the last event or, where events were cut off, the one that was noted, so
    /// that the gap stays.
    async fn end_to_go_on_from(&self) -> StoreResult<Link> {
        // In this order: what others add meanwhile is no gap.
        let noted = self.read_end(LAST).await?;
        let last = self.last_link().await?;
        match noted.filter(|noted| noted.position > last.position) {
            Some(noted) => {
                tracing::error!(
                    last = last.position,
                    noted = noted.position,
                    "the end of the audit log is missing"
                );
                Ok(noted)
            }
            None => Ok(last),
        }
    }

    /// The link of the last event in the chain.
    async fn last_link(&self) -> StoreResult<Link> {
        let in_chain = doc! { "position": { "$gt": 0_i64 } };
        let last =
            self.find_events(in_chain, doc! { "position": -1 }, 1, Some(indexes::AUDIT_BY_POSITION)).await?;
        match last.into_iter().next() {
            Some(last) => last.link(),
            None => Ok(self.read_end(FIRST).await?.unwrap_or_else(Link::origin)),
        }
    }
}

#[async_trait]
impl AuditStore for MongoStore {
    async fn append(&self, event: &AuditEvent) -> StoreResult<()> {
        let (events, document) = (self.audit.clone(), AuditDocument::new(event));
        self.bounded(async move { events.insert_one(document).await }).await.map(drop)
    }

    /// Several nodes may do this at once: a place in the chain is one event's, and an event has one place,
    /// so that whoever finds either taken stops, and leaves the rest to the other.
    async fn seal(&self, settled: Instant) -> StoreResult<u64> {
        self.calls.count_as_background();
        let waiting = doc! {
            "unsealed": true, "_id": { "$lt": AuditEventId::lowest_at(settled).as_str() },
        };
        let found = self
            .find_events(waiting, doc! { "_id": 1 }, SEALED_AT_ONCE, Some(indexes::AUDIT_UNSEALED))
            .await?;
        if found.is_empty() {
            return Ok(0);
        }
        let (mut last, mut count) = (self.end_to_go_on_from().await?, 0);
        for document in found {
            let (event, parts) = document.read()?;
            let link = last.next(&event, &parts);
            let filter = doc! { "_id": event.id.as_str(), "unsealed": true };
            let place = doc! {
                "$set": { "position": link.position, "hash": binary(link.hash.as_bytes()) },
                "$unset": { "unsealed": "" },
            };
            let events = self.audit.clone();
            match self.bounded(async move { events.update_one(filter, place).await }).await {
                Ok(outcome) if outcome.modified_count == 1 => {}
                Ok(_) | Err(StoreError::Conflict(_)) => break,
                Err(error) => return Err(error),
            }
            (last, count) = (link, count + 1);
        }
        if count > 0 {
            self.set_end(LAST, &last).await?;
        }
        Ok(count)
    }

    async fn list_events(
        &self,
        filter: &AuditFilter,
        page: &PageRequest<AuditEventId>,
    ) -> StoreResult<Vec<AuditEvent>> {
        let (mut conditions, hint) = match &filter.of {
            AuditSelector::All => (Document::new(), "_id_"),
            AuditSelector::Subject(subject) => (doc! { "subject": subject }, indexes::AUDIT_BY_SUBJECT),
            AuditSelector::Actor(actor) => (doc! { "actor": actor }, indexes::AUDIT_BY_ACTOR),
            AuditSelector::Kind(kind) => (doc! { "kind": kind.as_str() }, indexes::AUDIT_BY_KIND),
        };
        let since = filter.since.map(AuditEventId::lowest_at);
        let until = filter.until.map(AuditEventId::lowest_at);
        // The newest comes first: what is after an event has a lower id.
        let below = [until.as_ref(), page.after.as_ref()].into_iter().flatten().min();
        let mut bounds = Document::new();
        if let Some(below) = below {
            bounds.insert("$lt", below.as_str());
        }
        match (&since, &page.before) {
            (Some(since), Some(before)) if before < since => drop(bounds.insert("$gte", since.as_str())),
            (_, Some(before)) => drop(bounds.insert("$gt", before.as_str())),
            (Some(since), None) => drop(bounds.insert("$gte", since.as_str())),
            (None, None) => {}
        }
        if !bounds.is_empty() {
            conditions.insert("_id", bounds);
        }
        let sort = doc! { "_id": if page.end == End::First { -1 } else { 1 } };
        let limit = i64::try_from(page.to_read()).unwrap_or(i64::MAX);
        let found = self.find_events(conditions, sort, limit, Some(hint)).await?;
        found.into_iter().map(|document| Ok(document.read()?.0)).collect()
    }

    async fn find_event(&self, id: &AuditEventId) -> StoreResult<Option<AuditEvent>> {
        let found = self.find_events(doc! { "_id": id.as_str() }, doc! { "_id": 1 }, 1, None).await?;
        found.into_iter().next().map(|document| Ok(document.read()?.0)).transpose()
    }

    async fn chain(&self, after: i64, limit: usize) -> StoreResult<Vec<Result<Chained, Unreadable>>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let filter = doc! { "position": { "$gt": after } };
        let hint = Some(indexes::AUDIT_BY_POSITION);
        let found = self.find_events(filter, doc! { "position": 1 }, limit, hint).await?;
        Ok(found.into_iter().map(AuditDocument::chained_if_readable).collect())
    }

    async fn ends(&self) -> StoreResult<ChainEnds> {
        let first = self.read_end(FIRST).await?.unwrap_or_else(Link::origin);
        let (noted, last) = (self.read_end(LAST).await?.unwrap_or(first), self.last_link().await?);
        // A process may have ended before it noted the end.
        Ok(ChainEnds { first, last: if last.position > noted.position { last } else { noted } })
    }

    async fn unsealed(&self) -> StoreResult<u64> {
        let events = self.audit.clone();
        let waiting = doc! { "unsealed": true };
        self.bounded(async move { events.count_documents(waiting).await }).await
    }

    async fn redact(&self, user: &str) -> StoreResult<u64> {
        let text = || doc! { "$type": "string" };
        let (details, client) = (["salt", "details"], ["client_salt", "client"]);
        // Events of before schema 6 have the client among their details.
        let old = doc! { "actor": user, "client_hash": bson::Bson::Null, "details": text() };
        let mut redacted = 0;
        for (filter, fields) in [
            (
                doc! { "subject": user, "$or": [{ "details": text() }, { "client": text() }] },
                [details, client].concat(),
            ),
            (doc! { "actor": user, "client": text() }, client.to_vec()),
            (old, details.to_vec()),
        ] {
            let nothing: Document =
                fields.iter().map(|field| ((*field).to_owned(), bson::Bson::Null)).collect();
            let events = self.audit.clone();
            let forget = async move { events.update_many(filter, doc! { "$set": nothing }).await };
            redacted += self.bounded(forget).await?.modified_count;
        }
        Ok(redacted)
    }

    async fn purge_events(&self, before: Instant) -> StoreResult<u64> {
        self.calls.count_as_background();
        let in_chain = doc! { "position": { "$gt": 0_i64 } };
        let hint = Some(indexes::AUDIT_BY_POSITION);
        let first = self.find_events(in_chain, doc! { "position": 1 }, PURGED_AT_ONCE, hint).await?;
        let Some(last) = first.into_iter().rev().find(|document| document.at < date(before)) else {
            return Ok(0);
        };
        let link = last.link()?;
        // Noted first: what is before it does not count any more.
        self.set_end(FIRST, &link).await?;
        let (events, dropped) = (self.audit.clone(), doc! { "position": { "$lte": link.position } });
        let outcome = self.bounded(async move { events.delete_many(dropped).await }).await?;
        Ok(outcome.deleted_count)
    }
}
