//! Notes in SQLite. One process serves a file, with the cache in the process, so that there are none
//! unless it uses Redis.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::{database::Database, rows};
use crate::domain::{
    clock::Instant,
    ids::{NoteId, SessionId},
    sessions::{Note, NoteStore},
    store::StoreResult,
};

const INSERT: &str = "INSERT INTO notes (id, user_id, session_id, made_at) VALUES (?, ?, ?, ?)";
const LIST: &str = "SELECT * FROM notes WHERE id > ? ORDER BY id LIMIT ?";
const REMOVE: &str = "DELETE FROM notes WHERE id = ?";
const PURGE: &str = "DELETE FROM notes WHERE made_at < ?";

#[async_trait]
impl NoteStore for Database {
    async fn insert(&self, note: &Note) -> StoreResult<()> {
        self.calls().count_as_background();
        let note = note.clone();
        self.write(move |transaction| {
            let session = note.session_id.as_ref().map(SessionId::as_str);
            let made_at = note.made_at.timestamp_millis();
            let params = params![note.id.as_str(), note.user_id.as_str(), session, made_at];
            transaction.prepare_cached(INSERT)?.execute(params).map(drop)
        })
        .await
    }

    async fn list(&self, after: Option<&NoteId>, limit: u32) -> StoreResult<Vec<Note>> {
        self.calls().count_as_background();
        let after = after.map_or(String::new(), ToString::to_string);
        self.read(move |connection| {
            connection.prepare_cached(LIST)?.query_map(params![after, limit], note)?.collect()
        })
        .await
    }

    async fn remove(&self, ids: &[NoteId]) -> StoreResult<()> {
        self.calls().count_as_background();
        let ids = ids.to_vec();
        self.write(move |transaction| {
            let mut remove = transaction.prepare_cached(REMOVE)?;
            ids.iter().try_for_each(|id| remove.execute([id.as_str()]).map(drop))
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

fn note(row: &Row<'_>) -> rusqlite::Result<Note> {
    let session: Option<String> = row.get("session_id")?;
    Ok(Note {
        id: rows::id(row, "id")?,
        user_id: rows::id(row, "user_id")?,
        session_id: session
            .map(|id| id.parse().map_err(|error| rows::unreadable("session_id", error)))
            .transpose()?,
        made_at: rows::instant(row, "made_at")?,
    })
}
