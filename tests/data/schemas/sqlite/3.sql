-- A database of schema 3, as it was dumped.
BEGIN TRANSACTION;
CREATE TABLE notes (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    session_id TEXT,
    made_at    INTEGER NOT NULL
) STRICT;
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
CREATE TABLE retired_tokens (
    hash             BLOB PRIMARY KEY,
    session_id       TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    retired_at       INTEGER NOT NULL,
    sealed_successor BLOB NOT NULL
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
, authenticated_at INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "sessions" VALUES('sess_01m8j94hc7f99sda1wb4ayk353','user_01m8j94h8ye98sx0852pqxbqy5','curl','curl/7.88.1','127.0.0.1',1795909895559,1795909895559,4102444800000,4102444800000,NULL,1,1,X'C86281047B4F85D8C41A709C5C01AF5BEF9644DB7DA89167085EA37FB09F4E79',X'169C68F6597C8B38CDED244BE3E90E7E6F6D6DFB551B02D3ECB1712BA220826F',1795909895559);
INSERT INTO "sessions" VALUES('sess_01m8j94m24fc79vewxdp68bdm3','user_01m8j94m1zffcb430e0b8b7c9g','curl','curl/7.88.1','127.0.0.1',1795909898308,1795909898308,4102444800000,4102444800000,NULL,1,1,X'F4A79CFC89CF21522EFA5F7A1BDD114229138DE99AA35190A3F6B7438B3DDFB5',X'4CE9D1C6A741F8009DC09D66411E0E6E02867EEC0EB83CF01F1E202618673BCD',1795909898308);
INSERT INTO "sessions" VALUES('sess_01m8j94m4ffnjt7fa7sckzx215','user_01m8j94h8ye98sx0852pqxbqy5','curl','curl/7.88.1','127.0.0.1',1795909898383,1795909898383,4102444800000,4102444800000,NULL,1,1,X'3D211DDB12151D9223D69F7D21824C82FF4863E2F1A6BCEF4A7443113133AFCD',X'C80A678DADCBC741B2B1FD086F979C07B136E80BF1CBB63AF1AC0E12C7E784F6',1795909898383);
CREATE TABLE signing_keys (
    id          TEXT PRIMARY KEY,
    algorithm   TEXT NOT NULL,
    material    BLOB NOT NULL,
    sealed      INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    generation  INTEGER NOT NULL UNIQUE,
    active_from INTEGER NOT NULL
) STRICT;
INSERT INTO "signing_keys" VALUES('key_01m8j94fynfpm8r9fc2d218n98','EdDSA',X'302E020100300506032B6570042204207C910A4F604CA3AC0808AC2581515A2CDE54ACB8EBAB7B7E4F68E050FAE865EA',0,1795909894101,1,1795909894101);
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
, username TEXT, username_key TEXT, locale TEXT, time_zone TEXT, avatar TEXT, public_metadata TEXT NOT NULL DEFAULT '{}', app_metadata TEXT NOT NULL DEFAULT '{}', deletion_due_at INTEGER, credential_epoch INTEGER NOT NULL DEFAULT 1) STRICT;
INSERT INTO "users" VALUES('user_01m8j94h8ye98sx0852pqxbqy5','ada@example.com','ada@example.com',0,'Ada Lovelace','["user"]','$2b$04$RQ2SQDGtx0KOehvAnO/ZgePaExCaXAxMTBM19O7uDNRa6o86CAOFa',1795909895454,1795909895454,1,1,'ada','ada','fr',NULL,NULL,'{}','{}',NULL,1);
INSERT INTO "users" VALUES('user_01m8j94m1zffcb430e0b8b7c9g','Zoé@example.fr','zoé@example.fr',0,'ZOÉ','["user"]','$2b$04$nC31b7Dprb8W9vpOW6C7gu5vYjdld/vLF/B2G1IxPyoq1bouFpfpG',1795909898303,1795909898303,1,1,NULL,NULL,NULL,NULL,NULL,'{}','{}',NULL,1);
CREATE INDEX sessions_by_expiry ON sessions (idle_expires_at);
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX retired_tokens_by_session ON retired_tokens (session_id, retired_at);
CREATE INDEX sessions_by_user ON sessions (user_id, ended_at, id);
CREATE INDEX notes_by_time ON notes (made_at);
CREATE UNIQUE INDEX users_unique_username_key ON users (username_key) WHERE username_key IS NOT NULL;
CREATE INDEX one_time_tokens_by_ticket ON one_time_tokens (ticket, id) WHERE ticket IS NOT NULL;
CREATE INDEX one_time_tokens_by_user ON one_time_tokens (user_id, id);
CREATE INDEX one_time_tokens_by_expiry ON one_time_tokens (expires_at);
CREATE INDEX outbox_by_due ON outbox (due_at) WHERE ended_at IS NULL;
CREATE INDEX outbox_by_end ON outbox (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX outbox_by_user ON outbox (user_id) WHERE user_id IS NOT NULL;
COMMIT;
PRAGMA user_version = 3;
