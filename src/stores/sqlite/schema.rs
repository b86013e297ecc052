//! The schema and its history. Steps are never changed once released; new ones are added.

use rusqlite::{Connection, TransactionBehavior};

use crate::stores::OpenError;

/// The steps from an empty file to the schema of today. Times are milliseconds since 1970, UTC.
const STEPS: &[&str] = &["
CREATE TABLE users (
    id             TEXT PRIMARY KEY,
    email          TEXT NOT NULL,
    email_key      TEXT NOT NULL UNIQUE,
    email_verified INTEGER NOT NULL,
    name           TEXT NOT NULL,
    roles          TEXT NOT NULL,
    password_hash  TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    session_epoch  INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id                  TEXT PRIMARY KEY,
    user_id             TEXT NOT NULL,
    device_name         TEXT,
    user_agent          TEXT,
    ip_address          TEXT,
    created_at          INTEGER NOT NULL,
    last_seen_at        INTEGER NOT NULL,
    idle_expires_at     INTEGER NOT NULL,
    absolute_expires_at INTEGER NOT NULL,
    ended_at            INTEGER,
    session_epoch       INTEGER NOT NULL,
    version             INTEGER NOT NULL,
    refresh_family      BLOB NOT NULL UNIQUE,
    refresh_hash        BLOB NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (idle_expires_at);
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Refresh tokens that were rotated away and can still be exchanged for their successor.
CREATE TABLE retired_tokens (
    hash             BLOB PRIMARY KEY,
    session_id       TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    retired_at       INTEGER NOT NULL,
    sealed_successor BLOB NOT NULL
) STRICT;
CREATE INDEX retired_tokens_by_session ON retired_tokens (session_id, retired_at);

CREATE TABLE signing_keys (
    id         TEXT PRIMARY KEY,
    material   BLOB NOT NULL,
    sealed     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    active     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (active) WHERE active = 1;
", "
-- A person's live sessions in the order of their ids.
DROP INDEX sessions_by_user;
CREATE INDEX sessions_by_user ON sessions (user_id, ended_at, id);

-- What the cache could not be told.
CREATE TABLE notes (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    session_id TEXT,
    made_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX notes_by_time ON notes (made_at);

-- Keys are replaced: the newest one whose time has come signs.
ALTER TABLE signing_keys RENAME TO signing_keys_before;
DROP INDEX signing_keys_one_active;
CREATE TABLE signing_keys (
    id          TEXT PRIMARY KEY,
    algorithm   TEXT NOT NULL,
    material    BLOB NOT NULL,
    sealed      INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    generation  INTEGER NOT NULL UNIQUE,
    active_from INTEGER NOT NULL
) STRICT;
INSERT INTO signing_keys
    SELECT id, 'EdDSA', material, sealed, created_at, row_number() OVER (ORDER BY active, created_at), created_at
    FROM signing_keys_before;
DROP TABLE signing_keys_before;
", "
ALTER TABLE users ADD COLUMN username TEXT;
ALTER TABLE users ADD COLUMN username_key TEXT;
ALTER TABLE users ADD COLUMN locale TEXT;
ALTER TABLE users ADD COLUMN time_zone TEXT;
ALTER TABLE users ADD COLUMN avatar TEXT;
ALTER TABLE users ADD COLUMN public_metadata TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN app_metadata TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN deletion_due_at INTEGER;
ALTER TABLE users ADD COLUMN credential_epoch INTEGER NOT NULL DEFAULT 1;
CREATE UNIQUE INDEX users_unique_username_key ON users (username_key) WHERE username_key IS NOT NULL;

ALTER TABLE sessions ADD COLUMN authenticated_at INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET authenticated_at = created_at;

-- What mails carry so that their reader can do one thing once.
CREATE TABLE one_time_tokens (
    id               TEXT PRIMARY KEY,
    hash             BLOB NOT NULL UNIQUE,
    purpose          TEXT NOT NULL,
    user_id          TEXT NOT NULL,
    credential_epoch INTEGER NOT NULL,
    email            TEXT NOT NULL,
    ticket           BLOB,
    code             BLOB,
    code_expires_at  INTEGER,
    attempts         INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    used_at          INTEGER
) STRICT;
CREATE INDEX one_time_tokens_by_ticket ON one_time_tokens (ticket, id) WHERE ticket IS NOT NULL;
CREATE INDEX one_time_tokens_by_user ON one_time_tokens (user_id, id);
CREATE INDEX one_time_tokens_by_expiry ON one_time_tokens (expires_at);

-- What is to be done later. An entry that was done or given up has an end, and its task is forgotten.
CREATE TABLE outbox (
    id         TEXT PRIMARY KEY,
    slot       TEXT NOT NULL UNIQUE,
    user_id    TEXT,
    kind       TEXT NOT NULL,
    task       TEXT,
    created_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    ended_at   INTEGER,
    failure    TEXT
) STRICT;
CREATE INDEX outbox_by_due ON outbox (due_at) WHERE ended_at IS NULL;
CREATE INDEX outbox_by_end ON outbox (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX outbox_by_user ON outbox (user_id) WHERE user_id IS NOT NULL;
", "
-- Answers that are given again, by the hash of their key; sealed with what their client has sent.
CREATE TABLE answers (
    id          BLOB PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    begun_at    INTEGER NOT NULL,
    sealed      BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_time ON answers (begun_at);
"];

/// Why the schema could not be brought up to date.
pub(super) enum MigrationError {
    Sqlite(rusqlite::Error),
    TooNew(OpenError),
}

impl From<rusqlite::Error> for MigrationError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Runs the steps that the file has not seen, all or none of them.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), MigrationError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    if done > STEPS.len() {
        return Err(MigrationError::TooNew(OpenError::TooNew { found, known }));
    }
    for step in &STEPS[done..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}
