//! Rows to domain types and back.

use std::{error::Error as StdError, str::FromStr};

use chrono::DateTime;
use rusqlite::{Row, types::Type};
use serde::Serialize;

use crate::domain::{
    accounts::{
        DisplayName, EmailAddress, Locale, Metadata, Suspension, TimeZone, User, UserMetadata,
        UserWithPassword, Username,
    },
    clock::Instant,
    one_time::{CodeState, OneTimeToken, Purpose},
    outbox::{Entry, Task},
    passwords::PasswordHash,
    sessions::{Impersonation, RetiredToken, Session},
    tokens::TokenHash,
};

pub(super) fn unreadable(column: &str, error: impl Into<Box<dyn StdError + Send + Sync>>) -> rusqlite::Error {
    let reason = format!("{column}: {}", error.into());
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, reason.into())
}

pub(super) fn id<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    T: FromStr,
    T::Err: StdError + Send + Sync + 'static,
{
    row.get::<_, String>(column)?.parse().map_err(|error: T::Err| unreadable(column, error))
}

pub(super) fn optional_id<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    T: FromStr,
    T::Err: StdError + Send + Sync + 'static,
{
    let found: Option<String> = row.get(column)?;
    found.map(|text| text.parse().map_err(|error: T::Err| unreadable(column, error))).transpose()
}

pub(super) fn instant(row: &Row<'_>, column: &str) -> rusqlite::Result<Instant> {
    from_millis(row.get(column)?)
}

pub(super) fn from_millis(millis: i64) -> rusqlite::Result<Instant> {
    DateTime::from_timestamp_millis(millis).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, millis))
}

pub(super) fn optional_instant(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Instant>> {
    row.get::<_, Option<i64>>(column)?.map(from_millis).transpose()
}

pub(super) fn token_hash(row: &Row<'_>, column: &str) -> rusqlite::Result<TokenHash> {
    let bytes: Vec<u8> = row.get(column)?;
    TokenHash::from_stored(&bytes).ok_or_else(|| unreadable(column, "not 32 bytes"))
}

/// A value as the text that is stored of it.
pub(super) fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| unreadable("json", error))
}

pub(super) fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    let roles: String = row.get("roles")?;
    let avatar: Option<String> = row.get("avatar")?;
    let avatar = avatar.map(|avatar| serde_json::from_str(&avatar)).transpose();
    Ok(User {
        id: id(row, "id")?,
        email: EmailAddress::from_stored(row.get("email")?),
        email_verified: row.get("email_verified")?,
        name: DisplayName::from_stored(row.get("name")?),
        username: row.get::<_, Option<String>>("username")?.map(Username::from_stored),
        locale: row.get::<_, Option<String>>("locale")?.map(Locale::from_stored),
        time_zone: row.get::<_, Option<String>>("time_zone")?.map(TimeZone::from_stored),
        avatar: avatar.map_err(|error| unreadable("avatar", error))?,
        roles: serde_json::from_str(&roles).map_err(|error| unreadable("roles", error))?,
        created_at: instant(row, "created_at")?,
        updated_at: instant(row, "updated_at")?,
        deletion_due_at: optional_instant(row, "deletion_due_at")?,
        suspension: suspension(row)?,
        last_seen_at: Some(row.get("last_seen_at")?).filter(|at| *at > 0).map(from_millis).transpose()?,
        version: row.get("version")?,
        session_epoch: row.get("session_epoch")?,
        credential_epoch: row.get("credential_epoch")?,
    })
}

fn suspension(row: &Row<'_>) -> rusqlite::Result<Option<Suspension>> {
    let Some(at) = optional_instant(row, "suspended_at")? else { return Ok(None) };
    let until = optional_instant(row, "suspended_until")?;
    Ok(Some(Suspension { reason: row.get("suspension_reason")?, at, until }))
}

pub(super) fn user_with_password(row: &Row<'_>) -> rusqlite::Result<UserWithPassword> {
    Ok(UserWithPassword {
        user: user(row)?,
        password_hash: PasswordHash::from_stored(row.get("password_hash")?),
        metadata: metadata(row)?,
    })
}

pub(super) fn metadata(row: &Row<'_>) -> rusqlite::Result<UserMetadata> {
    let read = |column| {
        let json: String = row.get(column)?;
        Metadata::from_stored(&json).ok_or_else(|| unreadable(column, "no JSON object"))
    };
    Ok(UserMetadata { public: read("public_metadata")?, app: read("app_metadata")? })
}

pub(super) fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: id(row, "id")?,
        user_id: id(row, "user_id")?,
        device_name: row.get("device_name")?,
        user_agent: row.get("user_agent")?,
        ip_address: row.get("ip_address")?,
        created_at: instant(row, "created_at")?,
        authenticated_at: instant(row, "authenticated_at")?,
        last_seen_at: instant(row, "last_seen_at")?,
        idle_expires_at: instant(row, "idle_expires_at")?,
        absolute_expires_at: instant(row, "absolute_expires_at")?,
        ended_at: optional_instant(row, "ended_at")?,
        session_epoch: row.get("session_epoch")?,
        impersonation: match row.get("impersonator")? {
            Some(by) => Some(Box::new(Impersonation {
                by,
                may_write: row.get("impersonator_writes")?,
                by_epoch: row.get::<_, Option<i64>>("impersonator_epoch")?.unwrap_or_default(),
            })),
            None => None,
        },
        version: row.get("version")?,
    })
}

pub(super) fn retired_token(row: &Row<'_>) -> rusqlite::Result<RetiredToken> {
    Ok(RetiredToken { hash: token_hash(row, "hash")?, sealed_successor: row.get("sealed_successor")? })
}

pub(super) fn one_time_token(row: &Row<'_>) -> rusqlite::Result<OneTimeToken> {
    let purpose: String = row.get("purpose")?;
    let code = match optional_instant(row, "code_expires_at")? {
        Some(expires_at) => Some(CodeState {
            ticket: token_hash(row, "ticket")?,
            code: token_hash(row, "code")?,
            expires_at,
            attempts: row.get("attempts")?,
        }),
        None => None,
    };
    Ok(OneTimeToken {
        id: id(row, "id")?,
        purpose: Purpose::parse(&purpose).ok_or_else(|| unreadable("purpose", "unknown"))?,
        user_id: id(row, "user_id")?,
        credential_epoch: row.get("credential_epoch")?,
        email: EmailAddress::from_stored(row.get("email")?),
        code,
        created_at: instant(row, "created_at")?,
        expires_at: instant(row, "expires_at")?,
        used_at: optional_instant(row, "used_at")?,
    })
}

pub(super) fn outbox_entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let task: String = row.get("task")?;
    Ok(Entry {
        id: id(row, "id")?,
        slot: row.get("slot")?,
        user_id: optional_id(row, "user_id")?,
        task: Task::from_stored(&task),
        created_at: instant(row, "created_at")?,
        due_at: instant(row, "due_at")?,
        attempts: row.get("attempts")?,
    })
}
