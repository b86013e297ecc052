//! Who may do what: permissions, roles, and the tokens of other services.

mod permission;
mod role;
mod service_token;

pub use permission::{Permission, Permissions, UnknownPermission};
pub use role::{
    ADMIN_ROLE, MAX_ROLE_CHARACTERS, MAX_ROLES, Role, RoleBook, RoleName, RoleStore, Roles, parse_permissions,
};
pub use service_token::{
    KEPT_AFTER_END, LISTED_SERVICE_TOKENS, LONGEST_SERVICE_TOKEN, MAX_SERVICE_TOKENS, SERVICE_TOKEN_PREFIX,
    ServiceSecret, ServiceToken, ServiceTokenStore, USE_INTERVAL,
};
