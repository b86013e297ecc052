//! Roles, and who has them.

use super::{Administration, Administrator};
use crate::domain::{
    access::{Permission, Role, RoleName, parse_permissions},
    accounts::{User, guard_administrator},
    audit::AuditKind,
    error::{Error, Result},
    faults::Faults,
    ids::UserId,
};

impl Administration {
    /// Gives a user these roles, which may be given, and no others.
    pub(super) async fn set_roles(
        &self,
        caller: &Administrator,
        id: &UserId,
        roles: &[String],
    ) -> Result<User> {
        let user = self
            .change_user(caller, id, |user, change| {
                if user.roles == roles {
                    return None;
                }
                guard_administrator(change, user);
                if roles.iter().any(|role| role == crate::domain::access::ADMIN_ROLE) {
                    change.only_if.has_other_administrator = false;
                }
                change.set.roles = Some(roles.to_vec());
                let event = self.event(AuditKind::UserRolesChanged, caller);
                Some(event.with("before", user.roles.clone()).with("after", roles.to_vec()))
            })
            .await?;
        tracing::info!(user = %id, roles = ?user.roles, "roles changed");
        self.show(&user, false).await?;
        Ok(user)
    }

    /// Reads roles that the caller is to give. Whoever may not give roles, or has not logged in a moment ago,
    /// gives that of everybody.
    pub(super) async fn roles_to_give(
        &self,
        caller: &Administrator,
        names: &[String],
    ) -> Result<Vec<String>> {
        let book = self.parts.roles.book().await?;
        let roles = book.read(names)?;
        let permissions = book.permissions_of(roles.iter().map(String::as_str));
        if roles.len() > 1 {
            self.require_fresh(caller, Permission::RolesWrite).await?;
        }
        self.require_all(caller, permissions, "The roles allow more than you may.").await?;
        Ok(roles)
    }

    /// Makes a role, or gives one other permissions. Seen by the next request on every node.
    ///
    /// # Errors
    /// `BadUserInput`, `Forbidden`, also for permissions that the caller has not, now or before,
    /// `ReauthenticationRequired`, `ServiceUnavailable`.
    pub async fn save_role(
        &self,
        caller: &Administrator,
        name: &str,
        permissions: &[String],
    ) -> Result<Role> {
        self.require_fresh(caller, Permission::RolesWrite).await?;
        let mut faults = Faults::default();
        let name = faults.check(RoleName::parse("name", name));
        let permissions = faults.check(parse_permissions(permissions));
        let (Some(name), Some(permissions)) = (name, permissions) else { return Err(faults.into_error()) };
        let before = self.parts.roles.book().await?.permissions_of([name.as_str()]);
        self.require_all(caller, permissions.and(before), "The role allows more than you may.").await?;
        let role = Role { name, permissions };
        let event = self.event(AuditKind::RoleSaved, caller).about(&role.name);
        let event = event.with("before", before.names()).with("after", permissions.names());
        self.parts.roles.save(&role, &event).await?;
        tracing::info!(role = %role.name, "role saved");
        Ok(role)
    }

    /// Removes a role. Those who have it keep its name, which allows nothing.
    ///
    /// # Errors
    /// `BadUserInput` for a role that is always there, `Forbidden`, also for a role that allows more than
    /// the caller may, `ReauthenticationRequired`, `NotFound`, `ServiceUnavailable`.
    pub async fn remove_role(&self, caller: &Administrator, name: &str) -> Result<RoleName> {
        self.require_fresh(caller, Permission::RolesWrite).await?;
        let name = RoleName::parse("name", name).map_err(Error::bad_field)?;
        let before = self.parts.roles.book().await?.permissions_of([name.as_str()]);
        self.require_all(caller, before, "The role allows more than you may.").await?;
        let event = self.event(AuditKind::RoleRemoved, caller).about(&name).with("before", before.names());
        self.parts.roles.remove(&name, &event).await?;
        tracing::info!(role = %name, "role removed");
        Ok(name)
    }
}
