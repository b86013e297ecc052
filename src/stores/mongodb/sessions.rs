//! Sessions in MongoDB. Every change is one `findAndModify` or `updateMany`, whose filter is the
//! condition under which the change may happen.

use async_trait::async_trait;
use chrono::TimeDelta;
use futures_util::TryStreamExt;
use mongodb::{
    action::{Action, Find, FindOne, FindOneAndUpdate},
    bson::{Bson, Document, doc},
    options::{Hint, ReturnDocument},
};

use super::{
    MongoStore,
    documents::{SessionDocument, SessionIdDocument, binary, date},
    indexes,
};
use crate::domain::{
    audit::AuditEvent,
    clock::Instant,
    ids::{SessionId, UserId},
    page::{End, PageRequest},
    sessions::{
        KEPT_AFTER_END, KEPT_RETIRED_TOKENS, LiveSessions, Rotation, RotationOutcome, Session,
        SessionSelector, SessionStore, TOUCH_INTERVAL,
    },
    store::StoreResult,
    tokens::TokenHash,
};

/// Sessions of one person that are read at once.
const LIST_OF_LIMIT: i64 = 10_000;

impl MongoStore {
    async fn find_session(&self, filter: Document) -> StoreResult<Option<SessionDocument>> {
        let (sessions, hint) = (self.sessions.clone(), hint(&filter));
        self.bounded(async move { sessions.find_one(filter).optional(hint, FindOne::hint).await }).await
    }

    /// The sessions that fit the filter, as `shape` asks for them.
    async fn list(
        &self,
        filter: Document,
        shape: impl FnOnce(Find<'_, SessionDocument>) -> Find<'_, SessionDocument> + Send + 'static,
    ) -> StoreResult<Vec<Session>> {
        let sessions = self.sessions.clone();
        let found: Vec<SessionDocument> =
            self.bounded(async move { shape(sessions.find(filter)).await?.try_collect().await }).await?;
        found.into_iter().map(TryInto::try_into).collect()
    }

    /// Changes the session that fits the filter by an aggregation pipeline of one `$set`.
    async fn update_session(&self, filter: Document, fields: Document) -> StoreResult<Option<Session>> {
        let (sessions, hint) = (self.sessions.clone(), hint(&filter));
        let mut fields = fields;
        fields.insert("version", doc! { "$add": ["$version", 1_i64] });
        let pipeline = vec![doc! { "$set": fields }];
        let updated = self
            .bounded(async move {
                sessions
                    .find_one_and_update(filter, pipeline)
                    .return_document(ReturnDocument::After)
                    .optional(hint, FindOneAndUpdate::hint)
                    .await
            })
            .await?;
        updated.map(TryInto::try_into).transpose()
    }

    /// Why a rotation found no live session whose current token was presented.
    async fn classify(&self, rotation: &Rotation) -> StoreResult<RotationOutcome> {
        let Some(document) = self.find_session(by_family(&rotation.family)).await? else {
            return Ok(RotationOutcome::Unknown);
        };
        let retired = document.retired_after(rotation.at - rotation.grace)?;
        let session = Session::try_from(document)?;
        if session.check_alone(rotation.at).is_err() {
            return Ok(RotationOutcome::Ended(session));
        }
        if retired.iter().any(|token| token.hash == rotation.presented) {
            return Ok(RotationOutcome::Replayed { session, retired });
        }
        Ok(RotationOutcome::Reused(session))
    }
}

#[async_trait]
impl SessionStore for MongoStore {
    async fn insert(
        &self,
        session: &Session,
        (family, refresh): (&TokenHash, &TokenHash),
        event: Option<&AuditEvent>,
    ) -> StoreResult<()> {
        let (sessions, document) = (self.sessions.clone(), SessionDocument::new(session, family, refresh));
        let insert = self.bounded(async move { sessions.insert_one(document).await });
        self.recorded(event, insert, |_| true).await.map(drop)
    }

    async fn find(&self, id: &SessionId) -> StoreResult<Option<Session>> {
        let found = self.find_session(doc! { "_id": id.as_str() }).await?;
        found.map(TryInto::try_into).transpose()
    }

    async fn find_several(&self, ids: &[SessionId]) -> StoreResult<Vec<Session>> {
        let ids: Vec<_> = ids.iter().map(SessionId::as_str).collect();
        self.list(doc! { "_id": { "$in": ids } }, |find| find).await
    }

    async fn list_live(&self, of: &LiveSessions, page: &PageRequest<SessionId>) -> StoreResult<Vec<Session>> {
        let mut filter = live_of(of);
        let mut bounds = Document::new();
        // The newest login comes first: what is after an entry has a lower id.
        if let Some(after) = &page.after {
            bounds.insert("$lt", after.as_str());
        }
        if let Some(before) = &page.before {
            bounds.insert("$gt", before.as_str());
        }
        if !bounds.is_empty() {
            filter.insert("_id", bounds);
        }
        let order = match page.end {
            End::First => doc! { "_id": -1 },
            End::Last => doc! { "_id": 1 },
        };
        let limit = i64::try_from(page.to_read()).unwrap_or(i64::MAX);
        self.list(filter, move |find| find.hint(by_user()).sort(order).limit(limit)).await
    }

    async fn count_live(&self, of: &LiveSessions) -> StoreResult<u64> {
        let (sessions, filter) = (self.sessions.clone(), live_of(of));
        self.bounded(async move { sessions.count_documents(filter).hint(by_user()).await }).await
    }

    async fn rename(
        &self,
        among: &LiveSessions,
        id: &SessionId,
        device_name: &str,
    ) -> StoreResult<Option<Session>> {
        let mut filter = live_of(among);
        filter.insert("_id", id.as_str());
        // Text that a person wrote must not be taken for an expression.
        self.update_session(filter, doc! { "device_name": { "$literal": device_name } }).await
    }

    async fn rotate(&self, rotation: &Rotation) -> StoreResult<RotationOutcome> {
        let presented = binary(rotation.presented.as_bytes());
        let mut current = by_family(&rotation.family);
        current.insert("refresh_hash", &presented);
        let filter = live(current, rotation.at);
        let at = date(rotation.at);
        let since = date(rotation.at - rotation.grace);
        let sealed = binary(&rotation.sealed_successor);
        let open = doc! { "$filter": { "input": "$retired", "cond": { "$gt": ["$$this.at", since] } } };
        let retired = doc! { "hash": presented, "at": at, "sealed_successor": sealed };
        let fields = doc! {
            "refresh_hash": binary(rotation.successor.as_bytes()),
            "retired": { "$slice": [{ "$concatArrays": [[retired], open] }, i64::from(KEPT_RETIRED_TOKENS)] },
            "last_seen_at": { "$max": ["$last_seen_at", at] },
            "idle_expires_at": idle_end(rotation.at, rotation.idle_ttl),
        };
        match self.update_session(filter, fields).await? {
            Some(session) => Ok(RotationOutcome::Rotated(session)),
            None => self.classify(rotation).await,
        }
    }

    async fn touch(&self, id: &SessionId, at: Instant, idle_ttl: TimeDelta) -> StoreResult<Option<Session>> {
        let due = date(at - TOUCH_INTERVAL);
        let filter = live(doc! { "_id": id.as_str(), "last_seen_at": { "$lte": due } }, at);
        let fields = doc! { "last_seen_at": date(at), "idle_expires_at": idle_end(at, idle_ttl) };
        self.update_session(filter, fields).await
    }

    async fn set_epoch(&self, id: &SessionId, epoch: i64) -> StoreResult<Option<Session>> {
        let live = doc! { "$gte": epoch - 1, "$lte": epoch };
        let filter = doc! { "_id": id.as_str(), "ended_at": Bson::Null, "session_epoch": live };
        self.update_session(filter, doc! { "session_epoch": epoch }).await
    }

    async fn authenticate(&self, id: &SessionId, at: Instant) -> StoreResult<Option<Session>> {
        let filter = doc! {
            "_id": id.as_str(), "ended_at": Bson::Null, "idle_expires_at": { "$gt": date(at) },
        };
        let later = doc! { "$max": ["$authenticated_at", date(at)] };
        self.update_session(filter, doc! { "authenticated_at": later }).await
    }

    async fn list_of(&self, user: &UserId) -> StoreResult<Vec<Session>> {
        let newest_first = doc! { "_id": -1 };
        self.list(doc! { "user_id": user.as_str() }, |find| {
            find.hint(by_user()).sort(newest_first).limit(LIST_OF_LIMIT)
        })
        .await
    }

    async fn remove_of(&self, user: &UserId) -> StoreResult<()> {
        let (sessions, filter) = (self.sessions.clone(), doc! { "user_id": user.as_str() });
        let hint = Hint::Name(indexes::SESSIONS_BY_USER.to_owned());
        self.bounded(async move { sessions.delete_many(filter).hint(hint).await }).await.map(drop)
    }

    async fn end(&self, which: &SessionSelector, at: Instant) -> StoreResult<Option<Session>> {
        let selected = match which {
            SessionSelector::Id(id) => doc! { "_id": id.as_str() },
            SessionSelector::Own { user, session } => {
                doc! { "_id": session.as_str(), "user_id": user.as_str() }
            }
            SessionSelector::RefreshFamily(family) => by_family(family),
        };
        let mut filter = selected.clone();
        filter.insert("ended_at", Bson::Null);
        if let Some(session) = self.update_session(filter, doc! { "ended_at": date(at) }).await? {
            return Ok(Some(session));
        }
        self.find_session(selected).await?.map(TryInto::try_into).transpose()
    }

    async fn end_all(&self, user: &UserId, epoch: i64, at: Instant) -> StoreResult<Vec<SessionId>> {
        let filter = doc! {
            "user_id": user.as_str(), "ended_at": Bson::Null, "session_epoch": { "$lt": epoch },
        };
        let (sessions, alive) = (self.sessions.clone_with_type::<SessionIdDocument>(), filter.clone());
        let found: Vec<SessionIdDocument> = self
            .bounded(async move {
                sessions.find(alive).hint(by_user()).projection(doc! { "_id": 1 }).await?.try_collect().await
            })
            .await?;
        let update = doc! { "$set": { "ended_at": date(at) }, "$inc": { "version": 1_i64 } };
        let sessions = self.sessions.clone();
        self.bounded(async move { sessions.update_many(filter, update).hint(by_user()).await }).await?;
        Ok(found.into_iter().map(|document| document.id).collect())
    }

    async fn purge(&self, now: Instant) -> StoreResult<u64> {
        let before = date(now - KEPT_AFTER_END);
        let filter = doc! { "$or": [
            { "idle_expires_at": { "$lte": before } },
            { "ended_at": { "$lte": before } },
        ] };
        let sessions = self.sessions.clone();
        self.bounded(async move { sessions.delete_many(filter).await })
            .await
            .map(|outcome| outcome.deleted_count)
    }
}

/// Sessions that have not ended or expired at `at`, among those that fit the filter.
fn live(mut filter: Document, at: Instant) -> Document {
    filter.insert("ended_at", Bson::Null);
    filter.insert("idle_expires_at", doc! { "$gt": date(at) });
    filter
}

/// A person's live sessions.
fn live_of(of: &LiveSessions) -> Document {
    live(doc! { "user_id": of.user_id.as_str(), "session_epoch": { "$gte": of.epoch } }, of.at)
}

fn idle_end(at: Instant, idle_ttl: TimeDelta) -> Document {
    doc! { "$min": [date(at + idle_ttl), "$absolute_expires_at"] }
}

/// Which index finds a single session. Said outright, so that no plan can ever be another one.
fn hint(filter: &Document) -> Option<Hint> {
    filter.contains_key("refresh_family").then(|| Hint::Name(indexes::REFRESH_FAMILY.into()))
}

/// The index that finds the sessions of a person.
fn by_user() -> Hint {
    Hint::Name(indexes::SESSIONS_BY_USER.into())
}

fn by_family(family: &TokenHash) -> Document {
    doc! { "refresh_family": binary(family.as_bytes()) }
}
