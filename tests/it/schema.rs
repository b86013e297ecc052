//! The checked-in schema is the one that the program has.

use crate::support::{Backend, TestApp};

#[test]
fn schema_graphql_is_up_to_date() {
    let checked_in = include_str!("../../schema.graphql");
    assert!(
        checked_in == vestibule::graphql::sdl(),
        "schema.graphql differs from the code; run `make schema`"
    );
}

#[test]
fn schema_admin_graphql_is_up_to_date() {
    let checked_in = include_str!("../../schema.admin.graphql");
    assert!(
        checked_in == vestibule::graphql::admin_sdl(),
        "schema.admin.graphql differs from the code; run `make schema`"
    );
}

#[test]
fn every_element_of_the_schema_is_described() {
    check_descriptions(&vestibule::graphql::sdl());
    check_descriptions(&vestibule::graphql::admin_sdl());
}

fn check_descriptions(sdl: &str) {
    let mut previous = "";
    let mut bare = Vec::new();
    for line in sdl.lines().map(str::trim) {
        let is_element = line.starts_with(|c: char| c.is_ascii_alphabetic())
            && (line.contains(':')
                || line.contains('{')
                || line.starts_with("scalar")
                || line == line.to_uppercase());
        let is_prose = !(previous == "\"\"\""
            || previous.ends_with('{')
            || previous.ends_with('(')
            || previous.is_empty());
        if is_element && previous != "\"\"\"" && !line.starts_with("schema") && !is_prose {
            bare.push(line);
        }
        previous = line;
    }
    let bare: Vec<_> = bare
        .into_iter()
        .filter(|line| !line.starts_with("query:") && !line.starts_with("mutation:"))
        .collect();
    assert!(bare.is_empty(), "no description: {bare:#?}");
}

#[tokio::test]
async fn the_introspection_query_of_the_common_tools_passes() {
    let app = TestApp::start(Backend::Embedded).await;
    let answer = app.anonymous(include_str!("support/introspection.graphql"), serde_json::json!({})).await;
    let types = answer.data("/__schema/types");
    assert!(types.as_array().is_some_and(|types| types.iter().any(|kind| kind["name"] == "ErrorCode")));
}

#[tokio::test]
async fn introspection_that_is_off_tells_nothing_also_not_in_suggestions() {
    let app = TestApp::with(Backend::Embedded, &[("INTROSPECTION", "off")]).await;
    let answer = app.anonymous("{ __schema { queryType { name } } }", serde_json::json!({})).await;
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
    assert!(!answer.text.contains("Query"), "{}", answer.text);
    let nested = "{ ...A } fragment A on Query { __type(name: \"User\") { name } }";
    assert_eq!(app.anonymous(nested, serde_json::json!({})).await.code(), "GRAPHQL_VALIDATION_FAILED");
    let answer = app.anonymous("{ mee { id } }", serde_json::json!({})).await;
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
    assert!(!answer.text.contains("Did you mean"), "{}", answer.text);
}
