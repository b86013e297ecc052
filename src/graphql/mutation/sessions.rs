//! `login`, `refresh`, `logout`, `renameSession`, `revokeSession`, `revokeOtherSessions`.

use std::sync::Arc;

use async_graphql::{Context, Object};

use crate::{
    domain::{
        Error, ErrorCode,
        actor::{PresentedToken, Principal},
        faults::{Fault, FaultCode},
        rate_limits::Class,
        sessions::{LoginRequest, LogoutRequest, SignedIn},
    },
    graphql::{
        Result,
        context::{ContextExt, CookieEffect, CsrfVerdict, RequestContext, TokenCookies},
        enums::{AccessRule, access, all_reasons, codes, raises},
        types::{
            AuthPayload, DateTime, Defaulted, LoginInput, LogoutInput, LogoutPayload, RefreshInput,
            RenameSessionInput, RenameSessionPayload, RevokeOtherSessionsPayload, RevokeSessionInput,
            RevokeSessionPayload, SessionObject, TokenTransport, UserObject,
        },
    },
};

#[derive(Default)]
pub(super) struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Logs in by e-mail address and password. An unknown address and a wrong password get the same
    /// answer: `INVALID_CREDENTIALS`.
    #[graphql(directive = access::apply(AccessRule::Proof), directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::InvalidCredentials, ErrorCode::RateLimited, ErrorCode::Overloaded, ErrorCode::CsrfRejected]), None))]
    async fn login(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who, and how tokens travel.")] input: LoginInput,
    ) -> Result<AuthPayload> {
        let request = context.request()?;
        check_transport(request, input.transport)?;
        let login = LoginRequest {
            email: input.email,
            password: input.password,
            device_name: input.device_name,
            device_token: input
                .device_token
                .map(PresentedToken::new)
                .or(request.credentials.device_cookie.clone()),
            client: request.client.clone(),
        };
        let signed_in = context.domain()?.sessions.login(login).await?;
        Ok(auth_payload(request, input.transport, signed_in))
    }

    /// Exchanges a refresh token for new tokens. The old one is used up; within a few seconds it
    /// still gets the current one, later it ends the session, because then somebody has a copy.
    #[graphql(directive = access::apply(AccessRule::Proof), directive = raises::apply(codes(&[ErrorCode::TokenInvalid, ErrorCode::RateLimited, ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn refresh(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token; not needed with cookies.", default)] input: Defaulted<RefreshInput>,
    ) -> Result<AuthPayload> {
        let request = context.request()?;
        let cookie = request.credentials.refresh_cookie.as_ref().map(|token| token.expose().to_owned());
        let (token, transport) = match (input.0.refresh_token, cookie) {
            (Some(token), _) => (token, TokenTransport::Bearer),
            (None, Some(token)) => (token, TokenTransport::Cookie),
            (None, None) => return Err(Error::MISSING_CREDENTIALS.into()),
        };
        let domain = context.domain()?;
        let refreshed = domain.sessions.refresh(&token).await;
        let signed_in = domain.rate_limits.charge(Class::Refresh, &request.client, refreshed).await?;
        Ok(auth_payload(request, transport, signed_in))
    }

    /// Ends the session, also for access tokens that have not expired. Works with an expired access
    /// token. Cookies are removed with the session of the request, unless the answer is an error: then
    /// try again.
    #[graphql(directive = access::apply(AccessRule::Public))]
    async fn logout(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which session; not needed to end that of the request.", default)] input: Defaulted<
            LogoutInput,
        >,
    ) -> Result<LogoutPayload> {
        let request = context.request()?;
        let logout =
            LogoutRequest { refresh_token: input.0.refresh_token, credentials: request.credentials.clone() };
        let is_of_request = logout.refresh_token.is_none();
        let success = context.domain()?.sessions.logout(logout).await?;
        if is_of_request {
            request.record(CookieEffect::Clear);
        }
        Ok(LogoutPayload { success })
    }

    /// Gives one of the caller's own sessions another device name.
    #[graphql(directive = access::apply(AccessRule::Caller), directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::NotFound, ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn rename_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which session, and its new name.")] input: RenameSessionInput,
    ) -> Result<RenameSessionPayload> {
        let caller = context.principal().await?;
        let session = context.domain()?.sessions.rename(caller, &input.id, &input.device_name).await?;
        let current = session.id == caller.session.id;
        Ok(RenameSessionPayload { session: SessionObject { session, current } })
    }

    /// Ends one of the caller's own sessions, also for access tokens that have not expired. That of
    /// the request can be ended too, which is a logout.
    #[graphql(directive = access::apply(AccessRule::Caller), directive = raises::apply(codes(&[ErrorCode::NotFound, ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn revoke_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which session.")] input: RevokeSessionInput,
    ) -> Result<RevokeSessionPayload> {
        let caller = context.principal().await?;
        let revoked = context.domain()?.sessions.revoke(caller, &input.id).await?;
        if revoked == caller.session.id {
            context.request()?.record(CookieEffect::Clear);
        }
        Ok(RevokeSessionPayload { session_id: revoked.as_str().into() })
    }

    /// Ends all of the caller's sessions but that of the request.
    #[graphql(directive = access::apply(AccessRule::Caller), directive = raises::apply(codes(&[ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn revoke_other_sessions(&self, context: &Context<'_>) -> Result<RevokeOtherSessionsPayload> {
        let caller = context.principal().await?;
        let count = context.domain()?.sessions.revoke_others(caller).await?;
        Ok(RevokeOtherSessionsPayload { revoked_count: i32::try_from(count).unwrap_or(i32::MAX) })
    }
}

/// Cookies are set only for a request that no other site can have caused.
pub(super) fn check_transport(request: &RequestContext, transport: TokenTransport) -> Result<()> {
    match (transport, request.csrf) {
        (TokenTransport::Cookie, _) if !request.can_set_cookies => {
            let message = "cannot be COOKIE over a socket or as events";
            Err(Error::bad_field(Fault::new("transport", FaultCode::InvalidFormat, message)).into())
        }
        (TokenTransport::Cookie, CsrfVerdict::Suspicious) => Err(Error::CsrfRejected.into()),
        (TokenTransport::Bearer | TokenTransport::Cookie, _) => Ok(()),
    }
}

/// The payload of a login: with cookies, the tokens are in them and not in the body.
pub(super) fn auth_payload(
    request: &RequestContext,
    transport: TokenTransport,
    signed_in: SignedIn,
) -> AuthPayload {
    let SignedIn { user, session, access_token, refresh_token, device_token } = signed_in;
    let (expires_at, token, refresh_token) =
        (access_token.expires_at, access_token.token, refresh_token.expose());
    let in_body = match transport {
        TokenTransport::Bearer => (Some(token), Some(refresh_token), device_token),
        TokenTransport::Cookie => {
            let expires_at = session.expires_at();
            request.record(CookieEffect::Set(TokenCookies {
                access_token: token,
                refresh_token,
                expires_at,
                device_token,
            }));
            (None, None, None)
        }
    };
    let (access_token, refresh_token, device_token) = in_body;
    AuthPayload {
        user: UserObject(Principal::new(user, session.clone())),
        session: SessionObject { session: Arc::unwrap_or_clone(session), current: true },
        access_token,
        refresh_token,
        device_token,
        access_token_expires_at: DateTime(expires_at),
    }
}
