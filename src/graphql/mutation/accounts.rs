//! `register`, `updateProfile`, `changePassword`.

use async_graphql::{Context, Object};

use super::sessions::{auth_payload, check_transport};
use crate::{
    domain::{
        ErrorCode,
        accounts::{ChangePasswordRequest, RegisterRequest, Registration, UpdateProfileRequest},
        actor::Principal,
        one_time::Ticket,
    },
    graphql::{
        Result,
        context::ContextExt,
        enums::{AccessRule, access, all_reasons, codes, raises},
        types::{
            AuthPayload, ChangePasswordInput, ChangePasswordPayload, RegisterInput, RegisterPayload,
            UpdateProfileInput, UpdateProfilePayload, UserObject, patch,
        },
    },
};

#[derive(Default)]
pub(super) struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Makes an account, sends a mail to verify its address, and logs its owner in, unless the service
    /// wants the address verified first. An address that has an account already is refused with
    /// `EMAIL_TAKEN`, unless the service keeps that private.
    #[graphql(directive = access::apply(AccessRule::Public), directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::EmailTaken, ErrorCode::RateLimited, ErrorCode::Overloaded, ErrorCode::CsrfRejected]), None))]
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
            locale: input.locale,
            device_name: input.device_name,
            client: request.client.clone(),
        };
        let Registration { signed_in, ticket } = context.domain()?.accounts.register(registration).await?;
        let payload = signed_in.map(|signed_in| auth_payload(request, input.transport, signed_in));
        Ok(register_payload(payload, &ticket))
    }

    /// Changes the caller's own profile: what is left out stays, null clears.
    #[graphql(directive = access::apply(AccessRule::Caller), directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::Conflict, ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn update_profile(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateProfileInput,
    ) -> Result<UpdateProfilePayload> {
        let caller = context.principal().await?;
        let change = UpdateProfileRequest {
            name: patch(input.name),
            username: patch(input.username),
            locale: patch(input.locale),
            time_zone: patch(input.time_zone),
            public_metadata: patch(input.public_metadata).map(|json| json.0),
            expected_version: input.expected_version,
        };
        let user = context.domain()?.accounts.update_profile(caller, change).await?;
        let session = caller.session.clone();
        Ok(UpdateProfilePayload { user: UserObject(Principal::new(user, session)) })
    }

    /// Changes the caller's own password and, unless told otherwise, logs all other devices out.
    #[graphql(directive = access::apply(AccessRule::Caller), directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::InvalidCredentials, ErrorCode::RateLimited, ErrorCode::Overloaded, ErrorCode::Unauthenticated]), Some(all_reasons())))]
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
            client: context.client()?.clone(),
        };
        let user = context.domain()?.accounts.change_password(caller, change).await?;
        let session = caller.session.clone();
        Ok(ChangePasswordPayload { user: UserObject(Principal::new(user, session)) })
    }
}

fn register_payload(payload: Option<AuthPayload>, ticket: &Ticket) -> RegisterPayload {
    let verification_ticket = ticket.expose();
    match payload {
        Some(payload) => RegisterPayload {
            user: Some(payload.user),
            session: Some(payload.session),
            access_token: payload.access_token,
            refresh_token: payload.refresh_token,
            device_token: payload.device_token,
            access_token_expires_at: Some(payload.access_token_expires_at),
            email_verification_required: false,
            verification_ticket,
        },
        None => RegisterPayload {
            user: None,
            session: None,
            access_token: None,
            refresh_token: None,
            device_token: None,
            access_token_expires_at: None,
            email_verification_required: true,
            verification_ticket,
        },
    }
}
