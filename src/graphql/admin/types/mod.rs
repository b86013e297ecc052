//! The types of administration.

mod audit;
mod inputs;
mod role;
mod service_token;
mod user;
mod user_connection;

pub(super) use audit::{AuditFilterInput, AuditLogConnection, audit_filter};
pub(super) use inputs::{
    BulkIdsInput, CreateServiceTokenInput, CreateUserInput, ImpersonateUserInput, InviteUserInput,
    RemoveRoleInput, RevokeServiceTokenInput, SaveRoleInput, SetAppMetadataInput, SetUserRolesInput,
    SetUsersRolesInput, SuspendUserInput, SuspendUsersInput, UpdateUserInput, UserFilterInput, UserIdInput,
    UserOrderInput,
};
pub(super) use role::{PermissionObject, RoleObject, Viewer};
pub(super) use service_token::ServiceTokenObject;
pub(super) use user::AdminUser;
pub(super) use user_connection::UserConnection;
