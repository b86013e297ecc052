//! Who administers: a user whose roles allow it, another service by its token, or whoever has a shell on the
//! machine.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::Administration;
use crate::domain::{
    access::{Permission, Permissions, SERVICE_TOKEN_PREFIX, ServiceSecret, ServiceToken, USE_INTERVAL},
    actor::{Actor, Credentials, Principal},
    audit::{AuditActor, AuditEvent, AuditKind},
    error::{AuthenticationFailure, Error, Result},
    ids::UserId,
};

/// Whoever administers, with what they may do.
#[derive(Debug, Clone)]
pub struct Administrator {
    who: Who,
    permissions: Permissions,
    denied: Denied,
}

/// Which permissions were asked for in vain by a request.
#[derive(Debug, Clone, Default)]
struct Denied(Arc<AtomicU64>);

impl Denied {
    /// Notes one, and answers whether it is the first time.
    fn note(&self, permission: Permission) -> bool {
        let bit = 1 << permission as u64;
        self.0.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }
}

#[derive(Debug, Clone)]
enum Who {
    User(Box<Principal>),
    Service(Box<ServiceToken>),
    Operator,
}

impl Administrator {
    fn new(who: Who, permissions: Permissions) -> Self {
        Self { who, permissions, denied: Denied::default() }
    }

    /// Whoever has a shell on the machine may do everything: the stores are open to them anyway.
    pub fn operator() -> Self {
        Self::new(Who::Operator, Permissions::all())
    }

    /// What they may do.
    pub const fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// The id, as events name it.
    pub fn actor(&self) -> AuditActor {
        match &self.who {
            Who::User(principal) => AuditActor::of_id(&principal.user.id),
            Who::Service(token) => AuditActor::of_id(&token.id),
            Who::Operator => AuditActor::operator(),
        }
    }

    /// The user, where it is one.
    pub const fn principal(&self) -> Option<&Principal> {
        match &self.who {
            Who::User(principal) => Some(principal),
            Who::Service(_) | Who::Operator => None,
        }
    }

    /// Whether it is whoever has a shell on the machine.
    pub(super) const fn is_operator(&self) -> bool {
        matches!(self.who, Who::Operator)
    }

    /// Whether this is their own account.
    pub(super) fn is(&self, user: &UserId) -> bool {
        self.principal().is_some_and(|principal| principal.user.id == *user)
    }
}

impl Administration {
    /// Who administers with these credentials: a bearer token, never a cookie.
    ///
    /// # Errors
    /// `Unauthenticated`, `AccountSuspended`, `ServiceUnavailable`; `Forbidden` for a user who may do
    /// nothing here.
    pub async fn authenticate(&self, credentials: &Credentials) -> Result<Administrator> {
        let token = credentials.access_token.as_ref().ok_or(Error::MISSING_CREDENTIALS)?;
        if token.expose().starts_with(SERVICE_TOKEN_PREFIX) {
            return self.authenticate_service(token.expose()).await;
        }
        let bearer = Credentials { access_token: Some(token.clone()), ..Credentials::default() };
        let Actor::User(principal) = self.parts.sessions.authenticate(&bearer).await? else {
            return Err(Error::MISSING_CREDENTIALS);
        };
        self.parts.sessions.require_in_person(&principal)?;
        let book = self.parts.roles.book().await?;
        let permissions = book.permissions_of(principal.user.roles.iter().map(String::as_str));
        if permissions.is_empty() {
            tracing::info!(user = %principal.user.id, "somebody who administers nothing was refused");
            return Err(Error::Forbidden("Your roles allow nothing here."));
        }
        Ok(Administrator::new(Who::User(principal), permissions))
    }

    async fn authenticate_service(&self, token: &str) -> Result<Administrator> {
        let invalid = Error::Unauthenticated(AuthenticationFailure::TokenInvalid);
        let Some(secret) = ServiceSecret::parse(token) else { return Err(invalid) };
        let (store, now) = (&self.parts.service_tokens, self.parts.clock.now());
        let found = store.find_service_token(&secret.hash()).await?;
        let Some(token) = found else { return Err(invalid) };
        if !token.is_good(now) {
            tracing::info!(token = %token.id, "a service token was refused: it has ended");
            let is_revoked = token.revoked_at.is_some();
            let expired = Error::Unauthenticated(AuthenticationFailure::TokenExpired);
            return Err(if is_revoked { invalid } else { expired });
        }
        if token.last_used_at.is_none_or(|used| now - used >= USE_INTERVAL)
            && let Err(error) = store.touch_service_token(&token.id, now).await
        {
            tracing::debug!(%error, token = %token.id, "the use of a service token is not written");
        }
        if token.permissions.is_empty() {
            return Err(Error::Forbidden("The token allows nothing here."));
        }
        let permissions = token.permissions;
        Ok(Administrator::new(Who::Service(Box::new(token)), permissions))
    }

    /// Succeeds if they may do this. Somebody who administers and asks for more is written down.
    ///
    /// # Errors
    /// `Forbidden`.
    pub(super) async fn require(&self, caller: &Administrator, permission: Permission) -> Result<()> {
        if caller.permissions.allow(permission) {
            return Ok(());
        }
        // Once a request: each of many fields may ask.
        if !caller.denied.note(permission) {
            return Err(Error::Forbidden(missing(permission)));
        }
        let event = self.event(AuditKind::AccessDenied, caller).failed();
        self.parts.audit.note(event.with("permission", permission.as_str())).await;
        Err(Error::Forbidden(missing(permission)))
    }

    /// The same for what is dangerous in wrong hands: a person must have logged in a moment ago.
    ///
    /// # Errors
    /// `Forbidden`, `ReauthenticationRequired`.
    pub(super) async fn require_fresh(&self, caller: &Administrator, permission: Permission) -> Result<()> {
        self.require(caller, permission).await?;
        caller.principal().map_or(Ok(()), |principal| self.parts.sessions.require_fresh(principal))
    }

    /// Succeeds if they have all of these permissions themselves. Else it is written down.
    ///
    /// # Errors
    /// `Forbidden` with `refusal`.
    pub(super) async fn require_all(
        &self,
        caller: &Administrator,
        permissions: Permissions,
        refusal: &'static str,
    ) -> Result<()> {
        if caller.permissions.include(permissions) {
            return Ok(());
        }
        let event = self.event(AuditKind::AccessDenied, caller).failed();
        self.parts.audit.note(event.with("permissions", permissions.names())).await;
        Err(Error::Forbidden(refusal))
    }

    /// Something that they do.
    pub(in crate::domain) fn event(&self, kind: AuditKind, caller: &Administrator) -> AuditEvent {
        let (now, random) = (self.parts.clock.now(), &*self.parts.random);
        let event = AuditEvent::new(kind, caller.actor(), now, random);
        match caller.principal() {
            Some(principal) => event.in_session(&principal.session.id),
            None => event,
        }
    }
}

const fn missing(permission: Permission) -> &'static str {
    match permission {
        Permission::UsersRead => "You need the permission users:read.",
        Permission::UsersWrite => "You need the permission users:write.",
        Permission::UsersSuspend => "You need the permission users:suspend.",
        Permission::UsersDelete => "You need the permission users:delete.",
        Permission::UsersImpersonate => "You need the permission users:impersonate.",
        Permission::RolesWrite => "You need the permission roles:write.",
        Permission::SessionsRevoke => "You need the permission sessions:revoke.",
        Permission::AuditRead => "You need the permission audit:read.",
        Permission::TokensWrite => "You need the permission tokens:write.",
        Permission::KeysRotate => "You need the permission keys:rotate.",
    }
}
