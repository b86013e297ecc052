//! What closes accounts, opens them again, and ends them: of one user or of many.

use async_graphql::{Context, Object};

use super::{
    super::{
        bulk::{BulkPayload, each, user_id},
        permission, requires_permission,
        types::{
            AdminUser, BulkIdsInput, SetUserRolesInput, SetUsersRolesInput, SuspendUserInput,
            SuspendUsersInput, UserIdInput,
        },
    },
    users::UserPayload,
};
use crate::{
    domain::{
        access::Permission,
        administration::{Action, SuspendRequest},
    },
    graphql::{Result, context::ContextExt},
};

#[derive(Default)]
pub(super) struct StateMutation;

#[Object]
impl StateMutation {
    /// Closes an account for a time: from the answer on no node lets its owner in.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersSuspend)))]
    async fn suspend_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom, why and until when.")] input: SuspendUserInput,
    ) -> Result<UserPayload> {
        let caller = context.administrator().await?;
        let id = user_id(&input.id)?;
        let request = SuspendRequest {
            reason: input.reason,
            until: input.until.map(|at| at.0),
            ends_sessions: input.end_sessions,
        };
        let user = context.domain()?.administration.act(caller, &id, Action::Suspend(request)).await?;
        Ok(UserPayload { user: AdminUser(user) })
    }

    /// `suspendUser` for up to 500 users, each by itself.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersSuspend)))]
    async fn suspend_users(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom, why and until when.")] input: SuspendUsersInput,
    ) -> Result<BulkPayload> {
        let request = SuspendRequest {
            reason: input.reason,
            until: input.until.map(|at| at.0),
            ends_sessions: input.end_sessions,
        };
        each(context, input.ids, Action::Suspend(request)).await
    }

    /// Opens an account again that is suspended or was deleted by an administrator, until it is erased.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersSuspend)))]
    async fn restore_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: UserIdInput,
    ) -> Result<UserPayload> {
        let caller = context.administrator().await?;
        let id = user_id(&input.id)?;

        let user = context.domain()?.administration.act(caller, &id, Action::Restore).await?;
        Ok(UserPayload { user: AdminUser(user) })
    }

    /// `restoreUser` for up to 500 users, each by itself.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersSuspend)))]
    async fn restore_users(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: BulkIdsInput,
    ) -> Result<BulkPayload> {
        each(context, input.ids, Action::Restore).await
    }

    /// Makes the password of an account worthless, ends its sessions, and sends its owner the way to a new
    /// one.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersWrite)))]
    async fn force_password_reset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: UserIdInput,
    ) -> Result<UserPayload> {
        let caller = context.administrator().await?;
        let id = user_id(&input.id)?;

        let user = context.domain()?.administration.act(caller, &id, Action::ForcePasswordReset).await?;
        Ok(UserPayload { user: AdminUser(user) })
    }

    /// `forcePasswordReset` for up to 500 users, each by itself.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersWrite)))]
    async fn force_password_resets(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: BulkIdsInput,
    ) -> Result<BulkPayload> {
        each(context, input.ids, Action::ForcePasswordReset).await
    }

    /// Ends every session of an account.
    #[graphql(directive = requires_permission::apply(permission(Permission::SessionsRevoke)))]
    async fn revoke_user_sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: UserIdInput,
    ) -> Result<UserPayload> {
        let caller = context.administrator().await?;
        let id = user_id(&input.id)?;

        let user = context.domain()?.administration.act(caller, &id, Action::RevokeSessions).await?;
        Ok(UserPayload { user: AdminUser(user) })
    }

    /// `revokeUserSessions` for up to 500 users, each by itself.
    #[graphql(directive = requires_permission::apply(permission(Permission::SessionsRevoke)))]
    async fn revoke_users_sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: BulkIdsInput,
    ) -> Result<BulkPayload> {
        each(context, input.ids, Action::RevokeSessions).await
    }

    /// Closes an account and has it erased after the grace period; `restoreUser` brings it back until then.
    /// Users must have logged in within the last 10 minutes: else `REAUTHENTICATION_REQUIRED`.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersDelete)))]
    async fn delete_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: UserIdInput,
    ) -> Result<UserPayload> {
        let caller = context.administrator().await?;
        let id = user_id(&input.id)?;

        let user = context.domain()?.administration.act(caller, &id, Action::Delete).await?;
        Ok(UserPayload { user: AdminUser(user) })
    }

    /// `deleteUser` for up to 500 users, each by itself.
    #[graphql(directive = requires_permission::apply(permission(Permission::UsersDelete)))]
    async fn delete_users(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whom.")] input: BulkIdsInput,
    ) -> Result<BulkPayload> {
        each(context, input.ids, Action::Delete).await
    }

    /// Gives a user these roles and no others, but for that of everybody. Users must have logged in within
    /// the last 10 minutes: else `REAUTHENTICATION_REQUIRED`.
    #[graphql(directive = requires_permission::apply(permission(Permission::RolesWrite)))]
    async fn set_user_roles(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who, and which roles.")] input: SetUserRolesInput,
    ) -> Result<UserPayload> {
        let caller = context.administrator().await?;
        let id = user_id(&input.id)?;
        let user = context.domain()?.administration.act(caller, &id, Action::SetRoles(input.roles)).await?;
        Ok(UserPayload { user: AdminUser(user) })
    }

    /// `setUserRoles` for up to 500 users, each by itself.
    #[graphql(directive = requires_permission::apply(permission(Permission::RolesWrite)))]
    async fn set_users_roles(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who, and which roles.")] input: SetUsersRolesInput,
    ) -> Result<BulkPayload> {
        each(context, input.ids, Action::SetRoles(input.roles)).await
    }
}
