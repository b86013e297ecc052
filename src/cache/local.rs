//! The cache in the process: bounded maps.

use std::sync::Arc;

use async_trait::async_trait;
use moka::{ops::compute::Op, sync::Cache};

use super::{COPY_TTL, TOMBSTONE_TTL};
use crate::domain::{
    accounts::User,
    actor::Principal,
    ids::{SessionId, UserId},
    metrics::metrics,
    sessions::{CacheResult, CachedPrincipal, CachedSession, Session, SessionCache},
};

/// Entries of each map, about 1 KiB each.
const CAPACITY: u64 = 100_000;

/// Copies of sessions and users in the process. Tombstones stand in a map of their own, so that
/// many copies cannot push them out.
pub struct LocalCache {
    sessions: Cache<SessionId, Arc<Session>>,
    users: Cache<UserId, Arc<User>>,
    ended: Cache<SessionId, ()>,
}

impl Default for LocalCache {
    fn default() -> Self {
        Self {
            sessions: Cache::builder().max_capacity(CAPACITY).time_to_live(COPY_TTL).build(),
            users: Cache::builder().max_capacity(CAPACITY).time_to_live(COPY_TTL).build(),
            ended: Cache::builder().max_capacity(CAPACITY).time_to_live(TOMBSTONE_TTL).build(),
        }
    }
}

#[async_trait]
impl SessionCache for LocalCache {
    async fn load(&self, user: &UserId, session: &SessionId) -> CacheResult<CachedPrincipal> {
        // The tombstone last: a fill that was late is found out whenever it came.
        let copy = self.sessions.get(session).map_or(CachedSession::Absent, CachedSession::Live);
        let session = if self.ended.contains_key(session) { CachedSession::Ended } else { copy };
        let user = self.users.get(user);
        metrics().near_copies.note(user.is_some() && session != CachedSession::Absent);
        Ok(CachedPrincipal { session, user })
    }

    async fn fill(&self, principal: &Principal) -> CacheResult<()> {
        self.put_session(&principal.session).await?;
        self.put_user(&principal.user).await
    }

    async fn put_session(&self, session: &Session) -> CacheResult<()> {
        self.sessions.entry_by_ref(&session.id).and_compute_with(|stored| match stored {
            Some(stored) if stored.value().version >= session.version => Op::Nop,
            _ => Op::Put(Arc::new(session.clone())),
        });
        Ok(())
    }

    async fn put_user(&self, user: &User) -> CacheResult<()> {
        self.users.entry_by_ref(&user.id).and_compute_with(|stored| match stored {
            Some(stored) if stored.value().version >= user.version => Op::Nop,
            _ => Op::Put(Arc::new(user.clone())),
        });
        Ok(())
    }

    async fn end(&self, _user: &UserId, sessions: &[SessionId]) -> CacheResult<()> {
        for session in sessions {
            self.ended.insert(session.clone(), ());
            self.sessions.invalidate(session);
        }
        Ok(())
    }

    async fn ping(&self) -> CacheResult<()> {
        Ok(())
    }
}
