//! Sessions in SQLite.

use async_trait::async_trait;
use chrono::TimeDelta;
use rusqlite::{OptionalExtension, Transaction, named_params};

use super::{database::Database, rows};
use crate::domain::{
    clock::Instant,
    ids::{SessionId, UserId},
    sessions::{
        KEPT_AFTER_END, REMEMBERED_RETIRED_TOKENS, Rotation, RotationOutcome, Session, SessionSelector,
        SessionStore, TOUCH_INTERVAL,
    },
    store::StoreResult,
    tokens::TokenHash,
};

const INSERT: &str = "
INSERT INTO sessions (id, user_id, device_name, user_agent, ip_address, created_at, last_seen_at,
                      idle_expires_at, absolute_expires_at, ended_at, session_epoch, version, refresh_hash)
VALUES (:id, :user_id, :device_name, :user_agent, :ip_address, :created_at, :last_seen_at,
        :idle_expires_at, :absolute_expires_at, :ended_at, :session_epoch, :version, :refresh_hash)";
const BY_ID: &str = "SELECT * FROM sessions WHERE id = ?";
const ROTATE: &str = "
UPDATE sessions SET refresh_hash = :successor, retired_hash = :presented, retired_at = :at,
    sealed_successor = :sealed, last_seen_at = max(last_seen_at, :at),
    idle_expires_at = min(:idle_end, absolute_expires_at), version = version + 1
WHERE refresh_hash = :presented AND ended_at IS NULL AND idle_expires_at > :at
RETURNING *";
const RETIRE: &str = "INSERT INTO retired_tokens (hash, session_id, retired_at) VALUES (?, ?, ?)";
const FORGET_OLDEST_RETIRED: &str = "
DELETE FROM retired_tokens WHERE hash IN (
    SELECT hash FROM retired_tokens WHERE session_id = ? ORDER BY retired_at DESC, rowid DESC LIMIT -1 OFFSET ?)";
const BY_REFRESH_TOKEN: &str = "
SELECT * FROM sessions WHERE refresh_hash = :hash
UNION ALL
SELECT sessions.* FROM retired_tokens JOIN sessions ON sessions.id = session_id WHERE hash = :hash
LIMIT 1";
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
WHERE user_id = :user AND ended_at IS NULL AND id IS NOT :except";
const ENDED: &str = "SELECT id FROM sessions WHERE user_id = ? AND ended_at IS NOT NULL";
const PURGE: &str = "DELETE FROM sessions WHERE idle_expires_at <= ?1 OR ended_at <= ?1";

#[async_trait]
impl SessionStore for Database {
    async fn insert(&self, session: &Session, refresh: &TokenHash) -> StoreResult<()> {
        let (session, refresh) = (session.clone(), *refresh);
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

    async fn end_all(
        &self,
        user: &UserId,
        except: Option<&SessionId>,
        at: Instant,
    ) -> StoreResult<Vec<SessionId>> {
        let (user, except) = (user.clone(), except.cloned());
        self.write(move |transaction| {
            transaction.prepare_cached(END_ALL)?.execute(named_params! {
                ":user": user.as_str(),
                ":except": except.as_ref().map(SessionId::as_str),
                ":at": at.timestamp_millis(),
            })?;
            transaction
                .prepare_cached(ENDED)?
                .query_map([user.as_str()], |row| rows::id(row, "id"))?
                .collect()
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
        SessionSelector::RefreshToken(hash) => by_refresh_token(transaction, hash),
    }
}

fn by_refresh_token(transaction: &Transaction<'_>, hash: &TokenHash) -> rusqlite::Result<Option<Session>> {
    let params = named_params! { ":hash": hash.as_bytes() };
    transaction.prepare_cached(BY_REFRESH_TOKEN)?.query_row(params, rows::session).optional()
}

fn compare_and_rotate(
    transaction: &Transaction<'_>,
    rotation: &Rotation,
) -> rusqlite::Result<Option<Session>> {
    let at = rotation.at.timestamp_millis();
    let params = named_params! {
        ":presented": rotation.presented.as_bytes(),
        ":successor": rotation.successor.as_bytes(),
        ":sealed": rotation.sealed_successor,
        ":at": at,
        ":idle_end": (rotation.at + rotation.idle_ttl).timestamp_millis(),
    };
    let rotated = transaction.prepare_cached(ROTATE)?.query_row(params, rows::session).optional()?;
    if let Some(session) = &rotated {
        let id = session.id.as_str();
        transaction.prepare_cached(RETIRE)?.execute((rotation.presented.as_bytes(), id, at))?;
        transaction.prepare_cached(FORGET_OLDEST_RETIRED)?.execute((id, REMEMBERED_RETIRED_TOKENS))?;
    }
    Ok(rotated)
}

/// Why a rotation found no live session whose current token was presented.
fn classify(transaction: &Transaction<'_>, rotation: &Rotation) -> rusqlite::Result<RotationOutcome> {
    let Some(session) = by_refresh_token(transaction, &rotation.presented)? else {
        return Ok(RotationOutcome::Unknown);
    };
    if session.check_alone(rotation.at).is_err() {
        return Ok(RotationOutcome::Ended(session));
    }
    let since = (rotation.at - rotation.grace).timestamp_millis();
    let sealed = transaction
        .prepare_cached(
            "SELECT sealed_successor FROM sessions WHERE id = ? AND retired_hash = ? AND retired_at > ?",
        )?
        .query_row((session.id.as_str(), rotation.presented.as_bytes(), since), |row| row.get(0))
        .optional()?;
    Ok(match sealed {
        Some(sealed_successor) => RotationOutcome::Replayed { session, sealed_successor },
        None => RotationOutcome::Reused(session),
    })
}
