//! `reauthenticate`, `createAvatarUpload`, `confirmAvatar`, `removeAvatar`, `exportMyData`, `deleteAccount`.

use async_graphql::{Context, Json, Object};

use crate::{
    domain::{
        ErrorCode,
        actor::Principal,
        rate_limits::{Class, Identifier},
    },
    graphql::{
        Result,
        context::{ContextExt, CookieEffect},
        enums::{AccessRule, access, all_reasons, codes, raises, requires_fresh_auth},
        types::{
            ConfirmAvatarInput, ConfirmAvatarPayload, CreateAvatarUploadPayload, DateTime,
            DeleteAccountPayload, ExportMyDataPayload, ReauthenticateInput, ReauthenticatePayload,
            RemoveAvatarPayload, SessionObject, UploadField, UserObject,
        },
    },
};

#[derive(Default)]
pub(super) struct LifeMutation;

#[Object]
impl LifeMutation {
    /// Shows the password again, in the same session: for 10 minutes the caller may then do what
    /// `@requiresFreshAuth` guards.
    #[graphql(directive = access::apply(AccessRule::Caller), directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::InvalidCredentials, ErrorCode::RateLimited, ErrorCode::Overloaded, ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn reauthenticate(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What shows that it is still the same person.")] input: ReauthenticateInput,
    ) -> Result<ReauthenticatePayload> {
        let caller = context.principal().await?;
        let session =
            context.domain()?.sessions.reauthenticate(caller, &input.password, context.client()?).await?;
        Ok(ReauthenticatePayload { session: SessionObject { session, current: true } })
    }

    /// Lets the caller upload a picture, directly to where pictures are kept. Then call `confirmAvatar`.
    #[graphql(directive = access::apply(AccessRule::Caller), directive = raises::apply(codes(&[ErrorCode::RateLimited, ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn create_avatar_upload(&self, context: &Context<'_>) -> Result<CreateAvatarUploadPayload> {
        let caller = context.principal().await?;
        context.limit(Class::Upload, Some(Identifier::of_user(&caller.user.id))).await?;
        let upload = context.domain()?.accounts.create_avatar_upload(caller).await?;
        Ok(CreateAvatarUploadPayload {
            url: upload.url,
            fields: upload.fields.into_iter().map(|(name, value)| UploadField { name, value }).collect(),
            public_id: upload.public_id.into(),
            expires_at: DateTime(upload.expires_at),
        })
    }

    /// Makes an uploaded picture that of the caller.
    #[graphql(directive = access::apply(AccessRule::Caller), directive = raises::apply(codes(&[ErrorCode::TokenInvalid, ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn confirm_avatar(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the upload was answered with.")] input: ConfirmAvatarInput,
    ) -> Result<ConfirmAvatarPayload> {
        let caller = context.principal().await?;
        let user = context.domain()?.accounts.confirm_avatar(caller, &input.into()).await?;
        let session = caller.session.clone();
        Ok(ConfirmAvatarPayload { user: UserObject(Principal::new(user, session)) })
    }

    /// Leaves the caller without a picture.
    #[graphql(directive = access::apply(AccessRule::Caller), directive = raises::apply(codes(&[ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn remove_avatar(&self, context: &Context<'_>) -> Result<RemoveAvatarPayload> {
        let caller = context.principal().await?;
        let user = context.domain()?.accounts.remove_avatar(caller).await?;
        let session = caller.session.clone();
        Ok(RemoveAvatarPayload { user: UserObject(Principal::new(user, session)) })
    }

    /// Everything that is held on the caller.
    #[graphql(
        directive = access::apply(AccessRule::Caller),
        directive = raises::apply(codes(&[ErrorCode::RateLimited, ErrorCode::ReauthenticationRequired, ErrorCode::Unauthenticated]), Some(all_reasons())),
        directive = requires_fresh_auth::apply()
    )]
    async fn export_my_data(&self, context: &Context<'_>) -> Result<ExportMyDataPayload> {
        let caller = context.fresh_principal().await?;
        context.limit(Class::Export, Some(Identifier::of_user(&caller.user.id))).await?;
        Ok(ExportMyDataPayload { data: Json(context.domain()?.accounts.export(caller).await?) })
    }

    /// Logs all devices out and has the account erased after a grace period. A login before restores it.
    #[graphql(
        directive = access::apply(AccessRule::Caller),
        directive = raises::apply(codes(&[ErrorCode::ReauthenticationRequired, ErrorCode::Unauthenticated]), Some(all_reasons())),
        directive = requires_fresh_auth::apply()
    )]
    async fn delete_account(&self, context: &Context<'_>) -> Result<DeleteAccountPayload> {
        let caller = context.fresh_principal().await?;
        let due_at = context.domain()?.accounts.delete_account(caller).await?;
        context.request()?.record(CookieEffect::Clear);
        Ok(DeleteAccountPayload { deletion_due_at: DateTime(due_at) })
    }
}
