//! What a request brings to its resolvers, and what they leave for the answer.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_graphql::{Context, parser::types::OperationType};
use serde::{Deserialize, Serialize};
use tokio::sync::{OnceCell, OwnedSemaphorePermit};

use super::Result;
use crate::domain::{
    self, Credentials, Domain, Error,
    actor::{Actor, ClientInfo, Principal},
    administration::Administrator,
    clock::Instant,
    ids::RequestId,
    rate_limits::{Class, Identifier},
};

/// Whether another site may have caused the request; found by the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsrfVerdict {
    /// It cannot have.
    Safe,
    /// It may have: nothing may be done with cookies.
    Suspicious,
}

/// Tokens for cookies.
#[derive(Clone, Serialize, Deserialize)]
pub struct TokenCookies {
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// When the browser may forget both.
    pub expires_at: Instant,
    /// What the device shows at its next login, also after that.
    pub device_token: Option<String>,
}

/// What the transport is to do with cookies.
#[derive(Clone, Serialize, Deserialize)]
pub enum CookieEffect {
    /// Set both.
    Set(TokenCookies),
    /// Remove both.
    Clear,
}

/// One request, as resolvers see it.
pub struct RequestContext {
    /// The id that errors and log lines carry.
    pub request_id: RequestId,
    /// What the request presents.
    pub credentials: Credentials,
    /// The device that asks.
    pub client: ClientInfo,
    /// Whether cookies may be used.
    pub csrf: CsrfVerdict,
    /// The `Idempotency-Key` of the request.
    pub idempotency_key: Option<String>,
    /// Whether the answer can set cookies, which it cannot over a socket or as events.
    pub can_set_cookies: bool,
    /// A place that is taken for as long as the request runs.
    _place: Option<OwnedSemaphorePermit>,
    actor: OnceCell<domain::Result<Actor>>,
    administrator: OnceCell<domain::Result<Administrator>>,
    cookies: Mutex<Option<CookieEffect>>,
    is_repeated: AtomicBool,
}

impl RequestContext {
    /// A request of which nothing has been looked at.
    pub fn new(
        request_id: RequestId,
        credentials: Credentials,
        client: ClientInfo,
        csrf: CsrfVerdict,
    ) -> Self {
        Self {
            request_id,
            credentials,
            client,
            csrf,
            idempotency_key: None,
            can_set_cookies: true,
            _place: None,
            actor: OnceCell::new(),
            administrator: OnceCell::new(),
            cookies: Mutex::new(None),
            is_repeated: AtomicBool::new(false),
        }
    }

    /// The same, with a place that is given back when it has run to its end, whoever still waits for it.
    #[must_use]
    pub fn with_place(self, place: OwnedSemaphorePermit) -> Self {
        Self { _place: Some(place), ..self }
    }

    /// The same, with the key by which it is done once.
    #[must_use]
    pub fn with_idempotency_key(self, key: Option<String>) -> Self {
        Self { idempotency_key: key, ..self }
    }

    /// The same, for a carrier whose answers can set no cookies. A refresh token in a cookie is left
    /// out: it would be used up, and its successor lost.
    #[must_use]
    pub fn without_cookies(mut self) -> Self {
        self.credentials.refresh_cookie = None;
        Self { can_set_cookies: false, ..self }
    }

    /// Who asks: found at the first call, so that a login with an old token at hand does not look it
    /// up, and remembered for the others.
    pub(super) async fn actor(&self, domain: &Domain) -> Result<&Actor> {
        let authenticate = async || {
            let outcome = domain.sessions.authenticate(&self.credentials).await;
            outcome.inspect_err(|error| tracing::info!(%error, "credentials refused"))
        };
        match self.actor.get_or_init(authenticate).await {
            Ok(actor) => Ok(actor),
            Err(error) => Err(error.clone().into()),
        }
    }

    /// The same of who administers.
    async fn administrator(&self, domain: &Domain) -> Result<&Administrator> {
        let authenticate = async || {
            let outcome = domain.administration.authenticate(&self.credentials).await;
            outcome.inspect_err(|error| tracing::info!(%error, "credentials refused"))
        };
        match self.administrator.get_or_init(authenticate).await {
            Ok(administrator) => Ok(administrator),
            Err(error) => Err(error.clone().into()),
        }
    }

    /// Records what the transport is to do with cookies; the last word counts.
    pub(super) fn record(&self, effect: CookieEffect) {
        *self.cookies.lock().unwrap_or_else(PoisonError::into_inner) = Some(effect);
    }

    /// What is recorded so far.
    pub(super) fn cookie_effect(&self) -> Option<CookieEffect> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The answer was given before.
    pub(super) fn mark_as_repeated(&self) {
        self.is_repeated.store(true, Ordering::Relaxed);
    }

    /// Whether the answer was given before.
    pub fn is_repeated(&self) -> bool {
        self.is_repeated.load(Ordering::Relaxed)
    }

    /// What was recorded.
    pub fn take_cookie_effect(&self) -> Option<CookieEffect> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What resolvers ask of their context.
pub(super) trait ContextExt {
    /// The domain services.
    fn domain(&self) -> Result<&Domain>;
    /// The request.
    fn request(&self) -> Result<&RequestContext>;
    /// Who asks.
    async fn actor(&self) -> Result<&Actor>;
    /// Who administers; a refusal for everybody else.
    async fn administrator(&self) -> Result<&Administrator>;
    /// The user who asks; a refusal for nobody in particular, and of changes for whoever may only look.
    async fn principal(&self) -> Result<&Principal>;
    /// The user who asks, if they showed the password in the last minutes. Every field with the directive
    /// `@requiresFreshAuth` begins with this.
    async fn fresh_principal(&self) -> Result<&Principal>;
    /// The device that asks.
    fn client(&self) -> Result<&ClientInfo>;
    /// Takes a place for what is tried, for somebody or nobody in particular.
    async fn limit(&self, class: Class, identifier: Option<Identifier>) -> Result<()>;
}

impl ContextExt for Context<'_> {
    fn domain(&self) -> Result<&Domain> {
        self.data().map_err(|_| Error::Internal("the schema has no domain".into()).into())
    }

    fn request(&self) -> Result<&RequestContext> {
        let shared = self.data::<std::sync::Arc<RequestContext>>();
        shared.map(AsRef::as_ref).map_err(|_| Error::Internal("the execution has no request".into()).into())
    }

    async fn actor(&self) -> Result<&Actor> {
        self.request()?.actor(self.domain()?).await
    }

    async fn administrator(&self) -> Result<&Administrator> {
        self.request()?.administrator(self.domain()?).await
    }

    async fn principal(&self) -> Result<&Principal> {
        let caller = self.actor().await?.principal()?;
        if self.query_env.operation.node.ty == OperationType::Mutation {
            self.domain()?.sessions.require_may_write(caller)?;
        }
        Ok(caller)
    }

    async fn fresh_principal(&self) -> Result<&Principal> {
        let caller = self.principal().await?;
        self.domain()?.sessions.require_fresh(caller)?;
        Ok(caller)
    }

    fn client(&self) -> Result<&ClientInfo> {
        Ok(&self.request()?.client)
    }

    async fn limit(&self, class: Class, identifier: Option<Identifier>) -> Result<()> {
        Ok(self.domain()?.rate_limits.check(class, self.client()?, identifier.as_ref()).await?)
    }
}
