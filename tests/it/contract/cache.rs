//! What a cache promises.

use std::sync::Arc;

use vestibule::{
    cache::{self, Cache},
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
            $(#[tokio::test] async fn $name() { super::$name($crate::contract::cache::local().await).await; })+
        }
        #[cfg(feature = "server-tests")]
        mod redis {
            $(#[tokio::test] async fn $name() { super::$name($crate::contract::cache::redis().await).await; })+
        }
        #[cfg(feature = "server-tests")]
        mod redis_with_tls_and_password {
            $(#[tokio::test] async fn $name() {
                super::$name($crate::contract::cache::redis_with_tls().await).await;
            })+
        }
    };
}
pub(super) use on_every_cache;

on_every_cache!(
    what_was_filled_is_loaded,
    newer_copies_stay,
    an_ended_session_stays_ended_whatever_comes_late,
    of_fills_and_an_end_at_once_the_end_stays,
    many_sessions_are_ended_at_once,
    it_answers,
);

pub(super) async fn local() -> Cache {
    let random: SharedRandom = Arc::new(SystemRandom);
    cache::open(&CacheConfig::Local, &random).await.unwrap()
}

#[cfg(feature = "server-tests")]
pub(super) async fn redis() -> Cache {
    use crate::support::servers;
    open_redis(servers::redis_url(), None).await
}

#[cfg(feature = "server-tests")]
pub(super) async fn redis_with_tls() -> Cache {
    use crate::support::servers::variable;
    let authority = variable("VESTIBULE_TEST_REDIS_TLS_CA");
    open_redis(variable("VESTIBULE_TEST_REDIS_TLS_URL"), Some(authority.into())).await
}

#[cfg(feature = "server-tests")]
async fn open_redis(url: String, ca_file: Option<std::path::PathBuf>) -> Cache {
    vestibule::app::install_crypto();
    let key_prefix = crate::support::servers::unique();
    let settings = vestibule::config::RedisConfig { url: url.into(), ca_file, key_prefix };
    open_trusted(settings).await
}

/// A cache that believes what is in Redis, as one does that has acted on every note.
#[cfg(feature = "server-tests")]
async fn open_trusted(settings: vestibule::config::RedisConfig) -> Cache {
    let random: SharedRandom = Arc::new(SystemRandom);
    let opened = cache::open(&CacheConfig::Redis(settings), &random).await.unwrap();
    let cache = &opened.sessions;
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
            return opened;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the cache never believes Redis")
}

fn principal() -> Principal {
    let user = account("ada@example.com").user;
    let (session, _) = session(&user.id);
    Principal::new(user, session)
}

async fn loaded(cache: &dyn SessionCache, principal: &Principal) -> (CachedSession, Option<Arc<User>>) {
    let found = cache.load(&principal.user.id, &principal.session.id).await.unwrap();
    (found.session, found.user)
}

async fn what_was_filled_is_loaded(Cache { sessions: cache, .. }: Cache) {
    let principal = principal();
    assert_eq!(loaded(&*cache, &principal).await, (CachedSession::Absent, None));
    cache.fill(&principal).await.unwrap();
    let expected = (CachedSession::Live(principal.session.clone()), Some(principal.user.clone()));
    assert_eq!(loaded(&*cache, &principal).await, expected);
}

async fn newer_copies_stay(Cache { sessions: cache, .. }: Cache) {
    let mut principal = principal();
    let old = principal.clone();
    let session = Session { version: 2, device_name: Some("new".into()), ..(*old.session).clone() };
    principal.session = Arc::new(session);
    principal.user = Arc::new(User { version: 10, email_verified: true, ..(*old.user).clone() });
    cache.fill(&principal).await.unwrap();
    cache.fill(&old).await.unwrap();
    cache.put_user(&User { version: 9, ..(*old.user).clone() }).await.unwrap();
    let expected = (CachedSession::Live(principal.session.clone()), Some(principal.user.clone()));
    assert_eq!(loaded(&*cache, &principal).await, expected);
}

async fn an_ended_session_stays_ended_whatever_comes_late(Cache { sessions: cache, .. }: Cache) {
    let principal = principal();
    cache.fill(&principal).await.unwrap();
    cache.end(&principal.user.id, std::slice::from_ref(&principal.session.id)).await.unwrap();
    cache.fill(&principal).await.unwrap();
    cache.put_session(&Session { version: 99, ..(*principal.session).clone() }).await.unwrap();
    assert_eq!(loaded(&*cache, &principal).await.0, CachedSession::Ended);
}

async fn it_answers(Cache { sessions: cache, .. }: Cache) {
    cache.ping().await.unwrap();
}

async fn of_fills_and_an_end_at_once_the_end_stays(Cache { sessions: cache, .. }: Cache) {
    for _ in 0..20 {
        let principal = Arc::new(principal());
        let fills = (0..8).map(|number| {
            let (cache, principal) = (cache.clone(), principal.clone());
            tokio::spawn(async move {
                let session = Session { version: number + 1, ..(*principal.session).clone() };
                cache.fill(&Principal::new(principal.user.clone(), session)).await.unwrap();
                cache.load(&principal.user.id, &principal.session.id).await.unwrap();
            })
        });
        let fills: Vec<_> = fills.collect();
        cache.end(&principal.user.id, std::slice::from_ref(&principal.session.id)).await.unwrap();
        assert_eq!(loaded(&*cache, &principal).await.0, CachedSession::Ended, "for who ended it, at once");
        for fill in fills {
            fill.await.unwrap();
        }
        assert_eq!(loaded(&*cache, &principal).await.0, CachedSession::Ended);
    }
}

async fn many_sessions_are_ended_at_once(Cache { sessions: cache, .. }: Cache) {
    let principal = principal();
    let sessions: Vec<_> = (0..1_000).map(|_| session(&principal.user.id).0.id).collect();
    cache.end(&principal.user.id, &sessions).await.unwrap();
    for id in sessions.iter().step_by(97) {
        assert_eq!(cache.load(&principal.user.id, id).await.unwrap().session, CachedSession::Ended);
    }
}

/// The caches of three processes with the same Redis.
#[cfg(feature = "server-tests")]
async fn three_processes() -> [Arc<dyn SessionCache>; 3] {
    vestibule::app::install_crypto();
    let key_prefix = crate::support::servers::unique();
    let open = async || {
        let url = crate::support::servers::redis_url().into();
        let settings = vestibule::config::RedisConfig { url, ca_file: None, key_prefix: key_prefix.clone() };
        open_trusted(settings).await.sessions
    };
    [open().await, open().await, open().await]
}

/// Two processes with the same Redis, each with copies of its own in front.
#[cfg(feature = "server-tests")]
#[tokio::test]
async fn what_one_process_ends_or_changes_another_knows_at_once() {
    let [here, there, _] = three_processes().await;
    let until = async |principal: &Principal, expected: (CachedSession, Option<Arc<User>>)| {
        for _ in 0..100 {
            if loaded(&*there, principal).await == expected {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("it never learns of {expected:?}");
    };
    let mut principal = principal();
    here.fill(&principal).await.unwrap();
    for _ in 0..50 {
        loaded(&*there, &principal).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let before = there.round_trips();
    loaded(&*there, &principal).await;
    assert_eq!(there.round_trips(), before, "the copy is in the process");
    let user = Arc::make_mut(&mut principal.user);
    user.version += 1;
    user.email_verified = true;
    here.put_user(&principal.user).await.unwrap();
    until(&principal, (CachedSession::Live(principal.session.clone()), Some(principal.user.clone()))).await;
    here.end(&principal.user.id, std::slice::from_ref(&principal.session.id)).await.unwrap();
    until(&principal, (CachedSession::Ended, None)).await;
}

/// The process that ended a session knows so by itself: what counts is what the others find.
#[cfg(feature = "server-tests")]
#[tokio::test]
async fn fills_that_come_late_from_other_processes_meet_the_tombstone() {
    let [ending, late, reading] = three_processes().await;
    for was_filled in [false, true] {
        let principal = principal();
        if was_filled {
            late.fill(&principal).await.unwrap();
        }
        ending.end(&principal.user.id, std::slice::from_ref(&principal.session.id)).await.unwrap();
        late.fill(&principal).await.unwrap();
        late.put_session(&Session { version: 99, ..(*principal.session).clone() }).await.unwrap();
        assert_eq!(loaded(&*reading, &principal).await.0, CachedSession::Ended);
        assert_eq!(loaded(&*late, &principal).await.0, CachedSession::Ended);
    }
    let many = principal();
    let sessions: Vec<_> = (0..1_000).map(|_| session(&many.user.id).0.id).collect();
    ending.end(&many.user.id, &sessions).await.unwrap();
    for id in sessions.iter().step_by(97) {
        assert_eq!(reading.load(&many.user.id, id).await.unwrap().session, CachedSession::Ended);
    }
    // An older copy of a user that comes late from another process is not kept either.
    let user = Arc::new(User { version: 5, ..(*many.user).clone() });
    ending.put_user(&user).await.unwrap();
    late.put_user(&many.user).await.unwrap();
    assert_eq!(loaded(&*reading, &many).await.1, Some(user));
}
