//! Logout.

use super::{SessionEventKind, SessionSelector, Sessions};
use crate::domain::{
    actor::{Credentials, Principal},
    audit::{self, AuditActor, AuditEvent, AuditKind},
    error::Result,
    metrics::metrics,
    tokens::RefreshToken,
};

/// What names the session to end.
#[derive(Default)]
pub struct LogoutRequest {
    /// A refresh token given in the input.
    pub refresh_token: Option<String>,
    /// The credentials of the request.
    pub credentials: Credentials,
}

impl Sessions {
    /// Ends the session that the refresh token of the input names or, without one, that of the
    /// request: by its access token, which may have expired, or its refresh cookie. Answers whether
    /// there was one, also when it had ended before.
    ///
    /// # Errors
    /// `ServiceUnavailable`; then the session may live on and the caller should try again.
    pub async fn logout(&self, request: LogoutRequest) -> Result<bool> {
        let by_refresh = |token: &str| {
            RefreshToken::parse(token).map(|token| SessionSelector::RefreshFamily(token.family()))
        };
        if let Some(token) = &request.refresh_token {
            return self.end_if_any(by_refresh(token)).await;
        }
        let Credentials { access_token, refresh_cookie, device_cookie: _ } = &request.credentials;
        let claims = match access_token {
            Some(token) => self.parts.tokens.verify_signature(token.expose()).await.ok(),
            None => None,
        };
        let by_access = claims.map(|claims| SessionSelector::Id(claims.sid.clone()));
        let by_cookie = refresh_cookie.as_ref().and_then(|token| by_refresh(token.expose()));
        let ended_by_access = self.end_if_any(by_access).await?;
        Ok(self.end_if_any(by_cookie).await? || ended_by_access)
    }

    async fn end_if_any(&self, which: Option<SessionSelector>) -> Result<bool> {
        match which {
            Some(which) => self.end(&which, SessionEventKind::Revoked, None).await,
            None => Ok(false),
        }
    }

    /// Ends a session in the store, then in the caches, and tells so. Answers whether there was one. `caller` is
    /// who ends it from another session.
    pub(super) async fn end(
        &self,
        which: &SessionSelector,
        kind: SessionEventKind,
        caller: Option<&Principal>,
    ) -> Result<bool> {
        let now = self.parts.clock.now();
        let Some(session) = self.parts.store.end(which, now).await? else {
            return Ok(false);
        };
        if session.ended_at == Some(now) {
            tracing::info!(user = %session.user_id, session = %session.id, "session ended");
            metrics()
                .sessions_ended(if kind == SessionEventKind::ReuseDetected { "reuse" } else { "logout" }, 1);
            self.tell(kind, &session.user_id, &session.id).await;
            let (what, actor) = match kind {
                // The owner, or whoever has a copy.
                SessionEventKind::ReuseDetected => (AuditKind::TokenReused, AuditActor::anonymous()),
                _ => (
                    AuditKind::SessionEnded,
                    audit::actor_in(caller.map_or(&session, |caller| &caller.session)),
                ),
            };
            let event = AuditEvent::new(what, actor, now, &*self.parts.random).about(&session.user_id);
            self.parts.audit.note(event.in_session(&session.id)).await;
        }
        // One that had ended before is no news, and is announced again in case that had failed.
        self.announce_end(&session.user_id, &session.id).await?;
        Ok(true)
    }
}
