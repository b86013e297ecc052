//! What a person does with their sessions: see, rename and end them.

use super::{LiveSessions, Session, SessionEventKind, SessionSelector, Sessions, parse_device_name};
use crate::domain::{
    accounts::UserChange,
    actor::Principal,
    audit::{self, AuditKind},
    error::{AuthenticationFailure, Error, Result},
    faults::{Fault, FaultCode},
    ids::{SessionId, UserId},
    page::{Page, PageRequest},
    store::StoreError,
};

impl Sessions {
    /// The caller's own live session with this id. Somebody else's is as good as none.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn find_own(&self, caller: &Principal, id: &SessionId) -> Result<Option<Session>> {
        if *id == caller.session.id {
            return Ok(Some((*caller.session).clone()));
        }
        let found = self.parts.store.find(id).await?;
        let now = self.parts.clock.now();
        Ok(found.filter(|session| session.check(&caller.user, now).is_ok()))
    }

    /// Several of the caller's sessions that are live, as they are stored, in any order.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn find_several_own(&self, caller: &Principal, ids: &[SessionId]) -> Result<Vec<Session>> {
        let mut found = self.parts.store.find_several(ids).await?;
        let now = self.parts.clock.now();
        found.retain(|session| session.check(&caller.user, now).is_ok());
        Ok(found)
    }

    /// The same as it is stored now, also that of the request.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn find_stored(&self, caller: &Principal, id: &SessionId) -> Result<Option<Session>> {
        let found = self.parts.store.find(id).await?;
        let now = self.parts.clock.now();
        Ok(found.filter(|session| session.user_id == caller.user.id && session.check_alone(now).is_ok()))
    }

    /// A page of the caller's live sessions, the newest login first.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn list_own(&self, caller: &Principal, page: &PageRequest<SessionId>) -> Result<Page<Session>> {
        let read = self.parts.store.list_live(&self.live_of(caller), page).await?;
        Ok(page.page(read))
    }

    /// How many live sessions the caller has.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn count_own(&self, caller: &Principal) -> Result<u64> {
        Ok(self.parts.store.count_live(&self.live_of(caller)).await?)
    }

    fn live_of(&self, caller: &Principal) -> LiveSessions {
        LiveSessions {
            user_id: caller.user.id.clone(),
            epoch: caller.user.session_epoch,
            at: self.parts.clock.now(),
        }
    }

    /// Gives one of the caller's own live sessions another device name.
    ///
    /// # Errors
    /// `BadUserInput`; `NotFound` for a session that has ended, is somebody else's or never was;
    /// `ServiceUnavailable`.
    pub async fn rename(&self, caller: &Principal, id: &str, device_name: &str) -> Result<Session> {
        let name = parse_device_name(Some(device_name)).map_err(Error::bad_field)?;
        let name = name.ok_or_else(|| {
            Error::bad_field(Fault::new("deviceName", FaultCode::Required, "must not be empty"))
        })?;
        let id: SessionId = id.parse().map_err(|_| Error::NotFound)?;
        let session = self.parts.store.rename(&self.live_of(caller), &id, &name).await?;
        let session = session.ok_or(Error::NotFound)?;
        self.copy(self.parts.cache.put_session(&session).await);
        self.tell(SessionEventKind::Renamed, &session.user_id, &session.id).await;
        Ok(session)
    }

    /// Ends one of the caller's own sessions; one that has ended already is ended again. Answers its
    /// id.
    ///
    /// # Errors
    /// `NotFound` for a session that is somebody else's or never was; `ServiceUnavailable`, when the
    /// session may live on and the caller should try again.
    pub async fn revoke(&self, caller: &Principal, id: &str) -> Result<SessionId> {
        let id: SessionId = id.parse().map_err(|_| Error::NotFound)?;
        let own = SessionSelector::Own { user: caller.user.id.clone(), session: id.clone() };
        let is_there = self.end(&own, SessionEventKind::Revoked, Some(caller)).await?;
        if is_there { Ok(id) } else { Err(Error::NotFound) }
    }

    /// Ends all of the caller's sessions but that of the request, and logins that are under way.
    /// Answers how many live ones there were.
    ///
    /// # Errors
    /// `ServiceUnavailable`, when some may live on and the caller should try again.
    pub async fn revoke_others(&self, caller: &Principal) -> Result<u64> {
        let (now, random) = (self.parts.clock.now(), &*self.parts.random);
        let change = UserChange::of(&caller.user.id, now).recorded(audit::own(
            AuditKind::SessionsEnded,
            caller,
            now,
            random,
        ));
        let raised = self.end_others_by(caller, change).await?;
        let user = raised.changed().ok_or(Error::Unauthenticated(AuthenticationFailure::SessionRevoked))?;
        tracing::info!(user = %user.id, session = %caller.session.id, "all other sessions ended");
        let (count, is_told) = self.keep_only(&user, &caller.session.id).await;
        self.tell(SessionEventKind::OthersRevoked, &user.id, &caller.session.id).await;
        if is_told { Ok(count) } else { Err(StoreError::Unavailable.into()) }
    }

    /// Every session of a person that is stored, also those that have ended, the newest login first.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub(in crate::domain) async fn list_all(&self, user: &UserId) -> Result<Vec<Session>> {
        Ok(self.parts.store.list_of(user).await?)
    }

    /// Removes every session of a person whose account is no more.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub(in crate::domain) async fn erase(&self, user: &UserId) -> Result<()> {
        Ok(self.parts.store.remove_of(user).await?)
    }

    /// Drops sessions that ended long ago from the store, and answers how many.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn purge(&self) -> Result<u64> {
        Ok(self.parts.store.purge(self.parts.clock.now()).await?)
    }
}
