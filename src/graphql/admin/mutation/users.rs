//! Accounts that administrators make and change.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::super::{
    bulk::user_id,
    permission, requires_permission,
    types::{
        AdminUser, CreateUserInput, ImpersonateUserInput, InviteUserInput, SetAppMetadataInput,
        UpdateUserInput,
    },
};
use crate::{
    domain::{
        access::Permission,
        accounts::UpdateProfileRequest,
        administration::{ImpersonateRequest, NewUser, UserEdit},
    },
    graphql::{
        Result,
        context::ContextExt,
        types::{DateTime, patch},
    },
};

/// The user as it is now.
#[derive(SimpleObject)]
pub(super) struct UserPayload {
    /// The user.
    pub(super) user: AdminUser,
}

/// What you have to act for a user.
#[derive(SimpleObject)]
struct ImpersonateUserPayload {
    /// The user.
    user: AdminUser,
    /// The session.
    session_id: ID,
    /// The token for the `Authorization` header.
    access_token: String,
    /// When it ends.
    expires_at: DateTime,
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

    /// Lets you act for a user at the endpoint of users, for half an hour: with the token, which cannot be
    /// prolonged and carries you as `act`. The person sees the session among their own. What needs a password or
    /// a fresh login cannot be done by it. `FORBIDDEN` unless the service allows it, and for services. You must
    /// have logged in within the last 10 minutes: else `REAUTHENTICATION_REQUIRED`.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersImpersonate)))]
    async fn impersonate_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "For whom, why, and whether to change anything.")] input: ImpersonateUserInput,
    ) -> Result<ImpersonateUserPayload> {
        let caller = context.administrator().await?;
        let id = user_id(&input.id)?;
        let client = context.client()?.clone();
        let request = ImpersonateRequest { reason: input.reason, may_write: input.may_write, client };
        let acting = context.domain()?.administration.impersonate(caller, &id, request).await?;
        Ok(ImpersonateUserPayload {
            user: AdminUser(acting.user),
            session_id: acting.session.id.as_str().into(),
            expires_at: DateTime(acting.access_token.expires_at),
            access_token: acting.access_token.token,
        })
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
