//! Sessions: login, refresh, logout and the check of credentials.

mod authenticate;
mod cache;
mod login;
mod logout;
mod look_up;
mod refresh;
mod session;
mod start;
mod store;

use std::sync::Arc;

use moka::sync::Cache;

pub use cache::{CacheResult, CacheUnavailable, CachedPrincipal, CachedSession, SessionCache};
pub use login::LoginRequest;
pub use logout::LogoutRequest;
pub use session::{Session, SessionSettings, TOUCH_INTERVAL};
pub use start::{MAX_DEVICE_NAME_CHARACTERS, SignedIn, parse_device_name};
pub use store::{
    KEPT_AFTER_END, KEPT_RETIRED_TOKENS, RetiredToken, Rotation, RotationOutcome, SessionSelector,
    SessionStore,
};

use super::{
    accounts::{User, UserStore},
    clock::SharedClock,
    ids::SessionId,
    passwords::Passwords,
    random::SharedRandom,
    tokens::AccessTokens,
};

/// Sessions whose use is remembered, so that many requests at once cause one write.
const REMEMBERED_TOUCHES: u64 = 100_000;

/// What the session service is made of.
pub struct SessionParts {
    /// The truth about users.
    pub users: Arc<dyn UserStore>,
    /// The truth about sessions.
    pub store: Arc<dyn SessionStore>,
    /// Copies of both.
    pub cache: Arc<dyn SessionCache>,
    /// The issuer of access tokens.
    pub tokens: AccessTokens,
    /// The hashing threads.
    pub passwords: Arc<Passwords>,
    /// The time.
    pub clock: SharedClock,
    /// Randomness for ids and tokens.
    pub random: SharedRandom,
    /// How long sessions live.
    pub settings: SessionSettings,
}

/// The session service.
pub struct Sessions {
    parts: SessionParts,
    touched: Cache<SessionId, ()>,
}

impl Sessions {
    /// A service of these parts.
    pub fn new(parts: SessionParts) -> Self {
        let interval = TOUCH_INTERVAL.to_std().unwrap_or_default();
        let touched = Cache::builder().max_capacity(REMEMBERED_TOUCHES).time_to_live(interval).build();
        Self { parts, touched }
    }

    /// After a change that raised the user's epoch, and with it ended all sessions: lifts one to the
    /// new epoch, and makes the end of the others visible in store and caches. The change itself is
    /// done, so that a store which fails here costs the caller the session kept, and nobody else
    /// anything.
    pub(super) async fn keep_only(&self, user: &User, kept: &SessionId) {
        let store = &self.parts.store;
        match store.set_epoch(kept, user.session_epoch).await {
            Ok(Some(session)) => self.copy(self.parts.cache.put_session(&session).await),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, session = %kept, "the session is not kept"),
        }
        match store.end_all(&user.id, Some(kept), self.parts.clock.now()).await {
            Ok(ended) => self.copy(self.parts.cache.end(&user.id, &ended).await),
            Err(error) => tracing::warn!(%error, user = %user.id, "sessions end by their epoch alone"),
        }
    }

    /// A cache that does not answer costs time and nothing else.
    #[expect(clippy::unused_self, reason = "reads as what is done with the outcome")]
    fn copy(&self, outcome: CacheResult<()>) {
        if outcome.is_err() {
            tracing::debug!("the cache did not take a copy");
        }
    }
}
