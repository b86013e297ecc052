//! Signing keys in SQLite.

use async_trait::async_trait;
use rusqlite::{Row, named_params};

use super::{database::Database, rows};
use crate::domain::{
    ids::KeyId,
    store::StoreResult,
    tokens::{KeyMaterial, KeyStore, StoredKey},
};

const LIST: &str = "SELECT * FROM signing_keys";
const INSERT: &str = "
INSERT INTO signing_keys (id, material, sealed, created_at, active)
VALUES (:id, :material, :sealed, :created_at, :active)";
const REPLACE: &str = "
UPDATE signing_keys SET material = :to, sealed = :sealed WHERE id = :id AND material = :from";
const REMOVE: &str = "DELETE FROM signing_keys WHERE id = ?";

#[async_trait]
impl KeyStore for Database {
    async fn list(&self) -> StoreResult<Vec<StoredKey>> {
        self.read(|connection| connection.prepare_cached(LIST)?.query_map([], stored_key)?.collect()).await
    }

    async fn insert(&self, key: &StoredKey) -> StoreResult<()> {
        let key = key.clone();
        self.write(move |transaction| {
            let (material, sealed) = key.material.parts();
            transaction.prepare_cached(INSERT)?.execute(named_params! {
                ":id": key.id.as_str(),
                ":material": material,
                ":sealed": sealed,
                ":created_at": key.created_at.timestamp_millis(),
                ":active": key.active,
            })?;
            Ok(())
        })
        .await
    }

    async fn replace_material(&self, id: &KeyId, from: &KeyMaterial, to: &KeyMaterial) -> StoreResult<()> {
        let (id, from, to) = (id.clone(), from.clone(), to.clone());
        self.write(move |transaction| {
            let ((from, _), (to, sealed)) = (from.parts(), to.parts());
            let params = named_params! { ":id": id.as_str(), ":from": from, ":to": to, ":sealed": sealed };
            transaction.prepare_cached(REPLACE)?.execute(params).map(drop)
        })
        .await
    }

    async fn remove(&self, id: &KeyId) -> StoreResult<()> {
        let id = id.clone();
        self.write(move |transaction| transaction.prepare_cached(REMOVE)?.execute([id.as_str()]).map(drop))
            .await
    }
}

fn stored_key(row: &Row<'_>) -> rusqlite::Result<StoredKey> {
    let material = row.get("material")?;
    let sealed: bool = row.get("sealed")?;
    Ok(StoredKey {
        id: rows::id(row, "id")?,
        material: if sealed { KeyMaterial::Sealed(material) } else { KeyMaterial::Plain(material) },
        created_at: rows::instant(row, "created_at")?,
        active: row.get("active")?,
    })
}
