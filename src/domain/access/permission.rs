//! What administrators may do. Permissions are code: each stands before something that the service does.

use std::{fmt, str::FromStr};

macro_rules! permissions {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// Something that not everybody may do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission { $($(#[doc = $doc])+ $variant,)+ }

        impl Permission {
            /// Every permission, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The permission as it is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it allows, for the documentation.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

permissions! {
    /// See users, their roles and their metadata.
    UsersRead = "users:read";
    /// Make, invite and change users, their metadata included, and have them choose new passwords.
    UsersWrite = "users:write";
    /// Suspend users and restore them.
    UsersSuspend = "users:suspend";
    /// Have users erased.
    UsersDelete = "users:delete";
    /// Act as a user, where the service allows that at all.
    UsersImpersonate = "users:impersonate";
    /// Make and change roles, and give them to users.
    RolesWrite = "roles:write";
    /// End the sessions of users.
    SessionsRevoke = "sessions:revoke";
    /// Read the audit log.
    AuditRead = "audit:read";
    /// Make and revoke the tokens of other services.
    TokensWrite = "tokens:write";
    /// Make and take out signing keys.
    KeysRotate = "keys:rotate";
}

/// The text is not the name of a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a permission")]
pub struct UnknownPermission;

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(name: &str) -> Result<Self, UnknownPermission> {
        Self::ALL.iter().copied().find(|permission| permission.as_str() == name).ok_or(UnknownPermission)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u64);

impl Permissions {
    /// None.
    pub const NONE: Self = Self(0);

    /// All there are.
    pub fn all() -> Self {
        Permission::ALL.iter().copied().collect()
    }

    /// Whether this one is among them.
    pub const fn allow(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u64) != 0
    }

    /// Whether all the others are among them.
    pub const fn include(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These and the others.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Each of them, in the order of the documentation.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.allow(*permission))
    }

    /// The names of all of them.
    pub fn names(self) -> Vec<String> {
        self.iter().map(|permission| permission.to_string()).collect()
    }

    /// Permissions as they were stored. Those that this version does not know allow nothing.
    pub fn from_stored<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().filter_map(|name| name.parse::<Permission>().ok()).collect()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, permission| set | 1 << permission as u64))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in_and_nothing_else() {
        let few: Permissions = [Permission::UsersRead, Permission::AuditRead].into_iter().collect();
        assert!(few.allow(Permission::UsersRead) && !few.allow(Permission::UsersWrite));
        assert!(Permissions::all().include(few) && !few.include(Permissions::all()));
        assert!(few.include(Permissions::NONE) && !Permissions::NONE.include(few));
        assert_eq!(few.names(), ["users:read", "audit:read"]);
        assert_eq!(Permissions::from_stored(["audit:read", "users:read", "fly"]), few);
        assert_eq!(Permissions::all().iter().count(), Permission::ALL.len());
    }
}
