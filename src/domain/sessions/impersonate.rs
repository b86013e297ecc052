//! Sessions in which somebody of the service acts for a person.

use std::net::IpAddr;

use super::{IMPERSONATION_TTL, Impersonation, Session, SessionEventKind, Sessions};
use crate::domain::{
    accounts::User,
    actor::{ClientInfo, Principal},
    audit::AuditEvent,
    error::{Error, Result},
    ids::SessionId,
    metrics::metrics,
    tokens::{IssuedAccessToken, RefreshToken},
};

impl Sessions {
    /// Starts a session in which somebody acts for `user`. It cannot be prolonged; the person sees it among
    /// their own, and can end it.
    ///
    /// # Errors
    /// `ServiceUnavailable`; then there is no session.
    pub(in crate::domain) async fn start_impersonation(
        &self,
        user: &User,
        impersonation: Impersonation,
        client: &ClientInfo,
        event: AuditEvent,
    ) -> Result<(Session, IssuedAccessToken)> {
        let now = self.parts.clock.now();
        let ends_at = now + IMPERSONATION_TTL;
        let session = Session {
            id: SessionId::generate(now, &*self.parts.random),
            user_id: user.id.clone(),
            device_name: None,
            user_agent: client.user_agent.clone(),
            ip_address: client.ip_address.as_ref().map(IpAddr::to_string),
            created_at: now,
            authenticated_at: now,
            last_seen_at: now,
            idle_expires_at: ends_at,
            absolute_expires_at: ends_at,
            ended_at: None,
            session_epoch: user.session_epoch,
            impersonation: Some(Box::new(impersonation)),
            version: 1,
        };
        // Nobody ever gets the token whose hash stands there.
        let refresh_token = RefreshToken::generate(&*self.parts.random);
        let hashes = (&refresh_token.family(), &refresh_token.hash());
        self.parts.store.insert(&session, hashes, Some(&event.in_session(&session.id))).await?;
        tracing::warn!(user = %user.id, session = %session.id, "somebody acts for a person");
        metrics().session_started("impersonation");
        let token = self.parts.tokens.issue_for(user, &session)?;
        self.tell(SessionEventKind::Created, &user.id, &session.id).await;
        Ok((session, token))
    }

    /// Succeeds unless somebody else acts for the caller.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn require_in_person(&self, caller: &Principal) -> Result<()> {
        match caller.session.impersonation {
            None => Ok(()),
            Some(_) => Err(Error::Forbidden("Nobody may do this for somebody else.")),
        }
    }

    /// Succeeds if the caller may change something in this session.
    ///
    /// # Errors
    /// `Forbidden` for whoever acts for a person and may only look.
    pub fn require_may_write(&self, caller: &Principal) -> Result<()> {
        match &caller.session.impersonation {
            Some(impersonation) if !impersonation.may_write => {
                Err(Error::Forbidden("You may look and change nothing in the name of this person."))
            }
            _ => Ok(()),
        }
    }
}
