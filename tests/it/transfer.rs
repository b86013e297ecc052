//! People who come from other systems with the hashes of their passwords.

use serde::Deserialize;
use serde_json::{Value, json};
use vestibule::domain::{
    accounts::EmailAddress,
    administration::Administrator,
    passwords::PasswordHash,
    transfer::{ImportOptions, UserRecord},
};

use crate::support::{Backend, TestApp, on_every_backend};

on_every_backend!(rows_are_added_once_and_faults_are_told);

/// A hash as another system has made it; `tests/data/password_hashes.json` says which.
#[derive(Deserialize)]
struct Vector {
    format: String,
    source: String,
    hash: Value,
    password: String,
    wrong: String,
}

#[tokio::test]
async fn everybody_logs_in_with_the_password_of_before() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../data/password_hashes.json")).unwrap();
    assert!(vectors.len() > 40);
    let app = TestApp::start(Backend::Embedded).await;
    let operator = Administrator::operator();
    let mut import = app.domain.administration.import(&operator, ImportOptions::default()).await.unwrap();
    for (number, vector) in vectors.iter().enumerate() {
        let email = format!("person{number}@example.com");
        let record = json!({ "email": email, "passwordHash": vector.hash });
        import.take(number as u64 + 1, Ok(serde_json::from_value(record).unwrap())).await.unwrap();
    }
    let report = import.finish().await.unwrap();
    assert_eq!((report.added, import.drain_bad()), (vectors.len() as u64, Vec::new()));
    for (number, vector) in vectors.iter().enumerate() {
        let email = format!("person{number}@example.com");
        let (format, source) = (&vector.format, &vector.source);
        let wrong = app.login(&email, &vector.wrong).await;
        assert_eq!(wrong.code(), "INVALID_CREDENTIALS", "{format}: {source}");
        let right = app.login(&email, &vector.password).await;
        assert_eq!(right.json()["errors"], Value::Null, "{format}: {source}");
        // From now on it is one of ours.
        let key = EmailAddress::parse(&email).unwrap().key();
        let stored = app.stores.users.find_by_email(&key).await.unwrap().unwrap().password_hash;
        let is_ours =
            stored.expose().starts_with("$2b$04$") || stored.expose().starts_with("$hmac-sha384$2b$04$");
        let was_ours =
            vector.hash.as_str().is_some_and(|hash| hash.starts_with("$2") && !hash.starts_with("$2b$05"));
        assert!(is_ours || was_ours, "{format}: {source}");
        assert_eq!(
            app.login(&email, &vector.password).await.json()["errors"],
            Value::Null,
            "{format}: again"
        );
        assert_eq!(app.login(&email, &vector.wrong).await.code(), "INVALID_CREDENTIALS", "{format}: again");
    }
}

/// Node's bcrypt looks at 72 bytes and forgets the rest.
#[tokio::test]
async fn a_long_password_that_another_system_has_cut_is_taken_once_more() {
    let app = TestApp::start(Backend::Embedded).await;
    let (long, same) = ("päss wörd ".repeat(9), format!("{}x", "päss wörd ".repeat(8)));
    let cut = bcrypt::hash(&long.as_bytes()[..72], 4).unwrap();
    let record = json!({ "email": "ada@example.com", "passwordHash": cut });
    let operator = Administrator::operator();
    let mut import = app.domain.administration.import(&operator, ImportOptions::default()).await.unwrap();
    import.take(1, Ok(serde_json::from_value(record).unwrap())).await.unwrap();
    import.finish().await.unwrap();
    assert_eq!(app.login("ada@example.com", "päss wörd").await.code(), "INVALID_CREDENTIALS");
    app.login("ada@example.com", &long).await.data("/login");
    // Whole from now on: what is the same within 72 bytes is another.
    assert_eq!(&same.as_bytes()[..72], &long.as_bytes()[..72]);
    assert_eq!(app.login("ada@example.com", &same).await.code(), "INVALID_CREDENTIALS");
    app.login("ada@example.com", &long).await.data("/login");
}

#[test]
fn hashes_of_no_known_form_are_refused() {
    for text in [
        "",
        "!",
        "password",
        "$2b$99$abc",
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "{SSHA}x",
    ] {
        assert!(PasswordHash::import(text).is_none(), "{text}");
    }
}

fn record(value: Value) -> Result<UserRecord, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

async fn rows_are_added_once_and_faults_are_told(app: &TestApp) {
    app.user("eve").await;
    let rows = [
        json!({ "email": "ada@example.com", "name": "Ada", "id": "507f1f77bcf86cd799439011", "createdAt": "2020-01-01T00:00:00Z" }),
        json!({ "email": "ADA@example.com", "name": "Ada again" }),
        json!({ "email": "no address", "username": "a" }),
        json!({ "email": "eve@example.com", "name": "Somebody else" }),
        json!({ "email": "bea@example.com", "roles": ["admin"] }),
        json!({ "email": "cleo@example.com", "passwordHash": "{SSHA}secret" }),
        json!({ "email": "dora@example.com", "username": "dora", "locale": "fr", "timeZone": "Europe/Paris",
            "emailVerified": true, "publicMetadata": { "theme": "dark" }, "suspension": { "reason": "spam" } }),
        json!({ "email": "dora2@example.com", "username": "DORA" }),
    ];
    let operator = Administrator::operator();
    let run = async |is_dry_run| {
        let options = ImportOptions { is_dry_run, source: "test".into(), ..ImportOptions::default() };
        let mut import = app.domain.administration.import(&operator, options).await.unwrap();
        for (number, row) in (1..).zip(&rows) {
            import.take(number, record(row.clone())).await.unwrap();
        }
        import.take(9, Err("is not JSON".into())).await.unwrap();
        let report = import.finish().await.unwrap();
        let mut bad = import.drain_bad();
        bad.sort_by_key(|bad| bad.row);
        (report, bad)
    };
    let (dry, _) = run(true).await;
    assert_eq!((dry.added, dry.present, dry.bad), (2, 1, 6), "what the import then does");
    assert_eq!(app.login("ada@example.com", "x").await.code(), "INVALID_CREDENTIALS");
    let (first, bad) = run(false).await;
    assert_eq!((first.added, first.present, first.bad), (2, 1, 6));
    let faults: Vec<_> = bad.iter().map(|bad| (bad.row, bad.reason.as_str())).collect();
    assert_eq!(faults[0], (2, "has the e-mail address of row 1"));
    assert!(
        faults[1].1.contains("email must be") && faults[1].1.contains("username must have"),
        "{faults:?}"
    );
    assert_eq!(faults[2], (5, "roles are there; --with-roles takes them over"));
    assert_eq!(faults[3], (6, "passwordHash is of no known form"));
    assert_eq!(faults[4], (8, "username belongs to somebody else, or looks like it"));
    assert_eq!(faults[5], (9, "is not JSON"));
    // Again from the start, as after an interruption.
    let (again, _) = run(false).await;
    assert_eq!((again.added, again.present, again.bad), (0, 3, 6));
    let key = EmailAddress::parse("ada@example.com").unwrap().key();
    let ada = app.stores.users.find_by_email(&key).await.unwrap().unwrap();
    assert_eq!(ada.metadata.app.to_value(), json!({ "importedId": "507f1f77bcf86cd799439011" }));
    assert_eq!(ada.user.created_at.to_rfc3339(), "2020-01-01T00:00:00+00:00");
    let dora = app.stores.users.find_by_email(&EmailAddress::parse("dora@example.com").unwrap().key()).await;
    let dora = dora.unwrap().unwrap();
    assert!(dora.user.is_suspended(app.now()) && dora.user.email_verified);
    assert_eq!(dora.metadata.public.to_value(), json!({ "theme": "dark" }));
}
