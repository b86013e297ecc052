//! Moving in and out at the command line.

use std::{fmt::Write, fs, path::Path};

use serde_json::{Value, json};
use tempfile::tempdir;

use super::commands::{rows, run, run_with};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// People with all that people can have.
fn people(count: usize) -> String {
    (0..count).fold(String::new(), |mut lines, number| {
        let mut row = json!({
            "email": format!("Person{number}@example.com"),
            "name": format!("Person, \"{number}\""),
            "passwordHash": "$2b$04$YjsAPwIbPtLKQfDZnUHeZO5aNl3.Nj.nHkwv9vQZ6cLVNvJg1B8fK",
            "createdAt": format!("2024-01-{:02}T10:20:30.456Z", number % 28 + 1),
        });
        if number % 2 == 0 {
            row["username"] = json!(format!("person{number}"));
            row["emailVerified"] = json!(true);
            row["roles"] = json!(["user"]);
            row["locale"] = json!("fr");
            row["avatar"] =
                json!({ "publicId": "a/b", "url": "https://img.example/a.png", "width": 3, "height": 4 });
            row["appMetadata"] = json!({ "plan": "gold", "list": [1, "two, three", null] });
            row["suspension"] = json!({ "reason": "späm", "at": "2024-02-01T00:00:00Z" });
            row["deletionDueAt"] = json!("2999-01-01T00:00:00Z");
        }
        writeln!(lines, "{row}").unwrap();
        lines
    })
}

fn export(folder: &Path, format: &str) -> String {
    let output = run(folder, &["users", "export", "--format", format]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn what_was_exported_is_imported_as_it_was() {
    let source = tempdir().unwrap();
    fs::write(source.path().join("people.jsonl"), people(40)).unwrap();
    let report = &rows(source.path(), &["users", "import", "people.jsonl"])[0];
    assert_eq!((&report["added"], &report["faulty"]), (&json!(40), &json!(0)));
    for format in ["jsonl", "csv"] {
        let (there, exported) = (tempdir().unwrap(), export(source.path(), format));
        let name = format!("all.{format}");
        fs::write(there.path().join(&name), &exported).unwrap();
        let report = &rows(there.path(), &["users", "import", &name, "--with-roles"])[0];
        assert_eq!(report["added"], 40, "{report}");
        assert_eq!(export(there.path(), format), exported);
        let again = &rows(there.path(), &["users", "import", &name, "--with-roles"])[0];
        assert_eq!((&again["added"], &again["present"]), (&json!(0), &json!(40)));
    }
    let secret = source.path().join("secret.jsonl");
    let output = run(source.path(), &["users", "export", "--output", "secret.jsonl"]);
    assert!(output.status.success());
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&secret).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(run(source.path(), &["users", "export", "--output", "secret.jsonl"]).status.code(), Some(1));
}

#[test]
fn faulty_rows_are_told_with_their_lines_and_nothing_is_repeated() {
    let folder = tempdir().unwrap();
    let hash = "$2b$04$YjsAPwIbPtLKQfDZnUHeZO5aNl3.Nj.nHkwv9vQZ6cLVNvJg1B8fK";
    let lines = [
        json!({ "email": "good@example.com", "passwordHash": hash }).to_string(),
        String::new(),
        "{ not json".to_owned(),
        json!({ "email": "bad" }).to_string(),
        json!({ "email": "x@example.com", "pasword": hash }).to_string(),
        json!({ "email": "y@example.com", "emailVerified": "hunter2" }).to_string(),
        json!({ "name": "Nobody" }).to_string(),
        json!({ "email": "GOOD@example.com" }).to_string(),
    ];
    let input = lines.join("\n");
    for dry in [true, false] {
        let mut arguments = vec!["users", "import", "-", "--format", "jsonl", "--json"];
        arguments.extend(dry.then_some("--dry-run"));
        let output = run_with(folder.path(), &arguments, &input);
        assert_eq!(output.status.code(), Some(4));
        let told = text(&output.stderr);
        for row in [
            "row 3: is not JSON",
            "row 4: email must be",
            "row 5: unknown field",
            "row 6: has a value",
            "row 7: missing field `email`",
            "row 8: has the e-mail address of row 1",
        ] {
            assert!(told.contains(row), "{row}: {told}");
        }
        assert!(!told.contains("hunter2") && !told.contains(hash), "{told}");
    }
    assert_eq!(rows(folder.path(), &["users", "list"]).len(), 1);
    // A CSV file with a column that is none, and with none that must be.
    for (header, fault) in [("email,pasword", "pasword"), ("name", "no column email")] {
        let output =
            run_with(folder.path(), &["users", "import", "-", "--format", "csv"], &format!("{header}\n"));
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(fault));
    }
    let csv = "email,name,emailVerified,roles\nbea@example.com,\"Bea, B.\",true,\"[\"\"user\"\"]\"\ncleo@example.com,Cleo\n";
    let output = run_with(folder.path(), &["users", "import", "-", "--format", "csv"], csv);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("row 3: is no row of as many values"), "{}", text(&output.stderr));
    assert_eq!(rows(folder.path(), &["users", "list", "--email", "bea"])[0]["name"], "Bea, B.");
}

#[test]
fn a_dry_run_finds_what_the_import_would() {
    let folder = tempdir().unwrap();
    let first = json!({ "email": "ada@example.com", "username": "paypal" }).to_string();
    run_with(folder.path(), &["users", "import", "-", "--format", "jsonl"], &first);
    let lines = [
        json!({ "email": "ada@example.com", "username": "paypal" }),
        json!({ "email": "b@example.com", "username": "paypa1" }),
        json!({ "email": "c@example.com", "username": "zoe" }),
        json!({ "email": "d@example.com", "username": "ZOE" }),
    ];
    let input = lines.map(|line| line.to_string()).join("\n");
    let report = |more: &[&str]| {
        let arguments = [&["users", "import", "-", "--format", "jsonl", "--json"], more].concat();
        let output = run_with(folder.path(), &arguments, &input);
        let mut report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report.as_object_mut().unwrap().remove("dryRun");
        let rows: Vec<String> = text(&output.stderr)
            .lines()
            .map(|line| line.split(": ").nth(1).unwrap_or_default().to_owned())
            .collect();
        (output.status.code(), report, rows)
    };
    let foretold = report(&["--dry-run"]);
    assert_eq!(foretold.2, ["row 2", "row 4"]);
    assert_eq!(rows(folder.path(), &["users", "list"]).len(), 1);
    assert_eq!(report(&[]), foretold);
    assert_eq!(foretold.1, json!({ "rows": 4, "added": 1, "present": 1, "faulty": 2 }));
}

#[test]
fn a_hostile_file_takes_no_memory_and_moves_no_cursor() {
    let folder = tempdir().unwrap();
    let quote = format!("email,name\na@example.com,\"{}", "x,\n".repeat(1_000_000));
    let output = run_with(folder.path(), &["users", "import", "-", "--format", "csv"], &quote);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("a row has more than 262144 bytes"), "{}", text(&output.stderr));
    let twice = run_with(folder.path(), &["users", "import", "-", "--format", "csv"], "email,name,email\n");
    assert!(text(&twice.stderr).contains("two columns"), "{}", text(&twice.stderr));
    let escape = r#"{"email":"a@example.com","\u001b]0;title\u0007":1}"#;
    let output = run_with(folder.path(), &["users", "import", "-", "--format", "jsonl"], escape);
    assert_eq!(output.status.code(), Some(4));
    assert!(!output.stderr.contains(&0x1b) && !output.stderr.contains(&7), "{}", text(&output.stderr));
}

#[cfg(feature = "server-tests")]
#[tokio::test]
async fn the_users_of_a_mongoose_program_move_in() {
    use mongodb::bson::{Document, doc, oid::ObjectId};

    vestibule::app::install_crypto();
    let url = crate::support::servers::mongodb_url();
    let database = mongodb::Client::with_uri_str(&url).await.unwrap().default_database().unwrap();
    let users: Vec<Document> = (0..25)
        .map(|number| {
            doc! {
                "_id": ObjectId::new(), "name": format!("Person {number}"), "email": format!("p{number}@example.com"),
                "password": bcrypt::hash("correct horse battery", 4).unwrap(), "role": if number == 0 { "admin" } else { "user" },
                "avatar": { "public_id": "avatars/x", "url": "http://res.cloudinary.com/x.png" },
                "isVerified": number % 2 == 0, "createdAt": mongodb::bson::DateTime::from_millis(1_700_000_000_000), "__v": 0,
            }
        })
        .chain([doc! { "name": "Nobody" }, doc! { "email": "q@example.com", "role": ["admin"] }])
        .collect();
    database.collection::<Document>("people").insert_many(users).await.unwrap();
    let folder = tempdir().unwrap();
    let run = |more: &[&str]| {
        let arguments = ["users", "import", "--from-mongodb", &url, "--collection", "people", "--json"];
        let output = run(folder.path(), &[&arguments, more].concat());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), report, text(&output.stderr))
    };
    let (code, report, told) = run(&[]);
    assert_eq!((code, &report["added"]), (Some(4), &json!(24)), "{told}");
    assert!(told.contains("row 1: roles are there") && told.contains("row 26: email is missing"), "{told}");
    assert!(told.contains("row 27: role is no text"), "{told}");
    let (_, report, _) = run(&["--with-roles"]);
    assert_eq!((&report["added"], &report["present"]), (&json!(1), &json!(24)));
    let shown = &rows(folder.path(), &["users", "show", "p0@example.com"])[0];
    assert_eq!((&shown["roles"], &shown["emailVerified"]), (&json!(["admin", "user"]), &json!(true)));
    assert_eq!(shown["appMetadata"]["importedId"].as_str().unwrap().len(), 24);
    let process = crate::support::process::Process::start(folder.path(), &super::owned(&[])).await;
    let login = process.login("p1@example.com").await.unwrap();
    assert!(login["data"]["login"]["accessToken"].is_string(), "{login}");
}
