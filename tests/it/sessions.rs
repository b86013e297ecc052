//! Login, me, refresh, logout, on both backends.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::{TestApp, on_every_backend};

on_every_backend!(
    a_person_logs_in_in_any_letter_case,
    nobody_learns_whether_an_address_has_an_account,
    me_is_null_for_nobody_in_particular,
    an_access_token_expires_at_the_exact_second,
    a_refresh_rotates_the_token,
    a_lost_answer_to_a_refresh_can_be_had_again,
    a_token_of_two_rotations_ago_gets_the_current_one_within_the_grace_window,
    a_reused_token_ends_the_session,
    a_thief_cannot_hide_a_theft_by_many_refreshes,
    concurrent_refreshes_leave_one_chain,
    a_logout_takes_effect_on_tokens_in_flight,
    a_logout_works_with_an_expired_token_and_by_refresh_token,
    a_session_ends_when_it_was_idle_for_too_long,
    a_session_ends_at_its_absolute_end_however_much_it_is_used,
    bad_credentials_do_not_get_in_the_way_of_login_refresh_and_logout,
    a_session_in_use_is_seen_again_each_minute,
);

async fn a_person_logs_in_in_any_letter_case(app: &TestApp) {
    let ada = app.user("ada").await;
    let query = "mutation($input: LoginInput!) { login(input: $input) { user { id } session {
        id deviceName userAgent ipAddress createdAt lastSeenAt expiresAt current } } }";
    let input =
        json!({ "email": " ADA@EXAMPLE.COM", "password": "correct horse battery", "deviceName": " Phone " });
    let answer = app.post(&[("user-agent", "Tests/1.0")], query, json!({ "input": input })).await;
    assert_eq!(answer.data("/login/user/id"), ada.id.as_str());
    let mut session = answer.data("/login/session");
    let id = session.as_object_mut().unwrap().remove("id").unwrap();
    assert_ne!(id, ada.session_id.as_str());
    assert_eq!(
        session,
        json!({
            "deviceName": "Phone", "userAgent": "Tests/1.0", "ipAddress": null, "current": true,
            "createdAt": "2030-01-02T03:04:05.000Z", "lastSeenAt": "2030-01-02T03:04:05.000Z",
            "expiresAt": "2030-01-16T03:04:05.000Z",
        })
    );
}

async fn nobody_learns_whether_an_address_has_an_account(app: &TestApp) {
    app.user("ada").await;
    let mut wrong = app.login("ada@example.com", "wrong password").await.json();
    let mut unknown = app.login("nobody@example.com", "wrong password").await.json();
    for answer in [&mut wrong, &mut unknown] {
        answer["errors"][0]["extensions"].as_object_mut().unwrap().remove("requestId").unwrap();
    }
    assert_eq!(wrong, unknown);
    assert_eq!(wrong["errors"][0]["extensions"]["code"], "INVALID_CREDENTIALS");
}

async fn me_is_null_for_nobody_in_particular(app: &TestApp) {
    let answer = app.anonymous("{ me { id } }", json!({})).await;
    assert_eq!(answer.json(), json!({ "data": { "me": null } }));
    // Another scheme is no credential of ours.
    let basic = app.post(&[("authorization", "Basic YTpi")], "{ me { id } }", json!({})).await;
    assert_eq!(basic.data("/me"), json!(null));
    for header in ["Bearer", "Bearer ", "bearer  x", "eyJhbGciOiJFZERTQSJ9.e30.x", "Bearer a b"] {
        let answer = app.post(&[("authorization", header)], "{ me { id } }", json!({})).await;
        assert_eq!(answer.reason(), "TOKEN_INVALID", "{header}");
    }
    let twice = [("authorization", "Bearer a"), ("authorization", "Bearer b")];
    assert_eq!(app.post(&twice, "{ me { id } }", json!({})).await.reason(), "TOKEN_INVALID");
    let refused = app.me("nonsense").await;
    assert_eq!(refused.json()["data"], json!({ "me": null }));
    assert_eq!(refused.reason(), "TOKEN_INVALID");
}

async fn an_access_token_expires_at_the_exact_second(app: &TestApp) {
    let ada = app.user("ada").await;
    app.advance(TimeDelta::seconds(299));
    ada.me().await.data("/me/id");
    app.advance(TimeDelta::seconds(1));
    assert_eq!(ada.me().await.reason(), "TOKEN_EXPIRED");
}

async fn a_refresh_rotates_the_token(app: &TestApp) {
    let ada = app.user("ada").await;
    app.advance(TimeDelta::minutes(6));
    let answer = app.refresh(&ada.refresh_token).await;
    assert_eq!(answer.data("/refresh/user/id"), ada.id.as_str());
    assert_eq!(answer.data("/refresh/session/id"), ada.session_id.as_str());
    assert_ne!(answer.data("/refresh/refreshToken"), ada.refresh_token.as_str());
    app.me(&answer.text_at("/refresh/accessToken")).await.data("/me/id");
    app.refresh(&answer.text_at("/refresh/refreshToken")).await.data("/refresh");
}

async fn a_lost_answer_to_a_refresh_can_be_had_again(app: &TestApp) {
    let ada = app.user("ada").await;
    let first = app.refresh(&ada.refresh_token).await;
    app.advance(TimeDelta::seconds(9));
    let again = app.refresh(&ada.refresh_token).await;
    assert_eq!(again.data("/refresh/refreshToken"), first.data("/refresh/refreshToken"));
    app.me(&again.text_at("/refresh/accessToken")).await.data("/me/id");
}

async fn a_token_of_two_rotations_ago_gets_the_current_one_within_the_grace_window(app: &TestApp) {
    let ada = app.user("ada").await;
    let second = app.refresh(&ada.refresh_token).await.text_at("/refresh/refreshToken");
    let third = app.refresh(&second).await.text_at("/refresh/refreshToken");
    let again = app.refresh(&ada.refresh_token).await.text_at("/refresh/refreshToken");
    assert_eq!(again, third);
    app.advance(TimeDelta::minutes(1));
    app.refresh(&again).await.data("/refresh");
}

async fn a_thief_cannot_hide_a_theft_by_many_refreshes(app: &TestApp) {
    let ada = app.user("ada").await;
    let mut stolen = ada.refresh_token.clone();
    for _ in 0..70 {
        stolen = app.refresh(&stolen).await.text_at("/refresh/refreshToken");
    }
    assert_eq!(app.refresh(&ada.refresh_token).await.reason(), "SESSION_REVOKED");
    assert_eq!(app.refresh(&stolen).await.reason(), "SESSION_REVOKED");
}

async fn a_reused_token_ends_the_session(app: &TestApp) {
    let ada = app.user("ada").await;
    let first = app.refresh(&ada.refresh_token).await;
    app.advance(TimeDelta::seconds(10));
    assert_eq!(app.refresh(&ada.refresh_token).await.reason(), "SESSION_REVOKED");
    let successor = app.refresh(&first.text_at("/refresh/refreshToken")).await;
    assert_eq!(successor.reason(), "SESSION_REVOKED");
    assert_eq!(app.me(&first.text_at("/refresh/accessToken")).await.reason(), "SESSION_REVOKED");
}

async fn concurrent_refreshes_leave_one_chain(app: &TestApp) {
    let ada = app.user("ada").await;
    let answers = futures_util::future::join_all((0..20).map(|_| app.refresh(&ada.refresh_token))).await;
    let successors: std::collections::BTreeSet<String> =
        answers.iter().map(|answer| answer.text_at("/refresh/refreshToken")).collect();
    assert_eq!(successors.len(), 1, "more than one chain");
    app.refresh(successors.first().unwrap()).await.data("/refresh");
}

async fn a_logout_takes_effect_on_tokens_in_flight(app: &TestApp) {
    let here = app.user("ada").await;
    let elsewhere = app.login_again("ada").await;
    here.me().await.data("/me/id");
    let answer = here.post("mutation { logout { success } }", json!({})).await;
    assert_eq!(answer.data("/logout/success"), true);
    assert_eq!(here.me().await.reason(), "SESSION_REVOKED");
    assert_eq!(app.refresh(&here.refresh_token).await.reason(), "SESSION_REVOKED");
    let again = here.post("mutation { logout { success } }", json!({})).await;
    assert_eq!(again.data("/logout/success"), true, "a logout can be repeated");
    elsewhere.me().await.data("/me/id");
}

async fn a_logout_works_with_an_expired_token_and_by_refresh_token(app: &TestApp) {
    let by_access = app.user("ada").await;
    let by_refresh = app.login_again("ada").await;
    app.advance(TimeDelta::minutes(10));
    assert_eq!(
        by_access.post("mutation { logout { success } }", json!({})).await.data("/logout/success"),
        true
    );
    let query = "mutation($input: LogoutInput!) { logout(input: $input) { success } }";
    let logout = async |token: &str| {
        app.anonymous(query, json!({ "input": { "refreshToken": token } })).await.data("/logout/success")
    };
    assert_eq!(logout(&by_refresh.refresh_token).await, true);
    assert_eq!(logout("vrt_nonsense").await, false);
    assert_eq!(
        app.anonymous("mutation { logout { success } }", json!({})).await.data("/logout/success"),
        false
    );
    for token in [&by_access.refresh_token, &by_refresh.refresh_token] {
        assert_eq!(app.refresh(token).await.reason(), "SESSION_REVOKED");
    }
}

async fn a_session_ends_when_it_was_idle_for_too_long(app: &TestApp) {
    let ada = app.user("ada").await;
    app.advance(TimeDelta::days(14));
    assert_eq!(app.refresh(&ada.refresh_token).await.reason(), "SESSION_EXPIRED");
}

async fn a_session_ends_at_its_absolute_end_however_much_it_is_used(app: &TestApp) {
    let mut token = app.user("ada").await.refresh_token;
    for _ in 0..8 {
        app.advance(TimeDelta::days(10));
        token = app.refresh(&token).await.text_at("/refresh/refreshToken");
    }
    app.advance(TimeDelta::days(10));
    assert_eq!(app.refresh(&token).await.reason(), "SESSION_EXPIRED");
}

async fn bad_credentials_do_not_get_in_the_way_of_login_refresh_and_logout(app: &TestApp) {
    let ada = app.user("ada").await;
    let bad = [("authorization", "Bearer nonsense")];
    let input = json!({ "email": "ada@example.com", "password": "correct horse battery" });
    let login = "mutation($input: LoginInput!) { login(input: $input) { user { id } } }";
    app.post(&bad, login, json!({ "input": input })).await.data("/login");
    let refresh = "mutation($input: RefreshInput!) { refresh(input: $input) { user { id } } }";
    app.post(&bad, refresh, json!({ "input": { "refreshToken": ada.refresh_token } })).await.data("/refresh");
    app.post(&bad, "mutation { logout { success } }", json!({})).await.data("/logout");
    assert_eq!(app.anonymous("mutation { refresh { user { id } } }", json!({})).await.reason(), "MISSING");
}

async fn a_session_in_use_is_seen_again_each_minute(app: &TestApp) {
    let ada = app.user("ada").await;
    let query = "query($id: ID!) { node(id: $id) { ... on Session { lastSeenAt expiresAt } } }";
    app.advance(TimeDelta::seconds(61));
    // The use is written beside the request that causes it.
    for _ in 0..100 {
        let node = ada.post(query, json!({ "id": ada.session_id })).await.data("/node");
        if node["lastSeenAt"] == "2030-01-02T03:05:06.000Z" {
            assert_eq!(node["expiresAt"], "2030-01-16T03:05:06.000Z");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the use of the session was never written");
}
