//! To act for a person: for support, where the service allows it at all.

use super::{Administration, Administrator};
use crate::domain::{
    access::Permission,
    accounts::{User, parse_reason},
    actor::ClientInfo,
    audit::AuditKind,
    error::{Error, Result},
    ids::UserId,
    sessions::{Impersonation, Session},
    tokens::IssuedAccessToken,
};

/// What it takes to act for a person.
#[derive(Debug, Clone)]
pub struct ImpersonateRequest {
    /// Why.
    pub reason: String,
    /// Whether anything may be changed.
    pub may_write: bool,
    /// The device.
    pub client: ClientInfo,
}

/// What somebody has who acts for a person.
pub struct Impersonated {
    /// The person.
    pub user: User,
    /// The session, which the person sees among their own.
    pub session: Session,
    /// The token; there is no other, so that it ends when it ends.
    pub access_token: IssuedAccessToken,
}

impl Administration {
    /// Lets a user act for another, for half an hour, and look only unless asked otherwise. What needs a
    /// fresh login or a password cannot be done by it, and nothing of administration.
    ///
    /// # Errors
    /// `BadUserInput`, `Forbidden`, also where it is turned off, for services, for their own account, and for
    /// an account that may do more or is closed; `ReauthenticationRequired`, `NotFound`,
    /// `ServiceUnavailable`.
    pub async fn impersonate(
        &self,
        caller: &Administrator,
        id: &UserId,
        request: ImpersonateRequest,
    ) -> Result<Impersonated> {
        self.require_fresh(caller, Permission::UsersImpersonate).await?;
        if !self.parts.settings.impersonation {
            return Err(Error::Forbidden("Nobody may act for somebody else here: IMPERSONATION is off."));
        }
        let Some(principal) = caller.principal().filter(|_| !caller.is(id)) else {
            return Err(Error::Forbidden("Only a person may act for another."));
        };
        let reason = parse_reason(&request.reason).map_err(Error::bad_field)?;
        let user = self.target(caller, id).await?;
        if user.deletion_due_at.is_some() || user.is_suspended(self.parts.clock.now()) {
            return Err(Error::Forbidden("The account is closed."));
        }
        let by = caller.actor().as_str().to_owned();
        let by_epoch = principal.user.session_epoch;
        let impersonation = Impersonation { by, by_epoch, may_write: request.may_write };
        let event = self.event(AuditKind::ImpersonationStarted, caller).about(id).because(Some(reason));
        let event = event.with("mayWrite", request.may_write);
        let sessions = &self.parts.sessions;
        let (session, access_token) =
            sessions.start_impersonation(&user, impersonation, &request.client, event).await?;
        Ok(Impersonated { user, session, access_token })
    }
}
