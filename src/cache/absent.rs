//! The cache of another process, as one sees it who cannot reach it.

use async_trait::async_trait;

use crate::domain::{
    accounts::User,
    actor::Principal,
    ids::{SessionId, UserId},
    sessions::{CacheResult, CacheUnavailable, CachedPrincipal, Session, SessionCache},
};

/// Takes nothing and knows nothing.
pub(super) struct AbsentCache;

#[async_trait]
impl SessionCache for AbsentCache {
    async fn load(&self, _: &UserId, _: &SessionId) -> CacheResult<CachedPrincipal> {
        Err(CacheUnavailable)
    }

    async fn fill(&self, _: &Principal) -> CacheResult<()> {
        Err(CacheUnavailable)
    }

    async fn put_session(&self, _: &Session) -> CacheResult<()> {
        Err(CacheUnavailable)
    }

    async fn put_user(&self, _: &User) -> CacheResult<()> {
        Err(CacheUnavailable)
    }

    async fn end(&self, _: &UserId, _: &[SessionId]) -> CacheResult<()> {
        Err(CacheUnavailable)
    }

    async fn ping(&self) -> CacheResult<()> {
        Err(CacheUnavailable)
    }
}
