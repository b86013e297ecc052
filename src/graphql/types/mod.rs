//! The types of the schema.

mod account;
mod auth;
mod avatar;
mod date_time;
mod defaulted;
mod security_event;
mod session;
mod session_connection;
mod session_event;
mod user;

use async_graphql::{ID, Interface};

pub(super) use account::{
    ConfirmAvatarInput, ConfirmAvatarPayload, ConfirmEmailChangeInput, ConfirmEmailChangePayload,
    CreateAvatarUploadPayload, DeleteAccountPayload, ExportMyDataPayload, PasswordStrength,
    PasswordStrengthInput, ReauthenticateInput, ReauthenticatePayload, RemoveAvatarPayload,
    RequestEmailChangeInput, RequestEmailChangePayload, RequestEmailVerificationInput,
    RequestEmailVerificationPayload, RequestPasswordResetInput, RequestPasswordResetPayload,
    ResetPasswordInput, ResetPasswordPayload, UndoEmailChangeInput, UndoEmailChangePayload,
    UpdateProfileInput, UploadField, VerifyEmailInput, VerifyEmailPayload, patch,
};
pub(super) use auth::{
    AuthPayload, ChangePasswordInput, ChangePasswordPayload, LoginInput, LogoutInput, LogoutPayload,
    RefreshInput, RegisterInput, RegisterPayload, RenameSessionInput, RenameSessionPayload,
    RevokeOtherSessionsPayload, RevokeSessionInput, RevokeSessionPayload, TokenTransport,
    UpdateProfilePayload,
};
pub(super) use avatar::Avatar;
pub(super) use date_time::DateTime;
pub(super) use defaulted::Defaulted;
pub(super) use security_event::{SecurityEventConnection, SecurityEventObject};
pub(super) use session::SessionObject;
pub(super) use session_connection::SessionConnection;
pub(super) use session_event::SessionEventObject;
pub(super) use user::UserObject;

/// Anything with an id that `node` can look up.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The id: opaque, unique across all types, never reused."))]
pub(super) enum Node {
    /// A user.
    User(UserObject),
    /// A session.
    Session(SessionObject),
    /// Something that happened to an account.
    SecurityEvent(SecurityEventObject),
}
