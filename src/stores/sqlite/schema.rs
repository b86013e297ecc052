//! The schema and its history. Steps are never changed once released; new ones are added.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::{domain::accounts::name_key, stores::OpenError};

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
", "
-- Who acts for the person in a session, and whether they may change anything.
ALTER TABLE sessions ADD COLUMN impersonator TEXT;
ALTER TABLE sessions ADD COLUMN impersonator_writes INTEGER;

ALTER TABLE users ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN suspension_reason TEXT;
ALTER TABLE users ADD COLUMN suspended_at INTEGER;
ALTER TABLE users ADD COLUMN suspended_until INTEGER;
ALTER TABLE users ADD COLUMN last_seen_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN status INTEGER NOT NULL GENERATED ALWAYS AS (
    CASE WHEN deletion_due_at IS NOT NULL THEN 2 WHEN suspended_at IS NOT NULL THEN 1 ELSE 0 END) VIRTUAL;
CREATE INDEX users_by_name ON users (name_key, id);
CREATE INDEX users_by_username ON users (username, id) WHERE username IS NOT NULL;
CREATE INDEX users_by_last_seen ON users (last_seen_at, id);
CREATE INDEX users_by_status ON users (status, id);
CREATE INDEX users_by_verified ON users (email_verified, id);
CREATE INDEX users_by_suspension_end ON users (suspended_until) WHERE suspended_until IS NOT NULL;

-- Who has a role, kept by what follows.
CREATE TABLE user_roles (
    role    TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (role, user_id)
) STRICT, WITHOUT ROWID;
INSERT INTO user_roles SELECT DISTINCT value, users.id FROM users, json_each(users.roles);
CREATE TRIGGER user_roles_on_insert AFTER INSERT ON users BEGIN
    INSERT OR IGNORE INTO user_roles SELECT value, NEW.id FROM json_each(NEW.roles);
END;
CREATE TRIGGER user_roles_on_update AFTER UPDATE OF roles ON users WHEN OLD.roles <> NEW.roles BEGIN
    DELETE FROM user_roles WHERE user_id = OLD.id AND role IN (SELECT value FROM json_each(OLD.roles));
    INSERT OR IGNORE INTO user_roles SELECT value, NEW.id FROM json_each(NEW.roles);
END;
CREATE TRIGGER user_roles_on_delete AFTER DELETE ON users BEGIN
    DELETE FROM user_roles WHERE user_id = OLD.id AND role IN (SELECT value FROM json_each(OLD.roles));
END;

CREATE TABLE roles (
    name        TEXT PRIMARY KEY,
    permissions TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE service_tokens (
    id           TEXT PRIMARY KEY,
    hash         BLOB NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    permissions  TEXT NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT;

-- What happened. Salt and details go with the person; everything else stays, and each row has the hash of
-- itself and of the row before.
CREATE TABLE audit_events (
    position     INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    at           INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    outcome      TEXT NOT NULL,
    actor        TEXT NOT NULL,
    subject      TEXT,
    session_id   TEXT,
    request_id   TEXT,
    salt         BLOB,
    details      TEXT,
    details_hash BLOB NOT NULL,
    hash         BLOB NOT NULL
) STRICT;
CREATE INDEX audit_events_by_subject ON audit_events (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX audit_events_by_actor ON audit_events (actor, id);
CREATE INDEX audit_events_by_kind ON audit_events (kind, id);
CREATE TABLE audit_ends (
    which    TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    hash     BLOB NOT NULL
) STRICT, WITHOUT ROWID;
", "
-- Where something was done from is forgotten apart from what it was. The events of before have both in one.
ALTER TABLE audit_events ADD COLUMN client_salt BLOB;
ALTER TABLE audit_events ADD COLUMN client TEXT;
ALTER TABLE audit_events ADD COLUMN client_hash BLOB;

-- The sessions of those who act for others end with their own.
ALTER TABLE sessions ADD COLUMN impersonator_epoch INTEGER;
"];

/// The step after which names have keys that SQL cannot make.
const NAME_KEYS: usize = 5;

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

/// The version that this program makes.
pub(super) fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// The version of a file.
pub(super) fn found(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Runs the steps that the file has not seen, all or none of them.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), MigrationError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (found, known) = (found(&transaction)?, known());
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    if done > STEPS.len() {
        return Err(MigrationError::TooNew(OpenError::TooNew { found, known }));
    }
    // A file of today is not written to: it can be opened while the disk is full.
    if found == known {
        return Ok(());
    }
    for (number, step) in (1..).zip(STEPS).skip(done) {
        transaction.execute_batch(step)?;
        if number == NAME_KEYS {
            make_name_keys(&transaction)?;
        }
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

fn make_name_keys(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut names = transaction.prepare("SELECT rowid, name FROM users")?;
    let mut update = transaction.prepare("UPDATE users SET name_key = ?2 WHERE rowid = ?1")?;
    let mut rows = names.query([])?;
    while let Some(row) = rows.next()? {
        let (row, name): (i64, String) = (row.get(0)?, row.get(1)?);
        update.execute(params![row, name_key(&name)])?;
    }
    Ok(())
}
