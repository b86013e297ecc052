//! Who may have what: every part of the schema says so, and is so.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::Positioned;
use async_graphql::parser::{
    parse_schema,
    types::{
        BaseType, ConstDirective, FieldDefinition, InputValueDefinition, ServiceDocument, Type,
        TypeDefinition, TypeKind, TypeSystemDefinition,
    },
};
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, on_every_backend};

on_every_backend!(fields_that_need_a_login_answer_nobody_else, nobody_gets_what_belongs_to_somebody_else,);

fn schema() -> ServiceDocument {
    parse_schema(vestibule::graphql::sdl()).unwrap()
}

fn types(schema: &ServiceDocument) -> BTreeMap<&str, &TypeDefinition> {
    let types = schema.definitions.iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => {
            Some((definition.node.name.node.as_str(), &definition.node))
        }
        _ => None,
    });
    types.collect()
}

fn fields(definition: &TypeDefinition) -> &[Positioned<FieldDefinition>] {
    match &definition.kind {
        TypeKind::Object(object) => &object.fields,
        _ => &[],
    }
}

fn rule(directives: &[Positioned<ConstDirective>]) -> Option<String> {
    let access = directives.iter().find(|directive| directive.node.name.node == "access")?;
    Some(access.node.get_argument("rule")?.node.to_string())
}

#[test]
fn every_root_field_and_every_object_type_declares_its_rule() {
    let schema = schema();
    let mut seen = BTreeSet::new();
    for (name, definition) in types(&schema) {
        let TypeKind::Object(object) = &definition.kind else { continue };
        if ["Query", "Mutation", "Subscription"].contains(&name) {
            for field in &object.fields {
                let rule = rule(&field.node.directives);
                let rule = rule.unwrap_or_else(|| panic!("{name}.{} has no rule", field.node.name.node));
                assert!(
                    ["PUBLIC", "PROOF", "CALLER"].contains(&&*rule),
                    "{name}.{}: {rule}",
                    field.node.name.node
                );
                seen.insert(rule);
            }
        } else if name != "PageInfo" {
            // That one is the library's, and says where a page ends, whatever it is a page of.
            let rule = rule(&definition.directives).unwrap_or_else(|| panic!("{name} has no rule"));
            assert!(["OWNER", "ANSWER"].contains(&&*rule), "{name}: {rule}");
            seen.insert(rule);
        }
    }
    assert_eq!(seen.len(), 5, "{seen:?}");
}

/// A value of a type, with everything in it that can be.
fn value_of(types: &BTreeMap<&str, &TypeDefinition>, of: &Type) -> Value {
    let name = match &of.base {
        BaseType::List(item) => return json!([value_of(types, item)]),
        BaseType::Named(name) => name.as_str(),
    };
    match types.get(name).map(|definition| &definition.kind) {
        Some(TypeKind::InputObject(input)) => {
            let member = |field: &Positioned<InputValueDefinition>| {
                (field.node.name.to_string(), value_of(types, &field.node.ty.node))
            };
            Value::Object(input.fields.iter().map(member).collect())
        }
        Some(TypeKind::Enum(all)) => json!(all.values[0].node.value.node.to_string()),
        _ => match name {
            "Int" => json!(1),
            "Boolean" => json!(true),
            "JSON" => json!({}),
            _ => json!("x"),
        },
    }
}

/// A document that asks for one root field, and its variables.
fn document(types: &BTreeMap<&str, &TypeDefinition>, root: &str, field: &FieldDefinition) -> (String, Value) {
    let (mut declared, mut given, mut variables) = (Vec::new(), Vec::new(), serde_json::Map::new());
    for argument in field.arguments.iter().map(|argument| &argument.node) {
        declared.push(format!("${}: {}", argument.name, argument.ty));
        given.push(format!("{0}: ${0}", argument.name));
        variables.insert(argument.name.to_string(), value_of(types, &argument.ty.node));
    }
    let wrapped = |open: &str, parts: &[String]| {
        if parts.is_empty() { String::new() } else { format!("{open}{})", parts.join(", ")) }
    };
    let text = format!(
        "{}{} {{ {}{} {{ __typename }} }}",
        root.to_lowercase(),
        wrapped("(", &declared),
        field.name,
        wrapped("(", &given)
    );
    (text, Value::Object(variables))
}

async fn fields_that_need_a_login_answer_nobody_else(app: &TestApp) {
    let schema = schema();
    let types = types(&schema);
    let mut guarded = 0;
    for root in ["Query", "Mutation"] {
        for field in fields(types[root]).iter().map(|field| &field.node) {
            let (text, variables) = document(&types, root, field);
            let answer = app.anonymous(&text, variables).await;
            let error = answer.json()["errors"][0]["extensions"].clone();
            assert_ne!(error["code"], "GRAPHQL_VALIDATION_FAILED", "{text}: {}", answer.text);
            if rule(&field.directives).as_deref() == Some("CALLER") {
                guarded += 1;
                assert_eq!(
                    (&error["code"], &error["reason"]),
                    (&json!("UNAUTHENTICATED"), &json!("MISSING")),
                    "{text}"
                );
            } else {
                assert_ne!(error["code"], "UNAUTHENTICATED", "{text}: {}", answer.text);
            }
        }
    }
    assert!(guarded >= 13, "{guarded}");
    let events = [("accept", "text/event-stream")];
    for field in fields(types["Subscription"]).iter().map(|field| &field.node) {
        assert_eq!(rule(&field.directives).as_deref(), Some("CALLER"), "{}", field.name.node);
        let text = format!("subscription {{ {} {{ __typename }} }}", field.name.node);
        let answer = app.post(&events, &text, json!({})).await;
        assert!(answer.text.contains("UNAUTHENTICATED"), "{}", answer.text);
    }
}

async fn nobody_gets_what_belongs_to_somebody_else(app: &TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let schema = schema();
    let nodes = types(&schema).into_iter().filter(|(_, definition)| match &definition.kind {
        TypeKind::Object(object) => object.implements.iter().any(|name| name.node == "Node"),
        _ => false,
    });
    let events = ada.post("{ me { securityEvents(first: 1) { edges { node { id } } } } }", json!({})).await;
    let event = events.text_at("/me/securityEvents/edges/0/node/id");
    for (name, definition) in nodes {
        assert_eq!(rule(&definition.directives).as_deref(), Some("OWNER"), "{name}");
        let (id, field) = match name {
            "User" => (&ada.id, "createdAt"),
            "Session" => (&ada.session_id, "createdAt"),
            "SecurityEvent" => (&event, "at"),
            other => panic!("say here how somebody else's {other} is asked for"),
        };
        let ask =
            format!("query($id: ID!) {{ node(id: $id) {{ __typename id ... on {name} {{ {field} }} }} }}");
        let own = ada.post(&ask, json!({ "id": id })).await;
        assert_eq!(own.data("/node/__typename"), name);
        let others = eve.post(&ask, json!({ "id": id })).await;
        assert_eq!(others.json(), json!({ "data": { "node": null } }), "{name}");
        let nobodys = app.anonymous(&ask, json!({ "id": id })).await;
        assert_eq!(nobodys.code(), "UNAUTHENTICATED");
    }
    for change in [
        "mutation($id: ID!) { revokeSession(input: { id: $id }) { sessionId } }",
        "mutation($id: ID!) { renameSession(input: { id: $id, deviceName: \"x\" }) { session { id } } }",
    ] {
        assert_eq!(eve.post(change, json!({ "id": ada.session_id })).await.code(), "NOT_FOUND");
    }
    ada.me().await.data("/me");
}

/// `user` and `session` of what somebody has belong to the same person.
#[tokio::test]
async fn what_hangs_on_a_node_is_its_owners() {
    let app = TestApp::start(Backend::Embedded).await;
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let page = "{ me { id sessions { edges { node { id } } } } }";
    for (one, other) in [(&ada, &eve), (&eve, &ada)] {
        let answer = one.post(page, json!({})).await;
        assert!(answer.text.contains(&one.session_id) && !answer.text.contains(&other.session_id));
        assert!(!answer.text.contains(&other.id));
    }
}
