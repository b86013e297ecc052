//! Users in SQLite.

use std::fmt::Write;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, named_params, params_from_iter, types::Value};

use super::{audit, database::Database, rows};
use crate::domain::{
    access::ADMIN_ROLE,
    accounts::{
        ChangeOutcome, EmailKey, Locale, Metadata, Precondition, TimeZone, User, UserChange, UserFields,
        UserMetadata, UserStore, UserWithPassword, Username, last_seen_millis, name_key,
    },
    audit::AuditEvent,
    clock::Instant,
    ids::UserId,
    patch::Patch,
    store::StoreResult,
};

const INSERT: &str = "
INSERT INTO users (id, email, email_key, email_verified, name, name_key, username, username_key, locale, time_zone,
                   avatar, roles, password_hash, public_metadata, app_metadata, created_at, updated_at,
                   deletion_due_at, suspension_reason, suspended_at, suspended_until, last_seen_at, version,
                   session_epoch, credential_epoch)
VALUES (:id, :email, :email_key, :email_verified, :name, :name_key, :username, :username_key, :locale, :time_zone,
        :avatar, :roles, :password_hash, :public_metadata, :app_metadata, :created_at, :updated_at,
        :deletion_due_at, :suspension_reason, :suspended_at, :suspended_until, :last_seen_at, :version,
        :session_epoch, :credential_epoch)";
const BY_ID: &str = "SELECT * FROM users WHERE id = ?";
const BY_EMAIL: &str = "SELECT * FROM users WHERE email_key = ?";
const METADATA: &str = "SELECT public_metadata, app_metadata FROM users WHERE id = ?";
const OTHER_ADMINISTRATOR: &str = "EXISTS (
    SELECT 1 FROM user_roles CROSS JOIN users AS others ON others.id = user_roles.user_id
    WHERE user_roles.role = ? AND others.status = 0 AND others.id <> users.id)";
const REMOVE: &str = "DELETE FROM users WHERE id = ?";

#[async_trait]
impl UserStore for Database {
    async fn insert(&self, account: &UserWithPassword, event: Option<&AuditEvent>) -> StoreResult<()> {
        let (account, event) = (account.clone(), event.cloned());
        self.write(move |transaction| {
            insert(transaction, &account)?;
            audit::append_any(transaction, event.as_ref())
        })
        .await
    }

    async fn find(&self, id: &UserId) -> StoreResult<Option<User>> {
        let id = id.clone();
        self.read(move |connection| {
            connection.prepare_cached(BY_ID)?.query_row([id.as_str()], rows::user).optional()
        })
        .await
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

    async fn find_metadata(&self, id: &UserId) -> StoreResult<Option<UserMetadata>> {
        let id = id.clone();
        self.read(move |connection| {
            connection.prepare_cached(METADATA)?.query_row([id.as_str()], rows::metadata).optional()
        })
        .await
    }

    async fn change(&self, change: &UserChange) -> StoreResult<ChangeOutcome> {
        let change = change.clone();
        self.write(move |transaction| {
            let Statement { text, values } = statement(&change)?;
            let mut update = transaction.prepare_cached(&text)?;
            let changed = update.query_row(params_from_iter(values), rows::user).optional()?;
            if let Some(user) = changed {
                audit::append_any(transaction, change.event.as_deref())?;
                return Ok(ChangeOutcome::Changed(user));
            }
            let mut by_id = transaction.prepare_cached(BY_ID)?;
            let stored = by_id.query_row([change.user_id.as_str()], rows::user).optional()?;
            Ok(stored.map_or(ChangeOutcome::Missing, ChangeOutcome::Unmet))
        })
        .await
    }

    async fn remove(&self, id: &UserId, event: Option<&AuditEvent>) -> StoreResult<()> {
        let (id, event) = (id.clone(), event.cloned());
        self.write(move |transaction| {
            if transaction.prepare_cached(REMOVE)?.execute([id.as_str()])? > 0 {
                audit::append_any(transaction, event.as_ref())?;
            }
            Ok(())
        })
        .await
    }
}

/// Adds a user.
pub(super) fn insert(transaction: &Transaction<'_>, account: &UserWithPassword) -> rusqlite::Result<()> {
    let UserWithPassword { user, password_hash, metadata } = account;
    let suspension = user.suspension.as_ref();
    transaction.prepare_cached(INSERT)?.execute(named_params! {
        ":id": user.id.as_str(),
        ":email": user.email.as_str(),
        ":email_key": user.email.key().as_str(),
        ":email_verified": user.email_verified,
        ":name": user.name.as_str(),
        ":name_key": name_key(user.name.as_str()),
        ":username": user.username.as_ref().map(Username::as_str),
        ":username_key": user.username.as_ref().map(Username::key),
        ":locale": user.locale.as_ref().map(Locale::as_str),
        ":time_zone": user.time_zone.as_ref().map(TimeZone::as_str),
        ":avatar": user.avatar.as_ref().map(rows::json).transpose()?,
        ":roles": rows::json(&user.roles)?,
        ":password_hash": password_hash.expose(),
        ":public_metadata": metadata.public.to_json(),
        ":app_metadata": metadata.app.to_json(),
        ":created_at": user.created_at.timestamp_millis(),
        ":updated_at": user.updated_at.timestamp_millis(),
        ":deletion_due_at": user.deletion_due_at.map(|at| at.timestamp_millis()),
        ":suspension_reason": suspension.map(|suspension| suspension.reason.as_str()),
        ":suspended_at": suspension.map(|suspension| suspension.at.timestamp_millis()),
        ":suspended_until": suspension.and_then(|suspension| suspension.until).map(|at| at.timestamp_millis()),
        ":last_seen_at": last_seen_millis(user),
        ":version": user.version,
        ":session_epoch": user.session_epoch,
        ":credential_epoch": user.credential_epoch,
    })?;
    Ok(())
}

/// An update of the columns that change. Its text is made of names that stand here, and values are bound.
#[derive(Default)]
struct Statement {
    text: String,
    values: Vec<Value>,
}

impl Statement {
    /// Adds `column = ?`, after what separates it from those before.
    fn bind(&mut self, separator: &str, column: &str, value: impl Into<Value>) {
        self.text.push_str(separator);
        self.text.push_str(column);
        self.text.push_str(" = ?");
        self.values.push(value.into());
    }

    fn set(&mut self, column: &str, value: impl Into<Value>) {
        self.bind(", ", column, value);
    }

    fn patch<T>(&mut self, column: &str, patch: &Patch<T>, text: impl Fn(&T) -> String) {
        if let Some(value) = patch.written() {
            self.set(column, value.map(text));
        }
    }
}

fn statement(change: &UserChange) -> rusqlite::Result<Statement> {
    let consequences = change.consequences;
    let mut statement = Statement { text: "UPDATE users SET ".into(), values: Vec::new() };
    // Always set, so that what follows can begin with a comma.
    statement.bind("", "id", change.user_id.as_str().to_owned());
    set_fields(&mut statement, &change.set)?;
    for (column, is_raised) in [
        ("version", !consequences.unseen),
        ("session_epoch", consequences.ends_sessions),
        ("credential_epoch", consequences.ends_tokens),
    ] {
        if is_raised {
            let _ = write!(statement.text, ", {column} = {column} + 1");
        }
    }
    if !consequences.unseen {
        statement.set("updated_at", change.at.timestamp_millis());
    }
    statement.bind(" WHERE ", "id", change.user_id.as_str().to_owned());
    add_conditions(&mut statement, &change.only_if);
    statement.text.push_str(" RETURNING *");
    Ok(statement)
}

fn set_fields(statement: &mut Statement, set: &UserFields) -> rusqlite::Result<()> {
    if let Some(email) = &set.email {
        statement.set("email", email.as_str().to_owned());
        statement.set("email_key", email.key().as_str().to_owned());
    }
    if let Some(verified) = set.email_verified {
        statement.set("email_verified", verified);
    }
    if let Some(name) = &set.name {
        statement.set("name", name.as_str().to_owned());
        statement.set("name_key", name_key(name.as_str()));
    }
    statement.patch("username", &set.username, |name| name.as_str().to_owned());
    statement.patch("username_key", &set.username, Username::key);
    statement.patch("locale", &set.locale, |locale| locale.as_str().to_owned());
    statement.patch("time_zone", &set.time_zone, |zone| zone.as_str().to_owned());
    if let Some(avatar) = set.avatar.written() {
        statement.set("avatar", avatar.map(rows::json).transpose()?);
    }
    if let Some(metadata) = set.public_metadata.as_ref().map(Metadata::to_json) {
        statement.set("public_metadata", metadata);
    }
    if let Some(due_at) = set.deletion_due_at.written() {
        statement.set("deletion_due_at", due_at.map(Instant::timestamp_millis));
    }
    if let Some(hash) = &set.password_hash {
        statement.set("password_hash", hash.expose().to_owned());
    }
    if let Some(roles) = &set.roles {
        statement.set("roles", rows::json(roles)?);
    }
    if let Some(metadata) = set.app_metadata.as_ref().map(Metadata::to_json) {
        statement.set("app_metadata", metadata);
    }
    if let Some(suspension) = set.suspension.written() {
        statement.set("suspension_reason", suspension.map(|suspension| suspension.reason.clone()));
        statement.set("suspended_at", suspension.map(|suspension| suspension.at.timestamp_millis()));
        let until = suspension.and_then(|suspension| suspension.until);
        statement.set("suspended_until", until.map(|at| at.timestamp_millis()));
    }
    Ok(())
}

fn add_conditions(statement: &mut Statement, only_if: &Precondition) {
    const AND: &str = " AND ";
    if let Some(version) = only_if.version {
        statement.bind(AND, "version", version);
    }
    if let Some(hash) = &only_if.password_hash {
        statement.bind(AND, "password_hash", hash.expose().to_owned());
    }
    if let Some(epoch) = only_if.credential_epoch {
        statement.bind(AND, "credential_epoch", epoch);
    }
    if let Some(epoch) = only_if.session_epoch {
        statement.bind(AND, "session_epoch", epoch);
    }
    match &only_if.deletion_due_at {
        Patch::Keep => {}
        Patch::Clear => statement.text.push_str(" AND deletion_due_at IS NULL"),
        Patch::Set(due_at) => statement.bind(AND, "deletion_due_at", due_at.timestamp_millis()),
    }
    if only_if.has_other_administrator {
        statement.text.push_str(AND);
        statement.text.push_str(OTHER_ADMINISTRATOR);
        statement.values.push(ADMIN_ROLE.to_owned().into());
    }
}
