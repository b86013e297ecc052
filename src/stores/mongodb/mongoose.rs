//! Users of other programs, as mongoose keeps them in MongoDB: `name`, `email`, `password`, `avatar`, `role`,
//! `isVerified`.

use futures_util::TryStreamExt;
use mongodb::{
    Cursor,
    bson::{Bson, Document, doc},
};
use secrecy::SecretString;

use super::{connect, error};
use crate::{
    domain::transfer::{AvatarRecord, UserRecord},
    stores::OpenError,
};

/// Documents that are asked for at a time.
const BATCH: u32 = 1_000;

/// A collection of users, read to its end.
pub struct MongooseUsers {
    cursor: Cursor<Document>,
}

impl MongooseUsers {
    /// Opens a collection of the database that the URL names.
    ///
    /// # Errors
    /// [`OpenError`]; its text names hosts and no credentials.
    pub async fn open(url: &SecretString, collection: &str) -> Result<Self, OpenError> {
        let (database, address) = connect(url).await?;
        let users = database.collection::<Document>(collection);
        let found = users.find(doc! {}).sort(doc! { "_id": 1 }).batch_size(BATCH).await;
        let cursor =
            found.map_err(|error| OpenError::MongoDb { address, reason: error::describe(&error) })?;
        Ok(Self { cursor })
    }

    /// The next user, or what is wrong with the document; `None` at the end.
    ///
    /// # Errors
    /// What the driver says, without values.
    pub async fn next(&mut self) -> Result<Option<Result<UserRecord, String>>, String> {
        let found = self.cursor.try_next().await.map_err(|error| error::describe(&error))?;
        Ok(found.map(|document| record(&document)))
    }
}

fn record(document: &Document) -> Result<UserRecord, String> {
    // What is absent is none; what is there and of another type would be lost unnoticed.
    let text = |name: &str| match document.get(name) {
        None | Some(Bson::Null) => Ok(None),
        Some(Bson::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{name} is no text")),
    };
    let time = |name: &str| {
        let date = document.get_datetime(name).ok()?;
        chrono::DateTime::from_timestamp_millis(date.timestamp_millis())
    };
    let id = match document.get("_id") {
        Some(Bson::ObjectId(id)) => Some((id.to_hex(), Some(id.timestamp()))),
        Some(Bson::String(id)) => Some((id.clone(), None)),
        Some(other) => Some((other.to_string(), None)),
        None => None,
    };
    // An object id tells when it was made.
    let made = id.as_ref().and_then(|(_, made)| *made);
    let made = made.and_then(|at| chrono::DateTime::from_timestamp_millis(at.timestamp_millis()));
    let role = text("role")?.filter(|role| role != "user");
    let avatar = document.get_document("avatar").ok().and_then(|avatar| {
        let part = |name: &str| avatar.get_str(name).ok().filter(|text| !text.is_empty()).map(str::to_owned);
        let (public_id, url) = (part("public_id")?, part("secure_url").or_else(|| part("url"))?);
        Some(AvatarRecord { public_id, url, width: 0, height: 0 })
    });
    Ok(UserRecord {
        id: id.map(|(id, _)| id),
        email: text("email")?.ok_or("email is missing")?,
        email_verified: document.get_bool("isVerified").unwrap_or(false),
        name: text("name")?,
        roles: role.into_iter().collect(),
        password_hash: text("password")?.map(Into::into),
        avatar,
        created_at: time("createdAt").or(made),
        updated_at: time("updatedAt"),
        ..UserRecord::default()
    })
}
