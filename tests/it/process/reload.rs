//! Settings that are read again while the service runs.

use serde_json::json;
use tempfile::tempdir;

use super::owned;
use crate::support::process::{Process, command};

const OLD: &str = "Zc0rpQ7kXw3Vb9Tn5Kd1Fh6Jm8Lsq2Ry";
const NEW: &str = "hG4tYb8nM1vC6xZ3qW9eR5uI0oP7aSdF";

/// What the store says of how its signing keys are sealed.
fn materials(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let file = folder.join("data/vestibule.sqlite");
    let connection = rusqlite::Connection::open(file).unwrap();
    let mut keys = connection.prepare("SELECT material FROM signing_keys ORDER BY id").unwrap();
    keys.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn secrets_limits_and_log_lines_change_without_a_restart() {
    let folder = tempdir().unwrap();
    let file = folder.path().join(".env");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write(&format!("SECRET_KEY={OLD}\nRUST_LOG=info\nKEY_PUBLISH_AHEAD=3s\nRATE_LIMITS=off\n"));
    let mut starter = command(folder.path(), &owned(&[]));
    starter.env_remove("RATE_LIMITS");
    let mut process = Process::of(starter).await;
    let registered = process.register("ada@example.com").await.unwrap();
    let token = registered["data"]["register"]["accessToken"].as_str().unwrap().to_owned();
    let sealed = materials(folder.path());

    // A faulty setting changes nothing, and is told without its value.
    write("SECRET_KEY=short-canary\nRATE_LIMITS=login.address=nonsense\n");
    process.hang_up();
    process.logged("the settings stay as they were", 1).await;
    // One that opens nothing is not taken over.
    write(&format!("SECRET_KEY={NEW}\nRUST_LOG=info\nKEY_PUBLISH_AHEAD=3s\nRATE_LIMITS=off\n"));
    process.hang_up();
    process.logged("does not open the keys", 1).await;
    let limits = "RATE_LIMITS=login.address=2/1h,login.pair=off,login.identifier=off";
    write(&format!(
        "SECRET_KEY={NEW},{OLD}\nRUST_LOG=warn\nKEY_PUBLISH_AHEAD=3s\n{limits}\nBCRYPT_COST=5\nMAX_SOCKETS=7\n"
    ));
    process.hang_up();
    process.logged("MAX_SOCKETS", 1).await;
    for _ in 0..200 {
        if materials(folder.path()) != sealed {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_ne!(materials(folder.path()), sealed, "the keys are sealed under the new secret");
    let log = process.log();
    assert!(!log.contains("canary") && !log.contains(OLD) && !log.contains(NEW), "{log}");
    let line = |name: &str| log.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
    assert!(line("MAX_SOCKETS").contains("when the service starts again"), "{log}");
    // The environment has BCRYPT_COST, and wins.
    assert!(!log.contains("BCRYPT_COST"), "{log}");

    // Tokens go on; the new limits hold; lines of less weight are not written any more.
    let me = process.post(Some(&token), "{ me { email } }", json!({})).await.unwrap();
    assert_eq!(me["data"]["me"]["email"], "ada@example.com");
    let mut codes = Vec::new();
    for _ in 0..4 {
        let answer = process.login("nobody@example.com").await.unwrap();
        codes.push(answer["errors"][0]["extensions"]["code"].as_str().unwrap().to_owned());
    }
    assert!(codes.contains(&"RATE_LIMITED".to_owned()), "{codes:?}");
    let before = process.log().lines().count();
    process.register("grace@example.com").await.unwrap();
    assert!(!process.log().lines().skip(before).any(|line| line.contains(" INFO ")), "{}", process.log());

    // Started with the new secret alone it reads everything.
    process.terminate();
    assert!(process.wait().success());
    write(&format!("SECRET_KEY={NEW}\n"));
    let process = Process::start(folder.path(), &owned(&[])).await;
    let me = process.post(Some(&token), "{ me { email } }", json!({})).await.unwrap();
    assert_eq!(me["data"]["me"]["email"], "ada@example.com");
}
