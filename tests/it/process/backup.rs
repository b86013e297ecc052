//! Copies of the embedded database, made while the service writes, and put back.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use serde_json::json;
use tempfile::tempdir;

use super::{commands::run, owned};
use crate::support::process::Process;

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_under_writes_has_everything_that_was_acknowledged_before_it() {
    let folder = tempdir().unwrap();
    let process = Arc::new(Process::start(folder.path(), &owned(&[])).await);
    let writer = process.clone();
    let writing = tokio::spawn(async move {
        let mut made = 0_u32;
        for number in 0..400 {
            let answer = writer.register(&format!("user{number}@example.com")).await.unwrap();
            assert!(answer.get("errors").is_none(), "{answer}");
            made = number + 1;
            if made == 60 {
                tokio::task::yield_now().await;
            }
        }
        made
    });
    while process.log().matches("account made").count() < 50 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let output = run(folder.path(), &["backup", "copy.sqlite"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(writing.await.unwrap(), 400, "nobody was held up");
    let copy = folder.path().join("copy.sqlite");
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let connection = rusqlite::Connection::open(&copy).unwrap();
    let count: u32 = connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
    assert!((50..=400).contains(&count), "{count}");
    drop(connection);
    assert_eq!(run(folder.path(), &["backup", "copy.sqlite"]).status.code(), Some(1), "it is there already");

    // Nothing is put in the place of what a service has open.
    assert_eq!(run(folder.path(), &["restore", "copy.sqlite", "--replace"]).status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_back_is_as_it_was_and_everybody_logs_in_anew() {
    let folder = tempdir().unwrap();
    let mut process = Process::start(folder.path(), &owned(&[])).await;
    let text = |answer: &serde_json::Value, name: &str| {
        answer["data"]["register"][name].as_str().unwrap().to_owned()
    };
    let registered = process.register("ada@example.com").await.unwrap();
    assert!(run(folder.path(), &["backup", "copy.sqlite"]).status.success());
    let later = process.register("later@example.com").await.unwrap();
    process.terminate();
    assert!(process.wait().success());

    // Without a word what is there stays.
    let refused = run(folder.path(), &["restore", "copy.sqlite"]);
    assert_eq!(refused.status.code(), Some(1));
    let whole = fs::read(folder.path().join("copy.sqlite")).unwrap();
    for (name, bytes) in [
        ("cut.sqlite", whole[..whole.len() / 2].to_vec()),
        ("empty.sqlite", Vec::new()),
        ("text.sqlite", b"this is no database at all, but a text".to_vec()),
    ] {
        fs::write(folder.path().join(name), bytes).unwrap();
        let output = run(folder.path(), &["restore", name, "--replace"]);
        assert_eq!(output.status.code(), Some(1), "{name}");
    }
    let output = run(folder.path(), &["restore", "copy.sqlite", "--replace"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let process = Process::start(folder.path(), &owned(&[])).await;
    let me = process.post(Some(&text(&registered, "accessToken")), "{ me { id } }", json!({})).await.unwrap();
    assert_eq!(me["errors"][0]["extensions"]["reason"], "SESSION_REVOKED", "{me}");
    let refresh = "mutation($input: RefreshInput!) { refresh(input: $input) { accessToken } }";
    let input = json!({ "input": { "refreshToken": text(&registered, "refreshToken") } });
    let refreshed = process.post(None, refresh, input).await.unwrap();
    assert!(refreshed.get("errors").is_some(), "{refreshed}");
    assert!(process.login("ada@example.com").await.unwrap().get("errors").is_none());
    let gone = process.login("later@example.com").await.unwrap();
    assert_eq!(gone["errors"][0]["extensions"]["code"], "INVALID_CREDENTIALS");
    drop(later);
    // What was there is kept, whole.
    let kept = fs::read_dir(folder.path().join("data")).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        (name.starts_with("vestibule.sqlite.2") && name.ends_with('Z')).then_some(name)
    });
    let kept: Vec<_> = kept.collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let connection = rusqlite::Connection::open(folder.path().join("data").join(&kept[0])).unwrap();
    let count: u32 = connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_takes_the_place_of_a_damaged_database_and_of_the_log_it_has_left() {
    let people = |folder: &std::path::Path| {
        let connection = rusqlite::Connection::open(folder.join("data/vestibule.sqlite")).unwrap();
        connection.query_row("SELECT count(*) FROM users", [], |row| row.get::<_, u32>(0)).unwrap()
    };
    for is_removed in [true, false] {
        let folder = tempdir().unwrap();
        let file = folder.path().join("data/vestibule.sqlite");
        let mut process = Process::start(folder.path(), &owned(&[])).await;
        process.register("ada@example.com").await.unwrap();
        assert!(run(folder.path(), &["backup", "copy.sqlite"]).status.success());
        for number in 0..5 {
            process.register(&format!("later{number}@example.com")).await.unwrap();
        }
        // Killed, it leaves its log.
        process.kill();
        assert!(fs::metadata(folder.path().join("data/vestibule.sqlite-wal")).unwrap().len() > 0);
        if is_removed {
            fs::remove_file(&file).unwrap();
        } else {
            let mut bytes = fs::read(&file).unwrap();
            bytes[..100].fill(0xff);
            fs::write(&file, bytes).unwrap();
        }
        let output = run(folder.path(), &["restore", "copy.sqlite", "--replace"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(people(folder.path()), 1, "nothing of the old log is played back");
        let process = Process::start(folder.path(), &owned(&[])).await;
        assert!(process.login("ada@example.com").await.unwrap().get("errors").is_none());
        let left =
            fs::read_dir(folder.path()).unwrap().chain(fs::read_dir(folder.path().join("data")).unwrap());
        let parts =
            left.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".part"));
        assert_eq!(parts.count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_asked_by_a_command() {
    let folder = tempdir().unwrap();
    let mut process = Process::start(folder.path(), &owned(&[])).await;
    let url = process.url.clone();
    for arguments in [&["health", "--url", &url][..], &["health", "--live", "--url", &url]] {
        let output = run(folder.path(), arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    process.kill();
    assert_eq!(run(folder.path(), &["health", "--url", &url]).status.code(), Some(1));
}
