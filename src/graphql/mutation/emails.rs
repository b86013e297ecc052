//! `requestEmailVerification`, `verifyEmail`, `requestPasswordReset`, `resetPassword`, `requestEmailChange`,
//! `confirmEmailChange`, `undoEmailChange`.

use async_graphql::{Context, Object};

use crate::{
    domain::{
        ErrorCode,
        accounts::User,
        actor::{Actor, Principal},
        one_time::ProofRequest,
    },
    graphql::{
        Result,
        context::ContextExt,
        enums::{AccessRule, access, all_reasons, codes, raises, requires_fresh_auth},
        types::{
            ConfirmEmailChangeInput, ConfirmEmailChangePayload, Defaulted, RequestEmailChangeInput,
            RequestEmailChangePayload, RequestEmailVerificationInput, RequestEmailVerificationPayload,
            RequestPasswordResetInput, RequestPasswordResetPayload, ResetPasswordInput, ResetPasswordPayload,
            UndoEmailChangeInput, UndoEmailChangePayload, UserObject, VerifyEmailInput, VerifyEmailPayload,
        },
    },
};

#[derive(Default)]
pub(super) struct EmailMutation;

#[Object]
impl EmailMutation {
    /// Sends a mail to verify an e-mail address, if it belongs to an account and is not verified. The
    /// answer is the same for every address. Once a minute for each address, else `RATE_LIMITED`.
    #[graphql(directive = access::apply(AccessRule::Public), directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::RateLimited, ErrorCode::Unauthenticated]), Some(all_reasons())))]
    async fn request_email_verification(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which address; not needed for the caller's own.", default)] input: Defaulted<
            RequestEmailVerificationInput,
        >,
    ) -> Result<RequestEmailVerificationPayload> {
        let email = match input.0.email {
            Some(email) => email,
            None => context.principal().await?.user.email.as_str().to_owned(),
        };
        let ticket = context.domain()?.accounts.request_email_verification(&email, context.client()?).await?;
        Ok(RequestEmailVerificationPayload { ticket: ticket.expose() })
    }

    /// Verifies the e-mail address whose mail was read.
    #[graphql(directive = access::apply(AccessRule::Proof), directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::RateLimited, ErrorCode::TokenInvalid]), None))]
    async fn verify_email(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What shows that the mail was read.")] input: VerifyEmailInput,
    ) -> Result<VerifyEmailPayload> {
        let user = context.domain()?.accounts.verify_email(&input.into(), context.client()?).await?;
        Ok(VerifyEmailPayload { success: true, user: if_caller(context, user).await })
    }

    /// Sends the way to a new password, if the address belongs to an account. The answer is the same for
    /// every address. Once a minute for each address, else `RATE_LIMITED`.
    #[graphql(directive = access::apply(AccessRule::Public), directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::RateLimited]), None))]
    async fn request_password_reset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which address.")] input: RequestPasswordResetInput,
    ) -> Result<RequestPasswordResetPayload> {
        let ticket =
            context.domain()?.accounts.request_password_reset(&input.email, context.client()?).await?;
        Ok(RequestPasswordResetPayload { ticket: ticket.expose() })
    }

    /// Sets the password of the person whose mail was read, and logs all devices out. Nobody is logged in
    /// by this.
    #[graphql(directive = access::apply(AccessRule::Proof), directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::RateLimited, ErrorCode::TokenInvalid, ErrorCode::Overloaded]), None))]
    async fn reset_password(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What shows that the mail was read, and the password.")] input: ResetPasswordInput,
    ) -> Result<ResetPasswordPayload> {
        let ResetPasswordInput { token, ticket, code, new_password } = input;
        let proof = ProofRequest { token, ticket, code };
        context.domain()?.accounts.reset_password(&proof, &new_password, context.client()?).await?;
        Ok(ResetPasswordPayload { success: true })
    }

    /// Sends a mail to the new e-mail address, to confirm that the account may move there. The answer does
    /// not tell whether that address has an account. Once a minute for each person, else `RATE_LIMITED`.
    #[graphql(
        directive = access::apply(AccessRule::Caller),
        directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::RateLimited, ErrorCode::ReauthenticationRequired, ErrorCode::Unauthenticated]), Some(all_reasons())),
        directive = requires_fresh_auth::apply()
    )]
    async fn request_email_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The new address.")] input: RequestEmailChangeInput,
    ) -> Result<RequestEmailChangePayload> {
        let caller = context.fresh_principal().await?;
        let ticket = context
            .domain()?
            .accounts
            .request_email_change(caller, &input.new_email, context.client()?)
            .await?;
        Ok(RequestEmailChangePayload { ticket: ticket.expose() })
    }

    /// Moves the account to the e-mail address whose mail was read. The owner of the old one gets a way
    /// back, for 7 days.
    #[graphql(directive = access::apply(AccessRule::Proof), directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::RateLimited, ErrorCode::TokenInvalid, ErrorCode::EmailTaken]), None))]
    async fn confirm_email_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What shows that the mail was read.")] input: ConfirmEmailChangeInput,
    ) -> Result<ConfirmEmailChangePayload> {
        let user = context.domain()?.accounts.confirm_email_change(&input.into(), context.client()?).await?;
        Ok(ConfirmEmailChangePayload { success: true, user: if_caller(context, user).await })
    }

    /// Moves the account back to the e-mail address whose mail was read, logs all devices out, and makes
    /// the password worthless, since somebody else knew it. The way to a new one is sent to the address.
    #[graphql(directive = access::apply(AccessRule::Proof), directive = raises::apply(codes(&[ErrorCode::BadUserInput, ErrorCode::RateLimited, ErrorCode::TokenInvalid, ErrorCode::EmailTaken]), None))]
    async fn undo_email_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What shows that the mail was read.")] input: UndoEmailChangeInput,
    ) -> Result<UndoEmailChangePayload> {
        let proof = ProofRequest { token: Some(input.token), ..ProofRequest::default() };
        context.domain()?.accounts.undo_email_change(&proof, context.client()?).await?;
        Ok(UndoEmailChangePayload { success: true })
    }
}

/// The changed user as the caller may see it, if it is the caller.
async fn if_caller(context: &Context<'_>, user: User) -> Option<UserObject> {
    match context.actor().await {
        Ok(Actor::User(caller)) if caller.user.id == user.id => {
            Some(UserObject(Principal::new(user, caller.session.clone())))
        }
        _ => None,
    }
}
