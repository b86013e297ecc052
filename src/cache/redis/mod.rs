//! The cache in Redis. Every key of a user has the user's id as hash tag, so that in a cluster they
//! are in one slot and one command reads them all.

mod connection;
mod documents;
mod entries;
mod events;
mod inspect;
mod known;
mod near;
mod provenance;
mod rates;
mod scripts;
mod tracking;
mod trust;

use std::sync::Arc;

use async_trait::async_trait;
use fred::{
    interfaces::{ClientLike, FredResult, KeysInterface},
    types::Expiration,
};
use futures_util::future::join_all;

use self::{
    connection::Connection,
    documents::RedisDocuments,
    entries::{Keys, TOMBSTONE},
    known::Known,
    near::{Copy, Near},
    rates::RedisRates,
};
use super::{Cache, CacheError, TOMBSTONE_TTL};
use crate::{
    config::RedisConfig,
    domain::{
        accounts::User,
        actor::Principal,
        ids::{SessionId, UserId},
        metrics::metrics,
        random::SharedRandom,
        sessions::{
            CacheCheckpoint, CacheResult, CacheUnavailable, CachedPrincipal, CachedSession, Session,
            SessionCache,
        },
    },
};

pub(super) use inspect::inspect;

/// Copies of sessions and users in Redis, with copies of those in front that were asked for here.
struct RedisCache {
    connection: Arc<Connection>,
    keys: Keys,
    near: Arc<Near>,
    /// What this process knows better than the copies in Redis.
    known: Known,
}

/// Starts to connect; waits for Redis a moment, but not for long.
pub(super) async fn open(settings: &RedisConfig, random: &SharedRandom) -> Result<Cache, CacheError> {
    let connection = Arc::new(Connection::open(settings)?);
    let near = Arc::new(Near::default());
    tracking::start(&connection, &near);
    connection.connect().await;
    let events = events::open(settings, &connection, random).await?;
    let keys = Keys::new(&settings.key_prefix);
    let rates = RedisRates::new(connection.clone(), &settings.key_prefix);
    let documents = RedisDocuments::new(connection.clone(), &settings.key_prefix);
    let sessions = RedisCache { connection, keys, near, known: Known::default() };
    Ok(Cache {
        sessions: Arc::new(sessions),
        events: Arc::new(events),
        rates: Arc::new(rates),
        documents: Arc::new(documents),
    })
}

impl RedisCache {
    /// Both copies of this process, if both are there.
    fn load_near(&self, session: &str, user: &str) -> Option<(Arc<Session>, Arc<User>)> {
        if !self.connection.trust().believes_near() {
            return None;
        }
        let generation = self.connection.trust().generation();
        match (self.near.get(session, generation)?, self.near.get(user, generation)?) {
            (Copy::Session(session), Copy::User(user)) if self.known.is_current(&user) => {
                Some((session, user))
            }
            _ => None,
        }
    }

    async fn load_far(&self, session: &str, user: &str) -> CacheResult<(CachedSession, Option<Arc<User>>)> {
        let generation = self.connection.trust().generation();
        let tickets = self
            .connection
            .trust()
            .believes_near()
            .then(|| (self.near.await_copy(session), self.near.await_copy(user)));
        let client = self.connection.client()?;
        let loaded: FredResult<(Option<String>, Option<String>)> =
            client.mget(vec![session.to_owned(), user.to_owned()]).await;
        let (found_session, found_user) = client.judge(loaded)?;
        let found = (
            entries::decode_session(found_session.as_deref()),
            found_user.and_then(|text| entries::decode::<User>(&text)).map(Arc::new),
        );
        if let Some((session_ticket, user_ticket)) = tickets {
            let live = match &found.0 {
                CachedSession::Live(session) => Some(Copy::Session(session.clone())),
                CachedSession::Ended | CachedSession::Absent => None,
            };
            self.near.keep(session, session_ticket, generation, live);
            self.near.keep(user, user_ticket, generation, found.1.clone().map(Copy::User));
        }
        Ok(found)
    }

    async fn write_tombstone(&self, key: String) -> CacheResult<()> {
        let client = self.connection.client()?;
        let lifetime = Expiration::EX(i64::try_from(TOMBSTONE_TTL.as_secs()).unwrap_or(i64::MAX));
        let set: FredResult<()> = client.set(key, TOMBSTONE, Some(lifetime), None, false).await;
        client.judge(set)
    }
}

#[async_trait]
impl SessionCache for RedisCache {
    async fn load(&self, user: &UserId, session: &SessionId) -> CacheResult<CachedPrincipal> {
        if self.known.has_ended(session) {
            return Ok(CachedPrincipal { session: CachedSession::Ended, user: None });
        }
        let (session_key, user_key) = (self.keys.session(user, session), self.keys.user(user));
        let near = self.load_near(&session_key, &user_key);
        metrics().near_copies.note(near.is_some());
        if let Some((session, user)) = near {
            return Ok(CachedPrincipal { session: CachedSession::Live(session), user: Some(user) });
        }
        if !self.connection.trust().believes_redis() {
            return Err(CacheUnavailable);
        }
        let (found, copy) = self.load_far(&session_key, &user_key).await?;
        metrics().far_copies.note(found != CachedSession::Absent && copy.is_some());
        if found == CachedSession::Ended || self.known.has_ended(session) {
            self.known.end(session);
            return Ok(CachedPrincipal { session: CachedSession::Ended, user: None });
        }
        Ok(CachedPrincipal { session: found, user: copy.filter(|user| self.known.is_current(user)) })
    }

    async fn fill(&self, principal: &Principal) -> CacheResult<()> {
        let (session, user) =
            tokio::join!(self.put_session(&principal.session), self.put_user(&principal.user));
        session.and(user)
    }

    async fn put_session(&self, session: &Session) -> CacheResult<()> {
        let key = self.keys.session(&session.user_id, &session.id);
        let put =
            scripts::put_if_newer(&self.connection, key.clone(), session.version, entries::encode(session))
                .await;
        self.near.forget(&key);
        put
    }

    async fn put_user(&self, user: &User) -> CacheResult<()> {
        let key = self.keys.user(&user.id);
        let put =
            scripts::put_if_newer(&self.connection, key.clone(), user.version, entries::encode(user)).await;
        if put.is_err() {
            self.known.remember(user);
        }
        self.near.forget(&key);
        put
    }

    async fn end(&self, user: &UserId, sessions: &[SessionId]) -> CacheResult<()> {
        for session in sessions {
            self.known.end(session);
            self.near.forget(&self.keys.session(user, session));
        }
        let told = sessions.iter().map(|session| self.write_tombstone(self.keys.session(user, session)));
        join_all(told).await.into_iter().collect()
    }

    fn checkpoint(&self) -> Option<CacheCheckpoint> {
        let trust = self.connection.trust();
        Some(CacheCheckpoint {
            generation: trust.generation(),
            at: trust.now(),
            is_connected: self.connection.is_connected(),
        })
    }

    fn confirm(&self, checkpoint: CacheCheckpoint) {
        self.connection.trust().confirm(checkpoint);
    }

    fn round_trips(&self) -> u64 {
        self.connection.round_trips()
    }

    async fn ping(&self) -> CacheResult<()> {
        let client = self.connection.client()?;
        let answered: FredResult<String> = client.ping(None).await;
        client.judge(answered).map(drop)
    }
}
