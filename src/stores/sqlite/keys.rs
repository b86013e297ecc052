//! Signing keys in SQLite.

use async_trait::async_trait;
use rusqlite::{Row, named_params};

use super::{audit, database::Database, rows};
use crate::domain::{
    audit::AuditEvent,
    ids::KeyId,
    store::StoreResult,
    tokens::{KeyAlgorithm, KeyMaterial, KeyStore, StoredKey},
};

const LIST: &str = "SELECT * FROM signing_keys";
const INSERT: &str = "
INSERT INTO signing_keys (id, algorithm, material, sealed, created_at, generation, active_from)
VALUES (:id, :algorithm, :material, :sealed, :created_at, :generation, :active_from)";
const REPLACE: &str = "
UPDATE signing_keys SET material = :to, sealed = :sealed WHERE id = :id AND material = :from";
const REMOVE: &str = "DELETE FROM signing_keys WHERE id = ?";

#[async_trait]
impl KeyStore for Database {
    async fn list(&self) -> StoreResult<Vec<StoredKey>> {
        self.calls().count_as_background();
        self.read(|connection| connection.prepare_cached(LIST)?.query_map([], stored_key)?.collect()).await
    }

    async fn insert(&self, key: &StoredKey, event: &AuditEvent) -> StoreResult<()> {
        self.calls().count_as_background();
        let (key, event) = (key.clone(), event.clone());
        self.write(move |transaction| {
            let (material, sealed) = key.material.parts();
            transaction.prepare_cached(INSERT)?.execute(named_params! {
                ":id": key.id.as_str(),
                ":algorithm": key.algorithm.as_str(),
                ":material": material,
                ":sealed": sealed,
                ":created_at": key.created_at.timestamp_millis(),
                ":generation": key.generation,
                ":active_from": key.active_from.timestamp_millis(),
            })?;
            audit::append(transaction, &event)
        })
        .await
    }

    async fn replace_material(&self, id: &KeyId, from: &KeyMaterial, to: &KeyMaterial) -> StoreResult<()> {
        self.calls().count_as_background();
        let (id, from, to) = (id.clone(), from.clone(), to.clone());
        self.write(move |transaction| {
            let ((from, _), (to, sealed)) = (from.parts(), to.parts());
            let params = named_params! { ":id": id.as_str(), ":from": from, ":to": to, ":sealed": sealed };
            transaction.prepare_cached(REPLACE)?.execute(params).map(drop)
        })
        .await
    }

    async fn remove(&self, id: &KeyId, event: &AuditEvent) -> StoreResult<bool> {
        self.calls().count_as_background();
        let (id, event) = (id.clone(), event.clone());
        self.write(move |transaction| {
            let is_removed = transaction.prepare_cached(REMOVE)?.execute([id.as_str()])? > 0;
            audit::append_any(transaction, Some(&event).filter(|_| is_removed))?;
            Ok(is_removed)
        })
        .await
    }
}

fn stored_key(row: &Row<'_>) -> rusqlite::Result<StoredKey> {
    let material = row.get("material")?;
    let sealed: bool = row.get("sealed")?;
    let algorithm: String = row.get("algorithm")?;
    Ok(StoredKey {
        id: rows::id(row, "id")?,
        algorithm: KeyAlgorithm::parse(&algorithm)
            .ok_or_else(|| rows::unreadable("algorithm", "not one that is known"))?,
        material: if sealed { KeyMaterial::Sealed(material) } else { KeyMaterial::Plain(material) },
        created_at: rows::instant(row, "created_at")?,
        generation: row.get("generation")?,
        active_from: rows::instant(row, "active_from")?,
    })
}
