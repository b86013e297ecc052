//! What documents of earlier schemas lack, and what is not needed any more.

use futures_util::TryStreamExt;
use mongodb::{
    Collection,
    bson::{Document, doc},
    error::Error,
};

use crate::domain::accounts::{UserStatus, name_key};

/// Users of earlier versions have no keys that lists are in order by.
pub(super) async fn users(users: &Collection<Document>) -> Result<(), Error> {
    let lacks_key = doc! { "name_key": { "$exists": false } };
    let mut found = users.find(lacks_key).projection(doc! { "name": 1, "deletion_due_at": 1 }).await?;
    while let Some(user) = found.try_next().await? {
        let name = user.get_str("name").unwrap_or_default();
        let is_deleting = user.get_datetime("deletion_due_at").is_ok();
        let status = if is_deleting { UserStatus::Deleting } else { UserStatus::Active };
        let set = doc! { "$set": {
            "name_key": name_key(name),
            "status": status.number(),
            "last_seen_at": mongodb::bson::DateTime::from_millis(0),
        } };
        let id = user.get("_id").cloned().unwrap_or_default();
        users.update_one(doc! { "_id": id, "name_key": { "$exists": false } }, set).await?;
    }
    Ok(())
}

/// Users of the first versions have no epoch of credentials, which is read as the first one; but counting on from
/// nothing leads to the first one again, with which one-time tokens of before would stay good.
pub(super) async fn credentials(users: &Collection<Document>) -> Result<(), Error> {
    let outcome = users.update_many(lacks_epoch(None), first_epoch()).await?;
    tracing::info!(count = outcome.modified_count, "users have an epoch of credentials now");
    Ok(())
}

/// Users, or one, that have no epoch of credentials.
pub(super) fn lacks_epoch(user: Option<&str>) -> Document {
    let mut filter = doc! { "credential_epoch": { "$exists": false } };
    if let Some(user) = user {
        filter.insert("_id", user);
    }
    filter
}

pub(super) fn first_epoch() -> Document {
    doc! { "$set": { "credential_epoch": 1_i64 } }
}

/// Keys of the first version have no generation; there was one in use.
pub(super) async fn keys(keys: &Collection<Document>) -> Result<(), Error> {
    let first = doc! { "generation": 1_i64, "algorithm": "EdDSA", "active_from": "$created_at" };
    keys.update_many(doc! { "generation": { "$exists": false } }, vec![doc! { "$set": first }]).await?;
    drop_index(keys, "signing_keys_one_active").await
}

/// Drops an index of an earlier version, where there is one.
pub(super) async fn drop_index(documents: &Collection<Document>, name: &str) -> Result<(), Error> {
    let has_it = match documents.list_index_names().await {
        Ok(names) => names.iter().any(|known| known == name),
        // There is no collection yet.
        Err(_) => false,
    };
    if has_it {
        // Another process may have been faster.
        let _ = documents.drop_index(name).await;
    }
    Ok(())
}
