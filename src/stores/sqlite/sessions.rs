//! Sessions in SQLite.

use async_trait::async_trait;
use chrono::TimeDelta;
use rusqlite::{OptionalExtension, Transaction, named_params, params};

use super::{audit, database::Database, rotation, rows};
use crate::domain::{
    audit::AuditEvent,
    clock::Instant,
    ids::{SessionId, UserId},
    page::{End, PageRequest},
    sessions::{
        KEPT_AFTER_END, LiveSessions, Rotation, RotationOutcome, Session, SessionSelector, SessionStore,
        TOUCH_INTERVAL,
    },
    store::StoreResult,
    tokens::TokenHash,
};

const INSERT: &str = "
INSERT INTO sessions (id, user_id, device_name, user_agent, ip_address, created_at, authenticated_at,
                      last_seen_at, idle_expires_at, absolute_expires_at, ended_at, session_epoch, version,
                      refresh_family, refresh_hash, impersonator, impersonator_writes, impersonator_epoch)
VALUES (:id, :user_id, :device_name, :user_agent, :ip_address, :created_at, :authenticated_at,
        :last_seen_at, :idle_expires_at, :absolute_expires_at, :ended_at, :session_epoch, :version,
        :refresh_family, :refresh_hash, :impersonator, :impersonator_writes, :impersonator_epoch)";
const BY_ID: &str = "SELECT * FROM sessions WHERE id = ?";
const BY_IDS: &str = "SELECT * FROM sessions WHERE id IN (SELECT value FROM json_each(?))";
const BY_OWNER: &str = "SELECT * FROM sessions WHERE id = ? AND user_id = ?";
const LIST_FIRST: &str = "
SELECT * FROM sessions
WHERE user_id = :user AND ended_at IS NULL AND id < :after AND id > :before
    AND idle_expires_at > :at AND session_epoch >= :epoch
ORDER BY id DESC LIMIT :limit";
const LIST_LAST: &str = "
SELECT * FROM sessions
WHERE user_id = :user AND ended_at IS NULL AND id < :after AND id > :before
    AND idle_expires_at > :at AND session_epoch >= :epoch
ORDER BY id LIMIT :limit";
const COUNT: &str = "
SELECT count(*) FROM sessions
WHERE user_id = ? AND ended_at IS NULL AND idle_expires_at > ? AND session_epoch >= ?";
const RENAME: &str = "
UPDATE sessions SET device_name = :name, version = version + 1
WHERE id = :id AND user_id = :user AND ended_at IS NULL AND idle_expires_at > :at AND session_epoch >= :epoch
RETURNING *";
/// Sorts after and before every id.
const HIGHEST: &str = "~";
const LOWEST: &str = "";
const TOUCH: &str = "
UPDATE sessions SET last_seen_at = :at, idle_expires_at = min(:idle_end, absolute_expires_at),
    version = version + 1
WHERE id = :id AND ended_at IS NULL AND idle_expires_at > :at AND last_seen_at <= :due
RETURNING *";
const SET_EPOCH: &str = "
UPDATE sessions SET session_epoch = :epoch, version = version + 1
WHERE id = :id AND ended_at IS NULL AND session_epoch BETWEEN :epoch - 1 AND :epoch
RETURNING *";
const AUTHENTICATE: &str = "
UPDATE sessions SET authenticated_at = max(authenticated_at, :at), version = version + 1
WHERE id = :id AND ended_at IS NULL AND idle_expires_at > :at
RETURNING *";
const LIST_OF: &str = "SELECT * FROM sessions WHERE user_id = ? ORDER BY id DESC LIMIT 10000";
const REMOVE_OF: &str = "DELETE FROM sessions WHERE user_id = ?";
const END: &str = "
UPDATE sessions SET ended_at = :at, version = version + 1 WHERE id = :id AND ended_at IS NULL RETURNING *";
const END_ALL: &str = "
UPDATE sessions SET ended_at = :at, version = version + 1
WHERE user_id = :user AND ended_at IS NULL AND session_epoch < :epoch
RETURNING id";
const PURGE: &str = "DELETE FROM sessions WHERE idle_expires_at <= ?1 OR ended_at <= ?1";

#[async_trait]
impl SessionStore for Database {
    async fn insert(
        &self,
        session: &Session,
        (family, refresh): (&TokenHash, &TokenHash),
        event: Option<&AuditEvent>,
    ) -> StoreResult<()> {
        let (session, family, refresh, event) = (session.clone(), *family, *refresh, event.cloned());
        self.write(move |transaction| {
            transaction.prepare_cached(INSERT)?.execute(named_params! {
                ":id": session.id.as_str(),
                ":user_id": session.user_id.as_str(),
                ":device_name": session.device_name,
                ":user_agent": session.user_agent,
                ":ip_address": session.ip_address,
                ":created_at": session.created_at.timestamp_millis(),
                ":authenticated_at": session.authenticated_at.timestamp_millis(),
                ":last_seen_at": session.last_seen_at.timestamp_millis(),
                ":idle_expires_at": session.idle_expires_at.timestamp_millis(),
                ":absolute_expires_at": session.absolute_expires_at.timestamp_millis(),
                ":ended_at": session.ended_at.map(|at| at.timestamp_millis()),
                ":session_epoch": session.session_epoch,
                ":version": session.version,
                ":refresh_family": family.as_bytes(),
                ":refresh_hash": refresh.as_bytes(),
                ":impersonator": session.impersonation.as_ref().map(|by| by.by.as_str()),
                ":impersonator_writes": session.impersonation.as_ref().map(|by| by.may_write),
                ":impersonator_epoch": session.impersonation.as_ref().map(|by| by.by_epoch),
            })?;
            audit::append_any(transaction, event.as_ref())
        })
        .await
    }

    async fn find(&self, id: &SessionId) -> StoreResult<Option<Session>> {
        let id = id.clone();
        self.read(move |connection| {
            connection.prepare_cached(BY_ID)?.query_row([id.as_str()], rows::session).optional()
        })
        .await
    }

    async fn find_several(&self, ids: &[SessionId]) -> StoreResult<Vec<Session>> {
        let ids = serde_json::json!(ids.iter().map(SessionId::as_str).collect::<Vec<_>>()).to_string();
        self.read(move |connection| {
            connection.prepare_cached(BY_IDS)?.query_map([ids], rows::session)?.collect()
        })
        .await
    }

    async fn list_live(&self, of: &LiveSessions, page: &PageRequest<SessionId>) -> StoreResult<Vec<Session>> {
        let (of, page) = (of.clone(), page.clone());
        self.read(move |connection| {
            let statement = match page.end {
                End::First => LIST_FIRST,
                End::Last => LIST_LAST,
            };
            // The newest login comes first: what is after an entry has a lower id.
            let params = named_params! {
                ":user": of.user_id.as_str(),
                ":after": page.after.as_ref().map_or(HIGHEST, SessionId::as_str),
                ":before": page.before.as_ref().map_or(LOWEST, SessionId::as_str),
                ":at": of.at.timestamp_millis(),
                ":epoch": of.epoch,
                ":limit": i64::try_from(page.to_read()).unwrap_or(i64::MAX),
            };
            connection.prepare_cached(statement)?.query_map(params, rows::session)?.collect()
        })
        .await
    }

    async fn count_live(&self, of: &LiveSessions) -> StoreResult<u64> {
        let of = of.clone();
        let count: i64 = self
            .read(move |connection| {
                let params = params![of.user_id.as_str(), of.at.timestamp_millis(), of.epoch];
                connection.prepare_cached(COUNT)?.query_row(params, |row| row.get(0))
            })
            .await?;
        Ok(count.unsigned_abs())
    }

    async fn rename(
        &self,
        among: &LiveSessions,
        id: &SessionId,
        device_name: &str,
    ) -> StoreResult<Option<Session>> {
        let (among, id, name) = (among.clone(), id.clone(), device_name.to_owned());
        self.write(move |transaction| {
            let params = named_params! {
                ":id": id.as_str(), ":user": among.user_id.as_str(), ":name": name,
                ":at": among.at.timestamp_millis(), ":epoch": among.epoch,
            };
            transaction.prepare_cached(RENAME)?.query_row(params, rows::session).optional()
        })
        .await
    }

    async fn rotate(&self, rotation: &Rotation) -> StoreResult<RotationOutcome> {
        let rotation = rotation.clone();
        self.write(move |transaction| rotation::rotate(transaction, &rotation)).await
    }

    async fn touch(&self, id: &SessionId, at: Instant, idle_ttl: TimeDelta) -> StoreResult<Option<Session>> {
        let id = id.clone();
        self.write(move |transaction| {
            let params = named_params! {
                ":id": id.as_str(),
                ":at": at.timestamp_millis(),
                ":due": (at - TOUCH_INTERVAL).timestamp_millis(),
                ":idle_end": (at + idle_ttl).timestamp_millis(),
            };
            transaction.prepare_cached(TOUCH)?.query_row(params, rows::session).optional()
        })
        .await
    }

    async fn set_epoch(&self, id: &SessionId, epoch: i64) -> StoreResult<Option<Session>> {
        let id = id.clone();
        self.write(move |transaction| {
            let params = named_params! { ":id": id.as_str(), ":epoch": epoch };
            transaction.prepare_cached(SET_EPOCH)?.query_row(params, rows::session).optional()
        })
        .await
    }

    async fn authenticate(&self, id: &SessionId, at: Instant) -> StoreResult<Option<Session>> {
        let id = id.clone();
        self.write(move |transaction| {
            let params = named_params! { ":id": id.as_str(), ":at": at.timestamp_millis() };
            transaction.prepare_cached(AUTHENTICATE)?.query_row(params, rows::session).optional()
        })
        .await
    }

    async fn list_of(&self, user: &UserId) -> StoreResult<Vec<Session>> {
        let user = user.clone();
        self.read(move |connection| {
            connection.prepare_cached(LIST_OF)?.query_map([user.as_str()], rows::session)?.collect()
        })
        .await
    }

    async fn remove_of(&self, user: &UserId) -> StoreResult<()> {
        let user = user.clone();
        self.write(move |transaction| transaction.prepare_cached(REMOVE_OF)?.execute([user.as_str()]))
            .await
            .map(drop)
    }

    async fn end(&self, which: &SessionSelector, at: Instant) -> StoreResult<Option<Session>> {
        let which = which.clone();
        self.write(move |transaction| {
            let Some(found) = select(transaction, &which)? else { return Ok(None) };
            let params = named_params! { ":id": found.id.as_str(), ":at": at.timestamp_millis() };
            let ended = transaction.prepare_cached(END)?.query_row(params, rows::session).optional()?;
            Ok(Some(ended.unwrap_or(found)))
        })
        .await
    }

    async fn end_all(&self, user: &UserId, epoch: i64, at: Instant) -> StoreResult<Vec<SessionId>> {
        let user = user.clone();
        self.write(move |transaction| {
            let params = named_params! {
                ":user": user.as_str(),
                ":epoch": epoch,
                ":at": at.timestamp_millis(),
            };
            transaction.prepare_cached(END_ALL)?.query_map(params, |row| rows::id(row, "id"))?.collect()
        })
        .await
    }

    async fn purge(&self, now: Instant) -> StoreResult<u64> {
        let before = (now - KEPT_AFTER_END).timestamp_millis();
        self.write(move |transaction| transaction.prepare_cached(PURGE)?.execute([before]))
            .await
            .map(|count| count as u64)
    }
}

fn select(transaction: &Transaction<'_>, which: &SessionSelector) -> rusqlite::Result<Option<Session>> {
    match which {
        SessionSelector::Id(id) => {
            transaction.prepare_cached(BY_ID)?.query_row([id.as_str()], rows::session).optional()
        }
        SessionSelector::Own { user, session } => transaction
            .prepare_cached(BY_OWNER)?
            .query_row([session.as_str(), user.as_str()], rows::session)
            .optional(),
        SessionSelector::RefreshFamily(family) => rotation::by_family(transaction, family),
    }
}
