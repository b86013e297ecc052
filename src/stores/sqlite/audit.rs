//! The audit log in SQLite. There is one writer, so that an event gets its place in the chain as it is
//! written, in the transaction of its change.

use async_trait::async_trait;
use rusqlite::{
    Connection, OptionalExtension, Row, Transaction, named_params, params, params_from_iter, types::Value,
};

use super::{database::Database, rows};
use crate::domain::{
    audit::{
        AuditActor, AuditEvent, AuditFilter, AuditKind, AuditOutcome, AuditSelector, AuditStore, ChainEnds,
        Chained, Link, StoredDetails,
    },
    clock::Instant,
    ids::{AuditEventId, RequestId, SessionId},
    page::{End, PageRequest},
    random::SystemRandom,
    store::StoreResult,
};

const INSERT: &str = "
INSERT INTO audit_events (position, id, at, kind, outcome, actor, subject, session_id, request_id, salt, details,
                          details_hash, hash)
VALUES (:position, :id, :at, :kind, :outcome, :actor, :subject, :session_id, :request_id, :salt, :details,
        :details_hash, :hash)";
const END: &str = "SELECT position, hash FROM audit_ends WHERE which = ?";
const SET_END: &str = "
INSERT INTO audit_ends (which, position, hash) VALUES (?, ?, ?)
ON CONFLICT (which) DO UPDATE SET position = excluded.position, hash = excluded.hash";
const CHAIN: &str = "SELECT * FROM audit_events WHERE position > ? ORDER BY position LIMIT ?";
const REDACT: &str = "
UPDATE audit_events SET salt = NULL, details = NULL
WHERE details IS NOT NULL AND position IN (
    SELECT position FROM audit_events WHERE subject = ?1
    UNION SELECT position FROM audit_events WHERE actor = ?1)";
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
    let details = StoredDetails::new(event.details.as_ref(), &SystemRandom);
    let link = end(transaction, LAST)?.next(event, &details.hash);
    let (salt, json) = details.content.unzip();
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
        ":details_hash": details.hash.as_bytes(),
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

fn chained(row: &Row<'_>) -> rusqlite::Result<Chained> {
    let (kind, outcome): (String, String) = (row.get("kind")?, row.get("outcome")?);
    let content = row.get::<_, Option<Vec<u8>>>("salt")?.zip(row.get::<_, Option<String>>("details")?);
    let details = StoredDetails { content, hash: rows::token_hash(row, "details_hash")? };
    let session: Option<String> = row.get("session_id")?;
    let request: Option<String> = row.get("request_id")?;
    let event = AuditEvent {
        id: rows::id(row, "id")?,
        at: rows::instant(row, "at")?,
        kind: AuditKind::parse(&kind).ok_or_else(|| rows::unreadable("kind", "unknown"))?,
        outcome: AuditOutcome::parse(&outcome).ok_or_else(|| rows::unreadable("outcome", "unknown"))?,
        actor: AuditActor::from_stored(row.get("actor")?),
        subject: row.get("subject")?,
        session_id: session.and_then(|id| id.parse().ok()),
        request_id: request.and_then(|id| id.parse().ok()),
        details: details.read(),
    };
    Ok(Chained { event, details, link: link(row)? })
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
    for (operator, at) in [(">=", filter.since), ("<", filter.until)] {
        if let Some(at) = at {
            bind(format!("id {operator} ?"), AuditEventId::lowest_at(at).to_string());
        }
    }
    // The newest comes first: what is after an event has a lower id.
    for (operator, id) in [("<", &page.after), (">", &page.before)] {
        if let Some(id) = id {
            bind(format!("id {operator} ?"), id.to_string());
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

    async fn chain(&self, after: i64, limit: usize) -> StoreResult<Vec<Chained>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            connection.prepare_cached(CHAIN)?.query_map([after, limit], chained)?.collect()
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
        let redacted =
            self.write(move |transaction| transaction.prepare_cached(REDACT)?.execute([user])).await?;
        Ok(redacted as u64)
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
