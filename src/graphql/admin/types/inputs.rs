//! What administrators send.

use async_graphql::{Enum, ID, InputObject, Json, MaybeUndefined};
use serde_json::Value;

use super::user::UserStatusEnum;
use crate::{
    domain::accounts::{UserFilter, UserOrder},
    graphql::types::DateTime,
};

/// Which users. At most one of `status`, `verified` and `role`, and then in the order of creation; at most one
/// range or prefix, and then in its order: anything else would read every user.
#[derive(InputObject, Default)]
pub(in crate::graphql::admin) struct UserFilterInput {
    /// In this state.
    status: Option<UserStatusEnum>,
    /// With or without a verified e-mail address.
    verified: Option<bool>,
    /// With this role.
    role: Option<String>,
    /// Made not before.
    created_since: Option<DateTime>,
    /// Made before.
    created_before: Option<DateTime>,
    /// Last seen not before.
    last_seen_since: Option<DateTime>,
    /// Last seen before.
    last_seen_before: Option<DateTime>,
    /// With an e-mail address that begins so, without regard to letter case.
    email_prefix: Option<String>,
    /// With a user name that begins so.
    username_prefix: Option<String>,
    /// With a name that begins so, without regard to letter case.
    name_prefix: Option<String>,
}

impl From<UserFilterInput> for UserFilter {
    fn from(input: UserFilterInput) -> Self {
        let at = |time: Option<DateTime>| time.map(|time| time.0);
        Self {
            status: input.status.map(Into::into),
            verified: input.verified,
            role: input.role,
            created: (at(input.created_since), at(input.created_before)),
            last_seen: (at(input.last_seen_since), at(input.last_seen_before)),
            email_prefix: input.email_prefix,
            username_prefix: input.username_prefix,
            name_prefix: input.name_prefix,
        }
    }
}

/// By what users are in order.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "UserOrderField", remote = "UserOrder")]
pub(in crate::graphql::admin) enum UserOrderField {
    /// When the account was made.
    CreatedAt,
    /// The e-mail address in its normal form.
    Email,
    /// The name, without regard to letter case.
    Name,
    /// The user name; those who have none are not in the list.
    Username,
    /// When the person was last seen; those who never were come as the longest ago.
    LastSeenAt,
}

/// Which end comes first.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
enum OrderDirection {
    /// The lowest.
    Asc,
    /// The highest.
    Desc,
}

/// An order.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct UserOrderInput {
    /// By what.
    pub(in crate::graphql::admin) field: UserOrderField,
    /// Which end comes first.
    #[graphql(default_with = "OrderDirection::Asc")]
    direction: OrderDirection,
}

impl UserOrderInput {
    pub(in crate::graphql::admin) fn is_descending(&self) -> bool {
        self.direction == OrderDirection::Desc
    }
}

/// An account that is to be made.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct CreateUserInput {
    /// The e-mail address.
    pub(in crate::graphql::admin) email: String,
    /// Whether it is known to be the person's.
    #[graphql(default = false)]
    pub(in crate::graphql::admin) email_verified: bool,
    /// What the person is called.
    pub(in crate::graphql::admin) name: String,
    /// The user name.
    pub(in crate::graphql::admin) username: Option<String>,
    /// The language of mails, as a language tag.
    pub(in crate::graphql::admin) locale: Option<String>,
    /// Names of roles, besides that of everybody.
    #[graphql(default)]
    pub(in crate::graphql::admin) roles: Vec<String>,
}

/// Somebody who is to be invited.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct InviteUserInput {
    /// The e-mail address.
    pub(in crate::graphql::admin) email: String,
    /// What the person is called.
    pub(in crate::graphql::admin) name: String,
    /// The language of mails, as a language tag.
    pub(in crate::graphql::admin) locale: Option<String>,
    /// Names of roles, besides that of everybody.
    #[graphql(default)]
    pub(in crate::graphql::admin) roles: Vec<String>,
}

/// What to change: what is left out stays, null clears.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct UpdateUserInput {
    /// Whose account.
    pub(in crate::graphql::admin) id: ID,
    /// The e-mail address; another one counts as not verified unless `emailVerified` says so.
    pub(in crate::graphql::admin) email: Option<String>,
    /// Whether the address is known to be the person's.
    pub(in crate::graphql::admin) email_verified: Option<bool>,
    /// What the person is called; not null.
    pub(in crate::graphql::admin) name: MaybeUndefined<String>,
    /// The user name.
    pub(in crate::graphql::admin) username: MaybeUndefined<String>,
    /// The language of mails, as a language tag.
    pub(in crate::graphql::admin) locale: MaybeUndefined<String>,
    /// The time zone by its name.
    pub(in crate::graphql::admin) time_zone: MaybeUndefined<String>,
    /// What applications let the person keep: an object of at most 8 KiB.
    pub(in crate::graphql::admin) public_metadata: MaybeUndefined<Json<Value>>,
    /// The `version` that you have read: `CONFLICT` if the account was changed since.
    pub(in crate::graphql::admin) expected_version: Option<i64>,
}

/// A user.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct UserIdInput {
    /// The id.
    pub(in crate::graphql::admin) id: ID,
}

/// Users.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct BulkIdsInput {
    /// Their ids, 1 to 500.
    pub(in crate::graphql::admin) ids: Vec<ID>,
}

/// Whom to suspend, why and until when.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct SuspendUserInput {
    /// The id.
    pub(in crate::graphql::admin) id: ID,
    /// Why, for administrators: at most 500 characters.
    pub(in crate::graphql::admin) reason: String,
    /// Until when; for ever without it.
    pub(in crate::graphql::admin) until: Option<DateTime>,
    /// Whether the sessions end for good. They are refused in any case, and go on after a restoration.
    #[graphql(default = false)]
    pub(in crate::graphql::admin) end_sessions: bool,
}

/// Whom to suspend, why and until when.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct SuspendUsersInput {
    /// Their ids, 1 to 500.
    pub(in crate::graphql::admin) ids: Vec<ID>,
    /// Why, for administrators: at most 500 characters.
    pub(in crate::graphql::admin) reason: String,
    /// Until when; for ever without it.
    pub(in crate::graphql::admin) until: Option<DateTime>,
    /// Whether the sessions end for good. They are refused in any case, and go on after a restoration.
    #[graphql(default = false)]
    pub(in crate::graphql::admin) end_sessions: bool,
}

/// Who is to have which roles.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct SetUserRolesInput {
    /// The id.
    pub(in crate::graphql::admin) id: ID,
    /// The names of all their roles; that of everybody may be left out.
    pub(in crate::graphql::admin) roles: Vec<String>,
}

/// Who is to have which roles.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct SetUsersRolesInput {
    /// Their ids, 1 to 500.
    pub(in crate::graphql::admin) ids: Vec<ID>,
    /// The names of all their roles; that of everybody may be left out.
    pub(in crate::graphql::admin) roles: Vec<String>,
}

/// What applications are to keep with a person.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct SetAppMetadataInput {
    /// The id.
    pub(in crate::graphql::admin) id: ID,
    /// All of it: an object of at most 8 KiB.
    pub(in crate::graphql::admin) app_metadata: Json<Value>,
}

/// For whom to act.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct ImpersonateUserInput {
    /// The id.
    pub(in crate::graphql::admin) id: ID,
    /// Why: at most 500 characters.
    pub(in crate::graphql::admin) reason: String,
    /// Whether to change anything.
    #[graphql(default = false)]
    pub(in crate::graphql::admin) may_write: bool,
}

/// A role.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct SaveRoleInput {
    /// The name: lower-case letters, digits, `-` and `_`, at most 40.
    pub(in crate::graphql::admin) name: String,
    /// The names of all its permissions.
    pub(in crate::graphql::admin) permissions: Vec<String>,
}

/// A role.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct RemoveRoleInput {
    /// The name.
    pub(in crate::graphql::admin) name: String,
}

/// A token for another service.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct CreateServiceTokenInput {
    /// What it is for: at most 100 characters.
    pub(in crate::graphql::admin) name: String,
    /// The names of what it is to allow: nothing that you may not do.
    pub(in crate::graphql::admin) permissions: Vec<String>,
    /// When it ends, within 366 days.
    pub(in crate::graphql::admin) expires_at: DateTime,
}

/// A token of another service.
#[derive(InputObject)]
pub(in crate::graphql::admin) struct RevokeServiceTokenInput {
    /// The id.
    pub(in crate::graphql::admin) id: ID,
}
