//! A client of the service whose types `graphql_client` makes of `schema.graphql` when this is compiled.

use graphql_client::{GraphQLQuery, Response};
use serde_json::Value;

use crate::support::{Backend, PASSWORD, TestApp, post_request};

/// `DateTime` of the schema.
type DateTime = chrono::DateTime<chrono::Utc>;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "schema.graphql",
    query_path = "tests/data/story.graphql",
    response_derives = "Debug"
)]
struct Register;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "schema.graphql",
    query_path = "tests/data/story.graphql",
    response_derives = "Debug"
)]
struct Login;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "schema.graphql",
    query_path = "tests/data/story.graphql",
    response_derives = "Debug"
)]
struct Me;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "schema.graphql",
    query_path = "tests/data/story.graphql",
    response_derives = "Debug"
)]
struct Sessions;

/// Sends an operation and reads what comes into its types.
async fn send<Q: GraphQLQuery>(
    app: &TestApp,
    token: Option<&str>,
    variables: Q::Variables,
) -> Response<Q::ResponseData> {
    let body = serde_json::to_value(Q::build_query(variables)).unwrap();
    let bearer = token.map(|token| format!("Bearer {token}")).unwrap_or_default();
    let headers: &[_] = if token.is_some() { &[("authorization", bearer.as_str())] } else { &[] };
    let answer = app.send(post_request(headers, body.to_string())).await;
    serde_json::from_value(answer.json()).unwrap_or_else(|error| panic!("{error}: {}", answer.text))
}

/// `extensions.code` of the only error.
fn code<T>(response: &Response<T>) -> String {
    let [error] = response.errors.as_deref().unwrap() else { panic!("not one error") };
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    code.and_then(Value::as_str).unwrap().to_owned()
}

fn register_input() -> register::Variables {
    let input = register::RegisterInput {
        email: "ada@example.com".into(),
        password: PASSWORD.into(),
        name: "Ada Lovelace".into(),
        locale: None,
        device_name: None,
        transport: register::TokenTransport::BEARER,
    };
    register::Variables { input }
}

fn login_input(password: &str) -> login::Variables {
    let input = login::LoginInput {
        email: "ada@example.com".into(),
        password: password.into(),
        device_name: Some("Tablet".into()),
        device_token: None,
        transport: login::TokenTransport::BEARER,
    };
    login::Variables { input }
}

#[tokio::test]
async fn generated_types_fit_what_the_service_answers() {
    let app = TestApp::start(Backend::Embedded).await;
    let registered = send::<Register>(&app, None, register_input()).await.data.unwrap().register;
    assert_eq!(registered.user.unwrap().name, "Ada Lovelace");
    let again = send::<Register>(&app, None, register_input()).await;
    assert_eq!(code(&again), "EMAIL_TAKEN");
    let wrong = send::<Login>(&app, None, login_input("another password entirely")).await;
    assert_eq!(code(&wrong), "INVALID_CREDENTIALS");

    app.advance(chrono::TimeDelta::milliseconds(1));
    let token =
        send::<Login>(&app, None, login_input(PASSWORD)).await.data.unwrap().login.access_token.unwrap();
    let me = send::<Me>(&app, Some(&token), me::Variables).await.data.unwrap().me.unwrap();
    assert_eq!(
        (me.email.as_str(), me.created_at),
        ("ada@example.com", app.now() - chrono::TimeDelta::milliseconds(1))
    );
    assert!(send::<Me>(&app, None, me::Variables).await.data.unwrap().me.is_none());

    let mut seen = Vec::new();
    let mut after = None;
    for _ in 0..3 {
        let variables = sessions::Variables { first: Some(1), after };
        let me = send::<Sessions>(&app, Some(&token), variables).await.data.unwrap().me.unwrap();
        let page = me.sessions.unwrap();
        assert_eq!(page.total_count, 2);
        seen.extend(page.edges.into_iter().map(|edge| (edge.node.device_name, edge.node.current)));
        after = page.page_info.end_cursor;
        if !page.page_info.has_next_page {
            break;
        }
    }
    let names: Vec<_> = seen.iter().map(|(name, current)| (name.as_deref(), *current)).collect();
    assert_eq!(names, [(Some("Tablet"), true), (None, false)]);
}
