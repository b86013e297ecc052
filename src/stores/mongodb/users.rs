//! Users in MongoDB.

use std::time::Duration;

use async_trait::async_trait;
use mongodb::{
    bson::{self, Bson, Document, doc},
    options::ReturnDocument,
};

use super::{
    MongoStore,
    documents::date,
    indexes, upgrades,
    user_documents::{AvatarDocument, UserDocument},
};
use crate::domain::{
    access::ADMIN_ROLE,
    accounts::{
        ChangeOutcome, EmailKey, Metadata, Precondition, User, UserChange, UserFields, UserMetadata,
        UserStatus, UserStore, UserWithPassword, Username, name_key,
    },
    audit::AuditEvent,
    ids::UserId,
    patch::Patch,
    store::{StoreError, StoreResult},
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
    async fn insert(&self, account: &UserWithPassword, event: Option<&AuditEvent>) -> StoreResult<()> {
        let (users, document) = (self.users.clone(), UserDocument::from(account));
        let insert = self.bounded(async move { users.insert_one(document).await });
        self.recorded(event, insert, |_| true).await.map(drop)
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
        if change.only_if.has_other_administrator {
            self.change_administrator(change).await
        } else {
            self.make_recorded(change).await
        }
    }

    async fn remove(&self, id: &UserId, event: Option<&AuditEvent>) -> StoreResult<()> {
        let (users, filter) = (self.users.clone(), doc! { "_id": id.as_str() });
        let remove = self.bounded(async move { users.delete_one(filter).await });
        self.recorded(event, remove, |outcome| outcome.deleted_count > 0).await.map(drop)
    }
}

impl MongoStore {
    async fn make_recorded(&self, change: &UserChange) -> StoreResult<ChangeOutcome> {
        let is_made = |outcome: &ChangeOutcome| matches!(outcome, ChangeOutcome::Changed(_));
        self.recorded(change.event.as_deref(), self.make_change(change), is_made).await
    }

    /// Gives an account of the first versions the epoch of credentials that it is read to have: counting on from
    /// nothing would lead to the same once more. The upgrade has done it, but for what an old node or a copy brought
    /// later.
    async fn begin_epoch(&self, id: &UserId) -> StoreResult<()> {
        let users = self.users.clone();
        let (lacking, set) = (upgrades::lacks_epoch(Some(id.as_str())), upgrades::first_epoch());
        self.bounded(async move { users.update_one(lacking, set).await }).await.map(drop)
    }

    async fn make_change(&self, change: &UserChange) -> StoreResult<ChangeOutcome> {
        if change.consequences.ends_tokens {
            self.begin_epoch(&change.user_id).await?;
        }
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

    /// One such change at a time, whichever node makes it: two administrators who take the role from each
    /// other would both find the other one.
    async fn change_administrator(&self, change: &UserChange) -> StoreResult<ChangeOutcome> {
        let place = self.take_turn().await?;
        let others = doc! {
            "roles": ADMIN_ROLE,
            "status": UserStatus::Active.number(),
            "_id": { "$ne": change.user_id.as_str() },
        };
        let users = self.users.clone();
        let outcome = match self.bounded(async move { users.find_one(others).await }).await {
            Ok(Some(_)) => self.make_recorded(change).await,
            Ok(None) => {
                let stored = self.find(&change.user_id).await;
                stored.map(|stored| stored.map_or(ChangeOutcome::Missing, ChangeOutcome::Unmet))
            }
            Err(error) => Err(error),
        };
        let turns = self.database.collection::<Document>(indexes::META);
        // Else it ends by itself.
        let _ = self.bounded(async move { turns.delete_one(place).await }).await;
        outcome
    }

    /// Waits for its turn, and answers what to remove when it is over.
    async fn take_turn(&self) -> StoreResult<Document> {
        for _ in 0..TURN_TRIES {
            let turns = self.database.collection::<Document>(indexes::META);
            let now = bson::DateTime::now();
            let until = bson::DateTime::from_millis(now.timestamp_millis().saturating_add(TURN_MILLIS));
            let filter = doc! { "_id": TURN, "until": { "$lt": now } };
            let set = doc! { "$set": { "until": until } };
            match self.bounded(async move { turns.update_one(filter, set).upsert(true).await }).await {
                Ok(_) => return Ok(doc! { "_id": TURN, "until": until }),
                // Somebody else's.
                Err(StoreError::Conflict(_)) => tokio::time::sleep(TURN_PAUSE).await,
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Unavailable)
    }
}

/// What is there while an administrator loses the role, and for how long at most: longer than it takes.
const TURN: &str = "administrators";
const TURN_MILLIS: i64 = 20_000;
const TURN_TRIES: u32 = 100;
const TURN_PAUSE: Duration = Duration::from_millis(100);

fn filter(change: &UserChange) -> Document {
    let Precondition { version, password_hash, credential_epoch, session_epoch, deletion_due_at, .. } =
        &change.only_if;
    let mut filter = doc! { "_id": change.user_id.as_str() };
    if let Some(epoch) = session_epoch {
        filter.insert("session_epoch", epoch);
    }
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
    if let Some(status) = status_after(change) {
        set.insert("status", status.number());
    }
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

/// The state after a change that has to do with it.
fn status_after(change: &UserChange) -> Option<UserStatus> {
    let (deletion, suspension) = (&change.set.deletion_due_at, &change.set.suspension);
    if !deletion.is_change() && !suspension.is_change() {
        return None;
    }
    let is_deleting = match deletion {
        Patch::Set(_) => true,
        Patch::Clear => false,
        Patch::Keep => matches!(change.only_if.deletion_due_at, Patch::Set(_)),
    };
    Some(match suspension {
        _ if is_deleting => UserStatus::Deleting,
        Patch::Set(_) => UserStatus::Suspended,
        Patch::Clear | Patch::Keep => UserStatus::Active,
    })
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
        set.insert("name_key", name_key(name.as_str()));
    }
    if let Some(metadata) = fields.public_metadata.as_ref().map(Metadata::to_json) {
        set.insert("public_metadata", metadata);
    }
    if let Some(hash) = &fields.password_hash {
        set.insert("password_hash", hash.expose());
    }
    if let Some(roles) = &fields.roles {
        set.insert("roles", roles);
    }
    if let Some(metadata) = fields.app_metadata.as_ref().map(Metadata::to_json) {
        set.insert("app_metadata", metadata);
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
    let suspension = &fields.suspension;
    patch("suspension_reason", suspension.clone().map(|suspension| suspension.reason.into()));
    patch("suspended_at", suspension.clone().map(|suspension| date(suspension.at).into()));
    let until = match suspension {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(suspension) => Patch::to(suspension.until),
    };
    patch("suspended_until", until.map(|at| date(at).into()));
    (set, unset)
}
