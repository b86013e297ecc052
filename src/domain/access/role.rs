//! Roles: names for sets of permissions. Roles are data, but for two that are always there.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use super::{Permission, Permissions};
use crate::domain::{
    accounts::USER_ROLE,
    audit::AuditEvent,
    error::{Error, Result},
    faults::{Fault, FaultCode},
    ids::{ServiceTokenId, UserId},
    store::StoreResult,
};

/// The role of those who may do everything.
pub const ADMIN_ROLE: &str = "admin";
/// The most characters of the name of a role.
pub const MAX_ROLE_CHARACTERS: usize = 40;
/// The most roles, and the most roles of one user.
pub const MAX_ROLES: usize = 100;

/// The name of a role: 1 to 40 lower-case letters, digits, `-` and `_`, a letter first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(String);

impl RoleName {
    /// Reads a name.
    ///
    /// # Errors
    /// A fault on `field`.
    pub fn parse(field: &'static str, text: &str) -> std::result::Result<Self, Fault> {
        let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if text.len() > MAX_ROLE_CHARACTERS {
            return Err(Fault::too_long(field, MAX_ROLE_CHARACTERS, "characters"));
        }
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(is_good) {
            let message = "must be lower-case letters, digits, `-` and `_`, a letter first";
            return Err(Fault::new(field, FaultCode::InvalidFormat, message));
        }
        // In the audit log roles stand where ids do.
        if text.parse::<UserId>().is_ok() || text.parse::<ServiceTokenId>().is_ok() {
            return Err(Fault::new(field, FaultCode::Reserved, "must not be an id"));
        }
        Ok(Self(text.to_owned()))
    }

    /// A name as it was stored.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of the roles that are always there.
    pub fn is_built_in(&self) -> bool {
        [ADMIN_ROLE, USER_ROLE].contains(&self.0.as_str())
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The name.
    pub name: RoleName,
    /// What those may do who have it.
    pub permissions: Permissions,
}

/// The truth about roles. Every method is one atomic operation; every method fails with `Unavailable` or
/// `Corrupt` as [`crate::domain::store::StoreError`] says.
#[async_trait]
pub trait RoleStore: Send + Sync {
    /// Every role that was made, by name; at most [`MAX_ROLES`].
    async fn list_roles(&self) -> StoreResult<Vec<Role>>;

    /// Makes a role, or gives one other permissions.
    async fn save_role(&self, role: &Role, event: &AuditEvent) -> StoreResult<()>;

    /// Removes a role; answers whether it was there. Those who have it keep its name, which allows nothing.
    async fn remove_role(&self, name: &RoleName, event: &AuditEvent) -> StoreResult<bool>;
}

/// The roles.
pub struct Roles {
    store: Arc<dyn RoleStore>,
}

/// The roles of a moment.
#[derive(Debug, Clone)]
pub struct RoleBook(Vec<Role>);

impl Roles {
    /// The roles in this store, and those that are always there.
    pub fn new(store: Arc<dyn RoleStore>) -> Self {
        Self { store }
    }

    /// The roles of now. Read anew each time: a change is to be seen by the next request everywhere.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn book(&self) -> Result<RoleBook> {
        let built_in = [(ADMIN_ROLE, Permissions::all()), (USER_ROLE, Permissions::NONE)];
        let built_in =
            built_in.map(|(name, permissions)| Role { name: RoleName(name.to_owned()), permissions });
        let mut roles = built_in.to_vec();
        // One that has come into the store under the name of one that is always there says nothing.
        roles.extend(self.store.list_roles().await?.into_iter().filter(|role| !role.name.is_built_in()));
        Ok(RoleBook(roles))
    }

    /// Makes a role, or gives one other permissions.
    ///
    /// # Errors
    /// `BadUserInput` for a role that is always there, and for one too many; `ServiceUnavailable`.
    pub(in crate::domain) async fn save(&self, role: &Role, event: &AuditEvent) -> Result<()> {
        if role.name.is_built_in() {
            let fault = Fault::new("name", FaultCode::Reserved, "is always there and stays as it is");
            return Err(Error::bad_field(fault));
        }
        let RoleBook(roles) = self.book().await?;
        if roles.len() >= MAX_ROLES && !roles.iter().any(|known| known.name == role.name) {
            let message = format!("there can be {MAX_ROLES} roles");
            return Err(Error::bad_field(Fault::new("name", FaultCode::OutOfRange, message)));
        }
        Ok(self.store.save_role(role, event).await?)
    }

    /// Removes a role.
    ///
    /// # Errors
    /// `BadUserInput` for a role that is always there, `NotFound`, `ServiceUnavailable`.
    pub(in crate::domain) async fn remove(&self, name: &RoleName, event: &AuditEvent) -> Result<()> {
        if name.is_built_in() {
            let fault = Fault::new("name", FaultCode::Reserved, "is always there");
            return Err(Error::bad_field(fault));
        }
        if self.store.remove_role(name, event).await? { Ok(()) } else { Err(Error::NotFound) }
    }
}

impl RoleBook {
    /// Every role, those that are always there first.
    pub fn all(&self) -> &[Role] {
        &self.0
    }

    /// What somebody may do who has these roles. Names that are no role allow nothing.
    pub fn permissions_of<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Permissions {
        let permissions = |name: &str| {
            let role = self.0.iter().find(|role| role.name.as_str() == name);
            role.map_or(Permissions::NONE, |role| role.permissions)
        };
        names.into_iter().fold(Permissions::NONE, |all, name| all.and(permissions(name)))
    }

    /// Reads the roles that somebody is to have: in order, each once, and that of everybody among them.
    ///
    /// # Errors
    /// `BadUserInput` for names that are no role.
    pub fn read(&self, names: &[String]) -> Result<Vec<String>> {
        let unknown = names.iter().find(|name| !self.0.iter().any(|role| role.name.as_str() == **name));
        if let Some(unknown) = unknown {
            let unknown: String = unknown.chars().take(MAX_ROLE_CHARACTERS).collect();
            let message = format!("has {unknown:?}, which is no role");
            return Err(Error::bad_field(Fault::new("roles", FaultCode::InvalidFormat, message)));
        }
        let mut roles = vec![USER_ROLE.to_owned()];
        for name in names {
            if !roles.contains(name) {
                roles.push(name.clone());
            }
        }
        roles.sort_unstable();
        Ok(roles)
    }
}

/// Reads permissions by their names.
///
/// # Errors
/// A fault on `permissions` that names the first that is none.
pub fn parse_permissions(names: &[String]) -> std::result::Result<Permissions, Fault> {
    let parse = |name: &String| {
        name.parse::<Permission>().map_err(|_| {
            let name: String = name.chars().take(MAX_ROLE_CHARACTERS).collect();
            Fault::new("permissions", FaultCode::InvalidFormat, format!("has {name:?}, which is none"))
        })
    };
    names.iter().map(parse).collect()
}
