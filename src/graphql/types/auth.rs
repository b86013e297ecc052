//! Inputs and payloads of the mutations.

use async_graphql::{Enum, ID, InputObject, SimpleObject};

use super::{DateTime, SessionObject, UserObject};
use crate::graphql::enums::{AccessRule, access};

/// How tokens travel.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TokenTransport {
    /// In the body of the answer; the client sends `Authorization: Bearer …`.
    #[default]
    Bearer,
    /// In HttpOnly cookies, which no script can read; the body has no token.
    Cookie,
}

/// What a registration needs.
#[derive(InputObject)]
pub(crate) struct RegisterInput {
    /// The e-mail address, at most 254 bytes.
    pub(crate) email: String,
    /// The password: 8 to 256 characters of any script, not easy to guess.
    pub(crate) password: String,
    /// What the person wants to be called: 1 to 100 characters.
    pub(crate) name: String,
    /// The language of mails, as a language tag such as `en` or `pt-BR`; without it, that of
    /// `Accept-Language`.
    pub(crate) locale: Option<String>,
    /// What the client calls this device: at most 100 characters.
    pub(crate) device_name: Option<String>,
    /// How tokens travel.
    #[graphql(default)]
    pub(crate) transport: TokenTransport,
}

/// What a login needs.
#[derive(InputObject)]
pub(crate) struct LoginInput {
    /// The e-mail address, in any letter case.
    pub(crate) email: String,
    /// The password.
    pub(crate) password: String,
    /// What the client calls this device: at most 100 characters.
    pub(crate) device_name: Option<String>,
    /// The `deviceToken` of an earlier login on this device; not needed with cookies.
    pub(crate) device_token: Option<String>,
    /// How tokens travel.
    #[graphql(default)]
    pub(crate) transport: TokenTransport,
}

/// What a refresh needs.
#[derive(InputObject, Default)]
pub(crate) struct RefreshInput {
    /// The refresh token; without it, that of the cookie.
    pub(crate) refresh_token: Option<String>,
}

/// What a logout needs.
#[derive(InputObject, Default)]
pub(crate) struct LogoutInput {
    /// The refresh token of the session to end; without it, the session of the request.
    pub(crate) refresh_token: Option<String>,
}

/// What a change of the password needs.
#[derive(InputObject)]
pub(crate) struct ChangePasswordInput {
    /// The password of now.
    pub(crate) current_password: String,
    /// The password from now on: 8 to 256 characters of any script, not easy to guess.
    pub(crate) new_password: String,
    /// Whether other devices stay logged in. They do not unless you say so.
    #[graphql(default)]
    pub(crate) keep_other_sessions: bool,
}

/// Which session gets which name.
#[derive(InputObject)]
pub(crate) struct RenameSessionInput {
    /// The id of one of the caller's own sessions.
    pub(crate) id: ID,
    /// What the device is called from now on: 1 to 100 characters.
    pub(crate) device_name: String,
}

/// Which session is to end.
#[derive(InputObject)]
pub(crate) struct RevokeSessionInput {
    /// The id of one of the caller's own sessions.
    pub(crate) id: ID,
}

/// A user who is logged in now.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct AuthPayload {
    /// The user.
    pub(crate) user: UserObject,
    /// The session.
    pub(crate) session: SessionObject,
    /// The access token, for `Authorization: Bearer …`; null when it travels as a cookie.
    pub(crate) access_token: Option<String>,
    /// The refresh token, good for one refresh; null when it travels as a cookie.
    pub(crate) refresh_token: Option<String>,
    /// Marks the device as one on which the person has logged in. Keep it, also after a logout, and send it
    /// with the next `login`: then others who try passwords cannot make this device wait. Null when it
    /// travels as a cookie, and after `refresh`.
    pub(crate) device_token: Option<String>,
    /// When the access token expires. Refresh before.
    pub(crate) access_token_expires_at: DateTime,
}

/// The outcome of a registration: logged in, unless the service first wants the address verified. Then
/// there is nothing but the ticket, and with a service that keeps it private whether an address has an
/// account, the answer is the same for one that has.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct RegisterPayload {
    /// The new user.
    pub(crate) user: Option<UserObject>,
    /// The session.
    pub(crate) session: Option<SessionObject>,
    /// The access token, for `Authorization: Bearer …`; null when it travels as a cookie.
    pub(crate) access_token: Option<String>,
    /// The refresh token, good for one refresh; null when it travels as a cookie.
    pub(crate) refresh_token: Option<String>,
    /// Marks the device as one on which the person has logged in. Keep it, also after a logout, and send it
    /// with the next `login`: then others who try passwords cannot make this device wait. Null when it
    /// travels as a cookie, and after `refresh`.
    pub(crate) device_token: Option<String>,
    /// When the access token expires. Refresh before.
    pub(crate) access_token_expires_at: Option<DateTime>,
    /// Whether the e-mail address must be verified before the first login.
    pub(crate) email_verification_required: bool,
    /// Makes the code of the mail usable on this device, for `verifyEmail`.
    pub(crate) verification_ticket: String,
}

/// The outcome of a logout.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct LogoutPayload {
    /// Whether there was a session to end, now or before.
    pub(crate) success: bool,
}

/// The outcome of a change of the profile.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct UpdateProfilePayload {
    /// The user as it is now.
    pub(crate) user: UserObject,
}

/// The outcome of a change of the password.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct ChangePasswordPayload {
    /// The user as it is now.
    pub(crate) user: UserObject,
}

/// The outcome of a new name for a session.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct RenameSessionPayload {
    /// The session as it is now.
    pub(crate) session: SessionObject,
}

/// The outcome of the end of a session.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct RevokeSessionPayload {
    /// The id of the session that has ended.
    pub(crate) session_id: ID,
}

/// The outcome of the end of all other sessions.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct RevokeOtherSessionsPayload {
    /// How many sessions were ended.
    pub(crate) revoked_count: i32,
}
