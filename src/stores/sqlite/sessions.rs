//! Sessions in SQLite.

use async_trait::async_trait;
use chrono::TimeDelta;
use rusqlite::{OptionalExtension, Transaction, named_params, params};

use super::{database::Database, rows};
use crate::domain::{
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

const INSERT: &str = "
INSERT INTO sessions (id, user_id, device_name, user_agent, ip_address, created_at, last_seen_at,
                      idle_expires_at, absolute_expires_at, ended_at, session_epoch, version,
                      refresh_family, refresh_hash)
VALUES (:id, :user_id, :device_name, :user_agent, :ip_address, :created_at, :last_seen_at,
        :idle_expires_at, :absolute_expires_at, :ended_at, :session_epoch, :version,
        :refresh_family, :refresh_hash)";
const BY_ID: &str = "SELECT * FROM sessions WHERE id = ?";
const BY_OWNER: &str = "SELECT * FROM sessions WHERE id = ? AND user_id = ?";
const BY_FAMILY: &str = "SELECT * FROM sessions WHERE refresh_family = ?";
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
const ROTATE: &str = "
UPDATE sessions SET refresh_hash = :successor, last_seen_at = max(last_seen_at, :at),
    idle_expires_at = min(:idle_end, absolute_expires_at), version = version + 1
WHERE refresh_family = :family AND refresh_hash = :presented AND ended_at IS NULL AND idle_expires_at > :at
RETURNING *";
const RETIRE: &str =
    "INSERT INTO retired_tokens (hash, session_id, retired_at, sealed_successor) VALUES (?, ?, ?, ?)";
const FORGET: &str = "
DELETE FROM retired_tokens WHERE session_id = :id AND (retired_at <= :since OR hash NOT IN (
    SELECT hash FROM retired_tokens WHERE session_id = :id ORDER BY retired_at DESC, rowid DESC LIMIT :kept))";
const RETIRED: &str =
    "SELECT hash, sealed_successor FROM retired_tokens WHERE session_id = ? AND retired_at > ?";
const TOUCH: &str = "
UPDATE sessions SET last_seen_at = :at, idle_expires_at = min(:idle_end, absolute_expires_at),
    version = version + 1
WHERE id = :id AND ended_at IS NULL AND idle_expires_at > :at AND last_seen_at <= :due
RETURNING *";
const SET_EPOCH: &str = "
UPDATE sessions SET session_epoch = :epoch, version = version + 1
WHERE id = :id AND ended_at IS NULL AND session_epoch < :epoch
RETURNING *";
const END: &str = "
UPDATE sessions SET ended_at = :at, version = version + 1 WHERE id = :id AND ended_at IS NULL RETURNING *";
const END_ALL: &str = "
UPDATE sessions SET ended_at = :at, version = version + 1
WHERE user_id = :user AND ended_at IS NULL AND session_epoch < :epoch
RETURNING id";
const PURGE: &str = "DELETE FROM sessions WHERE idle_expires_at <= ?1 OR ended_at <= ?1";

#[async_trait]
impl SessionStore for Database {
    async fn insert(&self, session: &Session, family: &TokenHash, refresh: &TokenHash) -> StoreResult<()> {
        let (session, family, refresh) = (session.clone(), *family, *refresh);
        self.write(move |transaction| {
            transaction.prepare_cached(INSERT)?.execute(named_params! {
                ":id": session.id.as_str(),
                ":user_id": session.user_id.as_str(),
                ":device_name": session.device_name,
                ":user_agent": session.user_agent,
                ":ip_address": session.ip_address,
                ":created_at": session.created_at.timestamp_millis(),
                ":last_seen_at": session.last_seen_at.timestamp_millis(),
                ":idle_expires_at": session.idle_expires_at.timestamp_millis(),
                ":absolute_expires_at": session.absolute_expires_at.timestamp_millis(),
                ":ended_at": session.ended_at.map(|at| at.timestamp_millis()),
                ":session_epoch": session.session_epoch,
                ":version": session.version,
                ":refresh_family": family.as_bytes(),
                ":refresh_hash": refresh.as_bytes(),
            })?;
            Ok(())
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
        self.write(move |transaction| match compare_and_rotate(transaction, &rotation)? {
            Some(session) => Ok(RotationOutcome::Rotated(session)),
            None => classify(transaction, &rotation),
        })
        .await
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
        SessionSelector::RefreshFamily(family) => by_family(transaction, family),
    }
}

fn by_family(transaction: &Transaction<'_>, family: &TokenHash) -> rusqlite::Result<Option<Session>> {
    transaction.prepare_cached(BY_FAMILY)?.query_row([family.as_bytes()], rows::session).optional()
}

fn compare_and_rotate(
    transaction: &Transaction<'_>,
    rotation: &Rotation,
) -> rusqlite::Result<Option<Session>> {
    let at = rotation.at.timestamp_millis();
    let params = named_params! {
        ":family": rotation.family.as_bytes(),
        ":presented": rotation.presented.as_bytes(),
        ":successor": rotation.successor.as_bytes(),
        ":at": at,
        ":idle_end": (rotation.at + rotation.idle_ttl).timestamp_millis(),
    };
    let rotated = transaction.prepare_cached(ROTATE)?.query_row(params, rows::session).optional()?;
    if let Some(session) = &rotated {
        let id = session.id.as_str();
        let retired = (rotation.presented.as_bytes(), id, at, &rotation.sealed_successor);
        transaction.prepare_cached(RETIRE)?.execute(retired)?;
        let forget = named_params! { ":id": id, ":since": since(rotation), ":kept": KEPT_RETIRED_TOKENS };
        transaction.prepare_cached(FORGET)?.execute(forget)?;
    }
    Ok(rotated)
}

/// Tokens retired after this can still be exchanged.
fn since(rotation: &Rotation) -> i64 {
    (rotation.at - rotation.grace).timestamp_millis()
}

/// Why a rotation found no live session whose current token was presented.
fn classify(transaction: &Transaction<'_>, rotation: &Rotation) -> rusqlite::Result<RotationOutcome> {
    let Some(session) = by_family(transaction, &rotation.family)? else {
        return Ok(RotationOutcome::Unknown);
    };
    if session.check_alone(rotation.at).is_err() {
        return Ok(RotationOutcome::Ended(session));
    }
    let mut retired = transaction.prepare_cached(RETIRED)?;
    let retired = retired.query_map((session.id.as_str(), since(rotation)), rows::retired_token)?;
    let retired = retired.collect::<rusqlite::Result<Vec<_>>>()?;
    if retired.iter().any(|token| token.hash == rotation.presented) {
        return Ok(RotationOutcome::Replayed { session, retired });
    }
    Ok(RotationOutcome::Reused(session))
}
