//! What happens to a person's sessions, told to those who listen, on whichever node.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use serde::{Deserialize, Serialize};

use super::Sessions;
use crate::domain::{
    actor::Principal,
    clock::Instant,
    error::{AuthenticationFailure, Error, Result},
    ids::{SessionId, UserId},
};

/// How often a listening session is looked at, in case its end was not heard of.
const LOOK_INTERVAL: Duration = Duration::from_millis(750);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEventKind {
    /// Somebody logged in.
    Created,
    /// The session got another device name.
    Renamed,
    /// The session was ended.
    Revoked,
    /// All sessions but this one were ended.
    OthersRevoked,
    /// A refresh token that was replaced long ago was presented, so that somebody has a copy. The
    /// session was ended.
    ReuseDetected,
    /// The password was changed from this session, and the others were left as they are.
    PasswordChanged,
    /// The password was changed from this session, and all others were ended.
    PasswordChangedOthersRevoked,
}

/// Something that happened to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEvent {
    /// What.
    pub kind: SessionEventKind,
    /// Whose session.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// When.
    pub at: Instant,
}

impl SessionEvent {
    /// Whether this session has ended by it.
    pub fn ends(&self, session: &SessionId) -> bool {
        match self.kind {
            SessionEventKind::Revoked | SessionEventKind::ReuseDetected => self.session_id == *session,
            SessionEventKind::OthersRevoked | SessionEventKind::PasswordChangedOthersRevoked => {
                self.session_id != *session
            }
            SessionEventKind::Created | SessionEventKind::Renamed | SessionEventKind::PasswordChanged => {
                false
            }
        }
    }
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// An event.
    Event(SessionEvent),
    /// It was too slow, and events passed it by.
    Missed,
}

/// The events of one person, from the moment it was made.
pub type EventStream = BoxStream<'static, Heard>;

/// Carries events to every node. What is not heard because a part was away is not told again: events
/// are news, and the truth is in the store.
#[async_trait]
pub trait EventBus: Send + Sync {
    /// Tells an event to the listeners of every node.
    async fn publish(&self, event: &SessionEvent);

    /// Listens to the events of one person.
    async fn listen(&self, user: &UserId) -> EventStream;
}

impl Sessions {
    /// Tells what happened to a session.
    pub(in crate::domain) async fn tell(&self, kind: SessionEventKind, user: &UserId, session: &SessionId) {
        let (user_id, session_id, at) = (user.clone(), session.clone(), self.parts.clock.now());
        self.parts.events.publish(&SessionEvent { kind, user_id, session_id, at }).await;
    }

    /// What happens to a person's sessions, for as long as the listening session lives; what ends it
    /// is the last event.
    ///
    /// # Errors
    /// `Overloaded` as the last item for a listener that was too slow and missed events.
    pub async fn watch(self: &Arc<Self>, listener: &Principal) -> BoxStream<'static, Result<SessionEvent>> {
        let events = self.parts.events.listen(&listener.user.id).await;
        let (service, listener) = (self.clone(), listener.clone());
        stream::unfold(Some(events), move |events| {
            let (service, listener) = (service.clone(), listener.clone());
            async move {
                let mut events = events?;
                let event = match events.next().await? {
                    Heard::Event(event) => event,
                    Heard::Missed => {
                        return Some((Err(Error::Overloaded { retry_after: LOOK_INTERVAL }), None));
                    }
                };
                if event.ends(&listener.session.id) {
                    return Some((Ok(event), None));
                }
                // Nobody hears anything by a session that has ended unheard.
                let is_alive = service.why_ended(&listener).await.is_none();
                is_alive.then_some((Ok(event), Some(events)))
            }
        })
        .boxed()
    }

    /// Waits until a session may not be used any more, and says why: `Unauthenticated` or `AccountSuspended`.
    pub async fn until_ended(self: &Arc<Self>, listener: &Principal) -> Error {
        let mut events = self.parts.events.listen(&listener.user.id).await;
        let mut ticks = tokio::time::interval(LOOK_INTERVAL);
        loop {
            tokio::select! {
                heard = events.next() => match heard {
                    Some(Heard::Event(event)) if event.ends(&listener.session.id) => {
                        return Error::Unauthenticated(AuthenticationFailure::SessionRevoked);
                    }
                    Some(Heard::Event(_)) => continue,
                    Some(Heard::Missed) => {}
                    None => events = stream::pending().boxed(),
                },
                _ = ticks.tick() => {}
            }
            if let Some(reason) = self.why_ended(listener).await {
                return reason;
            }
        }
    }

    /// Why a session is not alive any more; `None` when it is, or when nobody can tell.
    async fn why_ended(&self, listener: &Principal) -> Option<Error> {
        let (user, session) = (&listener.user.id, &listener.session.id);
        match self.principal(user, session, self.parts.clock.now()).await {
            Err(error @ (Error::Unauthenticated(_) | Error::AccountSuspended)) => Some(error),
            Ok(_) | Err(_) => None,
        }
    }
}
