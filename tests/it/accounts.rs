//! Registration, profile, passwords: what a person does with an account, on both backends.

use serde_json::json;

use crate::support::{TestApp, on_every_backend};

on_every_backend!(
    a_person_registers_and_is_logged_in,
    of_fifty_concurrent_registrations_one_wins,
    a_profile_changes_and_a_stale_version_is_a_conflict,
    a_changed_password_ends_all_other_sessions,
    other_sessions_stay_when_that_is_asked_for,
    a_password_is_not_changed_without_the_current_one,
    what_is_left_out_of_a_profile_stays,
    node_shows_what_is_ones_own_and_nothing_else,
);

const UPDATE: &str =
    "mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { user { name version } } }";

async fn a_person_registers_and_is_logged_in(app: &TestApp) {
    let answer = app.register("Ada@Example.com", "correct horse battery", " Ada Lovelace ").await;
    assert_eq!(answer.data("/register/user/email"), "Ada@Example.com");
    assert_eq!(answer.data("/register/user/name"), "Ada Lovelace");
    assert_eq!(answer.data("/register/emailVerificationRequired"), false);
    assert_eq!(answer.data("/register/accessTokenExpiresAt"), "2030-01-02T03:09:05.000Z");
    let me = app.me(&answer.text_at("/register/accessToken")).await;
    assert_eq!(me.data("/me/id"), answer.data("/register/user/id"));
    assert_eq!(me.data("/me/roles"), json!(["user"]));
    assert_eq!(app.register("ADA@example.COM", "another password", "Eve").await.code(), "EMAIL_TAKEN");
}

async fn of_fifty_concurrent_registrations_one_wins(app: &TestApp) {
    let registrations = (0..50).map(|number| async move {
        let email = if number % 2 == 0 { "race@example.com" } else { "Race@EXAMPLE.com" };
        app.register(email, "correct horse battery", "Racer").await
    });
    let answers = futures_util::future::join_all(registrations).await;
    let taken = answers.iter().filter(|answer| answer.json().get("errors").is_some());
    let codes: Vec<_> = taken.map(crate::support::Answer::code).collect();
    assert_eq!(codes, ["EMAIL_TAKEN"; 49]);
    app.login("race@example.com", "correct horse battery").await.data("/login");
}

async fn a_profile_changes_and_a_stale_version_is_a_conflict(app: &TestApp) {
    let ada = app.user("ada").await;
    let change = json!({ "input": { "name": "Countess", "expectedVersion": 1 } });
    let answer = ada.post(UPDATE, change.clone()).await;
    assert_eq!(answer.data("/updateProfile/user"), json!({ "name": "Countess", "version": 2 }));
    assert_eq!(ada.me().await.data("/me/name"), "Countess", "the cache must not show the old name");
    let conflict = ada.post(UPDATE, change).await;
    assert_eq!((conflict.code().as_str(), &conflict.error()["currentVersion"]), ("CONFLICT", &json!(2)));
    assert_eq!(app.anonymous(UPDATE, json!({ "input": { "name": "Eve" } })).await.reason(), "MISSING");
}

async fn a_changed_password_ends_all_other_sessions(app: &TestApp) {
    let here = app.user("ada").await;
    let elsewhere = app.login_again("ada").await;
    elsewhere.me().await.data("/me/id");
    here.change_password("correct horse battery", "a new passphrase", false).await.data("/changePassword");
    here.me().await.data("/me/id");
    assert_eq!(elsewhere.me().await.reason(), "SESSION_REVOKED");
    assert_eq!(app.refresh(&elsewhere.refresh_token).await.reason(), "SESSION_REVOKED");
    app.refresh(&here.refresh_token).await.data("/refresh");
    assert_eq!(app.login("ada@example.com", "correct horse battery").await.code(), "INVALID_CREDENTIALS");
    app.login("ada@example.com", "a new passphrase").await.data("/login");
}

async fn other_sessions_stay_when_that_is_asked_for(app: &TestApp) {
    let here = app.user("ada").await;
    let elsewhere = app.login_again("ada").await;
    here.change_password("correct horse battery", "a new passphrase", true).await.data("/changePassword");
    elsewhere.me().await.data("/me/id");
    app.refresh(&elsewhere.refresh_token).await.data("/refresh");
}

async fn a_password_is_not_changed_without_the_current_one(app: &TestApp) {
    let ada = app.user("ada").await;
    let wrong = ada.change_password("wrong password", "a new passphrase", false).await;
    assert_eq!(wrong.code(), "INVALID_CREDENTIALS");
    let short = ada.change_password("correct horse battery", "short", false).await;
    assert_eq!(short.faults(), [("input.newPassword".into(), "TOO_SHORT".into())]);
    app.login_again("ada").await;
}

async fn what_is_left_out_of_a_profile_stays(app: &TestApp) {
    let ada = app.user("ada").await;
    for input in [json!({}), json!({ "expectedVersion": null })] {
        assert_eq!(ada.post(UPDATE, json!({ "input": input })).await.data("/updateProfile/user/name"), "ada");
    }
    assert_eq!(ada.me().await.data("/me/version"), 1, "nothing was changed");
    assert_eq!(ada.post(UPDATE, json!({ "input": { "expectedVersion": 7 } })).await.code(), "CONFLICT");
    // A declared variable that is not sent leaves its field out; null is a null, which a name cannot be.
    let query = "mutation($name: String) { updateProfile(input: { name: $name }) { user { name } } }";
    assert_eq!(ada.post(query, json!({})).await.data("/updateProfile/user/name"), "ada");
    let null = ada.post(query, json!({ "name": null })).await;
    assert_eq!(null.faults(), [("input.name".to_owned(), "REQUIRED".to_owned())]);
}

async fn node_shows_what_is_ones_own_and_nothing_else(app: &TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let query = "query($id: ID!) { node(id: $id) { __typename id ... on Session { current } } }";
    let node = async |id: &str| ada.post(query, json!({ "id": id })).await.data("/node");
    assert_eq!(node(&ada.id).await, json!({ "__typename": "User", "id": ada.id }));
    let own = json!({ "__typename": "Session", "id": ada.session_id, "current": true });
    assert_eq!(node(&ada.session_id).await, own);
    let elsewhere = app.login_again("ada").await.session_id;
    assert_eq!(node(&elsewhere).await["current"], false);
    for foreign in [&eve.id, &eve.session_id, "user_", "nonsense", "", "user_00000000000000000000000000"] {
        assert_eq!(node(foreign).await, json!(null), "{foreign}");
    }
    assert_eq!(app.anonymous(query, json!({ "id": ada.id })).await.reason(), "MISSING");
}
