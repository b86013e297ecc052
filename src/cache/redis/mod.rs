//! The cache in Redis. Every key of a user has the user's id as hash tag, so that in a cluster they
//! are in one slot and one command reads them all.

mod connection;
mod entries;
mod pending;
mod scripts;

use std::sync::Arc;

use async_trait::async_trait;
use fred::interfaces::{ClientLike, FredResult, KeysInterface};

use self::{connection::Connection, entries::Keys, pending::Pending};
use super::{CacheError, TOMBSTONE_TTL};
use crate::{
    config::RedisConfig,
    domain::{
        accounts::User,
        actor::Principal,
        ids::{SessionId, UserId},
        sessions::{CacheResult, CacheUnavailable, CachedPrincipal, CachedSession, Session, SessionCache},
    },
};

/// Copies of sessions and users in Redis.
pub(super) struct RedisCache {
    connection: Arc<Connection>,
    keys: Keys,
    /// What this process could not tell Redis yet.
    pending: Arc<Pending>,
}

/// Starts to connect; waits for Redis a moment, but not for long.
pub(super) async fn open(settings: &RedisConfig) -> Result<RedisCache, CacheError> {
    let connection = Arc::new(Connection::open(settings).await?);
    let pending = Arc::new(Pending::default());
    pending::start(&pending, &connection);
    Ok(RedisCache { connection, keys: Keys::new(&settings.key_prefix), pending })
}

#[async_trait]
impl SessionCache for RedisCache {
    async fn load(&self, user: &UserId, session: &SessionId) -> CacheResult<CachedPrincipal> {
        let (session_key, user_key) = (self.keys.session(user, session), self.keys.user(user));
        if self.pending.has(&session_key) {
            return Ok(CachedPrincipal { session: CachedSession::Ended, user: None });
        }
        let client = self.connection.client()?;
        let keys = vec![session_key, user_key.clone()];
        let loaded: FredResult<(Option<String>, Option<String>)> = client.mget(keys).await;
        let (session, copy): (Option<String>, Option<String>) = self.connection.judge(loaded)?;
        let user = copy.and_then(|text| entries::decode(&text)).filter(|_| !self.pending.has(&user_key));
        Ok(CachedPrincipal { session: entries::decode_session(session.as_deref()), user })
    }

    async fn fill(&self, principal: &Principal) -> CacheResult<()> {
        self.put_session(&principal.session).await?;
        self.put_user(&principal.user).await
    }

    async fn put_session(&self, session: &Session) -> CacheResult<()> {
        let key = self.keys.session(&session.user_id, &session.id);
        scripts::put_if_newer(&self.connection, key, session.version, entries::encode(session)).await
    }

    async fn put_user(&self, user: &User) -> CacheResult<()> {
        let key = self.keys.user(&user.id);
        let put =
            scripts::put_if_newer(&self.connection, key.clone(), user.version, entries::encode(user)).await;
        if put.is_err() {
            // An older copy may be there: until it is gone this process does not believe it.
            self.pending.forget_later(key);
        }
        put
    }

    async fn end(&self, user: &UserId, sessions: &[SessionId]) -> CacheResult<()> {
        let mut outcome = Ok(());
        for session in sessions {
            let key = self.keys.session(user, session);
            if pending::write_tombstone(&self.connection, &key).await.is_err() {
                self.pending.end_later(key);
                outcome = Err(CacheUnavailable);
            }
        }
        outcome
    }

    async fn ping(&self) -> CacheResult<()> {
        let client = self.connection.client()?;
        let answered: FredResult<String> = client.ping(None).await;
        self.connection.judge(answered).map(drop)
    }
}

/// Seconds that a tombstone lasts.
fn tombstone_seconds() -> i64 {
    i64::try_from(TOMBSTONE_TTL.as_secs()).unwrap_or(i64::MAX)
}
