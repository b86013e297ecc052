//! Accounts that administrators make and change.

use async_graphql::{Context, Object, SimpleObject};

use super::super::{
    bulk::user_id,
    permission, requires_permission,
    types::{AdminUser, CreateUserInput, InviteUserInput, SetAppMetadataInput, UpdateUserInput},
};
use crate::{
    domain::{
        access::Permission,
        accounts::UpdateProfileRequest,
        administration::{NewUser, UserEdit},
    },
    graphql::{Result, context::ContextExt, types::patch},
};

/// The user as it is now.
#[derive(SimpleObject)]
pub(super) struct UserPayload {
    /// The user.
    pub(super) user: AdminUser,
}

#[derive(Default)]
pub(super) struct UserMutation;

#[Object]
impl UserMutation {
    /// Makes an account without a password, which its owner chooses by a mail that `requestPasswordReset`
    /// sends.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersWrite)))]
    async fn create_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: CreateUserInput,
    ) -> Result<UserPayload> {
        let caller = context.administrator().await?;
        let CreateUserInput { email, email_verified, name, username, locale, roles } = input;
        let new = NewUser { email, email_verified, name, username, locale, roles, invites: false };
        let user = context.domain()?.administration.create_user(caller, new).await?;
        Ok(UserPayload { user: AdminUser(user) })
    }

    /// Makes an account and writes to its owner, who chooses a password within 7 days by the link of the mail.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersWrite)))]
    async fn invite_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: InviteUserInput,
    ) -> Result<UserPayload> {
        let caller = context.administrator().await?;
        let InviteUserInput { email, name, locale, roles } = input;
        let new = NewUser { email, name, locale, roles, invites: true, ..NewUser::default() };
        let user = context.domain()?.administration.create_user(caller, new).await?;
        Ok(UserPayload { user: AdminUser(user) })
    }

    /// Changes an account: what is left out stays, null clears.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersWrite)))]
    async fn update_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateUserInput,
    ) -> Result<UserPayload> {
        let caller = context.administrator().await?;
        let id = user_id(&input.id)?;
        let edit = UserEdit {
            profile: UpdateProfileRequest {
                name: patch(input.name),
                username: patch(input.username),
                locale: patch(input.locale),
                time_zone: patch(input.time_zone),
                public_metadata: patch(input.public_metadata).map(|json| json.0),
                expected_version: input.expected_version,
            },
            email: input.email,
            email_verified: input.email_verified,
        };
        let user = context.domain()?.administration.update_user(caller, &id, edit).await?;
        Ok(UserPayload { user: AdminUser(user) })
    }

    /// Replaces what applications keep with a person and the person cannot change.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersWrite)))]
    async fn set_app_metadata(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "With whom, and what.")] input: SetAppMetadataInput,
    ) -> Result<UserPayload> {
        let caller = context.administrator().await?;
        let id = user_id(&input.id)?;
        let value = input.app_metadata.0;
        let user = context.domain()?.administration.set_app_metadata(caller, &id, value).await?;
        Ok(UserPayload { user: AdminUser(user) })
    }
}
