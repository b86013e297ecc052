//! One-time tokens in SQLite.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, named_params, params};

use super::{database::Database, rows};
use crate::domain::{
    clock::Instant,
    ids::{OneTimeTokenId, UserId},
    one_time::{OneTimeToken, OneTimeTokenStore, Purpose},
    store::StoreResult,
    tokens::TokenHash,
};

const INSERT: &str = "
INSERT INTO one_time_tokens (id, hash, purpose, user_id, credential_epoch, email, ticket, code,
                             code_expires_at, attempts, created_at, expires_at, used_at)
VALUES (:id, :hash, :purpose, :user_id, :credential_epoch, :email, :ticket, :code,
        :code_expires_at, :attempts, :created_at, :expires_at, :used_at)";
const BY_HASH: &str = "SELECT * FROM one_time_tokens WHERE hash = ?";
/// The newest token of the ticket alone: one that was used or tried too often is not passed over for an
/// older one.
const ATTEMPT: &str = "
UPDATE one_time_tokens SET attempts = attempts + 1
WHERE id = (SELECT id FROM one_time_tokens WHERE ticket = :ticket ORDER BY id DESC LIMIT 1)
    AND purpose = :purpose AND used_at IS NULL AND code_expires_at > :at AND attempts < :limit
RETURNING *";
const REHASH: &str =
    "UPDATE one_time_tokens SET hash = ? WHERE id = ? AND used_at IS NULL AND expires_at > ?";
const CONSUME: &str = "UPDATE one_time_tokens SET used_at = ? WHERE id = ? AND used_at IS NULL";
const GIVE_BACK: &str = "UPDATE one_time_tokens SET used_at = NULL WHERE id = ?";
const LIST: &str = "SELECT * FROM one_time_tokens WHERE user_id = ? ORDER BY id LIMIT 1000";
const REMOVE: &str = "DELETE FROM one_time_tokens WHERE user_id = ?";
const PURGE: &str = "DELETE FROM one_time_tokens WHERE expires_at <= ?";

#[async_trait]
impl OneTimeTokenStore for Database {
    async fn insert(&self, token: &OneTimeToken, hash: &TokenHash) -> StoreResult<()> {
        let (token, hash) = (token.clone(), *hash);
        self.write(move |transaction| {
            let code = token.code.as_ref();
            transaction.prepare_cached(INSERT)?.execute(named_params! {
                ":id": token.id.as_str(),
                ":hash": hash.as_bytes(),
                ":purpose": token.purpose.as_str(),
                ":user_id": token.user_id.as_str(),
                ":credential_epoch": token.credential_epoch,
                ":email": token.email.as_str(),
                ":ticket": code.map(|code| code.ticket.as_bytes()),
                ":code": code.map(|code| code.code.as_bytes()),
                ":code_expires_at": code.map(|code| code.expires_at.timestamp_millis()),
                ":attempts": code.map_or(0, |code| code.attempts),
                ":created_at": token.created_at.timestamp_millis(),
                ":expires_at": token.expires_at.timestamp_millis(),
                ":used_at": token.used_at.map(|at| at.timestamp_millis()),
            })?;
            Ok(())
        })
        .await
    }

    async fn rehash(&self, id: &OneTimeTokenId, hash: &TokenHash, at: Instant) -> StoreResult<bool> {
        let (id, hash) = (id.clone(), *hash);
        self.write(move |transaction| {
            let params = params![hash.as_bytes(), id.as_str(), at.timestamp_millis()];
            Ok(transaction.prepare_cached(REHASH)?.execute(params)? == 1)
        })
        .await
    }

    async fn find(&self, hash: &TokenHash) -> StoreResult<Option<OneTimeToken>> {
        let hash = *hash;
        self.read(move |connection| {
            connection.prepare_cached(BY_HASH)?.query_row([hash.as_bytes()], rows::one_time_token).optional()
        })
        .await
    }

    async fn attempt(
        &self,
        ticket: &TokenHash,
        purpose: Purpose,
        at: Instant,
        limit: u32,
    ) -> StoreResult<Option<OneTimeToken>> {
        let ticket = *ticket;
        self.write(move |transaction| {
            let params = named_params! {
                ":ticket": ticket.as_bytes(), ":purpose": purpose.as_str(),
                ":at": at.timestamp_millis(), ":limit": limit,
            };
            transaction.prepare_cached(ATTEMPT)?.query_row(params, rows::one_time_token).optional()
        })
        .await
    }

    async fn consume(&self, id: &OneTimeTokenId, at: Instant) -> StoreResult<bool> {
        let id = id.clone();
        self.write(move |transaction| {
            let params = params![at.timestamp_millis(), id.as_str()];
            Ok(transaction.prepare_cached(CONSUME)?.execute(params)? == 1)
        })
        .await
    }

    async fn give_back(&self, id: &OneTimeTokenId) -> StoreResult<()> {
        let id = id.clone();
        self.write(move |transaction| transaction.prepare_cached(GIVE_BACK)?.execute([id.as_str()]))
            .await
            .map(drop)
    }

    async fn list_of(&self, user: &UserId) -> StoreResult<Vec<OneTimeToken>> {
        let user = user.clone();
        self.read(move |connection| {
            connection.prepare_cached(LIST)?.query_map([user.as_str()], rows::one_time_token)?.collect()
        })
        .await
    }

    async fn remove_of(&self, user: &UserId) -> StoreResult<()> {
        let user = user.clone();
        self.write(move |transaction| transaction.prepare_cached(REMOVE)?.execute([user.as_str()]))
            .await
            .map(drop)
    }

    async fn purge(&self, now: Instant) -> StoreResult<u64> {
        self.calls().count_as_background();
        self.write(move |transaction| transaction.prepare_cached(PURGE)?.execute([now.timestamp_millis()]))
            .await
            .map(|count| count as u64)
    }
}
