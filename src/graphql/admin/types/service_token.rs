//! `ServiceToken`.

use async_graphql::{ID, Object};

use crate::{domain::access::ServiceToken, graphql::types::DateTime};

/// A token of another service.
pub(in crate::graphql::admin) struct ServiceTokenObject(pub(in crate::graphql::admin) ServiceToken);

/// A token by which another service administers. Its secret is shown when it is made, and never again.
#[Object(name = "ServiceToken")]
impl ServiceTokenObject {
    /// The id.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// What it is for.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The names of what it allows.
    async fn permissions(&self) -> Vec<String> {
        self.0.permissions.names()
    }

    /// Who made it.
    async fn created_by(&self) -> &str {
        &self.0.created_by
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it ends.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }

    /// When it was last used, to the minute.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(DateTime)
    }

    /// When it was revoked, if it was.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(DateTime)
    }
}
