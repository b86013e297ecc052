//! Answers by their keys in SQLite.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Row, params};

use super::{database::Database, rows};
use crate::domain::{
    clock::Instant,
    idempotency::{Answer, AnswerStore, Begun, Reservation},
    store::StoreResult,
};

/// Takes a key that is free.
const BEGIN: &str = "
INSERT INTO answers (id, fingerprint, begun_at) VALUES (?1, ?2, ?3)
ON CONFLICT (id) DO UPDATE SET fingerprint = ?2, begun_at = ?3, sealed = NULL
WHERE begun_at < ?5 OR (sealed IS NULL AND begun_at < ?4)
RETURNING id";
const FIND: &str = "SELECT fingerprint, sealed FROM answers WHERE id = ?";
const FINISH: &str = "UPDATE answers SET sealed = ? WHERE id = ? AND begun_at = ? AND sealed IS NULL";
const ABANDON: &str = "DELETE FROM answers WHERE id = ? AND begun_at = ? AND sealed IS NULL";
const PURGE: &str = "DELETE FROM answers WHERE begun_at < ?";

#[async_trait]
impl AnswerStore for Database {
    async fn begin(
        &self,
        reservation: &Reservation,
        given_up: Instant,
        expired: Instant,
    ) -> StoreResult<Begun> {
        let Reservation { id, fingerprint, at } = reservation.clone();
        self.write(move |transaction| {
            let [at, given_up, expired] = [at, given_up, expired].map(|time| time.timestamp_millis());
            let taken = transaction
                .prepare_cached(BEGIN)?
                .query_row(params![id.as_bytes(), fingerprint.as_bytes(), at, given_up, expired], |_| Ok(()))
                .optional()?;
            if taken.is_some() {
                return Ok(Begun::New);
            }
            let found = transaction.prepare_cached(FIND)?.query_row([id.as_bytes()], answer)?;
            Ok(Begun::Known(found))
        })
        .await
    }

    async fn finish(&self, reservation: &Reservation, sealed: Vec<u8>) -> StoreResult<()> {
        let Reservation { id, at, .. } = reservation.clone();
        self.write(move |transaction| {
            let params = params![sealed, id.as_bytes(), at.timestamp_millis()];
            transaction.prepare_cached(FINISH)?.execute(params).map(drop)
        })
        .await
    }

    async fn abandon(&self, reservation: &Reservation) -> StoreResult<()> {
        let Reservation { id, at, .. } = reservation.clone();
        self.write(move |transaction| {
            let params = params![id.as_bytes(), at.timestamp_millis()];
            transaction.prepare_cached(ABANDON)?.execute(params).map(drop)
        })
        .await
    }

    async fn purge(&self, before: Instant) -> StoreResult<u64> {
        self.calls().count_as_background();
        let before = before.timestamp_millis();
        let dropped =
            self.write(move |transaction| transaction.prepare_cached(PURGE)?.execute([before])).await;
        dropped.map(|count| count as u64)
    }
}

fn answer(row: &Row<'_>) -> rusqlite::Result<Answer> {
    Ok(Answer { fingerprint: rows::token_hash(row, "fingerprint")?, sealed: row.get("sealed")? })
}
