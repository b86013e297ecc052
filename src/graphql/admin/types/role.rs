//! `Role`, `Permission` and `Viewer`.

use async_graphql::{ID, Object};

use super::AdminUser;
use crate::domain::{
    access::{Permission, Role},
    administration::Administrator,
};

/// A role.
pub(in crate::graphql::admin) struct RoleObject(pub(in crate::graphql::admin) Role);

/// A name for a set of permissions.
#[Object(name = "Role")]
impl RoleObject {
    /// The name.
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// The names of the permissions of those who have it.
    async fn permissions(&self) -> Vec<String> {
        self.0.permissions.names()
    }

    /// Whether it is always there and stays as it is.
    async fn built_in(&self) -> bool {
        self.0.name.is_built_in()
    }
}

/// A permission.
pub(in crate::graphql::admin) struct PermissionObject(pub(in crate::graphql::admin) Permission);

/// Something that not everybody may do.
#[Object(name = "Permission")]
impl PermissionObject {
    /// The name.
    async fn name(&self) -> &str {
        self.0.as_str()
    }

    /// What it allows.
    async fn description(&self) -> &str {
        self.0.description()
    }
}

/// Who asks.
pub(in crate::graphql::admin) struct Viewer(pub(in crate::graphql::admin) Administrator);

/// Who asks: a user or another service.
#[Object]
impl Viewer {
    /// The id of the user or of the service token.
    async fn actor_id(&self) -> ID {
        self.0.actor().as_str().into()
    }

    /// The user; null for another service.
    async fn user(&self) -> Option<AdminUser> {
        self.0.principal().map(|principal| AdminUser((*principal.user).clone()))
    }

    /// The names of what they may do.
    async fn permissions(&self) -> Vec<String> {
        self.0.permissions().names()
    }
}
