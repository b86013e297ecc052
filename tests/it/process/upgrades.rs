//! Databases of every schema that there was, brought up to date by the program of today.

use std::{fs, path::Path};

use serde_json::json;
use tempfile::tempdir;

use super::{
    commands::{rows, run},
    owned,
};
use crate::support::process::Process;

/// Dumps, from the first schema on. A new step comes with its own.
const DUMPS: [&str; 6] = [
    include_str!("../../data/schemas/sqlite/1.sql"),
    include_str!("../../data/schemas/sqlite/2.sql"),
    include_str!("../../data/schemas/sqlite/3.sql"),
    include_str!("../../data/schemas/sqlite/4.sql"),
    include_str!("../../data/schemas/sqlite/5.sql"),
    include_str!("../../data/schemas/sqlite/6.sql"),
];
/// The refresh token of a session in them, which ends in the year 2100.
const REFRESH_TOKEN: &str = "vrt_pkZQQKTbvC-V-ALTxGY69_E8b3ULz0LOpHbm8Be8YN3gw2OEE5-GkaXIa-uAkxJD";

/// Both people and their sessions are there, and so is the audit log.
async fn is_whole(process: &Process, folder: &Path, number: i64) {
    let refresh = "mutation($input: RefreshInput!) { refresh(input: $input) { accessToken user { name } } }";
    let input = json!({ "input": { "refreshToken": REFRESH_TOKEN } });
    let refreshed = process.post(None, refresh, input).await.unwrap();
    assert_eq!(refreshed["data"]["refresh"]["user"]["name"], "Ada Lovelace", "schema {number}: {refreshed}");
    let token = refreshed["data"]["refresh"]["accessToken"].as_str().unwrap();
    let me = process
        .post(Some(token), "{ me { email username sessions(first: 10) { totalCount } } }", json!({}))
        .await
        .unwrap();
    assert_eq!(me["data"]["me"]["email"], "ada@example.com", "{me}");
    assert_eq!(me["data"]["me"]["username"].is_string(), number >= 3);
    assert_eq!(me["data"]["me"]["sessions"]["totalCount"], 2, "{me}");
    // Addresses are one whatever their case, as before.
    assert!(process.login("zoé@example.fr").await.unwrap().get("errors").is_none());
    let named: Vec<_> = rows(folder, &["users", "list"]);
    assert_eq!(named.len(), 2, "{named:?}");
    assert_eq!(rows(folder, &["audit", "verify"])[0]["fault"], json!(null), "schema {number}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_schema_there_was_is_brought_up_to_date() {
    for (number, dump) in (1..).zip(DUMPS) {
        let folder = tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        let file = folder.path().join("data/vestibule.sqlite");
        let connection = rusqlite::Connection::open(&file).unwrap();
        connection.execute_batch(dump).unwrap();
        let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(found, number);
        drop(connection);

        let is_newest = number == i64::try_from(DUMPS.len()).unwrap();
        let check = run(folder.path(), &["migrate", "--check"]).status.code();
        assert_eq!(check, Some(if is_newest { 0 } else { 4 }), "schema {number}");
        assert!(run(folder.path(), &["backup", "before.sqlite"]).status.success());
        assert!(run(folder.path(), &["migrate"]).status.success(), "schema {number}");
        assert!(
            run(folder.path(), &["migrate", "--check"]).status.success(),
            "there is a dump of the newest schema"
        );

        let process = Process::start(folder.path(), &owned(&[])).await;
        is_whole(&process, folder.path(), number).await;
        drop(process);

        // The copy of before is brought up to date when it is put back.
        assert!(
            run(folder.path(), &["restore", "before.sqlite", "--replace", "--keep-sessions"])
                .status
                .success()
        );
        let again = Process::start(folder.path(), &owned(&[])).await;
        assert!(again.login("ada@example.com").await.unwrap().get("errors").is_none());
    }
}

#[cfg(feature = "server-tests")]
mod mongodb {
    use ::mongodb::{
        Client, Database,
        bson::{Document, doc},
    };
    use serde::Deserialize;
    use std::collections::BTreeMap;

    use super::*;
    use crate::support::servers;

    const DUMPS: [&str; 7] = [
        include_str!("../../data/schemas/mongodb/1.json"),
        include_str!("../../data/schemas/mongodb/2.json"),
        include_str!("../../data/schemas/mongodb/3.json"),
        include_str!("../../data/schemas/mongodb/4.json"),
        include_str!("../../data/schemas/mongodb/5.json"),
        include_str!("../../data/schemas/mongodb/6.json"),
        include_str!("../../data/schemas/mongodb/7.json"),
    ];

    /// A collection, with its indexes as `createIndexes` takes them.
    #[derive(Deserialize)]
    struct Dumped {
        indexes: Vec<Document>,
        documents: Vec<Document>,
    }

    async fn fill(database: &Database, dump: &str) {
        let dumped: BTreeMap<String, Dumped> = serde_json::from_str(dump).unwrap();
        for (name, Dumped { indexes, documents }) in dumped {
            if !documents.is_empty() {
                database.collection::<Document>(&name).insert_many(documents).await.unwrap();
            }
            if !indexes.is_empty() {
                database.run_command(doc! { "createIndexes": name, "indexes": indexes }).await.unwrap();
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_schema_there_was_on_mongodb_is_brought_up_to_date() {
        vestibule::app::install_crypto();
        for (number, dump) in (1..).zip(DUMPS) {
            let (folder, url) = (tempdir().unwrap(), servers::mongodb_url());
            let client = Client::with_uri_str(&url).await.unwrap();
            let database = client.default_database().unwrap();
            fill(&database, dump).await;
            let settings = format!(
                "DATABASE_URL={url}\nREDIS_URL={}\nREDIS_KEY_PREFIX={}\n",
                servers::redis_url(),
                servers::unique()
            );
            fs::write(folder.path().join(".env"), settings).unwrap();

            let is_newest = number == i64::try_from(DUMPS.len()).unwrap();
            let check = run(folder.path(), &["migrate", "--check"]).status.code();
            assert_eq!(check, Some(if is_newest { 0 } else { 4 }), "schema {number}");
            assert!(run(folder.path(), &["migrate"]).status.success(), "schema {number}");
            assert!(run(folder.path(), &["migrate", "--check"]).status.success());
            // Whoever had no epoch would keep links of old mails when the password changes.
            let users = database.collection::<Document>("users");
            let lacking = users.count_documents(doc! { "credential_epoch": { "$exists": false } }).await;
            assert_eq!(lacking.unwrap(), 0, "schema {number}");

            let process = Process::start(folder.path(), &owned(&[])).await;
            is_whole(&process, folder.path(), number).await;
            drop(process);
            database.drop().await.unwrap();
        }
    }
}
