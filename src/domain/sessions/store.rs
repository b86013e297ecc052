//! The durable store of sessions.

use async_trait::async_trait;
use chrono::TimeDelta;

use super::Session;
use crate::domain::{
    audit::AuditEvent,
    clock::Instant,
    ids::{SessionId, UserId},
    page::PageRequest,
    store::StoreResult,
    tokens::TokenHash,
};

/// How many retired refresh tokens of a session are kept at most while their grace window is open.
/// An older one counts as reused.
pub const KEPT_RETIRED_TOKENS: u32 = 16;

/// How long after its expiry a session is kept, so that a late client learns what happened.
pub const KEPT_AFTER_END: TimeDelta = TimeDelta::days(1);

/// A rotation of a refresh token, done only if `presented` is the current one of a live session.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The hash of the family of the token that came.
    pub family: TokenHash,
    /// The hash of the token that came.
    pub presented: TokenHash,
    /// The hash of the token that replaces it.
    pub successor: TokenHash,
    /// The successor, sealed so that only the presented token opens it.
    pub sealed_successor: Vec<u8>,
    /// When.
    pub at: Instant,
    /// How long a retired token still gets its successor.
    pub grace: TimeDelta,
    /// How long the session lives from now if it is not used, within its absolute end.
    pub idle_ttl: TimeDelta,
}

/// A token that was rotated away, while its grace window is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiredToken {
    /// The hash of the token.
    pub hash: TokenHash,
    /// Its successor, sealed so that only the token itself opens it.
    pub sealed_successor: Vec<u8>,
}

/// What became of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotationOutcome {
    /// The successor is the current token now; the session's idle end has moved.
    Rotated(Session),
    /// The token was retired within the grace window. Its successor may have been retired since.
    Replayed {
        /// The session.
        session: Session,
        /// Every token whose grace window is open, in no order.
        retired: Vec<RetiredToken>,
    },
    /// The family is that of a live session, and the token was retired before that: somebody has a
    /// copy. Nothing was written.
    Reused(Session),
    /// The family is that of a session that has ended or expired.
    Ended(Session),
    /// No session has the family.
    Unknown,
}

/// The live sessions of one person: those that have not ended or expired at an instant, and that no
/// change of the user has ended since.
#[derive(Debug, Clone)]
pub struct LiveSessions {
    /// Whose.
    pub user_id: UserId,
    /// The user's session epoch.
    pub epoch: i64,
    /// When.
    pub at: Instant,
}

/// How a session is named.
#[derive(Debug, Clone)]
pub enum SessionSelector {
    /// By its id.
    Id(SessionId),
    /// By its id, if it is this user's.
    Own {
        /// The user.
        user: UserId,
        /// The session.
        session: SessionId,
    },
    /// By the family of its refresh tokens.
    RefreshFamily(TokenHash),
}

/// The truth about sessions. Every method is one atomic operation; every method fails with
/// `Unavailable` or `Corrupt` as [`crate::domain::store::StoreError`] says.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Adds a session with its refresh token, given as the hashes of its family and of itself.
    ///
    /// # Errors
    /// `Conflict(Identity)` when the id or the token hash was used before.
    async fn insert(
        &self,
        session: &Session,
        (family, refresh): (&TokenHash, &TokenHash),
        event: Option<&AuditEvent>,
    ) -> StoreResult<()>;

    /// The session with this id, alive or not, or `None`.
    async fn find(&self, id: &SessionId) -> StoreResult<Option<Session>>;

    /// The sessions with these ids, alive or not, in any order.
    async fn find_several(&self, ids: &[SessionId]) -> StoreResult<Vec<Session>>;

    /// A page of live sessions by their ids, which is by their login, the newest first: at most
    /// [`PageRequest::to_read`] of them, from the end that is asked for, outermost first.
    async fn list_live(&self, of: &LiveSessions, page: &PageRequest<SessionId>) -> StoreResult<Vec<Session>>;

    /// How many live sessions there are.
    async fn count_live(&self, of: &LiveSessions) -> StoreResult<u64>;

    /// Gives a live session another device name; `None`, without a write, when it is not one of these.
    async fn rename(
        &self,
        among: &LiveSessions,
        id: &SessionId,
        device_name: &str,
    ) -> StoreResult<Option<Session>>;

    /// Replaces the refresh token by compare-and-set. Of many concurrent calls with one token
    /// exactly one rotates; the others are told of its outcome.
    async fn rotate(&self, rotation: &Rotation) -> StoreResult<RotationOutcome>;

    /// Notes that a live session was used at `at`, and moves its idle end; `None`, without a write,
    /// when it was seen less than [`super::TOUCH_INTERVAL`] before, has ended or does not exist.
    async fn touch(&self, id: &SessionId, at: Instant, idle_ttl: TimeDelta) -> StoreResult<Option<Session>>;

    /// Lifts a session to a user's new epoch, so that it outlives the change that ended the others; once more to the
    /// same is the same. `None`, without a write, when it was not live before that change, since another one had ended
    /// it, when it has a higher epoch, has ended or does not exist.
    async fn set_epoch(&self, id: &SessionId, epoch: i64) -> StoreResult<Option<Session>>;

    /// Notes that the person showed the password in a live session at `at`; `None`, without a write, when
    /// it has ended or does not exist.
    async fn authenticate(&self, id: &SessionId, at: Instant) -> StoreResult<Option<Session>>;

    /// Every session of a person that is there, alive or not, the newest login first, at most 10,000.
    async fn list_of(&self, user: &UserId) -> StoreResult<Vec<Session>>;

    /// Removes every session of a person, alive or not.
    async fn remove_of(&self, user: &UserId) -> StoreResult<()>;

    /// Ends a session. Answers the session as it is then, also when it had ended before (its
    /// `ended_at` stays); `None` when there is none.
    async fn end(&self, which: &SessionSelector, at: Instant) -> StoreResult<Option<Session>>;

    /// Ends every session of a user of a lower epoch than this: what a change of the user has ended
    /// already is seen to have ended. Answers the ids of those that were not marked so before.
    async fn end_all(&self, user: &UserId, epoch: i64, at: Instant) -> StoreResult<Vec<SessionId>>;

    /// Drops the sessions that ended or expired more than [`KEPT_AFTER_END`] before `now`, and
    /// answers how many. Safe to call from every node at any time.
    async fn purge(&self, now: Instant) -> StoreResult<u64>;
}
