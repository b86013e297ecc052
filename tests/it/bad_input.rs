//! Bad input: a clear typed error, and nothing lost or half-written, on both backends.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp, on_every_backend};

on_every_backend!(
    every_faulty_field_is_named_at_once,
    faulty_addresses_are_refused,
    faulty_names_are_refused,
    passwords_have_bounds_and_are_never_cut,
    wrong_types_and_unknown_fields_do_not_reach_a_resolver,
    a_failed_mutation_beside_another_leaves_a_well_formed_answer,
    operations_that_ask_for_too_much_are_refused,
);

fn fault(field: &str, code: &str) -> Vec<(String, String)> {
    vec![(field.into(), code.into())]
}

async fn every_faulty_field_is_named_at_once(app: &TestApp) {
    let query = "mutation($input: RegisterInput!) { register(input: $input) { user { id } } }";
    let input =
        json!({ "email": "nonsense", "password": "short", "name": " ", "deviceName": "x".repeat(101) });
    let answer = app.anonymous(query, json!({ "input": input })).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
    let found = answer.faults();
    let expected = [
        ("input.email", "INVALID_FORMAT"),
        ("input.password", "TOO_SHORT"),
        ("input.name", "REQUIRED"),
        ("input.deviceName", "TOO_LONG"),
    ];
    assert_eq!(found, expected.map(|(field, code)| (field.to_owned(), code.to_owned())));
    assert_eq!(answer.error()["fields"][1]["limit"], 8);
}

async fn faulty_addresses_are_refused(app: &TestApp) {
    let long = format!("{}@example.com", "a".repeat(288));
    for (email, code) in [
        ("", "REQUIRED"),
        ("ada", "INVALID_FORMAT"),
        ("ada@", "INVALID_FORMAT"),
        ("a b@example.com", "INVALID_FORMAT"),
        ("ada@example.com\nbcc: eve@example.com", "INVALID_FORMAT"),
        ("ada\u{0}@example.com", "INVALID_FORMAT"),
        (long.as_str(), "TOO_LONG"),
    ] {
        let answer = app.register(email, "correct horse battery", "Ada").await;
        assert_eq!(answer.faults(), fault("input.email", code), "{email:?}");
    }
}

async fn faulty_names_are_refused(app: &TestApp) {
    for (name, code) in
        [("", "REQUIRED"), ("a\u{7}b", "INVALID_CHARACTER"), (&"x".repeat(10_240), "TOO_LONG")]
    {
        let answer = app.register("ada@example.com", "correct horse battery", name).await;
        assert_eq!(answer.faults(), fault("input.name", code));
    }
    app.user("ada").await;
}

async fn passwords_have_bounds_and_are_never_cut(app: &TestApp) {
    for (password, code) in [("", "REQUIRED"), ("1234567", "TOO_SHORT"), (&"x".repeat(257), "TOO_LONG")] {
        let answer = app.register("ada@example.com", password, "Ada").await;
        assert_eq!(answer.faults(), fault("input.password", code));
    }
    let too_long = app.login("ada@example.com", &"x".repeat(257)).await;
    assert_eq!(too_long.faults(), fault("input.password", "TOO_LONG"));

    let ascii: String =
        (0..72_u32).map(|i| char::from(b'!' + u8::try_from(i * i * 7 % 90).unwrap())).collect();
    let emoji: String = (0..64).map(|i| char::from_u32(0x1F400 + i * i * 5 % 61).unwrap()).collect();
    app.register("ascii@example.com", &ascii, "Ascii").await.data("/register");
    app.register("emoji@example.com", &emoji, "Emoji").await.data("/register");
    app.login("ascii@example.com", &ascii).await.data("/login");
    app.login("emoji@example.com", &emoji).await.data("/login");
    assert_eq!(app.login("ascii@example.com", &ascii[..71]).await.code(), "INVALID_CREDENTIALS");
    assert_eq!(app.login("emoji@example.com", &emoji[..68]).await.code(), "INVALID_CREDENTIALS");
    // The same text from a keyboard that composes differently.
    app.register("nfc@example.com", "cafe\u{301} au lait", "Nfc").await.data("/register");
    app.login("nfc@example.com", "café au lait").await.data("/login");
}

async fn wrong_types_and_unknown_fields_do_not_reach_a_resolver(app: &TestApp) {
    let login = "mutation($input: LoginInput!) { login(input: $input) { user { id } } }";
    let code = |answer: &Answer| {
        assert!(answer.json().get("data").is_none_or(Value::is_null), "{}", answer.text);
        answer.code()
    };
    for variables in [
        json!({ "input": { "email": 1, "password": "x" } }),
        json!({ "input": { "email": "a@example.com" } }),
        json!({ "input": { "email": "a@example.com", "password": "x", "admin": true } }),
        json!({ "input": null }),
        json!({}),
        json!({ "input": "text" }),
        json!({ "input": { "email": "a@e.com", "password": "x", "transport": "PIGEON" } }),
    ] {
        assert_eq!(
            code(&app.anonymous(login, variables.clone()).await),
            "GRAPHQL_VALIDATION_FAILED",
            "{variables}"
        );
    }
    for query in [
        "{ me { passwordHash } }",
        "{ users { id } }",
        "mutation { login { user { id } } }",
        "subscription { me { id } }",
        "query($a: Nonsense) { me { id } }",
        "{ me }",
        "{ me { ...Missing } }",
        "query A { me { id } } query B { me { id } }",
        "{ ...A } fragment A on Query { ...A }",
    ] {
        assert_eq!(code(&app.anonymous(query, json!({})).await), "GRAPHQL_VALIDATION_FAILED", "{query}");
    }
    for query in ["", "{", "{ me { id }", "nonsense", "{ me(: 1) { id } }", "\u{0}"] {
        assert_eq!(code(&app.anonymous(query, json!({})).await), "GRAPHQL_PARSE_FAILED", "{query:?}");
    }
}

async fn a_failed_mutation_beside_another_leaves_a_well_formed_answer(app: &TestApp) {
    let query = "mutation { a: logout { success } b: login(input: { email: \"a@example.com\", password: \"x\" }) { user { id } } }";
    let answer = app.anonymous(query, json!({})).await;
    assert_eq!(answer.code(), "INVALID_CREDENTIALS");
    assert_eq!(answer.json()["errors"][0]["path"], json!(["b"]));
    // A non-null field that fails makes its parent null, as the specification says.
    assert_eq!(answer.json()["data"], json!(null));
}

async fn operations_that_ask_for_too_much_are_refused(app: &TestApp) {
    let bomb = |last: &str| {
        let levels = (0..30).fold(String::new(), |text, level| {
            format!("{text} fragment F{level} on Query {{ {} }}", format!("...F{} ", level + 1).repeat(10))
        });
        format!("{levels} fragment F30 on Query {{ {last} }}")
    };
    let aliases = (0..200).fold(String::new(), |text, n| {
        format!(
            "{text} a{n}: login(input: {{ email: \"a@example.com\", password: \"x\" }}) {{ user {{ id }} }}"
        )
    });
    let chain = (0..1_500)
        .fold(String::new(), |text, n| format!("{text} fragment F{n} on Query {{ ...F{} }}", n + 1));
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(5_000), close.repeat(5_000));
    for (query, name) in [
        (format!("{{ ...F0 }} {}", bomb("me { id }")), "selections"),
        (format!("query A {{ me {{ id }} }} query B {{ ...F0 }} {}", bomb("me { id }")), "selections"),
        (format!("mutation {{ {aliases} }}"), "sensitiveFields"),
        (
            format!("{{ {} }}", (0..21).fold(String::new(), |text, n| format!("{text} a{n}: __typename"))),
            "rootFields",
        ),
        (format!("{{ node(id: 1) {{ {} id {} }} }}", "id {".repeat(30), "}".repeat(30)), "depth"),
        (format!("{{ node(id: {}) {{ id }} }}", deep("[", "]")), "nesting"),
        (format!("{{ node(id: {}) {{ id }} }}", deep("{a:", "}")), "nesting"),
        (format!("query($a: {}) {{ me {{ id }} }}", deep("[", "]")), "nesting"),
        (deep("{", "}"), "nesting"),
        (format!("{{ __typename }} {chain}"), "tokens"),
        (format!("{{ me {} {{ id }} }}", "@a ".repeat(15_000)), "tokens"),
        (format!("{{ me {{ id }} }} # {}", "x".repeat(65_536)), "documentBytes"),
    ] {
        let request = json!({ "query": query, "operationName": query.starts_with("query A").then_some("A") });
        let answer = app.send(crate::support::post_request(&[], request.to_string())).await;
        assert_eq!(answer.code(), "OPERATION_TOO_COMPLEX", "{name}");
        assert_eq!(answer.error()["limitName"], name);
        let [limit, value] = ["limit", "value"].map(|name| answer.error()[name].as_u64().unwrap());
        assert!(value > limit, "{name}");
    }
    let unknown = app.anonymous(&format!("{{ ...F0 }} {}", bomb("...Nope")), json!({})).await;
    assert_eq!(unknown.code(), "GRAPHQL_VALIDATION_FAILED");
    let often = format!("query($v: ID) {{ node(id: [{}]) {{ id }} }}", "$v ".repeat(4_000));
    let answer = app.anonymous(&often, json!({ "v": vec![1; 50_000] })).await;
    assert_eq!(
        (answer.code().as_str(), &answer.error()["limitName"]),
        ("OPERATION_TOO_COMPLEX", &json!("values"))
    );
}
