//! Roles and service tokens in MongoDB.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::{
    bson::{self, Binary, Bson, doc},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

use super::{
    MongoStore,
    documents::{binary, date, instant},
};
use crate::domain::{
    access::{
        LISTED_SERVICE_TOKENS, MAX_ROLES, Permissions, Role, RoleName, RoleStore, ServiceToken,
        ServiceTokenStore,
    },
    audit::AuditEvent,
    clock::Instant,
    ids::ServiceTokenId,
    store::{StoreError, StoreResult},
    tokens::TokenHash,
};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RoleDocument {
    #[serde(rename = "_id")]
    name: String,
    permissions: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ServiceTokenDocument {
    #[serde(rename = "_id")]
    id: ServiceTokenId,
    hash: Binary,
    name: String,
    permissions: Vec<String>,
    created_by: String,
    created_at: bson::DateTime,
    expires_at: bson::DateTime,
    last_used_at: Option<bson::DateTime>,
    revoked_at: Option<bson::DateTime>,
}

fn permissions(names: &[String]) -> Permissions {
    Permissions::from_stored(names.iter().map(String::as_str))
}

impl TryFrom<ServiceTokenDocument> for ServiceToken {
    type Error = StoreError;

    fn try_from(document: ServiceTokenDocument) -> StoreResult<Self> {
        Ok(Self {
            id: document.id,
            name: document.name,
            permissions: permissions(&document.permissions),
            created_by: document.created_by,
            created_at: instant(document.created_at)?,
            expires_at: instant(document.expires_at)?,
            last_used_at: document.last_used_at.map(instant).transpose()?,
            revoked_at: document.revoked_at.map(instant).transpose()?,
        })
    }
}

#[async_trait]
impl RoleStore for MongoStore {
    async fn list_roles(&self) -> StoreResult<Vec<Role>> {
        let (roles, limit) = (self.roles.clone(), i64::try_from(MAX_ROLES).unwrap_or(i64::MAX));
        let found: Vec<RoleDocument> = self
            .bounded(async move {
                roles.find(doc! {}).sort(doc! { "_id": 1 }).limit(limit).await?.try_collect().await
            })
            .await?;
        let role = |document: RoleDocument| Role {
            permissions: permissions(&document.permissions),
            name: RoleName::from_stored(document.name),
        };
        Ok(found.into_iter().map(role).collect())
    }

    async fn save_role(&self, role: &Role, event: &AuditEvent) -> StoreResult<()> {
        let (roles, filter) = (self.roles.clone(), doc! { "_id": role.name.as_str() });
        let set = doc! { "$set": { "permissions": role.permissions.names() } };
        let save = self.bounded(async move { roles.update_one(filter, set).upsert(true).await });
        self.recorded(Some(event), save, |_| true).await.map(drop)
    }

    async fn remove_role(&self, name: &RoleName, event: &AuditEvent) -> StoreResult<bool> {
        let (roles, filter) = (self.roles.clone(), doc! { "_id": name.as_str() });
        let remove = self.bounded(async move { roles.delete_one(filter).await });
        let removed = self.recorded(Some(event), remove, |outcome| outcome.deleted_count > 0).await?;
        Ok(removed.deleted_count > 0)
    }
}

#[async_trait]
impl ServiceTokenStore for MongoStore {
    async fn insert_service_token(
        &self,
        token: &ServiceToken,
        hash: &TokenHash,
        event: &AuditEvent,
    ) -> StoreResult<()> {
        let document = ServiceTokenDocument {
            id: token.id.clone(),
            hash: binary(hash.as_bytes()),
            name: token.name.clone(),
            permissions: token.permissions.names(),
            created_by: token.created_by.clone(),
            created_at: date(token.created_at),
            expires_at: date(token.expires_at),
            last_used_at: None,
            revoked_at: None,
        };
        let tokens = self.service_tokens.clone();
        let insert = self.bounded(async move { tokens.insert_one(document).await });
        self.recorded(Some(event), insert, |_| true).await.map(drop)
    }

    async fn find_service_token(&self, hash: &TokenHash) -> StoreResult<Option<ServiceToken>> {
        let (tokens, filter) = (self.service_tokens.clone(), doc! { "hash": binary(hash.as_bytes()) });
        let found = self.bounded(async move { tokens.find_one(filter).await }).await?;
        found.map(TryInto::try_into).transpose()
    }

    async fn list_service_tokens(&self) -> StoreResult<Vec<ServiceToken>> {
        let tokens = self.service_tokens.clone();
        let limit = i64::try_from(LISTED_SERVICE_TOKENS).unwrap_or(i64::MAX);
        let found: Vec<ServiceTokenDocument> = self
            .bounded(async move {
                tokens.find(doc! {}).sort(doc! { "_id": -1 }).limit(limit).await?.try_collect().await
            })
            .await?;
        found.into_iter().map(TryInto::try_into).collect()
    }

    async fn touch_service_token(&self, id: &ServiceTokenId, at: Instant) -> StoreResult<()> {
        self.calls.count_as_background();
        let (tokens, filter) = (self.service_tokens.clone(), doc! { "_id": id.as_str() });
        let used = doc! { "$max": { "last_used_at": date(at) } };
        self.bounded(async move { tokens.update_one(filter, used).await }).await.map(drop)
    }

    async fn revoke_service_token(
        &self,
        id: &ServiceTokenId,
        at: Instant,
        event: &AuditEvent,
    ) -> StoreResult<Option<ServiceToken>> {
        let tokens = self.service_tokens.clone();
        let filter = doc! { "_id": id.as_str(), "revoked_at": Bson::Null };
        let revoked = doc! { "$set": { "revoked_at": date(at) } };
        let revoke = self.bounded(async move {
            tokens.find_one_and_update(filter, revoked).return_document(ReturnDocument::After).await
        });
        if let Some(document) = self.recorded(Some(event), revoke, Option::is_some).await? {
            return document.try_into().map(Some);
        }
        let (tokens, filter) = (self.service_tokens.clone(), doc! { "_id": id.as_str() });
        let found = self.bounded(async move { tokens.find_one(filter).await }).await?;
        found.map(TryInto::try_into).transpose()
    }

    async fn purge_service_tokens(&self, before: Instant) -> StoreResult<u64> {
        self.calls.count_as_background();
        let (tokens, before) = (self.service_tokens.clone(), date(before));
        let ended =
            doc! { "$or": [{ "expires_at": { "$lt": before } }, { "revoked_at": { "$lt": before } }] };
        let outcome = self.bounded(async move { tokens.delete_many(ended).await }).await?;
        Ok(outcome.deleted_count)
    }
}
