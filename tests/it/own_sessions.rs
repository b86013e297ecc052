//! What a person sees of their sessions and does with them, on both backends.

use serde_json::{Value, json};

use crate::support::{Answer, Persona, TestApp, on_every_backend};

on_every_backend!(
    sessions_are_listed_with_the_newest_first,
    pages_follow_each_other_in_both_directions,
    faulty_pages_are_refused,
    a_session_gets_another_name,
    a_revoked_session_is_refused_and_not_listed,
    nobody_touches_the_sessions_of_others,
    all_other_sessions_are_ended,
    sessions_that_a_password_change_ended_are_not_listed,
    a_device_without_a_name_is_called_what_its_user_agent_says,
    a_payload_shows_the_sessions_of_who_logs_in,
    a_session_is_listed_until_the_instant_of_its_expiry,
);

const LIST: &str = "query($first: Int, $after: String, $last: Int, $before: String) { me {
    sessions(first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { id deviceName current } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } } }";

async fn list(person: &Persona<'_>, arguments: Value) -> Answer {
    person.post(LIST, arguments).await
}

fn ids(answer: &Answer) -> Vec<String> {
    let edges = answer.data("/me/sessions/edges");
    edges.as_array().unwrap().iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect()
}

async fn logins(app: &TestApp, count: usize) -> Vec<Persona<'_>> {
    let mut devices = vec![app.user("ada").await];
    for _ in 1..count {
        // Logins in one millisecond have no order.
        app.advance(chrono::TimeDelta::milliseconds(1));
        devices.push(app.login_again("ada").await);
    }
    devices
}

async fn sessions_are_listed_with_the_newest_first(app: &TestApp) {
    let devices = logins(app, 3).await;
    let answer = list(&devices[1], json!({})).await;
    let expected: Vec<_> = devices.iter().rev().map(|device| device.session_id.clone()).collect();
    assert_eq!(ids(&answer), expected);
    let current = answer.data("/me/sessions/edges");
    let current: Vec<_> =
        current.as_array().unwrap().iter().map(|edge| edge["node"]["current"].clone()).collect();
    assert_eq!(current, [false, true, false]);
    assert_eq!(answer.data("/me/sessions/totalCount"), 3);
    let info = answer.data("/me/sessions/pageInfo");
    assert_eq!((&info["hasNextPage"], &info["hasPreviousPage"]), (&json!(false), &json!(false)));
}

async fn pages_follow_each_other_in_both_directions(app: &TestApp) {
    let devices = logins(app, 5).await;
    let all: Vec<_> = devices.iter().rev().map(|device| device.session_id.clone()).collect();
    let ada = &devices[0];
    let first = list(ada, json!({ "first": 2 })).await;
    assert_eq!(ids(&first), all[..2]);
    assert_eq!(first.data("/me/sessions/pageInfo/hasNextPage"), true);
    // A login between two pages moves nothing.
    app.advance(chrono::TimeDelta::milliseconds(1));
    let new = app.login_again("ada").await;
    let second =
        list(ada, json!({ "first": 2, "after": first.text_at("/me/sessions/pageInfo/endCursor") })).await;
    assert_eq!(ids(&second), all[2..4]);
    assert_eq!(second.data("/me/sessions/pageInfo/hasPreviousPage"), true);
    let third =
        list(ada, json!({ "first": 2, "after": second.text_at("/me/sessions/pageInfo/endCursor") })).await;
    assert_eq!(ids(&third), all[4..]);
    assert_eq!(third.data("/me/sessions/pageInfo/hasNextPage"), false);
    let back =
        list(ada, json!({ "last": 2, "before": third.text_at("/me/sessions/pageInfo/startCursor") })).await;
    assert_eq!(ids(&back), all[2..4]);
    let start =
        list(ada, json!({ "last": 9, "before": back.text_at("/me/sessions/pageInfo/startCursor") })).await;
    assert_eq!(ids(&start), [&[new.session_id][..], &all[..2]].concat());
    assert_eq!(start.data("/me/sessions/pageInfo/hasPreviousPage"), false);
    let between = json!({
        "first": 9, "after": first.text_at("/me/sessions/pageInfo/startCursor"),
        "before": third.text_at("/me/sessions/pageInfo/endCursor"),
    });
    assert_eq!(ids(&list(ada, between).await), all[1..4]);
    assert_eq!(ids(&list(ada, json!({ "first": 0 })).await), Vec::<String>::new());
}

async fn faulty_pages_are_refused(app: &TestApp) {
    let ada = app.user("ada").await;
    for (arguments, expected) in [
        (json!({ "first": -1 }), ("first", "OUT_OF_RANGE")),
        (json!({ "first": 101 }), ("first", "OUT_OF_RANGE")),
        (json!({ "last": 101 }), ("last", "OUT_OF_RANGE")),
        (json!({ "first": 1, "last": 1 }), ("last", "INVALID_FORMAT")),
        (json!({ "after": "" }), ("after", "INVALID_FORMAT")),
        (json!({ "after": "c2Vzc18x" }), ("after", "INVALID_FORMAT")),
        (json!({ "before": "{$gt:1}" }), ("before", "INVALID_FORMAT")),
    ] {
        let answer = list(&ada, arguments.clone()).await;
        assert_eq!(answer.faults(), [(expected.0.to_owned(), expected.1.to_owned())], "{arguments}");
        assert_eq!(answer.json()["data"], json!({ "me": { "sessions": null } }));
    }
}

async fn rename(person: &Persona<'_>, id: &str, name: &str) -> Answer {
    let query = "mutation($input: RenameSessionInput!) { renameSession(input: $input) { session { id deviceName current } } }";
    person.post(query, json!({ "input": { "id": id, "deviceName": name } })).await
}

async fn revoke(person: &Persona<'_>, id: &str) -> Answer {
    let query = "mutation($input: RevokeSessionInput!) { revokeSession(input: $input) { sessionId } }";
    person.post(query, json!({ "input": { "id": id } })).await
}

async fn a_session_gets_another_name(app: &TestApp) {
    let (here, there) = (app.user("ada").await, app.login_again("ada").await);
    let renamed = rename(&here, &there.session_id, "  $device {x: 1}  ").await;
    let expected = json!({ "id": there.session_id, "deviceName": "$device {x: 1}", "current": false });
    assert_eq!(renamed.data("/renameSession/session"), expected);
    let seen = list(&there, json!({})).await.data("/me/sessions/edges");
    let seen = seen.as_array().unwrap().iter().find(|edge| edge["node"]["current"] == true).unwrap();
    assert_eq!(seen["node"]["deviceName"], "$device {x: 1}");
    let own = "query($id: ID!) { node(id: $id) { ... on Session { deviceName } } }";
    let own = there.post(own, json!({ "id": there.session_id })).await;
    assert_eq!(own.data("/node/deviceName"), "$device {x: 1}", "also in the copies");
    let faults = async |name: &str| rename(&here, &there.session_id, name).await.faults().remove(0);
    assert_eq!(faults("  ").await, ("input.deviceName".into(), "REQUIRED".into()));
    assert_eq!(faults(&"x".repeat(101)).await, ("input.deviceName".into(), "TOO_LONG".into()));
    assert_eq!(faults("a\nb").await, ("input.deviceName".into(), "INVALID_CHARACTER".into()));
}

async fn a_revoked_session_is_refused_and_not_listed(app: &TestApp) {
    let (here, there) = (app.user("ada").await, app.login_again("ada").await);
    there.me().await.data("/me/id");
    assert_eq!(
        revoke(&here, &there.session_id).await.data("/revokeSession/sessionId"),
        there.session_id.as_str()
    );
    assert_eq!(there.me().await.reason(), "SESSION_REVOKED");
    assert_eq!(app.refresh(&there.refresh_token).await.reason(), "SESSION_REVOKED");
    assert_eq!(ids(&list(&here, json!({})).await), std::slice::from_ref(&here.session_id));
    revoke(&here, &there.session_id).await.data("/revokeSession");
    assert_eq!(rename(&here, &there.session_id, "ghost").await.code(), "NOT_FOUND");
    revoke(&here, &here.session_id).await.data("/revokeSession");
    assert_eq!(here.me().await.reason(), "SESSION_REVOKED");
}

async fn nobody_touches_the_sessions_of_others(app: &TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let unknown = "sess_01h455vb4pex5vsknk084sn02q";
    let without_id = |answer: Answer| {
        let mut json = answer.json();
        json["errors"][0]["extensions"].as_object_mut().unwrap().remove("requestId");
        json
    };
    for id in [ada.session_id.as_str(), "nonsense", "", &ada.id] {
        assert_eq!(without_id(revoke(&eve, id).await), without_id(revoke(&eve, unknown).await), "{id}");
        assert_eq!(
            without_id(rename(&eve, id, "x").await),
            without_id(rename(&eve, unknown, "x").await),
            "{id}"
        );
        assert_eq!(revoke(&eve, id).await.code(), "NOT_FOUND");
    }
    assert_eq!(ids(&list(&eve, json!({})).await), std::slice::from_ref(&eve.session_id));
    ada.me().await.data("/me/id");
    let anonymous = "mutation { revokeOtherSessions { revokedCount } }";
    assert_eq!(app.anonymous(anonymous, json!({})).await.reason(), "MISSING");
}

async fn all_other_sessions_are_ended(app: &TestApp) {
    let devices = logins(app, 4).await;
    let foreign = app.user("eve").await;
    let query = "mutation { revokeOtherSessions { revokedCount } }";
    assert_eq!(devices[1].post(query, json!({})).await.data("/revokeOtherSessions/revokedCount"), 3);
    for (number, device) in devices.iter().enumerate() {
        if number == 1 {
            device.me().await.data("/me/id");
        } else {
            assert_eq!(device.me().await.reason(), "SESSION_REVOKED");
            assert_eq!(app.refresh(&device.refresh_token).await.reason(), "SESSION_REVOKED");
        }
    }
    foreign.me().await.data("/me/id");
    app.refresh(&devices[1].refresh_token).await.data("/refresh");
    assert_eq!(devices[1].post(query, json!({})).await.data("/revokeOtherSessions/revokedCount"), 0);
    assert_eq!(list(&devices[1], json!({})).await.data("/me/sessions/totalCount"), 1);
}

async fn sessions_that_a_password_change_ended_are_not_listed(app: &TestApp) {
    let (here, _there) = (app.user("ada").await, app.login_again("ada").await);
    here.change_password("correct horse battery", "another horse battery", false)
        .await
        .data("/changePassword");
    let answer = list(&here, json!({})).await;
    assert_eq!(ids(&answer), std::slice::from_ref(&here.session_id));
    assert_eq!(answer.data("/me/sessions/totalCount"), 1);
}

async fn a_device_without_a_name_is_called_what_its_user_agent_says(app: &TestApp) {
    app.user("ada").await;
    let login = "mutation($input: LoginInput!) { login(input: $input) { session { deviceName } } }";
    let input = json!({ "email": "ada@example.com", "password": "correct horse battery" });
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
    let answer = app.post(&[("user-agent", firefox)], login, json!({ "input": input })).await;
    assert_eq!(answer.data("/login/session/deviceName"), "Firefox on Linux");
    let answer = app.post(&[("user-agent", "x")], login, json!({ "input": input })).await;
    assert_eq!(answer.data("/login/session/deviceName"), json!(null));
}

async fn a_payload_shows_the_sessions_of_who_logs_in(app: &TestApp) {
    app.user("ada").await;
    app.advance(chrono::TimeDelta::milliseconds(1));
    let login = "mutation($input: LoginInput!) { login(input: $input) {
        session { id } user { sessions(first: 5) { edges { node { id current } } } } } }";
    let input = json!({ "email": "ada@example.com", "password": "correct horse battery" });
    let payload = app.anonymous(login, json!({ "input": input })).await.data("/login");
    let edges = payload["user"]["sessions"]["edges"].as_array().unwrap();
    assert_eq!(edges.len(), 2);
    assert_eq!(edges[0]["node"], json!({ "id": payload["session"]["id"], "current": true }));
}

async fn a_session_is_listed_until_the_instant_of_its_expiry(app: &TestApp) {
    let ada = app.user("ada").await;
    app.advance(chrono::TimeDelta::days(14) - chrono::TimeDelta::milliseconds(1));
    let fresh = app.login_again("ada").await;
    assert_eq!(list(&fresh, json!({})).await.data("/me/sessions/totalCount"), 2);
    app.advance(chrono::TimeDelta::milliseconds(1));
    let answer = list(&fresh, json!({})).await;
    assert_eq!(ids(&answer), std::slice::from_ref(&fresh.session_id));
    assert_eq!(answer.data("/me/sessions/totalCount"), 1);
    assert_eq!(ada.me().await.reason(), "TOKEN_EXPIRED");
}
