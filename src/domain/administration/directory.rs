//! What administrators see.

use super::{Administration, Administrator};
use crate::domain::{
    access::{Permission, Role},
    accounts::{
        COUNTED_USERS, EmailAddress, User, UserMetadata, UserPosition, UserQuery, UserRange, UserSelector,
    },
    audit::{AuditEvent, AuditFilter},
    error::Result,
    ids::{AuditEventId, UserId},
    page::{Page, PageRequest},
};

/// How many users a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserCount {
    /// The number.
    pub value: u64,
    /// Whether it is an estimate, or the least that there are.
    pub is_estimate: bool,
}

impl Administration {
    /// A page of a list of users.
    ///
    /// # Errors
    /// `Forbidden`, `ServiceUnavailable`.
    pub async fn list_users(
        &self,
        caller: &Administrator,
        query: &UserQuery,
        page: &PageRequest<UserPosition>,
    ) -> Result<Page<User>> {
        self.require(caller, Permission::UsersRead).await?;
        Ok(page.page(self.parts.directory.list_users(query, page).await?))
    }

    /// How many users a list has; beyond [`COUNTED_USERS`] about how many, or at least how many.
    ///
    /// # Errors
    /// `Forbidden`, `ServiceUnavailable`.
    pub async fn count_users(&self, caller: &Administrator, query: &UserQuery) -> Result<UserCount> {
        self.require(caller, Permission::UsersRead).await?;
        let counted = self.parts.directory.count_users(query, COUNTED_USERS + 1).await?;
        if counted <= COUNTED_USERS {
            return Ok(UserCount { value: counted, is_estimate: false });
        }
        let is_everybody = query.of == UserSelector::All && query.range == UserRange::All;
        let value =
            if is_everybody { self.parts.directory.estimate_users().await?.max(counted) } else { counted };
        Ok(UserCount { value, is_estimate: true })
    }

    /// The user with this id, or `None`.
    ///
    /// # Errors
    /// `Forbidden`, `ServiceUnavailable`.
    pub async fn find_user(&self, caller: &Administrator, id: &UserId) -> Result<Option<User>> {
        self.require(caller, Permission::UsersRead).await?;
        Ok(self.parts.users.find(id).await?)
    }

    /// The user with this e-mail address, or `None`.
    ///
    /// # Errors
    /// `Forbidden`, `ServiceUnavailable`.
    pub async fn find_user_by_email(
        &self,
        caller: &Administrator,
        email: &EmailAddress,
    ) -> Result<Option<User>> {
        self.require(caller, Permission::UsersRead).await?;
        Ok(self.parts.users.find_by_email(&email.key()).await?.map(|found| found.user))
    }

    /// What applications keep with a user, or `None` when there is no such user.
    ///
    /// # Errors
    /// `Forbidden`, `ServiceUnavailable`.
    pub async fn find_metadata(&self, caller: &Administrator, id: &UserId) -> Result<Option<UserMetadata>> {
        self.require(caller, Permission::UsersRead).await?;
        Ok(self.parts.users.find_metadata(id).await?)
    }

    /// Every role, those that are always there first.
    ///
    /// # Errors
    /// `Forbidden`, `ServiceUnavailable`.
    pub async fn list_roles(&self, caller: &Administrator) -> Result<Vec<Role>> {
        self.require(caller, Permission::UsersRead).await?;
        Ok(self.parts.roles.book().await?.all().to_vec())
    }

    /// A page of the audit log, the newest first.
    ///
    /// # Errors
    /// `Forbidden`, `ServiceUnavailable`.
    pub async fn list_events(
        &self,
        caller: &Administrator,
        filter: &AuditFilter,
        page: &PageRequest<AuditEventId>,
    ) -> Result<Page<AuditEvent>> {
        self.require(caller, Permission::AuditRead).await?;
        self.parts.audit.list(filter, page).await
    }
}
