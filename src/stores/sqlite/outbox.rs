//! The outbox in SQLite.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, named_params, params};

use super::{database::Database, rows};
use crate::domain::{
    clock::Instant,
    ids::{TaskId, UserId},
    outbox::{Enqueued, Entry, KEPT_AFTER_DONE, KEPT_AFTER_GIVING_UP, OutboxStore, OutboxSummary},
    store::StoreResult,
};

const ENQUEUE: &str = "
INSERT INTO outbox (id, slot, user_id, kind, task, created_at, due_at, attempts)
VALUES (:id, :slot, :user_id, :kind, :task, :created_at, :due_at, :attempts)
ON CONFLICT (slot) DO UPDATE SET
    id = excluded.id, user_id = excluded.user_id, kind = excluded.kind, task = excluded.task,
    created_at = excluded.created_at, due_at = excluded.due_at, attempts = excluded.attempts,
    ended_at = NULL, failure = NULL
WHERE :unless_after IS NULL OR outbox.created_at <= :unless_after";
const MADE_AT: &str = "SELECT created_at FROM outbox WHERE slot = ?";
const CLAIM: &str = "
UPDATE outbox SET attempts = attempts + 1, due_at = :until
WHERE id IN (SELECT id FROM outbox WHERE ended_at IS NULL AND due_at <= :now ORDER BY due_at LIMIT :limit)
RETURNING *";
const FINISH: &str =
    "UPDATE outbox SET ended_at = ?, task = NULL, user_id = NULL WHERE id = ? AND ended_at IS NULL";
const POSTPONE: &str = "UPDATE outbox SET due_at = ? WHERE id = ? AND ended_at IS NULL";
const GIVE_UP: &str =
    "UPDATE outbox SET ended_at = ?, task = NULL, failure = ? WHERE id = ? AND ended_at IS NULL";
const LIST: &str = "SELECT * FROM outbox WHERE user_id = ? AND ended_at IS NULL ORDER BY id LIMIT 1000";
const FORGET: &str = "DELETE FROM outbox WHERE user_id = ? AND id <> ?";
const PURGE: &str = "
DELETE FROM outbox WHERE ended_at IS NOT NULL
    AND ended_at <= CASE WHEN failure IS NULL THEN :done ELSE :given_up END";
const SUMMARY: &str = "
SELECT (SELECT count(*) FROM outbox WHERE ended_at IS NULL),
       (SELECT count(*) FROM outbox WHERE ended_at IS NOT NULL AND failure IS NOT NULL),
       (SELECT min(due_at) FROM outbox WHERE ended_at IS NULL)";

#[async_trait]
impl OutboxStore for Database {
    async fn enqueue(&self, entry: &Entry, unless_after: Option<Instant>) -> StoreResult<Enqueued> {
        let entry = entry.clone();
        self.write(move |transaction| {
            let written = transaction.prepare_cached(ENQUEUE)?.execute(named_params! {
                ":id": entry.id.as_str(),
                ":slot": entry.slot,
                ":user_id": entry.user_id.as_ref().map(UserId::as_str),
                ":kind": entry.task.kind(),
                ":task": rows::json(&entry.task)?,
                ":created_at": entry.created_at.timestamp_millis(),
                ":due_at": entry.due_at.timestamp_millis(),
                ":attempts": entry.attempts,
                ":unless_after": unless_after.map(|at| at.timestamp_millis()),
            })?;
            if written == 1 {
                return Ok(Enqueued::Queued);
            }
            let mut made_at = transaction.prepare_cached(MADE_AT)?;
            made_at.query_row([&entry.slot], |row| {
                Ok(Enqueued::Recent { at: rows::instant(row, "created_at")? })
            })
        })
        .await
    }

    async fn claim(&self, now: Instant, until: Instant, limit: usize) -> StoreResult<Vec<Entry>> {
        self.calls().count_as_background();
        let is_any_due = move |connection: &rusqlite::Connection| {
            let mut due = connection
                .prepare_cached("SELECT 1 FROM outbox WHERE ended_at IS NULL AND due_at <= ? LIMIT 1")?;
            due.query_row([now.timestamp_millis()], |_| Ok(())).optional()
        };
        // Most of the time there is nothing to do, and no reason to write.
        if self.read(is_any_due).await?.is_none() {
            return Ok(Vec::new());
        }
        self.calls().count_as_background();
        self.write(move |transaction| {
            let params = named_params! {
                ":now": now.timestamp_millis(),
                ":until": until.timestamp_millis(),
                ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
            };
            transaction.prepare_cached(CLAIM)?.query_map(params, rows::outbox_entry)?.collect()
        })
        .await
    }

    async fn finish(&self, id: &TaskId, at: Instant) -> StoreResult<()> {
        self.calls().count_as_background();
        let id = id.clone();
        self.write(move |transaction| {
            transaction.prepare_cached(FINISH)?.execute(params![at.timestamp_millis(), id.as_str()])
        })
        .await
        .map(drop)
    }

    async fn postpone(&self, id: &TaskId, due_at: Instant) -> StoreResult<()> {
        self.calls().count_as_background();
        let id = id.clone();
        self.write(move |transaction| {
            transaction.prepare_cached(POSTPONE)?.execute(params![due_at.timestamp_millis(), id.as_str()])
        })
        .await
        .map(drop)
    }

    async fn give_up(&self, id: &TaskId, at: Instant, reason: &str) -> StoreResult<()> {
        self.calls().count_as_background();
        let (id, reason) = (id.clone(), reason.to_owned());
        self.write(move |transaction| {
            let params = params![at.timestamp_millis(), reason, id.as_str()];
            transaction.prepare_cached(GIVE_UP)?.execute(params)
        })
        .await
        .map(drop)
    }

    async fn list_of(&self, user: &UserId) -> StoreResult<Vec<Entry>> {
        let user = user.clone();
        self.read(move |connection| {
            connection.prepare_cached(LIST)?.query_map([user.as_str()], rows::outbox_entry)?.collect()
        })
        .await
    }

    async fn forget(&self, user: &UserId, kept: &TaskId) -> StoreResult<()> {
        let (user, kept) = (user.clone(), kept.clone());
        self.write(move |transaction| {
            transaction.prepare_cached(FORGET)?.execute([user.as_str(), kept.as_str()])
        })
        .await
        .map(drop)
    }

    async fn purge(&self, now: Instant) -> StoreResult<u64> {
        self.calls().count_as_background();
        self.write(move |transaction| {
            transaction.prepare_cached(PURGE)?.execute(named_params! {
                ":done": (now - KEPT_AFTER_DONE).timestamp_millis(),
                ":given_up": (now - KEPT_AFTER_GIVING_UP).timestamp_millis(),
            })
        })
        .await
        .map(|count| count as u64)
    }

    async fn summary(&self) -> StoreResult<OutboxSummary> {
        self.calls().count_as_background();
        self.read(|connection| {
            connection.prepare_cached(SUMMARY)?.query_row([], |row| {
                let [waiting, given_up]: [i64; 2] = [row.get(0)?, row.get(1)?];
                Ok(OutboxSummary {
                    waiting: waiting.unsigned_abs(),
                    given_up: given_up.unsigned_abs(),
                    oldest_due_at: row.get::<_, Option<i64>>(2)?.map(rows::from_millis).transpose()?,
                })
            })
        })
        .await
    }
}
