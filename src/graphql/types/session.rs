//! `Session`.

use async_graphql::{ID, Object};

use super::DateTime;
use crate::{
    domain::sessions::Session,
    graphql::enums::{AccessRule, access},
};

/// A session as the schema shows it.
pub(crate) struct SessionObject {
    /// The session.
    pub(crate) session: Session,
    /// Whether it is the one of this request.
    pub(crate) current: bool,
}

/// A login on one device.
#[Object(name = "Session", directive = access::apply(AccessRule::Owner))]
impl SessionObject {
    /// The id: opaque, unique across all types, never reused.
    pub(crate) async fn id(&self) -> ID {
        self.session.id.as_str().into()
    }

    /// What the client called the device at login.
    async fn device_name(&self) -> Option<&str> {
        self.session.device_name.as_deref()
    }

    /// The `User-Agent` at login.
    async fn user_agent(&self) -> Option<&str> {
        self.session.user_agent.as_deref()
    }

    /// The network address at login.
    async fn ip_address(&self) -> Option<&str> {
        self.session.ip_address.as_deref()
    }

    /// When the person logged in.
    async fn created_at(&self) -> DateTime {
        DateTime(self.session.created_at)
    }

    /// When the person last showed the password in this session.
    async fn authenticated_at(&self) -> DateTime {
        DateTime(self.session.authenticated_at)
    }

    /// When the session was last used, to the minute.
    async fn last_seen_at(&self) -> DateTime {
        DateTime(self.session.last_seen_at)
    }

    /// When the session ends unless it is used before.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.session.expires_at())
    }

    /// Whether it is that of somebody of the service who acts for the person, for half an hour at most.
    async fn impersonated(&self) -> bool {
        self.session.impersonation.is_some()
    }

    /// Whether this is the session of the request itself.
    async fn current(&self) -> bool {
        self.current
    }
}
