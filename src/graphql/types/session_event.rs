//! `SessionEvent`.

use async_graphql::{Context, Enum, ID, Object};
use tokio::sync::OnceCell;

use super::{DateTime, SessionObject};
use crate::{
    domain::{
        actor::Principal,
        sessions::{Session, SessionEvent},
    },
    graphql::{
        Result,
        context::ContextExt,
        enums::{AccessRule, access},
    },
};

/// What happened to a session.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::sessions::SessionEventKind", name = "SessionEventType")]
pub(crate) enum SessionEventType {
    /// Somebody logged in: the session is new.
    Created,
    /// The session got another device name.
    Renamed,
    /// The session was ended, by a logout or from another session.
    Revoked,
    /// All sessions but this one were ended.
    OthersRevoked,
    /// A refresh token that was replaced long ago was presented, which means that somebody has a copy.
    /// The session was ended.
    ReuseDetected,
    /// The password was changed from this session; the other sessions stay.
    PasswordChanged,
    /// The password was changed from this session, and all others were ended.
    PasswordChangedOthersRevoked,
}

/// An event as the listener sees it.
pub(crate) struct SessionEventObject {
    event: SessionEvent,
    listener: Principal,
    /// The session, looked up once however often it is asked for.
    found: OnceCell<Result<Option<Session>>>,
}

impl SessionEventObject {
    pub(crate) fn new(event: SessionEvent, listener: Principal) -> Self {
        Self { event, listener, found: OnceCell::new() }
    }
}

/// Something that happened to one of the caller's sessions.
#[Object(name = "SessionEvent", directive = access::apply(AccessRule::Owner))]
impl SessionEventObject {
    /// What happened.
    #[graphql(name = "type")]
    async fn kind(&self) -> SessionEventType {
        self.event.kind.into()
    }

    /// The id of the session that it happened to or, for `OTHERS_REVOKED` and `PASSWORD_CHANGED`, from.
    async fn session_id(&self) -> ID {
        self.event.session_id.as_str().into()
    }

    /// That session as it is now; null when it has ended.
    async fn session(&self, context: &Context<'_>) -> Option<Result<SessionObject>> {
        let find = async || {
            let sessions = &context.domain()?.sessions;
            Ok(sessions.find_stored(&self.listener, &self.event.session_id).await?)
        };
        let found = self.found.get_or_init(find).await.clone();
        let current = self.event.session_id == self.listener.session.id;
        found.map(|session| session.map(|session| SessionObject { session, current })).transpose()
    }

    /// Whether it ended the session of the listener. Nothing comes after that, and the connection is
    /// closed: forget the tokens.
    async fn ends_current_session(&self) -> bool {
        self.event.ends(&self.listener.session.id)
    }

    /// When it happened.
    async fn at(&self) -> DateTime {
        DateTime(self.event.at)
    }
}
