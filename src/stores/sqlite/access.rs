//! Roles and service tokens in SQLite.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Row, named_params, params};

use super::{audit, database::Database, rows};
use crate::domain::{
    access::{
        LISTED_SERVICE_TOKENS, MAX_ROLES, Permissions, Role, RoleName, RoleStore, ServiceToken,
        ServiceTokenStore,
    },
    audit::AuditEvent,
    clock::Instant,
    ids::ServiceTokenId,
    store::StoreResult,
    tokens::TokenHash,
};

const LIST_ROLES: &str = "SELECT * FROM roles ORDER BY name LIMIT ?";
const SAVE_ROLE: &str = "
INSERT INTO roles (name, permissions) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET permissions = excluded.permissions";
const REMOVE_ROLE: &str = "DELETE FROM roles WHERE name = ?";
const INSERT_TOKEN: &str = "
INSERT INTO service_tokens (id, hash, name, permissions, created_by, created_at, expires_at)
VALUES (:id, :hash, :name, :permissions, :created_by, :created_at, :expires_at)";
const TOKEN_BY_HASH: &str = "SELECT * FROM service_tokens WHERE hash = ?";
const TOKEN_BY_ID: &str = "SELECT * FROM service_tokens WHERE id = ?";
const LIST_TOKENS: &str = "SELECT * FROM service_tokens ORDER BY id DESC LIMIT ?";
const TOUCH_TOKEN: &str =
    "UPDATE service_tokens SET last_used_at = max(coalesce(last_used_at, 0), ?2) WHERE id = ?1";
const PURGE_TOKENS: &str = "DELETE FROM service_tokens WHERE expires_at < ?1 OR revoked_at < ?1";
const REVOKE_TOKEN: &str = "UPDATE service_tokens SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL";

fn permissions(row: &Row<'_>) -> rusqlite::Result<Permissions> {
    let names: Vec<String> = serde_json::from_str(&row.get::<_, String>("permissions")?)
        .map_err(|error| rows::unreadable("permissions", error))?;
    Ok(Permissions::from_stored(names.iter().map(String::as_str)))
}

fn role(row: &Row<'_>) -> rusqlite::Result<Role> {
    Ok(Role { name: RoleName::from_stored(row.get("name")?), permissions: permissions(row)? })
}

fn service_token(row: &Row<'_>) -> rusqlite::Result<ServiceToken> {
    Ok(ServiceToken {
        id: rows::id(row, "id")?,
        name: row.get("name")?,
        permissions: permissions(row)?,
        created_by: row.get("created_by")?,
        created_at: rows::instant(row, "created_at")?,
        expires_at: rows::instant(row, "expires_at")?,
        last_used_at: rows::optional_instant(row, "last_used_at")?,
        revoked_at: rows::optional_instant(row, "revoked_at")?,
    })
}

#[async_trait]
impl RoleStore for Database {
    async fn list_roles(&self) -> StoreResult<Vec<Role>> {
        let limit = i64::try_from(MAX_ROLES).unwrap_or(i64::MAX);
        self.read(move |connection| {
            connection.prepare_cached(LIST_ROLES)?.query_map([limit], role)?.collect()
        })
        .await
    }

    async fn save_role(&self, role: &Role, event: &AuditEvent) -> StoreResult<()> {
        let (role, event) = (role.clone(), event.clone());
        self.write(move |transaction| {
            let permissions = rows::json(&role.permissions.names())?;
            transaction.prepare_cached(SAVE_ROLE)?.execute(params![role.name.as_str(), permissions])?;
            audit::append(transaction, &event)
        })
        .await
    }

    async fn remove_role(&self, name: &RoleName, event: &AuditEvent) -> StoreResult<bool> {
        let (name, event) = (name.clone(), event.clone());
        self.write(move |transaction| {
            let removed = transaction.prepare_cached(REMOVE_ROLE)?.execute([name.as_str()])?;
            if removed > 0 {
                audit::append(transaction, &event)?;
            }
            Ok(removed > 0)
        })
        .await
    }
}

#[async_trait]
impl ServiceTokenStore for Database {
    async fn insert_service_token(
        &self,
        token: &ServiceToken,
        hash: &TokenHash,
        event: &AuditEvent,
    ) -> StoreResult<()> {
        let (token, hash, event) = (token.clone(), *hash, event.clone());
        self.write(move |transaction| {
            transaction.prepare_cached(INSERT_TOKEN)?.execute(named_params! {
                ":id": token.id.as_str(),
                ":hash": hash.as_bytes(),
                ":name": token.name,
                ":permissions": rows::json(&token.permissions.names())?,
                ":created_by": token.created_by,
                ":created_at": token.created_at.timestamp_millis(),
                ":expires_at": token.expires_at.timestamp_millis(),
            })?;
            audit::append(transaction, &event)
        })
        .await
    }

    async fn find_service_token(&self, hash: &TokenHash) -> StoreResult<Option<ServiceToken>> {
        let hash = *hash;
        self.read(move |connection| {
            connection.prepare_cached(TOKEN_BY_HASH)?.query_row([hash.as_bytes()], service_token).optional()
        })
        .await
    }

    async fn list_service_tokens(&self) -> StoreResult<Vec<ServiceToken>> {
        let limit = i64::try_from(LISTED_SERVICE_TOKENS).unwrap_or(i64::MAX);
        self.read(move |connection| {
            connection.prepare_cached(LIST_TOKENS)?.query_map([limit], service_token)?.collect()
        })
        .await
    }

    async fn touch_service_token(&self, id: &ServiceTokenId, at: Instant) -> StoreResult<()> {
        self.calls().count_as_background();
        let id = id.clone();
        self.write(move |transaction| {
            let values = params![id.as_str(), at.timestamp_millis()];
            transaction.prepare_cached(TOUCH_TOKEN)?.execute(values).map(drop)
        })
        .await
    }

    async fn revoke_service_token(
        &self,
        id: &ServiceTokenId,
        at: Instant,
        event: &AuditEvent,
    ) -> StoreResult<Option<ServiceToken>> {
        let (id, event) = (id.clone(), event.clone());
        self.write(move |transaction| {
            let values = params![id.as_str(), at.timestamp_millis()];
            if transaction.prepare_cached(REVOKE_TOKEN)?.execute(values)? > 0 {
                audit::append(transaction, &event)?;
            }
            transaction.prepare_cached(TOKEN_BY_ID)?.query_row([id.as_str()], service_token).optional()
        })
        .await
    }

    async fn purge_service_tokens(&self, before: Instant) -> StoreResult<u64> {
        self.calls().count_as_background();
        let purge = move |transaction: &rusqlite::Transaction<'_>| {
            transaction.prepare_cached(PURGE_TOKENS)?.execute([before.timestamp_millis()])
        };
        Ok(self.write(purge).await? as u64)
    }
}
