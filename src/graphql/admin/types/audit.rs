//! `AuditLogConnection`.

use async_graphql::{ID, InputObject, Json, Object, SimpleObject, connection::PageInfo};
use serde_json::Value;

use crate::{
    domain::{
        Error,
        audit::{AuditEvent, AuditFilter, AuditSelector},
        faults::{Fault, FaultCode},
        page::Page,
    },
    graphql::{
        Result,
        enums::{AuditKindEnum, AuditOutcomeEnum},
        page::{cursor, page_info},
        types::DateTime,
    },
};

/// Which events: at most one of `subject`, `actor` and `type`, so that an index finds them.
#[derive(InputObject, Default)]
pub(in crate::graphql::admin) struct AuditFilterInput {
    /// Those about this user or thing, by its id or name.
    subject: Option<String>,
    /// What this user or service did, by its id, or `anonymous`, `operator`, `system`.
    actor: Option<String>,
    /// Those of this type.
    #[graphql(name = "type")]
    kind: Option<AuditKindEnum>,
    /// Not before.
    since: Option<DateTime>,
    /// Before.
    until: Option<DateTime>,
}

/// Reads a filter.
///
/// # Errors
/// `BadArguments` for what no index finds.
pub(in crate::graphql::admin) fn audit_filter(input: AuditFilterInput) -> Result<AuditFilter> {
    let selectors = [
        input.subject.map(AuditSelector::Subject),
        input.actor.map(AuditSelector::Actor),
        input.kind.map(|kind| AuditSelector::Kind(kind.0)),
    ];
    let mut selectors = selectors.into_iter().flatten();
    let (of, another) = (selectors.next(), selectors.next());
    if another.is_some() {
        let message = "can have one of subject, actor and type: no index finds several";
        let fault = Fault::new("filter", FaultCode::InvalidFormat, message);
        return Err(Error::BadArguments(vec![fault]).into());
    }
    let times = (input.since.map(|at| at.0), input.until.map(|at| at.0));
    Ok(AuditFilter { of: of.unwrap_or_default(), since: times.0, until: times.1 })
}

/// An event.
struct AuditEventObject(AuditEvent);

/// Something that happened.
#[Object(name = "AuditEvent")]
impl AuditEventObject {
    /// The id.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// When.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// What.
    #[graphql(name = "type")]
    async fn kind(&self) -> AuditKindEnum {
        AuditKindEnum(self.0.kind)
    }

    /// Whether it was done.
    async fn outcome(&self) -> AuditOutcomeEnum {
        self.0.outcome.into()
    }

    /// Who did it: the id of a user or service token, or `anonymous`, `operator`, `system`.
    async fn actor(&self) -> &str {
        self.0.actor.as_str()
    }

    /// To whom or what: mostly the id of a user.
    async fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// The session by which it was done, or that it was done to.
    async fn session_id(&self) -> Option<ID> {
        self.0.session_id.as_ref().map(|id| id.as_str().into())
    }

    /// The request by which it was done.
    async fn request_id(&self) -> Option<ID> {
        self.0.request_id.as_ref().map(|id| id.as_str().into())
    }

    /// The address of the client. Null once it was forgotten with the person.
    async fn ip_address(&self) -> Option<&str> {
        self.0.client.as_ref()?.ip_address.as_deref()
    }

    /// The `User-Agent` of the client. Null once it was forgotten with the person.
    async fn user_agent(&self) -> Option<&str> {
        self.0.client.as_ref()?.user_agent.as_deref()
    }

    /// Why, as whoever did it has written.
    async fn reason(&self) -> Option<&str> {
        self.0.details.as_ref()?.reason.as_deref()
    }

    /// What was changed, without secrets. Null once it was forgotten with the person.
    async fn changes(&self) -> Option<Json<Value>> {
        let details = self.0.details.as_ref()?;
        Some(Json(Value::Object(details.changes.clone())))
    }
}

/// An event in a list.
#[derive(SimpleObject)]
struct AuditLogEdge {
    /// The position of the event in the list. Opaque.
    cursor: String,
    /// The event.
    node: AuditEventObject,
}

/// A page of the audit log.
pub(in crate::graphql::admin) struct AuditLogConnection(pub(in crate::graphql::admin) Page<AuditEvent>);

/// A page of the audit log.
#[Object]
impl AuditLogConnection {
    /// The events of this page.
    async fn edges(&self) -> Vec<AuditLogEdge> {
        let edge = |event: &AuditEvent| AuditLogEdge {
            cursor: cursor(event.id.as_str()),
            node: AuditEventObject(event.clone()),
        };
        self.0.items.iter().map(edge).collect()
    }

    /// Where this page stands among the others.
    async fn page_info(&self) -> PageInfo {
        page_info(&self.0, |event| cursor(event.id.as_str()))
    }
}
