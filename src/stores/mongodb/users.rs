//! Users in MongoDB.

use async_trait::async_trait;
use mongodb::{
    bson::{Document, doc},
    options::ReturnDocument,
};

use super::{
    MongoStore,
    documents::{UserDocument, date},
};
use crate::domain::{
    accounts::{
        EmailKey, PasswordReplacement, PasswordUpdate, ProfileChange, ProfileOutcome, User, UserStore,
        UserWithPassword,
    },
    ids::UserId,
    store::StoreResult,
};

impl MongoStore {
    async fn find_user(&self, filter: Document) -> StoreResult<Option<UserWithPassword>> {
        let users = self.users.clone();
        let found = self.bounded(async move { users.find_one(filter).await }).await?;
        found.map(TryInto::try_into).transpose()
    }

    /// Text that a person wrote or a hash goes into an update document and never into a pipeline,
    /// where a leading `$` would make it an expression.
    async fn update_user(&self, filter: Document, update: Document) -> StoreResult<Option<User>> {
        let users = self.users.clone();
        let updated = self
            .bounded(async move {
                users.find_one_and_update(filter, update).return_document(ReturnDocument::After).await
            })
            .await?;
        updated.map(|document| UserWithPassword::try_from(document).map(|found| found.user)).transpose()
    }
}

#[async_trait]
impl UserStore for MongoStore {
    async fn insert(&self, account: &UserWithPassword) -> StoreResult<()> {
        let (users, document) = (self.users.clone(), UserDocument::from(account));
        self.bounded(async move { users.insert_one(document).await }).await.map(drop)
    }

    async fn find(&self, id: &UserId) -> StoreResult<Option<User>> {
        Ok(self.find_with_password(id).await?.map(|found| found.user))
    }

    async fn find_with_password(&self, id: &UserId) -> StoreResult<Option<UserWithPassword>> {
        self.find_user(doc! { "_id": id.as_str() }).await
    }

    async fn find_by_email(&self, key: &EmailKey) -> StoreResult<Option<UserWithPassword>> {
        self.find_user(doc! { "email_key": key.as_str() }).await
    }

    async fn update_profile(&self, change: &ProfileChange) -> StoreResult<ProfileOutcome> {
        let id = change.user_id.as_str();
        let mut filter = doc! { "_id": id };
        if let Some(version) = change.expected_version {
            filter.insert("version", version);
        }
        let mut fields = doc! { "updated_at": date(change.at) };
        if let Some(name) = &change.name {
            fields.insert("name", name.as_str());
        }
        let update = doc! { "$set": fields, "$inc": { "version": 1_i64 } };
        if let Some(user) = self.update_user(filter, update).await? {
            return Ok(ProfileOutcome::Updated(user));
        }
        let stored = self.find(&change.user_id).await?;
        Ok(stored.map_or(ProfileOutcome::Missing, |user| ProfileOutcome::VersionConflict {
            current: user.version,
        }))
    }

    async fn raise_epoch(&self, id: &UserId) -> StoreResult<Option<User>> {
        let raise = doc! { "$inc": { "session_epoch": 1_i64, "version": 1_i64 } };
        self.update_user(doc! { "_id": id.as_str() }, raise).await
    }

    async fn update_password(&self, update: &PasswordUpdate) -> StoreResult<Option<User>> {
        let filter = doc! { "_id": update.user_id.as_str(), "password_hash": update.from.expose() };
        let mut fields = doc! { "password_hash": update.to.expose() };
        let change = match update.replacement {
            PasswordReplacement::Rehash => doc! { "$set": fields },
            PasswordReplacement::Change { ends_sessions } => {
                fields.insert("updated_at", date(update.at));
                doc! { "$set": fields, "$inc": { "version": 1_i64, "session_epoch": i64::from(ends_sessions) } }
            }
        };
        self.update_user(filter, change).await
    }
}
