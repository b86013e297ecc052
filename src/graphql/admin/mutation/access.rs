//! Roles, service tokens and signing keys.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::super::{
    permission, requires_permission,
    types::{
        CreateServiceTokenInput, RemoveRoleInput, RevokeServiceTokenInput, RoleObject, SaveRoleInput,
        ServiceTokenObject,
    },
};
use crate::{
    domain::{access::Permission, administration::NewServiceToken},
    graphql::{Result, context::ContextExt},
};

/// The role as it is now.
#[derive(SimpleObject)]
struct SaveRolePayload {
    /// The role.
    role: RoleObject,
}

/// The role that is no more.
#[derive(SimpleObject)]
struct RemoveRolePayload {
    /// Its name.
    name: String,
}

/// A token that was just made.
#[derive(SimpleObject)]
struct CreateServiceTokenPayload {
    /// The token.
    service_token: ServiceTokenObject,
    /// Its secret, for the `Authorization` header as `Bearer …`. It is not shown again.
    secret: String,
}

/// The token as it is now.
#[derive(SimpleObject)]
struct RevokeServiceTokenPayload {
    /// The token.
    service_token: ServiceTokenObject,
}

/// The key that was made.
#[derive(SimpleObject)]
struct RotateSigningKeyPayload {
    /// Its id, the `kid` of tokens that it will sign.
    key_id: ID,
}

#[derive(Default)]
pub(super) struct AccessMutation;

#[Object]
impl AccessMutation {
    /// Makes a role, or gives one other permissions. Users must have logged in within the last 10 minutes: else
    /// `REAUTHENTICATION_REQUIRED`.
    #[graphql(directive = requires_permission::apply(permission(Permission::RolesWrite)))]
    async fn save_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The role.")] input: SaveRoleInput,
    ) -> Result<SaveRolePayload> {
        let caller = context.administrator().await?;
        let administration = &context.domain()?.administration;
        let role = administration.save_role(caller, &input.name, &input.permissions).await?;
        Ok(SaveRolePayload { role: RoleObject(role) })
    }

    /// Removes a role. Those who have it keep its name, which allows nothing. Users must have logged in within
    /// the last 10 minutes: else `REAUTHENTICATION_REQUIRED`.
    #[graphql(directive = requires_permission::apply(permission(Permission::RolesWrite)))]
    async fn remove_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: RemoveRoleInput,
    ) -> Result<RemoveRolePayload> {
        let caller = context.administrator().await?;
        let name = context.domain()?.administration.remove_role(caller, &input.name).await?;
        Ok(RemoveRolePayload { name: name.to_string() })
    }

    /// Makes a token for another service. Users must have logged in within the last 10 minutes: else
    /// `REAUTHENTICATION_REQUIRED`.
    #[graphql(directive = requires_permission::apply(permission(Permission::TokensWrite)))]
    async fn create_service_token(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What for, what it allows, and for how long.")] input: CreateServiceTokenInput,
    ) -> Result<CreateServiceTokenPayload> {
        let caller = context.administrator().await?;
        let CreateServiceTokenInput { name, permissions, expires_at } = input;
        let new = NewServiceToken { name, permissions, expires_at: expires_at.0 };
        let (token, secret) = context.domain()?.administration.create_service_token(caller, new).await?;
        Ok(CreateServiceTokenPayload { service_token: ServiceTokenObject(token), secret: secret.expose() })
    }

    /// Revokes a service token, from the next request on.
    #[graphql(directive = requires_permission::apply(permission(Permission::TokensWrite)))]
    async fn revoke_service_token(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: RevokeServiceTokenInput,
    ) -> Result<RevokeServiceTokenPayload> {
        let caller = context.administrator().await?;
        let token = context.domain()?.administration.revoke_service_token(caller, &input.id).await?;
        Ok(RevokeServiceTokenPayload { service_token: ServiceTokenObject(token) })
    }

    /// Makes a signing key, which signs access tokens once every node and every other service can know it.
    /// Users must have logged in within the last 10 minutes: else `REAUTHENTICATION_REQUIRED`.
    #[graphql(directive = requires_permission::apply(permission(Permission::KeysRotate)))]
    async fn rotate_signing_key(&self, context: &Context<'_>) -> Result<RotateSigningKeyPayload> {
        let caller = context.administrator().await?;
        let key = context.domain()?.administration.rotate_signing_key(caller, false).await?;
        Ok(RotateSigningKeyPayload { key_id: key.as_str().into() })
    }
}
