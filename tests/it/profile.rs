//! The profile: user names, language, time zone, metadata; partial changes and versions.

use serde_json::{Value, json};

use crate::support::{Answer, Persona, TestApp, on_every_backend};

on_every_backend!(
    a_profile_is_changed_in_parts,
    null_clears_and_what_is_left_out_stays,
    a_user_name_is_unique_for_the_eye,
    faulty_fields_are_all_named,
    metadata_has_bounds,
    a_person_cannot_write_what_applications_keep,
    a_stale_version_is_a_conflict,
);

const UPDATE: &str = "mutation($input: UpdateProfileInput!) { updateProfile(input: $input) {
    user { name username locale timeZone publicMetadata appMetadata version } } }";

async fn update(person: &Persona<'_>, input: Value) -> Answer {
    person.post(UPDATE, json!({ "input": input })).await
}

async fn a_profile_is_changed_in_parts(app: &TestApp) {
    let ada = app.user("ada").await;
    let input = json!({ "username": "Ada.Lovelace", "locale": "en-gb", "timeZone": "Europe/London" });
    let user = update(&ada, input).await.data("/updateProfile/user");
    let expected = json!({
        "name": "ada", "username": "ada.lovelace", "locale": "en-GB", "timeZone": "Europe/London",
        "publicMetadata": {}, "appMetadata": {}, "version": 2,
    });
    assert_eq!(user, expected);
    let metadata = json!({ "theme": "dark", "$where": { "a.b": [1, null, "ü"] } });
    let user = update(&ada, json!({ "publicMetadata": metadata })).await.data("/updateProfile/user");
    assert_eq!((&user["publicMetadata"], &user["username"]), (&metadata, &json!("ada.lovelace")));
    let me = ada.post("{ me { username publicMetadata version } }", json!({})).await;
    assert_eq!(
        me.data("/me"),
        json!({ "username": "ada.lovelace", "publicMetadata": metadata, "version": 3 })
    );
}

async fn null_clears_and_what_is_left_out_stays(app: &TestApp) {
    let ada = app.user("ada").await;
    let full = json!({ "username": "ada", "locale": "fr", "timeZone": "UTC", "publicMetadata": { "a": 1 } });
    update(&ada, full).await.data("/updateProfile");
    let cleared = json!({ "username": null, "locale": null, "timeZone": null, "publicMetadata": null });
    let user = update(&ada, cleared).await.data("/updateProfile/user");
    assert_eq!(
        user,
        json!({
            "name": "ada", "username": null, "locale": null, "timeZone": null,
            "publicMetadata": {}, "appMetadata": {}, "version": 3,
        })
    );
    // A variable for each field: one that is not sent leaves its field out, as the specification says.
    let query = "mutation Change($name: String, $username: String) {
        updateProfile(input: { name: $name, username: $username }) { user { name username } } }";
    let both = ada.post(query, json!({ "name": "Ada", "username": "countess" })).await;
    assert_eq!(both.data("/updateProfile/user"), json!({ "name": "Ada", "username": "countess" }));
    let one = ada.post(query, json!({ "name": "Ada L." })).await;
    assert_eq!(one.data("/updateProfile/user"), json!({ "name": "Ada L.", "username": "countess" }));
    let null = ada.post(query, json!({ "username": null })).await;
    assert_eq!(null.data("/updateProfile/user"), json!({ "name": "Ada L.", "username": null }));
}

async fn a_user_name_is_unique_for_the_eye(app: &TestApp) {
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    update(&ada, json!({ "username": "paypal" })).await.data("/updateProfile");
    for name in ["paypal", "PayPal", "paypa1", "ｐａｙｐａｌ"] {
        let answer = update(&eve, json!({ "username": name })).await;
        assert_eq!(answer.faults(), [("input.username".to_owned(), "TAKEN".to_owned())], "{name}");
    }
    update(&ada, json!({ "username": "paypal" })).await.data("/updateProfile");
    update(&ada, json!({ "username": null })).await.data("/updateProfile");
    update(&eve, json!({ "username": "paypal" })).await.data("/updateProfile");
}

async fn faulty_fields_are_all_named(app: &TestApp) {
    let ada = app.user("ada").await;
    let input = json!({
        "name": null, "username": "root", "locale": "nonsense!", "timeZone": "Mars/Olympus",
        "publicMetadata": ["no object"],
    });
    let faults = update(&ada, input).await.faults();
    let expected = [
        ("input.name", "REQUIRED"),
        ("input.username", "RESERVED"),
        ("input.locale", "INVALID_FORMAT"),
        ("input.timeZone", "INVALID_FORMAT"),
        ("input.publicMetadata", "INVALID_FORMAT"),
    ];
    assert_eq!(faults, expected.map(|(field, code)| (field.to_owned(), code.to_owned())));
    assert_eq!(ada.me().await.data("/me/version"), 1, "nothing is written");
}

async fn metadata_has_bounds(app: &TestApp) {
    let ada = app.user("ada").await;
    let mut deep = json!(1);
    for _ in 0..9 {
        deep = json!({ "a": deep });
    }
    for (metadata, code) in [(json!({ "a": "x".repeat(8192) }), "TOO_LONG"), (deep, "TOO_DEEP")] {
        let answer = update(&ada, json!({ "publicMetadata": metadata })).await;
        assert_eq!(answer.faults(), [("input.publicMetadata".to_owned(), code.to_owned())]);
    }
    let most = json!({ "a": "x".repeat(8192 - 8) });
    assert_eq!(most.to_string().len(), 8192);
    let user = update(&ada, json!({ "publicMetadata": most })).await.data("/updateProfile/user");
    assert_eq!(user["publicMetadata"], most);
}

async fn a_person_cannot_write_what_applications_keep(app: &TestApp) {
    let ada = app.user("ada").await;
    let answer = update(&ada, json!({ "appMetadata": { "plan": "gold" } })).await;
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
}

async fn a_stale_version_is_a_conflict(app: &TestApp) {
    let ada = app.user("ada").await;
    update(&ada, json!({ "name": "Ada", "expectedVersion": 1 })).await.data("/updateProfile");
    let answer = update(&ada, json!({ "username": "countess", "expectedVersion": 1 })).await;
    assert_eq!((answer.code().as_str(), &answer.error()["currentVersion"]), ("CONFLICT", &json!(2)));
}
