//! Users in SQLite.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, named_params};

use super::{database::Database, rows};
use crate::domain::{
    accounts::{
        DisplayName, EmailKey, PasswordReplacement, PasswordUpdate, ProfileChange, ProfileOutcome, User,
        UserStore, UserWithPassword,
    },
    ids::UserId,
    store::StoreResult,
};

const INSERT: &str = "
INSERT INTO users (id, email, email_key, email_verified, name, roles, password_hash, created_at,
                   updated_at, version, session_epoch)
VALUES (:id, :email, :email_key, :email_verified, :name, :roles, :password_hash, :created_at,
        :updated_at, :version, :session_epoch)";
const BY_ID: &str = "SELECT * FROM users WHERE id = ?";
const BY_EMAIL: &str = "SELECT * FROM users WHERE email_key = ?";
const UPDATE_PROFILE: &str = "
UPDATE users SET name = coalesce(:name, name), updated_at = :at, version = version + 1
WHERE id = :id AND (:expected IS NULL OR version = :expected)
RETURNING *";
const VERSION: &str = "SELECT version FROM users WHERE id = ?";
const REHASH: &str =
    "UPDATE users SET password_hash = :to WHERE id = :id AND password_hash = :from RETURNING *";
const RAISE_EPOCH: &str = "
UPDATE users SET session_epoch = session_epoch + 1, version = version + 1 WHERE id = ? RETURNING *";
const CHANGE_PASSWORD: &str = "
UPDATE users SET password_hash = :to, updated_at = :at, version = version + 1,
                 session_epoch = session_epoch + :epochs
WHERE id = :id AND password_hash = :from
RETURNING *";

#[async_trait]
impl UserStore for Database {
    async fn insert(&self, account: &UserWithPassword) -> StoreResult<()> {
        let account = account.clone();
        self.write(move |transaction| {
            let UserWithPassword { user, password_hash } = &account;
            let roles =
                serde_json::to_string(&user.roles).map_err(|error| rows::unreadable("roles", error))?;
            transaction.prepare_cached(INSERT)?.execute(named_params! {
                ":id": user.id.as_str(),
                ":email": user.email.as_str(),
                ":email_key": user.email.key().as_str(),
                ":email_verified": user.email_verified,
                ":name": user.name.as_str(),
                ":roles": roles,
                ":password_hash": password_hash.expose(),
                ":created_at": user.created_at.timestamp_millis(),
                ":updated_at": user.updated_at.timestamp_millis(),
                ":version": user.version,
                ":session_epoch": user.session_epoch,
            })?;
            Ok(())
        })
        .await
    }

    async fn find(&self, id: &UserId) -> StoreResult<Option<User>> {
        Ok(self.find_with_password(id).await?.map(|found| found.user))
    }

    async fn find_with_password(&self, id: &UserId) -> StoreResult<Option<UserWithPassword>> {
        let id = id.clone();
        self.read(move |connection| {
            connection.prepare_cached(BY_ID)?.query_row([id.as_str()], rows::user_with_password).optional()
        })
        .await
    }

    async fn find_by_email(&self, key: &EmailKey) -> StoreResult<Option<UserWithPassword>> {
        let key = key.clone();
        self.read(move |connection| {
            connection
                .prepare_cached(BY_EMAIL)?
                .query_row([key.as_str()], rows::user_with_password)
                .optional()
        })
        .await
    }

    async fn update_profile(&self, change: &ProfileChange) -> StoreResult<ProfileOutcome> {
        let change = change.clone();
        self.write(move |transaction| {
            let params = named_params! {
                ":id": change.user_id.as_str(),
                ":name": change.name.as_ref().map(DisplayName::as_str),
                ":at": change.at.timestamp_millis(),
                ":expected": change.expected_version,
            };
            let updated =
                transaction.prepare_cached(UPDATE_PROFILE)?.query_row(params, rows::user).optional()?;
            if let Some(user) = updated {
                return Ok(ProfileOutcome::Updated(user));
            }
            let mut version = transaction.prepare_cached(VERSION)?;
            let current = version.query_row([change.user_id.as_str()], |row| row.get(0)).optional()?;
            Ok(current.map_or(ProfileOutcome::Missing, |current| ProfileOutcome::VersionConflict { current }))
        })
        .await
    }

    async fn raise_epoch(&self, id: &UserId) -> StoreResult<Option<User>> {
        let id = id.clone();
        self.write(move |transaction| {
            transaction.prepare_cached(RAISE_EPOCH)?.query_row([id.as_str()], rows::user).optional()
        })
        .await
    }

    async fn update_password(&self, update: &PasswordUpdate) -> StoreResult<Option<User>> {
        let update = update.clone();
        self.write(move |transaction| {
            let (id, from, to) = (update.user_id.as_str(), update.from.expose(), update.to.expose());
            match update.replacement {
                PasswordReplacement::Rehash => transaction
                    .prepare_cached(REHASH)?
                    .query_row(named_params! { ":id": id, ":from": from, ":to": to }, rows::user),
                PasswordReplacement::Change { ends_sessions } => {
                    let at = update.at.timestamp_millis();
                    let epochs = i64::from(ends_sessions);
                    transaction.prepare_cached(CHANGE_PASSWORD)?.query_row(
                        named_params! { ":id": id, ":from": from, ":to": to, ":at": at, ":epochs": epochs },
                        rows::user,
                    )
                }
            }
            .optional()
        })
        .await
    }
}
