//! Events of sessions, as the domain tells them, on one node and across nodes.

use std::time::Duration;

use futures_util::{StreamExt, stream::BoxStream};
use serde_json::json;
use vestibule::domain::{
    Credentials, Error,
    actor::{Actor, PresentedToken, Principal},
    sessions::{SessionEvent, SessionEventKind as Kind},
};

use crate::support::{Persona, TestApp, on_every_backend};

on_every_backend!(
    what_happens_is_told_to_the_person_alone,
    what_ends_a_session_is_the_last_it_hears,
    a_reused_refresh_token_is_told,
    a_changed_password_is_told,
);

async fn principal(app: &TestApp, person: &Persona<'_>) -> Principal {
    let access_token = Some(PresentedToken::new(person.access_token.clone()));
    let credentials = Credentials { access_token, ..Credentials::default() };
    match app.domain.sessions.authenticate(&credentials).await.unwrap() {
        Actor::User(principal) => *principal,
        Actor::Anonymous => panic!("nobody"),
    }
}

type Events = BoxStream<'static, Result<SessionEvent, Error>>;

async fn watch(app: &TestApp, person: &Persona<'_>) -> Events {
    app.domain.sessions.watch(&principal(app, person).await).await
}

#[expect(clippy::disallowed_methods, reason = "a test gives up by failing")]
async fn next(events: &mut Events) -> Option<(Kind, String)> {
    let event = tokio::time::timeout(Duration::from_secs(5), events.next()).await.expect("nothing was told");
    event.map(Result::unwrap).map(|event| (event.kind, event.session_id.to_string()))
}

#[expect(clippy::disallowed_methods, reason = "a test gives up by failing")]
async fn is_silent(events: &mut Events) -> bool {
    tokio::time::timeout(Duration::from_millis(200), events.next()).await.is_err()
}

async fn what_happens_is_told_to_the_person_alone(app: &TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let (mut of_ada, mut of_eve) = (watch(app, &ada).await, watch(app, &eve).await);
    let there = app.login_again("ada").await;
    let id = there.session_id.clone();
    assert_eq!(next(&mut of_ada).await, Some((Kind::Created, id.clone())));
    let rename =
        "mutation($id: ID!) { renameSession(input: { id: $id, deviceName: \"x\" }) { session { id } } }";
    ada.post(rename, json!({ "id": id })).await.data("/renameSession");
    assert_eq!(next(&mut of_ada).await, Some((Kind::Renamed, id.clone())));
    there.post("mutation { logout { success } }", json!({})).await.data("/logout");
    assert_eq!(next(&mut of_ada).await, Some((Kind::Revoked, id)));
    ada.post("mutation { revokeOtherSessions { revokedCount } }", json!({}))
        .await
        .data("/revokeOtherSessions");
    assert_eq!(next(&mut of_ada).await, Some((Kind::OthersRevoked, ada.session_id.clone())));
    assert!(is_silent(&mut of_ada).await && is_silent(&mut of_eve).await);
}

async fn what_ends_a_session_is_the_last_it_hears(app: &TestApp) {
    let (here, there) = (app.user("ada").await, app.login_again("ada").await);
    let mut events = watch(app, &there).await;
    let listener = principal(app, &there).await;
    let ended = app.domain.sessions.until_ended(&listener);
    tokio::pin!(ended);
    assert!(futures_util::poll!(&mut ended).is_pending());
    here.post("mutation { revokeOtherSessions { revokedCount } }", json!({}))
        .await
        .data("/revokeOtherSessions");
    assert_eq!(next(&mut events).await, Some((Kind::OthersRevoked, here.session_id.clone())));
    app.login_again("ada").await;
    assert_eq!(next(&mut events).await, None);
    assert!(matches!(
        ended.await,
        Error::Unauthenticated(vestibule::domain::error::AuthenticationFailure::SessionRevoked)
    ));
}

async fn a_reused_refresh_token_is_told(app: &TestApp) {
    let (ada, target) = (app.user("ada").await, app.login_again("ada").await);
    let mut events = watch(app, &ada).await;
    app.refresh(&target.refresh_token).await.data("/refresh");
    app.advance(chrono::TimeDelta::seconds(11));
    assert_eq!(app.refresh(&target.refresh_token).await.reason(), "SESSION_REVOKED");
    assert_eq!(next(&mut events).await, Some((Kind::ReuseDetected, target.session_id)));
}

async fn a_changed_password_is_told(app: &TestApp) {
    let (here, there) = (app.user("ada").await, app.login_again("ada").await);
    let (mut of_here, mut of_there) = (watch(app, &here).await, watch(app, &there).await);
    here.change_password("correct horse battery", "another horse battery", true)
        .await
        .data("/changePassword");
    let expected = Some((Kind::PasswordChanged, here.session_id.clone()));
    assert_eq!((next(&mut of_here).await, next(&mut of_there).await), (expected.clone(), expected));
    here.change_password("another horse battery", "a third horse battery", false)
        .await
        .data("/changePassword");
    let expected = Some((Kind::PasswordChangedOthersRevoked, here.session_id.clone()));
    assert_eq!((next(&mut of_here).await, next(&mut of_there).await), (expected.clone(), expected));
    assert_eq!(next(&mut of_there).await, None);
}

#[cfg(feature = "server-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_cross_nodes() {
    use crate::support::{config, servers};
    let config = config(&servers::settings());
    let (here, there) = (
        TestApp::node(&config, std::sync::Arc::default()).await,
        TestApp::node(&config, std::sync::Arc::default()).await,
    );
    let ada = here.user("ada").await;
    let mut events = watch(&there, &ada).await;
    let other = here.login_again("ada").await;
    assert_eq!(next(&mut events).await, Some((Kind::Created, other.session_id)));
    ada.post("mutation { logout { success } }", json!({})).await.data("/logout");
    assert_eq!(next(&mut events).await, Some((Kind::Revoked, ada.session_id)));
    assert_eq!(next(&mut events).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_expires_unheard_is_told_to_have_ended() {
    let app = TestApp::start(crate::support::Backend::Embedded).await;
    let ada = app.user("ada").await;
    let listener = principal(&app, &ada).await;
    let mut events = watch(&app, &ada).await;
    app.advance(chrono::TimeDelta::days(14));
    let ended = app.domain.sessions.until_ended(&listener).await;
    assert!(matches!(
        ended,
        Error::Unauthenticated(vestibule::domain::error::AuthenticationFailure::SessionExpired)
    ));
    app.login_again("ada").await;
    assert_eq!(next(&mut events).await, None, "nothing is told to a session that has expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_is_too_slow_is_dropped() {
    let app = TestApp::start(crate::support::Backend::Embedded).await;
    let ada = app.user("ada").await;
    let mut events = watch(&app, &ada).await;
    for _ in 0..200 {
        let rename =
            "mutation($id: ID!) { renameSession(input: { id: $id, deviceName: \"x\" }) { session { id } } }";
        ada.post(rename, json!({ "id": ada.session_id })).await.data("/renameSession");
    }
    assert!(matches!(events.next().await, Some(Err(Error::Overloaded { .. }))), "events were missed");
    assert!(events.next().await.is_none());
}
