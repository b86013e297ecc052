//! What a cache promises.

use std::sync::Arc;

use vestibule::{
    cache,
    config::CacheConfig,
    domain::{
        accounts::User,
        actor::Principal,
        random::{SharedRandom, SystemRandom},
        sessions::{CachedSession, Session, SessionCache},
    },
};

use super::{account, session};

macro_rules! on_every_cache {
    ($($name:ident),+ $(,)?) => {
        mod local {
            $(#[tokio::test] async fn $name() { super::$name(super::local().await).await; })+
        }
        #[cfg(feature = "server-tests")]
        mod redis {
            $(#[tokio::test] async fn $name() { super::$name(super::redis().await).await; })+
        }
        #[cfg(feature = "server-tests")]
        mod redis_with_tls_and_password {
            $(#[tokio::test] async fn $name() { super::$name(super::redis_with_tls().await).await; })+
        }
    };
}

on_every_cache!(
    what_was_filled_is_loaded,
    newer_copies_stay,
    an_ended_session_stays_ended_whatever_comes_late,
    it_answers,
);

async fn local() -> Arc<dyn SessionCache> {
    let random: SharedRandom = Arc::new(SystemRandom);
    cache::open(&CacheConfig::Local, &random).await.unwrap().sessions
}

#[cfg(feature = "server-tests")]
async fn redis() -> Arc<dyn SessionCache> {
    use crate::support::servers;
    open_redis(servers::redis_url(), None).await
}

#[cfg(feature = "server-tests")]
async fn redis_with_tls() -> Arc<dyn SessionCache> {
    use crate::support::servers::variable;
    let authority = variable("VESTIBULE_TEST_REDIS_TLS_CA");
    open_redis(variable("VESTIBULE_TEST_REDIS_TLS_URL"), Some(authority.into())).await
}

#[cfg(feature = "server-tests")]
async fn open_redis(url: String, ca_file: Option<std::path::PathBuf>) -> Arc<dyn SessionCache> {
    vestibule::app::install_crypto();
    let key_prefix = crate::support::servers::unique();
    let settings = vestibule::config::RedisConfig { url: url.into(), ca_file, key_prefix };
    open_trusted(settings).await
}

/// A cache that believes what is in Redis, as one does that has acted on every note.
#[cfg(feature = "server-tests")]
async fn open_trusted(settings: vestibule::config::RedisConfig) -> Arc<dyn SessionCache> {
    let random: SharedRandom = Arc::new(SystemRandom);
    let cache = cache::open(&CacheConfig::Redis(settings), &random).await.unwrap().sessions;
    cache.ping().await.expect("Redis does not answer");
    let probe = principal();
    let load = async || {
        cache.confirm(cache.checkpoint().unwrap());
        cache.load(&probe.user.id, &probe.session.id).await
    };
    // Every connection says once that it is there, and nothing is believed that was confirmed before.
    let mut believed = 0;
    for _ in 0..200 {
        believed = if load().await.is_ok() { believed + 1 } else { 0 };
        if believed == 25 {
            return cache;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the cache never believes Redis")
}

fn principal() -> Principal {
    let user = account("ada@example.com").user;
    let (session, _) = session(&user.id);
    Principal { user, session }
}

async fn loaded(cache: &dyn SessionCache, principal: &Principal) -> (CachedSession, Option<User>) {
    let found = cache.load(&principal.user.id, &principal.session.id).await.unwrap();
    (found.session, found.user)
}

async fn what_was_filled_is_loaded(cache: Arc<dyn SessionCache>) {
    let principal = principal();
    assert_eq!(loaded(&*cache, &principal).await, (CachedSession::Absent, None));
    cache.fill(&principal).await.unwrap();
    let expected = (CachedSession::Live(principal.session.clone()), Some(principal.user.clone()));
    assert_eq!(loaded(&*cache, &principal).await, expected);
}

async fn newer_copies_stay(cache: Arc<dyn SessionCache>) {
    let mut principal = principal();
    let old = principal.clone();
    principal.session = Session { version: 2, device_name: Some("new".into()), ..principal.session };
    principal.user = User { version: 10, email_verified: true, ..principal.user };
    cache.fill(&principal).await.unwrap();
    cache.fill(&old).await.unwrap();
    cache.put_user(&User { version: 9, ..old.user.clone() }).await.unwrap();
    let expected = (CachedSession::Live(principal.session.clone()), Some(principal.user.clone()));
    assert_eq!(loaded(&*cache, &principal).await, expected);
}

async fn an_ended_session_stays_ended_whatever_comes_late(cache: Arc<dyn SessionCache>) {
    let principal = principal();
    cache.fill(&principal).await.unwrap();
    cache.end(&principal.user.id, std::slice::from_ref(&principal.session.id)).await.unwrap();
    cache.fill(&principal).await.unwrap();
    cache.put_session(&Session { version: 99, ..principal.session.clone() }).await.unwrap();
    assert_eq!(loaded(&*cache, &principal).await.0, CachedSession::Ended);
}

async fn it_answers(cache: Arc<dyn SessionCache>) {
    cache.ping().await.unwrap();
}
