//! `register`, `updateProfile`, `changePassword`.

use async_graphql::{Context, Object};

use super::sessions::{auth_payload, check_transport};
use crate::{
    domain::{
        ErrorCode,
        accounts::{ChangePasswordRequest, RegisterRequest, UpdateProfileRequest},
        actor::Principal,
    },
    graphql::{
        Result,
        context::ContextExt,
        enums::{all_reasons, codes, raises},
        types::{
            AuthPayload, ChangePasswordInput, ChangePasswordPayload, RegisterInput, RegisterPayload,
            UpdateProfileInput, UpdateProfilePayload, UserObject,
        },
    },
};

#[derive(Default)]
pub(super) struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Makes an account and logs its owner in. An address that has one already is refused with
    /// `EMAIL_TAKEN`.
    #[graphql(directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::EmailTaken, ErrorCode::Overloaded, ErrorCode::CsrfRejected]), None))]
    async fn register(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who, and how tokens travel.")] input: RegisterInput,
    ) -> Result<RegisterPayload> {
        let request = context.request()?;
        check_transport(request, input.transport)?;
        let registration = RegisterRequest {
            email: input.email,
            password: input.password,
            name: input.name,
            device_name: input.device_name,
            client: request.client.clone(),
        };
        let signed_in = context.domain()?.accounts.register(registration).await?;
        Ok(register_payload(auth_payload(request, input.transport, signed_in)))
    }

    /// Changes the caller's own profile.
    #[graphql(directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::Conflict, ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn update_profile(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateProfileInput,
    ) -> Result<UpdateProfilePayload> {
        let caller = context.principal().await?;
        let change = UpdateProfileRequest { name: input.name, expected_version: input.expected_version };
        let user = context.domain()?.accounts.update_profile(caller, change).await?;
        let session = caller.session.clone();
        Ok(UpdateProfilePayload { user: UserObject(Principal { user, session }) })
    }

    /// Changes the caller's own password and, unless told otherwise, logs all other devices out.
    #[graphql(directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::InvalidCredentials, ErrorCode::Overloaded, ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn change_password(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The passwords of now and from now on.")] input: ChangePasswordInput,
    ) -> Result<ChangePasswordPayload> {
        let caller = context.principal().await?;
        let change = ChangePasswordRequest {
            current_password: input.current_password,
            new_password: input.new_password,
            keep_other_sessions: input.keep_other_sessions,
        };
        let user = context.domain()?.accounts.change_password(caller, change).await?;
        let session = caller.session.clone();
        Ok(ChangePasswordPayload { user: UserObject(Principal { user, session }) })
    }
}

fn register_payload(payload: AuthPayload) -> RegisterPayload {
    RegisterPayload {
        user: Some(payload.user),
        session: Some(payload.session),
        access_token: payload.access_token,
        refresh_token: payload.refresh_token,
        access_token_expires_at: Some(payload.access_token_expires_at),
        email_verification_required: false,
    }
}
