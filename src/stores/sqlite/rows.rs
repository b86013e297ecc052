//! Rows to domain types and back.

use std::{error::Error as StdError, str::FromStr};

use chrono::DateTime;
use rusqlite::{Row, types::Type};

use crate::domain::{
    accounts::{DisplayName, EmailAddress, User, UserWithPassword},
    clock::Instant,
    passwords::PasswordHash,
    sessions::{RetiredToken, Session},
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

pub(super) fn instant(row: &Row<'_>, column: &str) -> rusqlite::Result<Instant> {
    from_millis(row.get(column)?)
}

fn from_millis(millis: i64) -> rusqlite::Result<Instant> {
    DateTime::from_timestamp_millis(millis).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, millis))
}

pub(super) fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    let roles: String = row.get("roles")?;
    Ok(User {
        id: id(row, "id")?,
        email: EmailAddress::from_stored(row.get("email")?),
        email_verified: row.get("email_verified")?,
        name: DisplayName::from_stored(row.get("name")?),
        roles: serde_json::from_str(&roles).map_err(|error| unreadable("roles", error))?,
        created_at: instant(row, "created_at")?,
        updated_at: instant(row, "updated_at")?,
        version: row.get("version")?,
        session_epoch: row.get("session_epoch")?,
    })
}

pub(super) fn user_with_password(row: &Row<'_>) -> rusqlite::Result<UserWithPassword> {
    Ok(UserWithPassword {
        user: user(row)?,
        password_hash: PasswordHash::from_stored(row.get("password_hash")?),
    })
}

pub(super) fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: id(row, "id")?,
        user_id: id(row, "user_id")?,
        device_name: row.get("device_name")?,
        user_agent: row.get("user_agent")?,
        ip_address: row.get("ip_address")?,
        created_at: instant(row, "created_at")?,
        last_seen_at: instant(row, "last_seen_at")?,
        idle_expires_at: instant(row, "idle_expires_at")?,
        absolute_expires_at: instant(row, "absolute_expires_at")?,
        ended_at: row.get::<_, Option<i64>>("ended_at")?.map(from_millis).transpose()?,
        session_epoch: row.get("session_epoch")?,
        version: row.get("version")?,
    })
}

pub(super) fn retired_token(row: &Row<'_>) -> rusqlite::Result<RetiredToken> {
    let bytes: Vec<u8> = row.get("hash")?;
    let hash = TokenHash::from_stored(&bytes).ok_or_else(|| unreadable("hash", "not 32 bytes"))?;
    Ok(RetiredToken { hash, sealed_successor: row.get("sealed_successor")? })
}
