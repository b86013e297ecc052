//! Users in MongoDB.

use async_trait::async_trait;
use mongodb::{
    bson::{Bson, Document, doc},
    options::ReturnDocument,
};

use super::{
    MongoStore,
    documents::date,
    user_documents::{AvatarDocument, UserDocument},
};
use crate::domain::{
    accounts::{
        ChangeOutcome, EmailKey, Metadata, Precondition, User, UserChange, UserFields, UserMetadata,
        UserStore, UserWithPassword, Username,
    },
    ids::UserId,
    patch::Patch,
    store::StoreResult,
};

impl MongoStore {
    async fn find_user(&self, filter: Document) -> StoreResult<Option<UserWithPassword>> {
        let users = self.users.clone();
        let found = self.bounded(async move { users.find_one(filter).await }).await?;
        found.map(TryInto::try_into).transpose()
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

    async fn find_metadata(&self, id: &UserId) -> StoreResult<Option<UserMetadata>> {
        Ok(self.find_with_password(id).await?.map(|found| found.metadata))
    }

    /// Text that a person wrote or a hash goes into an update document and never into a pipeline,
    /// where a leading `$` would make it an expression.
    async fn change(&self, change: &UserChange) -> StoreResult<ChangeOutcome> {
        let (users, filter, update) = (self.users.clone(), filter(change), update(change));
        let changed = self
            .bounded(async move {
                users.find_one_and_update(filter, update).return_document(ReturnDocument::After).await
            })
            .await?;
        if let Some(document) = changed {
            let changed = UserWithPassword::try_from(document)?;
            return Ok(ChangeOutcome::Changed(changed.user));
        }
        let stored = self.find(&change.user_id).await?;
        Ok(stored.map_or(ChangeOutcome::Missing, ChangeOutcome::Unmet))
    }

    async fn remove(&self, id: &UserId) -> StoreResult<()> {
        let (users, filter) = (self.users.clone(), doc! { "_id": id.as_str() });
        self.bounded(async move { users.delete_one(filter).await }).await.map(drop)
    }
}

fn filter(change: &UserChange) -> Document {
    let Precondition { version, password_hash, credential_epoch, deletion_due_at } = &change.only_if;
    let mut filter = doc! { "_id": change.user_id.as_str() };
    if let Some(version) = version {
        filter.insert("version", version);
    }
    if let Some(hash) = password_hash {
        filter.insert("password_hash", hash.expose());
    }
    if let Some(epoch) = credential_epoch {
        // Accounts of the first versions have no epoch, which is the first one.
        let fits = if *epoch == 1 {
            doc! { "$in": [1_i64, Bson::Null] }
        } else {
            doc! { "$eq": epoch }
        };
        filter.insert("credential_epoch", fits);
    }
    if let Some(due_at) = deletion_due_at.written() {
        filter.insert("deletion_due_at", due_at.map(|at| date(*at)));
    }
    filter
}

fn update(change: &UserChange) -> Document {
    let consequences = change.consequences;
    let (mut set, unset) = fields(&change.set);
    let mut raised = Document::new();
    if !consequences.unseen {
        set.insert("updated_at", date(change.at));
        raised.insert("version", 1_i64);
    }
    if consequences.ends_sessions {
        raised.insert("session_epoch", 1_i64);
    }
    if consequences.ends_tokens {
        raised.insert("credential_epoch", 1_i64);
    }
    let parts = [("$set", set), ("$unset", unset), ("$inc", raised)];
    let parts = parts.into_iter().filter(|(_, part)| !part.is_empty());
    parts.map(|(operator, part)| (operator.to_owned(), Bson::Document(part))).collect()
}

/// What is set, and what is removed.
fn fields(fields: &UserFields) -> (Document, Document) {
    let (mut set, mut unset) = (Document::new(), Document::new());
    if let Some(email) = &fields.email {
        set.insert("email", email.as_str());
        set.insert("email_key", email.key().as_str());
    }
    if let Some(verified) = fields.email_verified {
        set.insert("email_verified", verified);
    }
    if let Some(name) = &fields.name {
        set.insert("name", name.as_str());
    }
    if let Some(metadata) = fields.public_metadata.as_ref().map(Metadata::to_json) {
        set.insert("public_metadata", metadata);
    }
    if let Some(hash) = &fields.password_hash {
        set.insert("password_hash", hash.expose());
    }
    let mut patch = |field: &str, patch: Patch<Bson>| match patch {
        Patch::Keep => {}
        Patch::Clear => drop(unset.insert(field, "")),
        Patch::Set(value) => drop(set.insert(field, value)),
    };
    patch("username", fields.username.clone().map(|name| name.as_str().into()));
    patch("username_key", fields.username.clone().map(|name: Username| name.key().into()));
    patch("locale", fields.locale.clone().map(|locale| locale.as_str().into()));
    patch("time_zone", fields.time_zone.clone().map(|zone| zone.as_str().into()));
    patch("avatar", fields.avatar.clone().map(|avatar| AvatarDocument::from(avatar).into()));
    patch("deletion_due_at", fields.deletion_due_at.clone().map(|at| date(at).into()));
    (set, unset)
}
