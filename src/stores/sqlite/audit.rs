//! The audit log in SQLite. There is one writer, so that an event gets its place in the chain as it is
//! written, in the transaction of its change.

use async_trait::async_trait;
use rusqlite::{
    Connection, OptionalExtension, Row, Transaction, named_params, params, params_from_iter,
    types::{Value, ValueRef},
};

use super::{database::Database, rows};
use crate::domain::{
    audit::{
        AuditActor, AuditEvent, AuditFilter, AuditKind, AuditOutcome, AuditSelector, AuditStore, ChainEnds,
        Chained, Forgettable, Link, PersonalParts, Unreadable,
    },
    clock::Instant,
    ids::{AuditEventId, RequestId, SessionId},
    page::{End, PageRequest},
    random::SystemRandom,
    store::StoreResult,
    tokens::TokenHash,
};

const INSERT: &str = "
INSERT INTO audit_events (position, id, at, kind, outcome, actor, subject, session_id, request_id, salt, details,
                          details_hash, client_salt, client, client_hash, hash)
VALUES (:position, :id, :at, :kind, :outcome, :actor, :subject, :session_id, :request_id, :salt, :details,
        :details_hash, :client_salt, :client, :client_hash, :hash)";
const END: &str = "SELECT position, hash FROM audit_ends WHERE which = ?";
const SET_END: &str = "
INSERT INTO audit_ends (which, position, hash) VALUES (?, ?, ?)
ON CONFLICT (which) DO UPDATE SET position = excluded.position, hash = excluded.hash";
const BY_ID: &str = "SELECT * FROM audit_events WHERE id = ?";
const CHAIN: &str = "SELECT * FROM audit_events WHERE position > ? ORDER BY position LIMIT ?";
const REDACT_ABOUT: &str = "
UPDATE audit_events SET salt = NULL, details = NULL, client_salt = NULL, client = NULL
WHERE subject = ?1 AND (details IS NOT NULL OR client IS NOT NULL)";
const REDACT_BY: &str = "
UPDATE audit_events SET client_salt = NULL, client = NULL WHERE actor = ?1 AND client IS NOT NULL";
/// Events of before schema 6, which have the client among their details.
const REDACT_OLD: &str = "
UPDATE audit_events SET salt = NULL, details = NULL
WHERE actor = ?1 AND client_hash IS NULL AND details IS NOT NULL";
/// The last of those that are dropped: they are the first of the chain, and no more than this.
const PURGE_UP_TO: &str = "
SELECT position, hash FROM (
    SELECT position, hash, at FROM audit_events ORDER BY position LIMIT 5000)
WHERE at < ? ORDER BY position DESC LIMIT 1";
const PURGE: &str = "DELETE FROM audit_events WHERE position <= ?";

/// The two ends of the chain.
const FIRST: &str = "first";
const LAST: &str = "last";

/// Adds an event to the end of the chain.
pub(super) fn append(transaction: &Transaction<'_>, event: &AuditEvent) -> rusqlite::Result<()> {
    let parts = PersonalParts::new(event, &SystemRandom);
    let link = end(transaction, LAST)?.next(event, &parts);
    let (salt, json) = parts.details.content.unzip();
    let client_hash = parts.client.as_ref().map(|client| client.hash);
    let (client_salt, client) = parts.client.and_then(|client| client.content).unzip();
    transaction.prepare_cached(INSERT)?.execute(named_params! {
        ":position": link.position,
        ":id": event.id.as_str(),
        ":at": event.at.timestamp_millis(),
        ":kind": event.kind.as_str(),
        ":outcome": event.outcome.as_str(),
        ":actor": event.actor.as_str(),
        ":subject": event.subject,
        ":session_id": event.session_id.as_ref().map(SessionId::as_str),
        ":request_id": event.request_id.as_ref().map(RequestId::as_str),
        ":salt": salt,
        ":details": json,
        ":details_hash": parts.details.hash.as_bytes(),
        ":client_salt": client_salt,
        ":client": client,
        ":client_hash": client_hash.as_ref().map(TokenHash::as_bytes),
        ":hash": link.hash.as_bytes(),
    })?;
    set_end(transaction, LAST, &link)
}

/// The same, where there is one.
pub(super) fn append_any(transaction: &Transaction<'_>, event: Option<&AuditEvent>) -> rusqlite::Result<()> {
    event.map_or(Ok(()), |event| append(transaction, event))
}

fn end(connection: &Connection, which: &str) -> rusqlite::Result<Link> {
    let found = connection.prepare_cached(END)?.query_row([which], link).optional()?;
    Ok(found.unwrap_or_else(Link::origin))
}

fn set_end(transaction: &Transaction<'_>, which: &str, link: &Link) -> rusqlite::Result<()> {
    let values = params![which, link.position, link.hash.as_bytes()];
    transaction.prepare_cached(SET_END)?.execute(values).map(drop)
}

fn link(row: &Row<'_>) -> rusqlite::Result<Link> {
    Ok(Link { position: row.get("position")?, hash: rows::token_hash(row, "hash")? })
}

fn event(row: &Row<'_>) -> rusqlite::Result<AuditEvent> {
    chained(row).map(|chained| chained.event)
}

fn forgettable(row: &Row<'_>, salt: &str, text: &str, hash: &str) -> rusqlite::Result<Forgettable> {
    let content = row.get::<_, Option<Vec<u8>>>(salt)?.zip(row.get::<_, Option<String>>(text)?);
    Ok(Forgettable { content, hash: rows::token_hash(row, hash)? })
}

fn parts(row: &Row<'_>) -> rusqlite::Result<PersonalParts> {
    let has_client = row.get_ref("client_hash")? != ValueRef::Null;
    let client = has_client.then(|| forgettable(row, "client_salt", "client", "client_hash"));
    let details = forgettable(row, "salt", "details", "details_hash")?;
    Ok(PersonalParts { details, client: client.transpose()? })
}

/// What cannot be read was changed, and is told with its place.
fn chained_if_readable(row: &Row<'_>) -> rusqlite::Result<Result<Chained, Unreadable>> {
    let position = row.get("position")?;
    Ok(chained(row).map_err(|_| Unreadable { position }))
}

fn chained(row: &Row<'_>) -> rusqlite::Result<Chained> {
    let (kind, outcome): (String, String) = (row.get("kind")?, row.get("outcome")?);
    let parts = parts(row)?;
    let (details, client) = parts.read();
    let event = AuditEvent {
        id: rows::id(row, "id")?,
        at: rows::instant(row, "at")?,
        kind: AuditKind::parse(&kind).ok_or_else(|| rows::unreadable("kind", "unknown"))?,
        outcome: AuditOutcome::parse(&outcome).ok_or_else(|| rows::unreadable("outcome", "unknown"))?,
        actor: AuditActor::from_stored(row.get("actor")?),
        subject: row.get("subject")?,
        session_id: rows::optional_id(row, "session_id")?,
        request_id: rows::optional_id(row, "request_id")?,
        details,
        client,
    };
    Ok(Chained { event, parts, link: link(row)? })
}

/// The statement of a page, and what is bound to it.
fn page_statement(filter: &AuditFilter, page: &PageRequest<AuditEventId>) -> (String, Vec<Value>) {
    let (mut conditions, mut values) = (Vec::new(), Vec::new());
    let column = match &filter.of {
        AuditSelector::All => None,
        AuditSelector::Subject(subject) => Some(("subject", subject.clone())),
        AuditSelector::Actor(actor) => Some(("actor", actor.clone())),
        AuditSelector::Kind(kind) => Some(("kind", kind.as_str().to_owned())),
    };
    let mut bind = |condition: String, value: String| {
        conditions.push(condition);
        values.push(Value::from(value));
    };
    if let Some((column, value)) = column {
        bind(format!("{column} = ?"), value);
    }
    // Of several bounds on one side SQLite seeks by the first, and reads its way to where the others are met.
    // The newest comes first: what is after an event has a lower id.
    for (operator, id) in [("<", &page.after), (">", &page.before)] {
        if let Some(id) = id {
            bind(format!("id {operator} ?"), id.to_string());
        }
    }
    for (operator, at) in [(">=", filter.since), ("<", filter.until)] {
        if let Some(at) = at {
            bind(format!("id {operator} ?"), AuditEventId::lowest_at(at).to_string());
        }
    }
    let conditions = if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") };
    let direction = if page.end == End::First { "DESC" } else { "ASC" };
    values.push(i64::try_from(page.to_read()).unwrap_or(i64::MAX).into());
    (format!("SELECT * FROM audit_events WHERE {conditions} ORDER BY id {direction} LIMIT ?"), values)
}

#[async_trait]
impl AuditStore for Database {
    async fn append(&self, event: &AuditEvent) -> StoreResult<()> {
        let event = event.clone();
        self.write(move |transaction| append(transaction, &event)).await
    }

    async fn seal(&self, _settled: Instant) -> StoreResult<u64> {
        Ok(0)
    }

    async fn list_events(
        &self,
        filter: &AuditFilter,
        page: &PageRequest<AuditEventId>,
    ) -> StoreResult<Vec<AuditEvent>> {
        let (text, values) = page_statement(filter, page);
        self.read(move |connection| {
            connection.prepare_cached(&text)?.query_map(params_from_iter(values), event)?.collect()
        })
        .await
    }

    async fn find_event(&self, id: &AuditEventId) -> StoreResult<Option<AuditEvent>> {
        let id = id.clone();
        self.read(move |connection| {
            connection.prepare_cached(BY_ID)?.query_row([id.as_str()], event).optional()
        })
        .await
    }

    async fn chain(&self, after: i64, limit: usize) -> StoreResult<Vec<Result<Chained, Unreadable>>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            connection.prepare_cached(CHAIN)?.query_map([after, limit], chained_if_readable)?.collect()
        })
        .await
    }

    async fn ends(&self) -> StoreResult<ChainEnds> {
        self.read(|connection| Ok(ChainEnds { first: end(connection, FIRST)?, last: end(connection, LAST)? }))
            .await
    }

    async fn unsealed(&self) -> StoreResult<u64> {
        Ok(0)
    }

    async fn redact(&self, user: &str) -> StoreResult<u64> {
        let user = user.to_owned();
        self.write(move |transaction| {
            let mut redacted = 0;
            for statement in [REDACT_ABOUT, REDACT_BY, REDACT_OLD] {
                redacted += transaction.prepare_cached(statement)?.execute([&user])? as u64;
            }
            Ok(redacted)
        })
        .await
    }

    async fn purge_events(&self, before: Instant) -> StoreResult<u64> {
        self.calls().count_as_background();
        let dropped = self
            .write(move |transaction| {
                let mut last = transaction.prepare_cached(PURGE_UP_TO)?;
                let Some(last) = last.query_row([before.timestamp_millis()], link).optional()? else {
                    return Ok(0);
                };
                set_end(transaction, FIRST, &last)?;
                transaction.prepare_cached(PURGE)?.execute([last.position])
            })
            .await?;
        Ok(dropped as u64)
    }
}
