//! A store that goes away in the midst of a change, for a moment or for longer.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::json;
use tokio::sync::Notify;
use vestibule::{
    domain::{
        audit::AuditEvent,
        clock::Instant,
        ids::{SessionId, UserId},
        page::PageRequest,
        sessions::{LiveSessions, Rotation, RotationOutcome, Session, SessionSelector, SessionStore},
        store::{StoreError, StoreResult},
        tokens::TokenHash,
    },
    stores::Stores,
};

use crate::support::{Backend, PASSWORD, TestApp, backend_settings, config};

/// Is away as often as this when a session is to be lifted to a new epoch, and always when it is asked for several. Who
/// names a session `SLOW` waits.
struct Faltering {
    store: Arc<dyn SessionStore>,
    away: AtomicU32,
    is_waiting: Notify,
    goes_on: Notify,
}

const SLOW: &str = "slow";

#[async_trait]
impl SessionStore for Faltering {
    async fn insert(
        &self,
        session: &Session,
        tokens: (&TokenHash, &TokenHash),
        event: Option<&AuditEvent>,
    ) -> StoreResult<()> {
        self.store.insert(session, tokens, event).await
    }
    async fn find(&self, id: &SessionId) -> StoreResult<Option<Session>> {
        self.store.find(id).await
    }
    async fn find_several(&self, _: &[SessionId]) -> StoreResult<Vec<Session>> {
        Err(StoreError::Unavailable)
    }
    async fn list_live(&self, of: &LiveSessions, page: &PageRequest<SessionId>) -> StoreResult<Vec<Session>> {
        self.store.list_live(of, page).await
    }
    async fn count_live(&self, of: &LiveSessions) -> StoreResult<u64> {
        self.store.count_live(of).await
    }
    async fn rename(&self, among: &LiveSessions, id: &SessionId, name: &str) -> StoreResult<Option<Session>> {
        if name == SLOW {
            self.is_waiting.notify_one();
            self.goes_on.notified().await;
        }
        self.store.rename(among, id, name).await
    }
    async fn rotate(&self, rotation: &Rotation) -> StoreResult<RotationOutcome> {
        self.store.rotate(rotation).await
    }
    async fn touch(&self, id: &SessionId, at: Instant, idle_ttl: TimeDelta) -> StoreResult<Option<Session>> {
        self.store.touch(id, at, idle_ttl).await
    }
    async fn set_epoch(&self, id: &SessionId, epoch: i64) -> StoreResult<Option<Session>> {
        let is_away =
            self.away.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |away| away.checked_sub(1));
        if is_away.is_ok() {
            return Err(StoreError::Unavailable);
        }
        self.store.set_epoch(id, epoch).await
    }
    async fn authenticate(&self, id: &SessionId, at: Instant) -> StoreResult<Option<Session>> {
        self.store.authenticate(id, at).await
    }
    async fn list_of(&self, user: &UserId) -> StoreResult<Vec<Session>> {
        self.store.list_of(user).await
    }
    async fn remove_of(&self, user: &UserId) -> StoreResult<()> {
        self.store.remove_of(user).await
    }
    async fn end(&self, which: &SessionSelector, at: Instant) -> StoreResult<Option<Session>> {
        self.store.end(which, at).await
    }
    async fn end_all(&self, user: &UserId, epoch: i64, at: Instant) -> StoreResult<Vec<SessionId>> {
        self.store.end_all(user, epoch, at).await
    }
    async fn purge(&self, now: Instant) -> StoreResult<u64> {
        self.store.purge(now).await
    }
}

async fn app(away: u32) -> (TestApp, Arc<Faltering>) {
    let mut settings = backend_settings(Backend::Embedded);
    settings.push(("FEDERATION".into(), "on".into()));
    let config = config(&settings);
    let stores = Stores::open(&config.database).await.unwrap();
    let sessions = Arc::new(Faltering {
        store: stores.sessions.clone(),
        away: AtomicU32::new(away),
        is_waiting: Notify::new(),
        goes_on: Notify::new(),
    });
    (TestApp::on(&config, Stores { sessions: sessions.clone(), ..stores }).await, sessions)
}

/// Ends all other sessions in one of two, and answers whether each is there afterwards.
async fn kept_after(away: u32, changes_password: bool) -> [bool; 2] {
    let (app, _) = app(away).await;
    let (own, other) = (app.user("ada").await, app.login_again("ada").await);
    if changes_password {
        own.change_password(PASSWORD, "another horse battery", false).await.data("/changePassword");
    } else {
        let end = "mutation { revokeOtherSessions { revokedCount } }";
        assert_eq!(own.post(end, json!({})).await.data("/revokeOtherSessions/revokedCount"), 1);
    }
    let mut live = [false; 2];
    for (live, device) in live.iter_mut().zip([&own, &other]) {
        *live = device.me().await.json()["data"]["me"] != json!(null);
    }
    live
}

#[tokio::test]
async fn who_changes_a_password_keeps_their_session_though_the_store_falters() {
    for away in [0, 2] {
        assert_eq!(kept_after(away, true).await, [true, false]);
    }
    // For longer than that the change counts, and costs nobody but its owner a login.
    assert_eq!(kept_after(3, true).await, [false, false]);
}

#[tokio::test]
async fn who_ends_all_other_sessions_keeps_their_own_though_the_store_falters() {
    assert_eq!(kept_after(2, false).await, [true, false]);
}

#[tokio::test]
async fn entities_that_need_no_store_come_without_it() {
    let (app, _) = app(0).await;
    let (ada, tablet) = (app.user("ada").await, app.login_again("ada").await);
    let query = "query($keys: [_Any!]!) { _entities(representations: $keys) {
        ... on User { id } ... on Session { id } } }";
    let key = |name: &str, id: &str| json!({ "__typename": name, "id": id });
    let keys = [key("User", &ada.id), key("Session", &tablet.session_id), key("Session", &ada.session_id)];
    let answer = ada.post(query, json!({ "keys": keys })).await;
    let expected = json!([{ "id": ada.id }, null, { "id": ada.session_id }]);
    assert_eq!(answer.json()["data"]["_entities"], expected, "{}", answer.text);
    assert_eq!(answer.code(), "SERVICE_UNAVAILABLE");
    assert_eq!(answer.json()["errors"][0]["path"], json!(["_entities", 1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_thrown_out_throws_nobody_out_with_a_request_under_way() {
    let (app, store) = app(0).await;
    let (thief, owner) = (app.user("ada").await, app.login_again("ada").await);
    // It is authenticated, and in the midst of its first field.
    let text = format!(
        "mutation {{ renameSession(input: {{ id: \"{}\", deviceName: \"{SLOW}\" }}) {{ session {{ id }} }}
        revokeOtherSessions {{ revokedCount }} }}",
        thief.session_id
    );
    let late = async {
        let answer = thief.post(&text, json!({})).await;
        assert!(answer.text.contains("SESSION_REVOKED"), "{}", answer.text);
    };
    let meanwhile = async {
        store.is_waiting.notified().await;
        let end = "mutation { revokeOtherSessions { revokedCount } }";
        assert_eq!(owner.post(end, json!({})).await.data("/revokeOtherSessions/revokedCount"), 1);
        store.goes_on.notify_one();
    };
    tokio::join!(late, meanwhile);
    owner.me().await.data("/me/id");
    assert_eq!(thief.me().await.reason(), "SESSION_REVOKED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_ends_all_others_twice_at_once_stays() {
    let (app, _) = app(0).await;
    let (own, other) = (app.user("ada").await, app.login_again("ada").await);
    let end = || own.post("mutation { revokeOtherSessions { revokedCount } }", json!({}));
    for answer in futures_util::future::join_all((0..8).map(|_| end())).await {
        assert!(answer.json().get("errors").is_none(), "{}", answer.text);
    }
    own.me().await.data("/me/id");
    assert_eq!(other.me().await.reason(), "SESSION_REVOKED");
}
