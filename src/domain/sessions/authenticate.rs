//! The check of an access token: claims, then the session, from the cache where it can be.

use std::sync::Arc;

use super::{CachedPrincipal, CachedSession, Impersonation, Session, Sessions};
use crate::domain::{
    access::Permission,
    accounts::User,
    actor::{Actor, Credentials, Principal},
    clock::Instant,
    error::{AuthenticationFailure, Error, Result},
    ids::{SessionId, UserId},
};

impl Sessions {
    /// Who presents these credentials.
    ///
    /// # Errors
    /// `Unauthenticated` with the reason for credentials that are not, or no longer, good;
    /// `ServiceUnavailable` when neither cache nor store can tell.
    pub async fn authenticate(self: &Arc<Self>, credentials: &Credentials) -> Result<Actor> {
        let Some(token) = &credentials.access_token else {
            // A browser that has lost the access cookie but not the other must refresh.
            return match credentials.refresh_cookie {
                Some(_) => Err(Error::Unauthenticated(AuthenticationFailure::TokenExpired)),
                None => Ok(Actor::Anonymous),
            };
        };
        let refuse = Error::Unauthenticated;
        let claims = self.parts.tokens.verify(token.expose()).await.map_err(|error| refuse(error.into()))?;
        let now = self.parts.clock.now();
        let principal = self.principal(&claims.sub, &claims.sid, now).await?;
        if principal.session.is_due_for_touch(now) {
            self.touch_later(&principal.session);
        }
        Ok(Actor::User(Box::new(principal)))
    }

    /// A live session and its user. One in which somebody acts for the user lives no longer than they may.
    pub(super) async fn principal(
        &self,
        user: &UserId,
        session: &SessionId,
        now: Instant,
    ) -> Result<Principal> {
        let principal = self.own_principal(user, session, now).await?;
        if let Some(impersonation) = &principal.session.impersonation
            && !self.may_still_act(impersonation, &principal.user, now).await?
        {
            tracing::info!(session = %session, by = impersonation.by, "somebody may not act for a person any more");
            return Err(Error::Unauthenticated(AuthenticationFailure::SessionRevoked));
        }
        Ok(principal)
    }

    /// Whether whoever acts for `user` is still let in, has not been logged out everywhere, and may still act
    /// for somebody who may do so much. Asked of the store each time: it is rare.
    async fn may_still_act(&self, impersonation: &Impersonation, user: &User, now: Instant) -> Result<bool> {
        let Ok(id) = impersonation.by.parse::<UserId>() else { return Ok(false) };
        let Some(by) = self.parts.users.find(&id).await? else { return Ok(false) };
        let is_in = !by.is_suspended(now)
            && by.deletion_due_at.is_none()
            && by.session_epoch == impersonation.by_epoch;
        if !is_in {
            return Ok(false);
        }
        let book = self.parts.roles.book().await?;
        let permissions = |user: &User| book.permissions_of(user.roles.iter().map(String::as_str));
        let theirs = permissions(&by);
        Ok(theirs.allow(Permission::UsersImpersonate) && theirs.include(permissions(user)))
    }

    /// A live session and its user. Copies can confirm a session and a tombstone can refuse it; copies
    /// that refuse it may only be old, so that the store has the last word.
    async fn own_principal(&self, user: &UserId, session: &SessionId, now: Instant) -> Result<Principal> {
        match self.parts.cache.load(user, session).await {
            Ok(CachedPrincipal { session: CachedSession::Ended, .. }) => {
                return Err(Error::Unauthenticated(AuthenticationFailure::SessionRevoked));
            }
            Ok(CachedPrincipal { session: CachedSession::Live(session), user: Some(user) })
                if session.check(&user, now).is_ok() && !user.is_suspended(now) =>
            {
                return Ok(Principal { user, session });
            }
            Ok(_) | Err(_) => {}
        }
        let principal = self.principal_from_store(user, session).await?;
        principal.session.check(&principal.user, now).map_err(Error::Unauthenticated)?;
        if principal.user.is_suspended(now) {
            return Err(Error::AccountSuspended);
        }
        self.copy(self.parts.cache.fill(&principal).await);
        Ok(principal)
    }

    async fn principal_from_store(&self, user: &UserId, session: &SessionId) -> Result<Principal> {
        let (session, user): (Option<Session>, Option<User>) =
            tokio::try_join!(self.parts.store.find(session), self.parts.users.find(user))?;
        // A session that the store has dropped, or whose user is gone, was ended long ago.
        let (Some(session), Some(user)) = (session, user) else {
            return Err(Error::Unauthenticated(AuthenticationFailure::SessionRevoked));
        };
        Ok(Principal::new(user, session))
    }

    /// Writes that a session is in use, at most once a minute, without holding up the request.
    fn touch_later(self: &Arc<Self>, session: &Session) {
        if !self.touched.entry_by_ref(&session.id).or_insert(()).is_fresh() {
            return;
        }
        let (service, id) = (Arc::clone(self), session.id.clone());
        tokio::spawn(async move {
            let (store, settings) = (&service.parts.store, &service.parts.settings);
            match store.touch(&id, service.parts.clock.now(), settings.idle_ttl).await {
                Ok(Some(session)) => service.copy(service.parts.cache.put_session(&session).await),
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "the use of a session was not written"),
            }
        });
    }
}
