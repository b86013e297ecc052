//! The commands that work on the stores, with and without a service beside them.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::support::process::{Process, command};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";

/// Runs a command with something on its standard input.
pub(super) fn run_with(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let program = command(folder, &super::owned(&[("RUST_LOG", "error")]));
    // The first argument of the helper is another.
    let mut command = std::process::Command::new(program.get_program());
    command.args(arguments).current_dir(folder).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that has seen enough does not read the rest.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

pub(super) fn run(folder: &Path, arguments: &[&str]) -> Output {
    run_with(folder, arguments, "")
}

/// The lines of JSON of a command that must succeed.
pub(super) fn rows(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = run(folder, &[arguments, &["--json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn create(folder: &Path, email: &str, more: &[&str]) -> Value {
    let arguments =
        [&["users", "create", "--email", email, "--name", "Ada", "--password-stdin", "--json"], more];
    let output = run_with(folder, &arguments.concat(), &format!("{PASSWORD}\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_administrator_is_made_before_the_service_ever_ran() {
    let folder = tempdir().unwrap();
    let made = create(folder.path(), EMAIL, &["--role", "admin"]);
    assert_eq!((&made["roles"], &made["emailVerified"]), (&json!(["admin", "user"]), &json!(true)));
    let process = Process::start(folder.path(), &super::owned(&[])).await;
    let token =
        process.login(EMAIL).await.unwrap()["data"]["login"]["accessToken"].as_str().unwrap().to_owned();
    let client = reqwest::Client::new();
    let body = json!({ "query": "{ viewer { user { email } permissions } }" });
    let request = client.post(format!("{}/admin/graphql", process.url)).bearer_auth(&token).json(&body);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["data"]["viewer"]["user"]["email"], EMAIL);
    // Twice is once, and a weak password is none.
    let again = run_with(
        folder.path(),
        &["users", "create", "--email", EMAIL, "--name", "Eve", "--password-stdin"],
        PASSWORD,
    );
    assert_eq!(again.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&again.stderr).contains("belongs to an account already"));
    let weak = ["users", "create", "--email", "eve@example.com", "--name", "Eve", "--password-stdin"];
    assert_eq!(run_with(folder.path(), &weak, "password\n").status.code(), Some(3));
    assert_eq!(run_with(folder.path(), &weak, "").status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_service_learns_what_a_command_has_done() {
    let folder = tempdir().unwrap();
    let process = Process::start(folder.path(), &super::owned(&[])).await;
    let answer = process.register(EMAIL).await.unwrap();
    let token = answer["data"]["register"]["accessToken"].as_str().unwrap().to_owned();
    let me = async || process.post(Some(&token), "{ me { roles } }", json!({})).await.unwrap();
    assert_eq!(me().await["data"]["me"]["roles"], json!(["user"]));
    let until = async |what: &str, is_so: &dyn Fn(&Value) -> bool| {
        let started = Instant::now();
        while !is_so(&me().await) {
            assert!(started.elapsed() < Duration::from_secs(2), "{what} is not seen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let suspended = rows(folder.path(), &["users", "suspend", EMAIL, "--reason", "spam", "--for", "1h"]);
    assert_eq!(
        (&suspended[0]["status"], &suspended[0]["suspensionReason"]),
        (&json!("suspended"), &json!("spam"))
    );
    until("a suspension", &|me| me["errors"][0]["extensions"]["code"] == "ACCOUNT_SUSPENDED").await;
    rows(folder.path(), &["users", "restore", EMAIL]);
    until("a restoration", &|me| me["data"]["me"].is_object()).await;
    rows(folder.path(), &["users", "set-role", EMAIL, "admin"]);
    until("a role", &|me| me["data"]["me"]["roles"] == json!(["admin", "user"])).await;
    // The last administrator stays one.
    let demoted = run(folder.path(), &["users", "set-role", EMAIL]);
    assert_eq!(demoted.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&demoted.stderr).contains("last administrator"));
    rows(folder.path(), &["users", "revoke-sessions", EMAIL]);
    until("the end of a session", &|me| me["errors"][0]["extensions"]["reason"] == "SESSION_REVOKED").await;
    let events = rows(folder.path(), &["audit", "list", "--actor", "operator"]);
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["SESSIONS_ENDED", "USER_ROLES_CHANGED", "USER_RESTORED", "USER_SUSPENDED"]);
}

#[test]
fn users_are_listed_as_tables_and_as_json() {
    let folder = tempdir().unwrap();
    for email in ["ada@example.com", "bea@example.com", "cleo@example.com"] {
        create(folder.path(), email, &[]);
    }
    let listed = rows(folder.path(), &["users", "list", "--order", "email", "--limit", "2"]);
    assert_eq!(
        listed.iter().map(|row| &row["email"]).collect::<Vec<_>>(),
        ["ada@example.com", "bea@example.com"]
    );
    let found = rows(folder.path(), &["users", "list", "--email", "cl"]);
    assert_eq!((found.len(), &found[0]["email"]), (1, &json!("cleo@example.com")));
    let table = run(folder.path(), &["users", "list"]);
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(text.starts_with("ID") || text.trim_start().starts_with("ID"), "{text}");
    assert_eq!(text.lines().count(), 4, "{text}");
    let shown = rows(folder.path(), &["users", "show", found[0]["id"].as_str().unwrap()]);
    assert_eq!(shown[0]["publicMetadata"], json!({}));
    for (arguments, code) in [
        (&["users", "show", "nobody@example.com"][..], 3),
        (&["users", "show", "nobody"], 1),
        (&["users", "list", "--role", "user", "--order", "email"], 3),
        (&["users", "delete", "ada@example.com"], 1),
        (&["users", "fly"], 2),
    ] {
        let output = run(folder.path(), arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(
        rows(folder.path(), &["users", "delete", "ada@example.com", "--yes"])[0]["status"],
        "deleting"
    );
    let script = run(folder.path(), &["completions", "bash"]);
    assert!(String::from_utf8_lossy(&script.stdout).contains("vestibule"));
}

/// What somebody with the database may do to the log, and what is told of it.
const TAMPERINGS: &[(&str, &str)] = &[
    ("UPDATE audit_events SET actor = 'operatos' WHERE position = 3", "at position 3 was changed"),
    (
        "UPDATE audit_events SET details = replace(details, 'user', 'usez') WHERE position = 2",
        "details of the event at position 2",
    ),
    ("UPDATE audit_events SET client = replace(client, '{', '[') WHERE position = 2", "at position 2"),
    ("UPDATE audit_events SET kind = 'USER_CREATEE' WHERE position = 3", "at position 3 was changed"),
    ("UPDATE audit_events SET outcome = 'SUCCESR' WHERE position = 3", "at position 3 was changed"),
    (
        "UPDATE audit_events SET id = replace(id, 'evt_', 'evu_') WHERE position = 3",
        "at position 3 was changed",
    ),
    ("UPDATE audit_events SET at = at + 1 WHERE position = 3", "at position 3 was changed"),
    ("UPDATE audit_events SET subject = subject || 'x' WHERE position = 3", "at position 3 was changed"),
    ("UPDATE audit_events SET session_id = 'x' WHERE position = 3", "at position 3 was changed"),
    ("UPDATE audit_events SET salt = x'00' WHERE position = 3", "details of the event at position 3"),
    ("UPDATE audit_events SET client_salt = x'00' WHERE position = 3", "details of the event at position 3"),
    ("UPDATE audit_events SET details_hash = zeroblob(32) WHERE position = 3", "at position 3 was changed"),
    ("UPDATE audit_events SET client_hash = zeroblob(31) WHERE position = 3", "at position 3 was changed"),
    ("UPDATE audit_events SET client_hash = NULL WHERE position = 3", "at position 3 was changed"),
    ("UPDATE audit_events SET hash = zeroblob(32) WHERE position = 3", "at position 3 was changed"),
    ("UPDATE audit_events SET hash = zeroblob(32) WHERE position = 5", "at position 5 was changed"),
    ("UPDATE audit_events SET position = 9 WHERE position = 3", "at position 3 is missing"),
    (
        "INSERT INTO audit_ends SELECT 'first', position, hash FROM audit_events WHERE position = 2",
        "at position 1 stands before the beginning",
    ),
    ("DELETE FROM audit_events WHERE position = 4", "at position 4 is missing"),
    ("DELETE FROM audit_events WHERE position = 5", "at position 5 is missing"),
];

#[test]
fn one_changed_byte_in_the_audit_log_is_found() {
    let folder = tempdir().unwrap();
    for number in 0..5 {
        create(folder.path(), &format!("person{number}@example.com"), &[]);
    }
    let verified = rows(folder.path(), &["audit", "verify"]);
    assert_eq!((&verified[0]["events"], &verified[0]["fault"]), (&json!(5), &Value::Null));
    let end = verified[0]["end"].as_str().unwrap().to_owned();
    rows(folder.path(), &["audit", "verify", "--contains", &end]);
    let file = folder.path().join("data/vestibule.sqlite");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    let kept = fs::read(&file).unwrap();
    let restore = || {
        for beside in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{beside}", file.display()));
        }
        fs::write(&file, &kept).unwrap();
    };
    for (tampering, told) in TAMPERINGS {
        let connection = rusqlite::Connection::open(&file).unwrap();
        assert_eq!(connection.execute(tampering, []).unwrap(), 1, "{tampering}");
        drop(connection);
        let output = run(folder.path(), &["audit", "verify"]);
        assert_eq!(output.status.code(), Some(4), "{tampering}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(told), "{tampering}: {output:?}");
        restore();
    }
    // Whoever cuts off the end, and the note of it, is found by who has noted it elsewhere.
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute("DELETE FROM audit_events WHERE position = 5", []).unwrap();
    let note = "UPDATE audit_ends SET (position, hash) = (SELECT position, hash FROM audit_events WHERE position = 4)
        WHERE which = 'last'";
    connection.execute(note, []).unwrap();
    drop(connection);
    assert!(run(folder.path(), &["audit", "verify"]).status.success());
    assert_eq!(run(folder.path(), &["audit", "verify", "--contains", &end]).status.code(), Some(4));
}

#[test]
fn the_schema_is_told_and_brought_up_to_date() {
    let folder = tempdir().unwrap();
    assert_eq!(run(folder.path(), &["migrate", "--check"]).status.code(), Some(4));
    assert!(run(folder.path(), &["migrate"]).status.success());
    assert!(run(folder.path(), &["migrate", "--check"]).status.success());
    let file = folder.path().join("data/vestibule.sqlite");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert_eq!(run(folder.path(), &["migrate"]).status.code(), Some(1));
}
