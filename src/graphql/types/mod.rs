//! The types of the schema.

mod auth;
mod date_time;
mod defaulted;
mod session;
mod user;

use async_graphql::{ID, Interface};

pub(super) use auth::{
    AuthPayload, ChangePasswordInput, ChangePasswordPayload, LoginInput, LogoutInput, LogoutPayload,
    RefreshInput, RegisterInput, RegisterPayload, TokenTransport, UpdateProfileInput, UpdateProfilePayload,
};
pub(super) use date_time::DateTime;
pub(super) use defaulted::Defaulted;
pub(super) use session::SessionObject;
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
