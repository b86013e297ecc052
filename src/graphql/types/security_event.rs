//! `SecurityEventConnection`.

use async_graphql::{Enum, ID, Object, SimpleObject, connection::PageInfo};

use super::DateTime;
use crate::{
    domain::{audit::AuditEvent, ids::UserId, page::Page},
    graphql::{
        enums::{AccessRule, AuditKindEnum, AuditOutcomeEnum, access},
        page::{cursor, page_info},
    },
};

/// Who did something to an account.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
enum SecurityEventActor {
    /// Its owner, or whoever has shown to be.
    Owner,
    /// Somebody who did not say who they are.
    Unknown,
    /// Somebody of the service.
    Service,
}

/// An event, as the person sees it to whose account it happened.
pub(crate) struct SecurityEventObject {
    event: AuditEvent,
    owner: UserId,
}

impl SecurityEventObject {
    /// An event about this person.
    pub(crate) const fn new(owner: UserId, event: AuditEvent) -> Self {
        Self { event, owner }
    }

    fn actor_of(&self) -> SecurityEventActor {
        match self.event.actor.as_str() {
            actor if actor == self.owner.as_str() => SecurityEventActor::Owner,
            "anonymous" => SecurityEventActor::Unknown,
            _ => SecurityEventActor::Service,
        }
    }

    /// Where somebody of the service sits is none of the person's business.
    fn tells_where(&self) -> bool {
        self.actor_of() != SecurityEventActor::Service
    }
}

/// Something that happened to the account.
#[Object(name = "SecurityEvent", directive = access::apply(AccessRule::Owner))]
impl SecurityEventObject {
    /// The id: opaque, unique across all types, never reused.
    pub(crate) async fn id(&self) -> ID {
        self.event.id.as_str().into()
    }

    /// When.
    async fn at(&self) -> DateTime {
        DateTime(self.event.at)
    }

    /// What.
    #[graphql(name = "type")]
    async fn kind(&self) -> AuditKindEnum {
        AuditKindEnum(self.event.kind)
    }

    /// Whether it was done.
    async fn outcome(&self) -> AuditOutcomeEnum {
        self.event.outcome.into()
    }

    /// Who did it.
    async fn actor(&self) -> SecurityEventActor {
        self.actor_of()
    }

    /// The session by which it was done, or that it was done to.
    async fn session_id(&self) -> Option<ID> {
        self.event.session_id.as_ref().filter(|_| self.tells_where()).map(|id| id.as_str().into())
    }

    /// The network address that it came from, unless somebody of the service did it.
    async fn ip_address(&self) -> Option<&str> {
        self.event.client.as_ref().filter(|_| self.tells_where())?.ip_address.as_deref()
    }

    /// The `User-Agent` of the device, unless somebody of the service did it.
    async fn user_agent(&self) -> Option<&str> {
        self.event.client.as_ref().filter(|_| self.tells_where())?.user_agent.as_deref()
    }
}

/// An event in a list.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Owner))]
pub(crate) struct SecurityEventEdge {
    /// The position of the event in the list, for `after` and `before`. Opaque.
    cursor: String,
    /// The event.
    node: SecurityEventObject,
}

/// A page of what happened to an account.
pub(crate) struct SecurityEventConnection {
    owner: UserId,
    page: Page<AuditEvent>,
}

impl SecurityEventConnection {
    /// The connection of a page.
    pub(crate) const fn new(owner: UserId, page: Page<AuditEvent>) -> Self {
        Self { owner, page }
    }
}

/// A page of what happened to a person's account.
#[Object(directive = access::apply(AccessRule::Owner))]
impl SecurityEventConnection {
    /// The events of this page.
    async fn edges(&self) -> Vec<SecurityEventEdge> {
        let edge = |event: &AuditEvent| SecurityEventEdge {
            cursor: cursor(event.id.as_str()),
            node: SecurityEventObject { event: event.clone(), owner: self.owner.clone() },
        };
        self.page.items.iter().map(edge).collect()
    }

    /// Where this page stands among the others.
    async fn page_info(&self) -> PageInfo {
        page_info(&self.page, |event| cursor(event.id.as_str()))
    }
}
