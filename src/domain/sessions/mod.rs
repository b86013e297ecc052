//! Sessions: login, refresh, logout and the check of credentials.

mod admit;
mod announce;
mod authenticate;
mod cache;
mod device;
mod events;
mod impersonate;
mod login;
mod logout;
mod manage;
mod notes;
mod refresh;
mod session;
mod start;
mod store;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use moka::sync::Cache;
use zeroize::Zeroizing;

pub use cache::{
    CacheCheckpoint, CacheResult, CacheUnavailable, CachedPrincipal, CachedSession, SessionCache, TRUST,
};
pub use events::{EventBus, EventStream, Heard, SessionEvent, SessionEventKind};
pub use login::LoginRequest;
pub use logout::LogoutRequest;
pub use notes::{KEPT_NOTES, Note, NoteStore};
pub use session::{FRESH, IMPERSONATION_TTL, Impersonation, Session, SessionSettings, TOUCH_INTERVAL};
pub use start::{MAX_DEVICE_NAME_CHARACTERS, SignedIn, parse_device_name};
pub use store::{
    KEPT_AFTER_END, KEPT_RETIRED_TOKENS, LiveSessions, RetiredToken, Rotation, RotationOutcome,
    SessionSelector, SessionStore,
};

use super::{
    Error, Result,
    access::Roles,
    accounts::{ChangeOutcome, User, UserChange, UserDirectory, UserStore},
    actor::Principal,
    audit::Audit,
    clock::SharedClock,
    error::AuthenticationFailure,
    ids::SessionId,
    metrics::metrics,
    outbox::Outbox,
    passwords::Passwords,
    random::SharedRandom,
    rate_limits::{DeviceTokens, RateLimits},
    store::{StoreError, StoreResult},
    tokens::AccessTokens,
};

/// Sessions whose use is remembered, so that many requests at once cause one write.
const REMEMBERED_TOUCHES: u64 = 100_000;
/// Sessions that listeners are told of when all of a person end; a listener whose own has ended is told
/// in any case.
const TOLD_ENDS: usize = 50;
/// How often such a change may be overtaken by others of the same person.
const MOST_TURNS: usize = 20;
/// Between attempts to keep the session in which somebody ends all others.
const LIFT_PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];
/// How long the store may have been away before the next attempt.
const LIFT_PATIENCE: Duration = Duration::from_secs(1);

/// What the session service is made of.
pub struct SessionParts {
    /// The truth about users.
    pub users: Arc<dyn UserStore>,
    /// What roles allow.
    pub roles: Roles,
    /// Where it is noted when people were seen.
    pub directory: Arc<dyn UserDirectory>,
    /// What happens is written down there.
    pub audit: Arc<Audit>,
    /// The truth about sessions.
    pub store: Arc<dyn SessionStore>,
    /// Copies of both.
    pub cache: Arc<dyn SessionCache>,
    /// What the cache could not be told.
    pub notes: Arc<dyn NoteStore>,
    /// Tells other nodes what happens.
    pub events: Arc<dyn EventBus>,
    /// The issuer of access tokens.
    pub tokens: Arc<AccessTokens>,
    /// What is done later.
    pub outbox: Arc<Outbox>,
    /// How often a password may be tried.
    pub limits: Arc<RateLimits>,
    /// Tokens of devices on which somebody has logged in before.
    pub devices: DeviceTokens,
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
    /// Notes that the store has not taken yet.
    unwritten: Mutex<Vec<Note>>,
}

impl Sessions {
    /// A service of these parts.
    pub fn new(parts: SessionParts) -> Self {
        let interval = TOUCH_INTERVAL.to_std().unwrap_or_default();
        let touched = Cache::builder().max_capacity(REMEMBERED_TOUCHES).time_to_live(interval).build();
        Self { parts, touched, unwritten: Mutex::default() }
    }

    /// Signs the tokens of devices with the first of these keys from now on, and believes all.
    pub fn take_device_keys(&self, keys: &[Zeroizing<[u8; 32]>]) {
        self.parts.devices.take_keys(keys);
    }

    /// Makes a change of the caller that ends their sessions, if that of the request is live when it is made: whoever
    /// was thrown out meanwhile, by such a change on another device, throws nobody out in turn.
    ///
    /// # Errors
    /// `Unauthenticated`, when it is not; `ServiceUnavailable`.
    pub(super) async fn end_others_by(
        &self,
        caller: &Principal,
        mut change: UserChange,
    ) -> Result<ChangeOutcome> {
        change.consequences.ends_sessions = true;
        let mut epoch = caller.user.session_epoch;
        let mut pauses = LIFT_PAUSES.iter();
        for _ in 0..MOST_TURNS {
            change.only_if.session_epoch = Some(epoch);
            let user = match self.parts.users.change(&change).await? {
                ChangeOutcome::Unmet(user) if user.session_epoch != epoch => user,
                outcome => return Ok(outcome),
            };
            // Another request of the same session may have raised it, and be about to keep the session.
            while !self.is_live(&caller.session.id, &user).await? {
                let Some(pause) = pauses.next() else {
                    return Err(Error::Unauthenticated(AuthenticationFailure::SessionRevoked));
                };
                tokio::time::sleep(*pause).await;
            }
            epoch = user.session_epoch;
        }
        Err(Error::unavailable())
    }

    async fn is_live(&self, session: &SessionId, user: &User) -> Result<bool> {
        let stored = self.parts.store.find(session).await?;
        Ok(stored.is_some_and(|session| session.check(user, self.parts.clock.now()).is_ok()))
    }

    /// After a change that raised the user's epoch, and with it ended all sessions: lifts one to the
    /// new epoch, and makes the end of the others visible in store and caches. The change itself is
    /// done, so that a store which fails here costs the caller the session kept, and nobody else
    /// anything. Answers how many others were live, as far as the store told, and whether other nodes
    /// can know.
    pub(super) async fn keep_only(&self, user: &User, kept: &SessionId) -> (u64, bool) {
        let since = std::time::Instant::now();
        let mut lifted = self.lift(kept, user.session_epoch).await;
        let is_told = self.announce_user(user).await;
        // A store that is away for a moment is asked again, now that all others have ended; one that takes its time
        // is not.
        for pause in LIFT_PAUSES {
            if lifted != Err(StoreError::Unavailable) || since.elapsed() >= LIFT_PATIENCE {
                break;
            }
            tokio::time::sleep(pause).await;
            lifted = self.lift(kept, user.session_epoch).await;
        }
        if let Err(error) = lifted {
            tracing::warn!(%error, session = %kept, "the session is not kept");
        }
        (self.end_earlier(user).await.len() as u64, is_told)
    }

    /// Lifts a session to an epoch, in the store and in the caches.
    async fn lift(&self, session: &SessionId, epoch: i64) -> StoreResult<()> {
        if let Some(session) = self.parts.store.set_epoch(session, epoch).await? {
            self.copy(self.parts.cache.put_session(&session).await);
        }
        Ok(())
    }

    /// After a change that raised the user's epoch, and with it ended all sessions: makes their end
    /// visible in store and caches, and to those who listen.
    pub(super) async fn end_all(&self, user: &User) {
        self.announce_user(user).await;
        for session in self.end_earlier(user).await.iter().take(TOLD_ENDS) {
            self.tell(SessionEventKind::Revoked, &user.id, session).await;
        }
    }

    /// Marks sessions as ended that are of an earlier epoch, and answers which.
    async fn end_earlier(&self, user: &User) -> Vec<SessionId> {
        match self.parts.store.end_all(&user.id, user.session_epoch, self.parts.clock.now()).await {
            Ok(ended) => {
                metrics().sessions_ended("epoch", ended.len() as u64);
                self.announce_ends(&user.id, &ended).await;
                ended
            }
            Err(error) => {
                tracing::warn!(%error, user = %user.id, "sessions end by their epoch alone");
                Vec::new()
            }
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
