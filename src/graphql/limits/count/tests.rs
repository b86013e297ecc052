//! Tests of the count.

use std::fmt::Write;

use async_graphql::parser::parse_query;

use super::*;
use crate::graphql::limits::Over;

fn limits() -> OperationLimits {
    OperationLimits::default()
}

fn limit_of(outcome: Result<(), Excess>) -> &'static str {
    match outcome {
        Err(Excess::Over(Over { limit, .. })) => limit,
        other => panic!("{other:?}"),
    }
}

fn checked_with(text: &str, variables: serde_json::Value) -> Result<(), Excess> {
    check(&parse_query(text).unwrap(), &Variables::from_json(variables), &limits()).map(drop)
}

fn checked(text: &str) -> Result<(), Excess> {
    checked_with(text, serde_json::json!({}))
}

/// Fragments that each spread the next one ten times, the last one `last`.
fn bomb(levels: usize, last: &str) -> String {
    let mut text = String::new();
    for level in 0..levels {
        let spreads = format!("...F{} ", level + 1).repeat(10);
        write!(text, " fragment F{level} on Query {{ {spreads} }}").unwrap();
    }
    write!(text, " fragment F{levels} on Query {{ {last} }}").unwrap();
    text
}

#[test]
fn fragment_bombs_are_refused_whatever_they_end_in_and_whoever_spreads_them() {
    let is_over = |text: &str| assert_eq!(limit_of(checked(text)), "selections", "{text}");
    is_over(&format!("{{ ...F0 }} {}", bomb(40, "me { id }")));
    assert_eq!(checked(&format!("{{ ...F0 }} {}", bomb(6, "...Nope"))), Err(Excess::UnknownFragment));
    is_over(&format!("{{ ...F0 }} {}", bomb(6, "... { ... { __typename } }")));
    is_over(&format!("query A {{ me {{ id }} }} query B {{ ...F0 }} {}", bomb(6, "me { id }")));
    // Also one that nobody spreads.
    is_over(&format!("{{ me {{ id }} }} {}", bomb(6, "me { id }")));
}

#[test]
fn fragment_cycles_are_refused_also_unused_ones() {
    assert_eq!(checked("{ ...A } fragment A on Query { ...A }"), Err(Excess::Cycle));
    let unused = "{ me { id } } fragment A on Query { ...B } fragment B on Query { me { id } ...A }";
    assert_eq!(checked(unused), Err(Excess::Cycle));
}

#[test]
fn chains_of_fragments_are_bounded() {
    let chain = |length: usize| {
        let links = (0..length)
            .fold(String::new(), |text, n| format!("{text} fragment F{n} on Query {{ ...F{} }}", n + 1));
        format!("{{ ...F0 }} {links} fragment F{length} on Query {{ __typename }}")
    };
    assert_eq!(checked(&chain(50)), Ok(()));
    assert_eq!(limit_of(checked(&chain(80))), "levels");
    assert_eq!(limit_of(checked(&chain(7_000))), "fragments");
}

#[test]
fn bounds_hold_at_the_exact_value() {
    let aliases =
        |count: usize| (0..count).fold(String::new(), |text, n| format!("{text} a{n}: me {{ id }}"));
    assert_eq!(checked(&format!("{{ {} }}", aliases(20))), Ok(()));
    assert!(checked(&format!("{{ {} }}", aliases(21))).is_err());
    assert!(checked(&format!("{{ ...A }} fragment A on Query {{ {} }}", aliases(21))).is_err());
    let deep = |levels: usize| format!("{{ {} id {} }}", "a {".repeat(levels - 1), "}".repeat(levels - 1));
    assert_eq!(checked(&deep(12)), Ok(()));
    assert_eq!(checked(&deep(13)), Err(Excess::Over(Over { limit: "depth", most: 12, found: 13 })));
    let operations =
        |count: usize| (0..count).fold(String::new(), |text, n| format!("{text} query Q{n} {{ a }}"));
    assert_eq!(checked(&operations(20)), Ok(()));
    assert!(checked(&operations(21)).is_err());
}

#[test]
fn a_variable_counts_as_often_as_it_is_used() {
    let text = |uses: usize| format!("query($v: ID) {{ node(id: [{}]) {{ id }} }}", "$v ".repeat(uses));
    let value = serde_json::json!({ "v": vec![1; 998] });
    assert_eq!(checked_with(&text(19), value.clone()), Ok(()));
    assert_eq!(limit_of(checked_with(&text(21), value)), "values");
    let default =
        format!("query($v: ID = [{}]) {{ node(id: [{}]) {{ id }} }}", "1 ".repeat(2_000), "$v ".repeat(20));
    assert!(checked(&default).is_err());
}

#[test]
fn entities_count_as_often_as_there_are_representations() {
    let fields = "id ".repeat(48);
    let select = format!("{{ ... on User {{ {fields} }} }}");
    let written = |count: usize| {
        let list = "{ __typename: \"User\", id: \"a\" } ".repeat(count);
        format!("{{ _entities(representations: [{list}]) {select} }}")
    };
    // 48 fields and the 20 of the field itself: 103 times is within 5,000.
    assert_eq!(checked(&written(103)), Ok(()));
    assert_eq!(limit_of(checked(&written(104))), "complexity");
    assert_eq!(checked(&written(0)), Ok(()));

    let sent = format!("query($r: [_Any!]!) {{ _entities(representations: $r) {select} }}");
    let given = |count: usize| serde_json::json!({ "r": vec![serde_json::json!({ "id": "a" }); count] });
    assert_eq!(checked_with(&sent, given(103)), Ok(()));
    assert_eq!(limit_of(checked_with(&sent, given(104))), "complexity");
    // Each alias, also in fragments, has a list of its own.
    let twice = format!(
        "query($r: [_Any!]!) {{ a: _entities(representations: $r) {select} ...B }}
        fragment B on Query {{ b: _entities(representations: $r) {select} }}"
    );
    assert_eq!(checked_with(&twice, given(51)), Ok(()));
    assert_eq!(limit_of(checked_with(&twice, given(52))), "complexity");
    // What is not sent counts as its default says, and a value that is no list as one.
    let default = "{ id: \"a\" } ".repeat(104);
    let defaulted =
        format!("query($r: [_Any!]! = [{default}]) {{ _entities(representations: $r) {select} }}");
    assert_eq!(limit_of(checked(&defaulted)), "complexity");
    assert_eq!(checked_with(&sent, serde_json::json!({ "r": { "id": "a" } })), Ok(()));
    // An item has its price also where next to nothing is selected: it may be an error.
    let little = "query($r: [_Any!]!) { _entities(representations: $r) { __typename } }";
    assert_eq!(checked_with(little, given(1_245)), Ok(()));
    assert_eq!(limit_of(checked_with(little, given(1_246))), "complexity");
    let mixed = format!("query($a: _Any) {{ _entities(representations: [{}]) {select} }}", "$a ".repeat(104));
    assert_eq!(limit_of(checked(&mixed)), "complexity");
}

#[test]
fn pages_count_as_often_as_they_are_long() {
    let text = |page: &str, fields: &str| {
        format!("query($n: Int) {{ me {{ sessions{page} {{ edges {{ node {{ {fields} }} }} }} }} }}")
    };
    let fields = "id ".repeat(48);
    let ones = |count: i64| serde_json::json!({ "n": count });
    assert_eq!(checked_with(&text("(first: 95)", &fields), ones(0)), Ok(()));
    assert_eq!(limit_of(checked_with(&text("(first: 100)", &fields), ones(0))), "complexity");
    assert_eq!(checked_with(&text("(last: $n)", &fields), ones(95)), Ok(()));
    assert_eq!(limit_of(checked_with(&text("(last: $n)", &fields), ones(100))), "complexity");
    // As long as a page is that says nothing, and as one can be that says nonsense.
    assert_eq!(checked_with(&text("", &fields), ones(0)), Ok(()));
    assert_eq!(checked_with(&text("(first: 2000000)", &"id ".repeat(40)), ones(0)), Ok(()));
    assert_eq!(limit_of(checked_with(&text("(first: \"x\")", &fields), ones(0))), "complexity");
    // What stands beside the edges is there once.
    let beside = "{ me { sessions(first: 100) { totalCount pageInfo { endCursor } edges { cursor } } } }";
    assert_eq!(checked(beside), Ok(()));
    let spread = "{ me { ...A } } fragment A on User { sessions(first: 50) { edges { node { ...B } } } }
        fragment B on Session { user { sessions(first: 2) { edges { node { id } } } } }";
    assert_eq!(limit_of(checked(spread)), "complexity");
}

#[test]
fn aliases_and_directives_have_bounds_of_their_own() {
    let aliases = |count: usize| (0..count).fold(String::new(), |text, n| format!("{text} a{n}: id"));
    assert_eq!(checked(&format!("{{ me {{ {} }} }}", aliases(50))), Ok(()));
    assert_eq!(limit_of(checked(&format!("{{ me {{ {} }} }}", aliases(51)))), "aliases");
    let directives = |count: usize| format!("{{ me {{ id {} }} }}", "@include(if: true) ".repeat(count));
    assert_eq!(checked(&directives(100)), Ok(()));
    assert_eq!(limit_of(checked(&directives(101))), "directives");
}

#[test]
fn a_request_hashes_or_mails_once() {
    let one = "mutation { login(input: {}) { user { id } } }";
    assert_eq!(checked(one), Ok(()));
    for two in [
        "mutation { a: login(input: {}) { user { id } } b: login(input: {}) { user { id } } }",
        "mutation { register(input: {}) { user { id } } login(input: {}) { user { id } } }",
        "mutation { ...A ... on Mutation { ...A } } fragment A on Mutation { login(input: {}) { user { id } } }",
        "query A { me { id } } mutation B { reauthenticate(input: {}) { a } deleteAccount { b } }",
    ] {
        assert_eq!(limit_of(checked(two)), "sensitiveFields", "{two}");
    }
    // As many as there are are refused before anything is known of them.
    let many = (0..1_000)
        .fold(String::new(), |text, n| format!("{text} a{n}: login(input: {{}}) {{ user {{ id }} }}"));
    assert_eq!(limit_of(checked(&format!("mutation {{ {many} }}"))), "sensitiveFields");
}

#[test]
fn the_introspection_of_the_tools_passes_and_a_nested_one_does_not() {
    let tools = include_str!("../../../../tests/it/support/introspection.graphql");
    assert_eq!(checked(tools), Ok(()));
    let nested = |levels: usize| {
        let fields = "fields { type { ".repeat(levels);
        format!("{{ __schema {{ types {{ {fields} name {} }} }} }}", "} }".repeat(levels))
    };
    assert_eq!(checked(&nested(2)), Ok(()));
    assert_eq!(limit_of(checked(&nested(6))), "introspectionComplexity");
    let types = "types { possibleTypes { name } } ";
    let twice = format!("{{ a: __schema {{ {types} }} b: __schema {{ {types} }} }}");
    assert_eq!(checked(&twice), Ok(()));
    let deep =
        format!("{{ __type(name: \"User\") {{ {} name {} }} }}", "ofType { ".repeat(20), "}".repeat(20));
    assert_eq!(limit_of(checked(&deep)), "introspectionDepth");
    let fragment = format!(
        "{{ me {{ id }} }} fragment A on __Type {{ {} name {} }}",
        "ofType { ".repeat(14),
        "}".repeat(14)
    );
    assert_eq!(checked(&fragment), Ok(()));
}
