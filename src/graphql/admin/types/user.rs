//! `User`, as administrators see one.

use async_graphql::{Context, Enum, ID, Json, Object, SimpleObject};
use serde_json::Value;

use crate::{
    domain::{
        Error,
        accounts::{Locale, TimeZone, User, UserMetadata, UserStatus, Username},
    },
    graphql::{Result, context::ContextExt, types::DateTime},
};

/// In which state an account is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "UserStatus", remote = "UserStatus")]
pub(in crate::graphql::admin) enum UserStatusEnum {
    /// Nothing is the matter.
    Active,
    /// It is suspended. One whose suspension ends by itself is open from then on, and listed so a moment later.
    Suspended,
    /// It is going to be erased.
    Deleting,
}

/// Why and until when an account is closed.
#[derive(SimpleObject)]
struct Suspension {
    /// Why.
    reason: String,
    /// Since when.
    at: DateTime,
    /// Until when; null for ever.
    until: Option<DateTime>,
}

/// A picture.
#[derive(SimpleObject)]
struct Picture {
    /// What the store of pictures calls it.
    public_id: ID,
    /// Where it can be had.
    url: String,
}

/// A user.
pub(in crate::graphql::admin) struct AdminUser(pub(in crate::graphql::admin) User);

impl AdminUser {
    async fn metadata(&self, context: &Context<'_>) -> Result<UserMetadata> {
        let caller = context.administrator().await?;
        let found = context.domain()?.administration.find_metadata(caller, &self.0.id).await?;
        Ok(found.ok_or(Error::NotFound)?)
    }
}

/// A person's account, as administrators see it.
#[Object(name = "User")]
impl AdminUser {
    /// The id: opaque, unique across all types, never reused.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// The e-mail address as the person wrote it.
    async fn email(&self) -> &str {
        self.0.email.as_str()
    }

    /// Whether the person has shown that the e-mail address is theirs.
    async fn email_verified(&self) -> bool {
        self.0.email_verified
    }

    /// What the person wants to be called.
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// What others call the person by.
    async fn username(&self) -> Option<&str> {
        self.0.username.as_ref().map(Username::as_str)
    }

    /// The language of mails, as a language tag.
    async fn locale(&self) -> Option<&str> {
        self.0.locale.as_ref().map(Locale::as_str)
    }

    /// The time zone by its name.
    async fn time_zone(&self) -> Option<&str> {
        self.0.time_zone.as_ref().map(TimeZone::as_str)
    }

    /// The picture of the person.
    async fn avatar(&self, context: &Context<'_>) -> Option<Result<Picture>> {
        let avatar = self.0.avatar.as_ref()?;
        let url = || Ok(context.domain()?.accounts.avatar_url(avatar, None)?);
        Some(url().map(|url| Picture { public_id: avatar.public_id.clone().into(), url }))
    }

    /// The names of the roles that the person has.
    async fn roles(&self) -> &[String] {
        &self.0.roles
    }

    /// In which state the account is.
    async fn status(&self) -> UserStatusEnum {
        self.0.status().into()
    }

    /// Why and until when the account is closed, if it is.
    async fn suspension(&self) -> Option<Suspension> {
        let suspension = self.0.suspension.as_ref()?;
        Some(Suspension {
            reason: suspension.reason.clone(),
            at: DateTime(suspension.at),
            until: suspension.until.map(DateTime),
        })
    }

    /// When the account is to be erased, if it is.
    async fn deletion_due_at(&self) -> Option<DateTime> {
        self.0.deletion_due_at.map(DateTime)
    }

    /// When the account was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When the account was last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }

    /// When the person was last seen, to the hour.
    async fn last_seen_at(&self) -> Option<DateTime> {
        self.0.last_seen_at.map(DateTime)
    }

    /// Counts the changes of the account. Send it as `expectedVersion` to change what you have read and
    /// nothing newer.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// What applications let the person keep.
    async fn public_metadata(&self, context: &Context<'_>) -> Result<Json<Value>> {
        Ok(Json(self.metadata(context).await?.public.to_value()))
    }

    /// What applications keep with the person, and the person cannot change.
    async fn app_metadata(&self, context: &Context<'_>) -> Result<Json<Value>> {
        Ok(Json(self.metadata(context).await?.app.to_value()))
    }
}
