-- A database of schema 6, as it was dumped.
BEGIN TRANSACTION;
CREATE TABLE answers (
    id          BLOB PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    begun_at    INTEGER NOT NULL,
    sealed      BLOB
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_ends (
    which    TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    hash     BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "audit_ends" VALUES('last',4,X'29AAE2AF9BC5AD64BC3913013CFFF96BF4FE08786BB3F4DC8B372460698D997A');
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
, client_salt BLOB, client TEXT, client_hash BLOB) STRICT;
INSERT INTO "audit_events" VALUES(1,'evt_01m8j94fynemtr2ap4e7jbysbz',1795909894101,'KEY_ROTATED','SUCCESS','system','key_01m8j94fynfpm8r9fc2d218n98',NULL,NULL,X'03D972387DE88177C6E2421D0EEBCB23','{"changes":{"algorithm":"EdDSA","signsFrom":"2026-11-28T23:51:34.101+00:00"}}',X'1B3EDB376BC335A5EBD17D2E56025739F42DBB42B6513326CEF35939B6310C9C',X'8750D3F97211EDBD9C819068C5ECF099FB0CFBA59C409C92EE904085069B0C75',X'72E0228DEC5997B9062E532A47529492','{}',X'0BBE4A2C4FD5688585A5A0390061AF3ED024463C49A2106044D030FE2C244B5F');
INSERT INTO "audit_events" VALUES(2,'evt_01m8j94h8yfv1a3djqe76wpbsp',1795909895454,'REGISTERED','SUCCESS','user_01m8j94h8ye98sx0852pqxbqy5','user_01m8j94h8ye98sx0852pqxbqy5',NULL,'req_01m8j94g7te598qz19yznnw59j',X'52DB32CC5B6E4BF142F5265167B25645','{}',X'C59F95C1BA4035C0AC07590252E4BD5D4F03A1F1539BC306BCEF936ACD958F71',X'53D1E6C456AFBD0F98027E5FE46E7D340619BE0C0749FBC92A328A22F9E551B2',X'819E1EA6B92302754CF7B8A8674B4002','{"ipAddress":"127.0.0.1","userAgent":"curl/7.88.1"}',X'F00995F48F1BA00EE14B6480D31C550EFA9672C1480D6D4015E000794908CEF3');
INSERT INTO "audit_events" VALUES(3,'evt_01m8j94m1zf3nsnae7zm6kzwb2',1795909898303,'REGISTERED','SUCCESS','user_01m8j94m1zffcb430e0b8b7c9g','user_01m8j94m1zffcb430e0b8b7c9g',NULL,'req_01m8j94m10e4ybwk5xthwbts3x',X'C67F4CA5CA388BBF28ED77B867C4B82C','{}',X'05E909C54730F4AE604C808A42A9BB863DD92D57E24948D254023143E8E581BF',X'0DB53DFFBD00729AE4EA8DA5852AB9DA6312D2B359A9644061D1AD66DA2282E3',X'EAFB209DF69EECBBCB16B6A6A4045907','{"ipAddress":"127.0.0.1","userAgent":"curl/7.88.1"}',X'DC21652D8B57C0F49E4DF57CAD921555B4959E28EC9BE46430FB75E23EB24CE6');
INSERT INTO "audit_events" VALUES(4,'evt_01m8j94m4fedstmnxkpx68dhah',1795909898383,'LOGIN','SUCCESS','user_01m8j94h8ye98sx0852pqxbqy5','user_01m8j94h8ye98sx0852pqxbqy5','sess_01m8j94m4ffnjt7fa7sckzx215','req_01m8j94m3hfnt976xm1fxspqed',X'F9107A978CEC76375EB98D4F7185F827','{}',X'9C71758BBBF2B58CCDC170AC96DA756306DDE7B848C43BC5B8E29181EE1C00E7',X'29AAE2AF9BC5AD64BC3913013CFFF96BF4FE08786BB3F4DC8B372460698D997A',X'4CC67D6C323505824A847DDEE1D5D6CE','{"ipAddress":"127.0.0.1","userAgent":"curl/7.88.1"}',X'043788FCDF549DE013F07B4476DA9D302EAD77C46EF3CE33666F865288500C8A');
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
, authenticated_at INTEGER NOT NULL DEFAULT 0, impersonator TEXT, impersonator_writes INTEGER, impersonator_epoch INTEGER) STRICT;
INSERT INTO "sessions" VALUES('sess_01m8j94hc7f99sda1wb4ayk353','user_01m8j94h8ye98sx0852pqxbqy5','curl','curl/7.88.1','127.0.0.1',1795909895559,1795909895559,4102444800000,4102444800000,NULL,1,1,X'C86281047B4F85D8C41A709C5C01AF5BEF9644DB7DA89167085EA37FB09F4E79',X'169C68F6597C8B38CDED244BE3E90E7E6F6D6DFB551B02D3ECB1712BA220826F',1795909895559,NULL,NULL,NULL);
INSERT INTO "sessions" VALUES('sess_01m8j94m24fc79vewxdp68bdm3','user_01m8j94m1zffcb430e0b8b7c9g','curl','curl/7.88.1','127.0.0.1',1795909898308,1795909898308,4102444800000,4102444800000,NULL,1,1,X'F4A79CFC89CF21522EFA5F7A1BDD114229138DE99AA35190A3F6B7438B3DDFB5',X'4CE9D1C6A741F8009DC09D66411E0E6E02867EEC0EB83CF01F1E202618673BCD',1795909898308,NULL,NULL,NULL);
INSERT INTO "sessions" VALUES('sess_01m8j94m4ffnjt7fa7sckzx215','user_01m8j94h8ye98sx0852pqxbqy5','curl','curl/7.88.1','127.0.0.1',1795909898383,1795909898383,4102444800000,4102444800000,NULL,1,1,X'3D211DDB12151D9223D69F7D21824C82FF4863E2F1A6BCEF4A7443113133AFCD',X'C80A678DADCBC741B2B1FD086F979C07B136E80BF1CBB63AF1AC0E12C7E784F6',1795909898383,NULL,NULL,NULL);
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
CREATE TABLE user_roles (
    role    TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (role, user_id)
) STRICT, WITHOUT ROWID;
INSERT INTO "user_roles" VALUES('user','user_01m8j94h8ye98sx0852pqxbqy5');
INSERT INTO "user_roles" VALUES('user','user_01m8j94m1zffcb430e0b8b7c9g');
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
, username TEXT, username_key TEXT, locale TEXT, time_zone TEXT, avatar TEXT, public_metadata TEXT NOT NULL DEFAULT '{}', app_metadata TEXT NOT NULL DEFAULT '{}', deletion_due_at INTEGER, credential_epoch INTEGER NOT NULL DEFAULT 1, name_key TEXT NOT NULL DEFAULT '', suspension_reason TEXT, suspended_at INTEGER, suspended_until INTEGER, last_seen_at INTEGER NOT NULL DEFAULT 0, status INTEGER NOT NULL GENERATED ALWAYS AS (
    CASE WHEN deletion_due_at IS NOT NULL THEN 2 WHEN suspended_at IS NOT NULL THEN 1 ELSE 0 END) VIRTUAL) STRICT;
INSERT INTO "users" VALUES('user_01m8j94h8ye98sx0852pqxbqy5','ada@example.com','ada@example.com',0,'Ada Lovelace','["user"]','$2b$04$RQ2SQDGtx0KOehvAnO/ZgePaExCaXAxMTBM19O7uDNRa6o86CAOFa',1795909895454,1795909895454,1,1,'ada','ada','fr',NULL,NULL,'{}','{}',NULL,1,'ada lovelace',NULL,NULL,NULL,0);
INSERT INTO "users" VALUES('user_01m8j94m1zffcb430e0b8b7c9g','Zoé@example.fr','zoé@example.fr',0,'ZOÉ','["user"]','$2b$04$nC31b7Dprb8W9vpOW6C7gu5vYjdld/vLF/B2G1IxPyoq1bouFpfpG',1795909898303,1795909898303,1,1,NULL,NULL,NULL,NULL,NULL,'{}','{}',NULL,1,'zoé',NULL,NULL,NULL,0);
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
CREATE INDEX answers_by_time ON answers (begun_at);
CREATE INDEX users_by_name ON users (name_key, id);
CREATE INDEX users_by_username ON users (username, id) WHERE username IS NOT NULL;
CREATE INDEX users_by_last_seen ON users (last_seen_at, id);
CREATE INDEX users_by_status ON users (status, id);
CREATE INDEX users_by_verified ON users (email_verified, id);
CREATE INDEX users_by_suspension_end ON users (suspended_until) WHERE suspended_until IS NOT NULL;
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
CREATE INDEX audit_events_by_subject ON audit_events (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX audit_events_by_actor ON audit_events (actor, id);
CREATE INDEX audit_events_by_kind ON audit_events (kind, id);
COMMIT;
PRAGMA user_version = 6;
