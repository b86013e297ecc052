//! Rotation of refresh tokens in SQLite: a compare-and-set, and why one was not made.

use rusqlite::{OptionalExtension, Transaction, named_params};

use super::rows;
use crate::domain::{
    sessions::{KEPT_RETIRED_TOKENS, Rotation, RotationOutcome, Session},
    tokens::TokenHash,
};

const BY_FAMILY: &str = "SELECT * FROM sessions WHERE refresh_family = ?";
const ROTATE: &str = "
UPDATE sessions SET refresh_hash = :successor, last_seen_at = max(last_seen_at, :at),
    idle_expires_at = min(:idle_end, absolute_expires_at), version = version + 1
WHERE refresh_family = :family AND refresh_hash = :presented AND ended_at IS NULL AND idle_expires_at > :at
RETURNING *";
const RETIRE: &str =
    "INSERT INTO retired_tokens (hash, session_id, retired_at, sealed_successor) VALUES (?, ?, ?, ?)";
const FORGET: &str = "
DELETE FROM retired_tokens WHERE session_id = :id AND (retired_at <= :since OR hash NOT IN (
    SELECT hash FROM retired_tokens WHERE session_id = :id ORDER BY retired_at DESC, rowid DESC LIMIT :kept))";
const RETIRED: &str =
    "SELECT hash, sealed_successor FROM retired_tokens WHERE session_id = ? AND retired_at > ?";

/// Rotates, or says why not.
pub(super) fn rotate(
    transaction: &Transaction<'_>,
    rotation: &Rotation,
) -> rusqlite::Result<RotationOutcome> {
    match compare_and_rotate(transaction, rotation)? {
        Some(session) => Ok(RotationOutcome::Rotated(session)),
        None => classify(transaction, rotation),
    }
}

pub(super) fn by_family(
    transaction: &Transaction<'_>,
    family: &TokenHash,
) -> rusqlite::Result<Option<Session>> {
    transaction.prepare_cached(BY_FAMILY)?.query_row([family.as_bytes()], rows::session).optional()
}

fn compare_and_rotate(
    transaction: &Transaction<'_>,
    rotation: &Rotation,
) -> rusqlite::Result<Option<Session>> {
    let at = rotation.at.timestamp_millis();
    let params = named_params! {
        ":family": rotation.family.as_bytes(),
        ":presented": rotation.presented.as_bytes(),
        ":successor": rotation.successor.as_bytes(),
        ":at": at,
        ":idle_end": (rotation.at + rotation.idle_ttl).timestamp_millis(),
    };
    let rotated = transaction.prepare_cached(ROTATE)?.query_row(params, rows::session).optional()?;
    if let Some(session) = &rotated {
        let id = session.id.as_str();
        let retired = (rotation.presented.as_bytes(), id, at, &rotation.sealed_successor);
        transaction.prepare_cached(RETIRE)?.execute(retired)?;
        let forget = named_params! { ":id": id, ":since": since(rotation), ":kept": KEPT_RETIRED_TOKENS };
        transaction.prepare_cached(FORGET)?.execute(forget)?;
    }
    Ok(rotated)
}

/// Tokens retired after this can still be exchanged.
fn since(rotation: &Rotation) -> i64 {
    (rotation.at - rotation.grace).timestamp_millis()
}

/// Why a rotation found no live session whose current token was presented.
fn classify(transaction: &Transaction<'_>, rotation: &Rotation) -> rusqlite::Result<RotationOutcome> {
    let Some(session) = by_family(transaction, &rotation.family)? else {
        return Ok(RotationOutcome::Unknown);
    };
    if session.check_alone(rotation.at).is_err() {
        return Ok(RotationOutcome::Ended(session));
    }
    let mut retired = transaction.prepare_cached(RETIRED)?;
    let retired = retired.query_map((session.id.as_str(), since(rotation)), rows::retired_token)?;
    let retired = retired.collect::<rusqlite::Result<Vec<_>>>()?;
    if retired.iter().any(|token| token.hash == rotation.presented) {
        return Ok(RotationOutcome::Replayed { session, retired });
    }
    Ok(RotationOutcome::Reused(session))
}
