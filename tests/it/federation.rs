//! What routers of a federation ask, on both backends; `clients/federation` composes and runs a real one.

use serde_json::{Value, json};

use crate::support::{Answer, Backend, TestApp, on_every_backend};

on_every_backend!(&[("FEDERATION", "on")];
    entities_come_in_order_and_what_is_not_the_callers_is_null,
    without_credentials_every_entity_is_null_and_with_bad_ones_it_is_an_error,
    a_faulty_representation_takes_no_other_with_it,
    all_sessions_of_a_list_are_one_question,
    a_list_costs_what_its_items_cost,
    the_schema_is_told_to_routers,
);

const ENTITIES: &str = "query($representations: [_Any!]!) { _entities(representations: $representations) {
    __typename ... on User { id email sessions(first: 5) { totalCount } } ... on Session { id current } } }";
const MANY: &str = "query($representations: [_Any!]!) { _entities(representations: $representations) {
    ... on Session { id } } }";

fn key(name: &str, id: &str) -> Value {
    json!({ "__typename": name, "id": id })
}

fn given(representations: &[Value]) -> Value {
    json!({ "representations": representations })
}

fn found(answer: &Answer) -> Vec<Value> {
    answer.json()["data"]["_entities"].as_array().unwrap().clone()
}

async fn entities_come_in_order_and_what_is_not_the_callers_is_null(app: &TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let tablet = app.login_again("ada").await;
    let representations = [
        key("Session", &tablet.session_id),
        key("User", &eve.id),
        key("User", &ada.id),
        key("Session", &eve.session_id),
        key("Session", &ada.session_id),
        key("Session", &ada.id),
        key("User", "nobody"),
        key("Session", &tablet.session_id),
    ];
    let answer = ada.post(ENTITIES, given(&representations)).await;
    assert!(answer.json().get("errors").is_none(), "{}", answer.text);
    let session = |id: &str, current: bool| json!({ "__typename": "Session", "id": id, "current": current });
    let (first, own) = (session(&tablet.session_id, false), session(&ada.session_id, true));
    let me = json!({
        "__typename": "User", "id": ada.id, "email": "ada@example.com", "sessions": { "totalCount": 2 },
    });
    let expected = [first.clone(), Value::Null, me, Value::Null, own, Value::Null, Value::Null, first];
    assert_eq!(found(&answer), expected);

    // What has ended is not there any more.
    let revoke = "mutation($input: RevokeSessionInput!) { revokeSession(input: $input) { sessionId } }";
    ada.post(revoke, json!({ "input": { "id": tablet.session_id } })).await.data("/revokeSession");
    let answer = ada.post(ENTITIES, given(&representations[..1])).await;
    assert_eq!(answer.data("/_entities"), json!([null]));
}

async fn without_credentials_every_entity_is_null_and_with_bad_ones_it_is_an_error(app: &TestApp) {
    let ada = app.user("ada").await;
    let representations = given(&[key("User", &ada.id), key("Session", &ada.session_id)]);
    let answer = app.anonymous(ENTITIES, representations.clone()).await;
    assert_eq!(answer.data("/_entities"), json!([null, null]));
    let answer = app.post(&[("authorization", "Bearer nonsense")], ENTITIES, representations).await;
    assert_eq!(answer.reason(), "TOKEN_INVALID");
}

async fn a_faulty_representation_takes_no_other_with_it(app: &TestApp) {
    let ada = app.user("ada").await;
    for faulty in [
        json!({ "__typename": "Session" }),
        json!({ "id": ada.id }),
        key("Query", &ada.id),
        json!({ "__typename": "User", "id": 7 }),
        json!("User"),
        Value::Null,
    ] {
        let representations = [key("User", &ada.id), faulty.clone(), key("Session", &ada.session_id)];
        let answer = ada.post(ENTITIES, given(&representations)).await;
        if faulty.is_null() {
            // The schema itself refuses it.
            assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
            continue;
        }
        let found = found(&answer);
        assert_eq!(found[0]["id"], json!(ada.id), "{faulty}");
        assert_eq!(found[1], Value::Null, "{faulty}");
        assert_eq!(found[2]["id"], json!(ada.session_id), "{faulty}");
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{faulty}");
        assert_eq!(answer.json()["errors"][0]["path"], json!(["_entities", 1]), "{faulty}");
    }
}

async fn all_sessions_of_a_list_are_one_question(app: &TestApp) {
    let ada = app.user("ada").await;
    // The request's own is at hand.
    let mut representations = vec![key("Session", &ada.session_id)];
    for _ in 0..9 {
        representations.push(key("Session", &app.login_again("ada").await.session_id));
    }
    ada.me().await;
    let before = app.store_calls.of_requests();
    let answer = ada.post(MANY, given(&representations)).await;
    assert_eq!(app.store_calls.of_requests() - before, 1);
    let ids = |list: &[Value]| list.iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&found(&answer)), ids(&representations));
}

async fn a_list_costs_what_its_items_cost(app: &TestApp) {
    let ada = app.user("ada").await;
    let several = |count: usize| given(&vec![key("Session", &ada.session_id); count]);
    let answer = ada.post(MANY, several(100)).await;
    assert_eq!(answer.data("/_entities").as_array().unwrap().len(), 100);
    let with_lists = "query($representations: [_Any!]!) { _entities(representations: $representations) {
        ... on User { sessions(first: 100) { edges { node { id } } } } } }";
    let answer = ada.post(with_lists, given(&vec![key("User", &ada.id); 100])).await;
    assert_eq!(answer.code(), "OPERATION_TOO_COMPLEX");
    // Written into the document it is the same.
    let key = format!("{{ __typename: \"User\", id: \"{}\" }}", ada.id);
    let written = format!(
        "{{ _entities(representations: [{}]) {{ ... on User {{ sessions(first: 100) {{ edges {{ node {{ id }} }} }} }} }} }}",
        vec![key; 100].join(", ")
    );
    assert_eq!(ada.post(&written, json!({})).await.code(), "OPERATION_TOO_COMPLEX");
}

async fn the_schema_is_told_to_routers(app: &TestApp) {
    let sdl = app.anonymous("{ _service { sdl } }", json!({})).await.text_at("/_service/sdl");
    assert_eq!(sdl, vestibule::graphql::federation_sdl());
    // Its text is large: nobody gets it many times over in one answer.
    let often = "{ _service { a: sdl b: sdl c: sdl } }";
    assert_eq!(app.anonymous(often, json!({})).await.error()["limitName"], "introspectionComplexity");
}

#[tokio::test]
async fn a_schema_that_is_not_shown_is_not_told_to_routers_either() {
    let app = TestApp::with(Backend::Embedded, &[("FEDERATION", "on"), ("INTROSPECTION", "off")]).await;
    for query in [
        "{ _service { sdl } }",
        "{ other: _service { text: sdl } }",
        "{ me { id } ... on Query { ... on Query { _service { sdl } } } }",
        "{ ...A } fragment A on Query { _service { __typename } }",
        "query($no: Boolean = false) { _service @include(if: $no) { sdl } }",
    ] {
        let answer = app.anonymous(query, json!({})).await;
        assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED", "{query}");
        assert!(!answer.text.contains("type "), "{}", answer.text);
    }
    // What it needs to run is answered all the same.
    let ada = app.user("ada").await;
    let answer = ada.post(ENTITIES, given(&[key("User", &ada.id)])).await;
    assert_eq!(answer.data("/_entities/0/id"), json!(ada.id));
}

#[tokio::test]
async fn a_service_in_no_federation_has_nothing_for_routers() {
    let app = TestApp::start(Backend::Embedded).await;
    for query in ["{ _service { sdl } }", "{ _entities(representations: []) { __typename } }"] {
        assert_eq!(app.anonymous(query, json!({})).await.code(), "GRAPHQL_VALIDATION_FAILED");
    }
    let names = app.anonymous("{ __schema { types { name } } }", json!({})).await.text;
    assert!(!names.contains("_Entity") && !names.contains("_Any"), "{names}");
}
