//! The types of the schema.

mod auth;
mod date_time;
mod defaulted;
mod session;
mod session_connection;
mod session_event;
mod user;

use async_graphql::{ID, Interface};

pub(super) use auth::{
    AuthPayload, ChangePasswordInput, ChangePasswordPayload, LoginInput, LogoutInput, LogoutPayload,
    RefreshInput, RegisterInput, RegisterPayload, RenameSessionInput, RenameSessionPayload,
    RevokeOtherSessionsPayload, RevokeSessionInput, RevokeSessionPayload, TokenTransport, UpdateProfileInput,
    UpdateProfilePayload,
};
pub(super) use date_time::DateTime;
pub(super) use defaulted::Defaulted;
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
}
