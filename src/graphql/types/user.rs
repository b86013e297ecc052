//! `User`.

use async_graphql::{Context, ID, Json, Object};
use serde_json::Value;

use super::{Avatar, DateTime, SecurityEventConnection, SessionConnection};
use crate::{
    domain::{
        ErrorCode,
        accounts::{Locale, TimeZone, User, Username},
        actor::Principal,
    },
    graphql::{
        Result,
        context::ContextExt,
        enums::{AccessRule, access, codes, raises},
        page::PageArguments,
    },
};

/// A user as the schema shows it: to its owner, by one of the owner's sessions.
pub(crate) struct UserObject(pub(crate) Principal);

impl UserObject {
    fn user(&self) -> &User {
        &self.0.user
    }
}

/// A person's account.
#[expect(clippy::too_many_arguments, reason = "connections have four, by their specification")]
#[Object(name = "User", directive = access::apply(AccessRule::Owner))]
impl UserObject {
    /// The id: opaque, unique across all types, never reused.
    pub(crate) async fn id(&self) -> ID {
        self.user().id.as_str().into()
    }

    /// The e-mail address as the person wrote it. Unique by its normalised form.
    async fn email(&self) -> &str {
        self.user().email.as_str()
    }

    /// Whether the person has shown that the e-mail address is theirs.
    async fn email_verified(&self) -> bool {
        self.user().email_verified
    }

    /// What the person wants to be called.
    async fn name(&self) -> &str {
        self.user().name.as_str()
    }

    /// What others call the person by; no other person has one that looks like it.
    async fn username(&self) -> Option<&str> {
        self.user().username.as_ref().map(Username::as_str)
    }

    /// The language of mails, as a language tag.
    async fn locale(&self) -> Option<&str> {
        self.user().locale.as_ref().map(Locale::as_str)
    }

    /// The time zone by its name.
    async fn time_zone(&self) -> Option<&str> {
        self.user().time_zone.as_ref().map(TimeZone::as_str)
    }

    /// The picture of the person.
    #[graphql(directive = raises::apply(codes(&[ErrorCode::BadUserInput]), None))]
    async fn avatar(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many pixels its `url` is to have in both directions, 1 to 1024.")] size: Option<
            i32,
        >,
    ) -> Option<Result<Avatar>> {
        let avatar = self.user().avatar.clone()?;
        let url = || Ok(context.domain()?.accounts.avatar_url(&avatar, size)?);
        Some(url().map(|url| Avatar {
            url,
            public_id: avatar.public_id.clone().into(),
            width: avatar.width,
            height: avatar.height,
        }))
    }

    /// What applications let the person keep, changed by `updateProfile`.
    async fn public_metadata(&self, context: &Context<'_>) -> Result<Json<Value>> {
        Ok(Json(context.domain()?.accounts.metadata(self.user()).await?.public.to_value()))
    }

    /// What applications keep with the person, and the person cannot change.
    async fn app_metadata(&self, context: &Context<'_>) -> Result<Json<Value>> {
        Ok(Json(context.domain()?.accounts.metadata(self.user()).await?.app.to_value()))
    }

    /// The names of the roles that the person has.
    async fn roles(&self) -> &[String] {
        &self.user().roles
    }

    /// When the account was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.user().created_at)
    }

    /// When the account was last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.user().updated_at)
    }

    /// Counts the changes of the account. Send it as `expectedVersion` to change what you have read
    /// and nothing newer.
    async fn version(&self) -> i64 {
        self.user().version
    }

    /// The sessions in which the person is logged in, the newest login first.
    #[graphql(directive = raises::apply(codes(&[ErrorCode::BadUserInput]), None))]
    async fn sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 0 to 100. 20 without `first` and `last`.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Option<Result<SessionConnection>> {
        let page = PageArguments { first, after, last, before }.read();
        let list = async || {
            let page = page?;
            let found = context.domain()?.sessions.list_own(&self.0, &page).await?;
            Ok(SessionConnection::new(&self.0, found))
        };
        Some(list().await)
    }

    /// What happened to the account, the newest first.
    #[graphql(directive = raises::apply(codes(&[ErrorCode::BadUserInput]), None))]
    async fn security_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 0 to 100. 20 without `first` and `last`.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Option<Result<SecurityEventConnection>> {
        let page = PageArguments { first, after, last, before }.read();
        let list = async || {
            let id = &self.user().id;
            let found = context.domain()?.audit.list_about(id, &page?).await?;
            Ok(SecurityEventConnection::new(id.clone(), found))
        };
        Some(list().await)
    }
}
