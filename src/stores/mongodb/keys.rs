//! Signing keys in MongoDB.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::bson::doc;

use super::{
    MongoStore,
    documents::{KeyDocument, binary},
};
use crate::domain::{
    audit::AuditEvent,
    ids::KeyId,
    store::StoreResult,
    tokens::{KeyMaterial, KeyStore, StoredKey},
};

#[async_trait]
impl KeyStore for MongoStore {
    async fn list(&self) -> StoreResult<Vec<StoredKey>> {
        self.calls.count_as_background();
        let keys = self.keys.clone();
        let found: Vec<KeyDocument> =
            self.bounded(async move { keys.find(doc! {}).await?.try_collect().await }).await?;
        found.into_iter().map(TryInto::try_into).collect()
    }

    async fn insert(&self, key: &StoredKey, event: &AuditEvent) -> StoreResult<()> {
        self.calls.count_as_background();
        let (keys, document) = (self.keys.clone(), KeyDocument::from(key));
        let insert = self.bounded(async move { keys.insert_one(document).await });
        self.recorded(Some(event), insert, |_| true).await.map(drop)
    }

    async fn replace_material(&self, id: &KeyId, from: &KeyMaterial, to: &KeyMaterial) -> StoreResult<()> {
        self.calls.count_as_background();
        let ((from, _), (to, sealed)) = (from.parts(), to.parts());
        let filter = doc! { "_id": id.as_str(), "material": binary(from) };
        let update = doc! { "$set": { "material": binary(to), "sealed": sealed } };
        let keys = self.keys.clone();
        self.bounded(async move { keys.update_one(filter, update).await }).await.map(drop)
    }

    async fn remove(&self, id: &KeyId, event: &AuditEvent) -> StoreResult<bool> {
        self.calls.count_as_background();
        let (keys, filter) = (self.keys.clone(), doc! { "_id": id.as_str() });
        let delete = self.bounded(async move { keys.delete_one(filter).await });
        let outcome = self.recorded(Some(event), delete, |outcome| outcome.deleted_count > 0).await?;
        Ok(outcome.deleted_count > 0)
    }
}
