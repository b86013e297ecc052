//! Two processes on one MongoDB and one Redis are one service, also when one of them loses Redis.

#![expect(clippy::print_stdout, reason = "the figures are what such a run is for")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::support::{process::Process, proxy::Proxy, servers};

/// What is promised when one node has lost Redis.
const BOUND: Duration = Duration::from_secs(2);

/// A node that reaches Redis through a proxy of its own.
struct Node {
    process: Process,
    proxy: Proxy,
    _folder: TempDir,
}

async fn node(mongodb: &str, prefix: &str) -> Node {
    let folder = tempdir().unwrap();
    let proxy = Proxy::to(servers::redis_url().trim_start_matches("redis://").to_owned()).await;
    let redis = format!("redis://{}", proxy.address);
    let settings = [
        ("DATABASE_URL", mongodb),
        ("REDIS_URL", &redis),
        ("REDIS_KEY_PREFIX", prefix),
        ("BCRYPT_COST", "4"),
    ];
    let process = Process::start(folder.path(), &super::owned(&settings)).await;
    Node { process, proxy, _folder: folder }
}

async fn two_nodes() -> (Node, Node) {
    let (mongodb, prefix) = (servers::mongodb_url(), servers::unique());
    (node(&mongodb, &prefix).await, node(&mongodb, &prefix).await)
}

impl Node {
    /// A session of its own.
    async fn login(&self) -> (String, String) {
        let query =
            "mutation { login(input: { email: \"ada@example.com\", password: \"correct horse battery\" }) {
            session { id } accessToken } }";
        let answer = self.process.post(None, query, json!({})).await.unwrap();
        let payload = &answer["data"]["login"];
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        (text(&payload["session"]["id"]), text(&payload["accessToken"]))
    }

    async fn register(&self) -> String {
        let answer = self.process.register("ada@example.com").await.unwrap();
        answer["data"]["register"]["accessToken"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    async fn revoke(&self, token: &str, session: &str) {
        let query = "mutation($id: ID!) { revokeSession(input: { id: $id }) { sessionId } }";
        let answer = self.process.post(Some(token), query, json!({ "id": session })).await.unwrap();
        assert!(answer.get("errors").is_none(), "{answer}");
    }

    async fn accepts(&self, token: &str) -> bool {
        let answer = self.process.post(Some(token), "{ me { id } }", json!({})).await.unwrap();
        if answer["data"]["me"]["id"].is_string() {
            return true;
        }
        assert_eq!(answer["errors"][0]["extensions"]["reason"], "SESSION_REVOKED", "{answer}");
        false
    }

    /// Has the session in every cache there is.
    async fn warm(&self, token: &str) {
        for _ in 0..5 {
            assert!(self.accepts(token).await);
        }
    }

    /// How long it takes until the token is refused; it must stay so.
    async fn until_refused(&self, token: &str, at_most: Duration) -> Duration {
        let started = Instant::now();
        while self.accepts(token).await {
            assert!(
                started.elapsed() < at_most,
                "accepted after {:?}\n{}",
                started.elapsed(),
                self.process.log()
            );
        }
        let took = started.elapsed();
        for _ in 0..5 {
            assert!(!self.accepts(token).await, "it came back");
        }
        took
    }
}

/// The connections track again and notes were read: copies are believed.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1_500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_on_one_node_is_known_on_the_other_at_once() {
    const TRIES: usize = 100;
    let (here, there) = two_nodes().await;
    let owner = here.register().await;
    settle().await;
    let mut took = Vec::new();
    for _ in 0..TRIES {
        let (session, token) = here.login().await;
        there.warm(&token).await;
        here.revoke(&owner, &session).await;
        took.push(there.until_refused(&token, BOUND).await);
    }
    took.sort();
    println!("median {:?}, longest {:?}", took[TRIES / 2], took[TRIES - 1]);
    assert!(took[TRIES / 2] < Duration::from_millis(100), "median {:?}", took[TRIES / 2]);
}

async fn is_known_in_time_when(fault: fn(&Proxy), is_here: bool) {
    let (here, there) = two_nodes().await;
    let owner = here.register().await;
    for _ in 0..3 {
        settle().await;
        let (session, token) = here.login().await;
        there.warm(&token).await;
        let proxy = if is_here { &here.proxy } else { &there.proxy };
        fault(proxy);
        here.revoke(&owner, &session).await;
        let took = there.until_refused(&token, BOUND).await;
        println!("took {took:?}");
        assert!(!here.accepts(&token).await, "the node that took the revocation");
        proxy.open();
        let opened = Instant::now();
        while opened.elapsed() < Duration::from_millis(1_500) {
            assert!(!there.accepts(&token).await && !here.accepts(&token).await, "it came back with Redis");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_is_known_in_time_when_its_node_is_cut_off_from_redis() {
    is_known_in_time_when(Proxy::cut, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_is_known_in_time_when_redis_is_silent_to_its_node() {
    is_known_in_time_when(Proxy::silence, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_is_known_in_time_when_the_other_node_is_cut_off_from_redis() {
    is_known_in_time_when(Proxy::cut, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_is_known_in_time_when_redis_is_silent_to_the_other_node() {
    is_known_in_time_when(Proxy::silence, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_is_known_in_time_when_redis_is_slow_to_either_node() {
    is_known_in_time_when(Proxy::slow_down, true).await;
    is_known_in_time_when(Proxy::slow_down, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_change_is_known_in_time_when_redis_is_silent_to_the_other_node() {
    let (here, there) = two_nodes().await;
    let owner = here.register().await;
    let (_, token) = here.login().await;
    settle().await;
    there.warm(&token).await;
    there.proxy.silence();
    let query = "mutation { changePassword(input: { currentPassword: \"correct horse battery\",
        newPassword: \"another horse battery\" }) { user { id } } }";
    let answer = here.process.post(Some(&owner), query, json!({})).await.unwrap();
    assert!(answer.get("errors").is_none(), "{answer}");
    there.until_refused(&token, BOUND).await;
    assert!(there.accepts(&owner).await && here.accepts(&owner).await, "the session kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_outlives_the_node_that_could_not_tell_redis() {
    let (mut here, there) = two_nodes().await;
    let owner = here.register().await;
    let (session, token) = here.login().await;
    settle().await;
    there.warm(&token).await;
    here.proxy.cut();
    here.revoke(&owner, &session).await;
    here.process.kill();
    there.until_refused(&token, BOUND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_other_sessions_end_in_time_when_their_node_is_cut_off_from_redis() {
    let (here, there) = two_nodes().await;
    let owner = here.register().await;
    let mut tokens = Vec::new();
    for _ in 0..5 {
        tokens.push(here.login().await.1);
    }
    settle().await;
    for token in &tokens {
        there.warm(token).await;
    }
    there.warm(&owner).await;
    here.proxy.cut();
    let query = "mutation { revokeOtherSessions { revokedCount } }";
    let answer = here.process.post(Some(&owner), query, json!({})).await.unwrap();
    assert_eq!(answer["data"]["revokeOtherSessions"]["revokedCount"], 5, "{answer}");
    let answered = Instant::now();
    for token in &tokens {
        there.until_refused(token, BOUND.saturating_sub(answered.elapsed())).await;
    }
    assert!(there.accepts(&owner).await && here.accepts(&owner).await, "the session kept");
}

/// How long it takes on another node until `me` is as expected.
async fn until_me(node: &Node, token: &str, is_expected: impl Fn(&Value) -> bool) -> Duration {
    let started = Instant::now();
    loop {
        let answer = node.process.post(Some(token), "{ me { roles } }", json!({})).await.unwrap();
        if is_expected(&answer) {
            return started.elapsed();
        }
        assert!(started.elapsed() < BOUND, "not after {:?}: {answer}", started.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_administrator_changes_on_one_node_is_known_on_the_other_at_once() {
    const TRIES: usize = 100;
    let (mongodb, prefix) = (servers::mongodb_url(), servers::unique());
    let (here, there) = (node(&mongodb, &prefix).await, node(&mongodb, &prefix).await);
    let folder = tempdir().unwrap();
    let create = ["users", "create", "--email", "root@example.com", "--name", "Root", "--role", "admin"];
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.args(create).arg("--password-stdin").current_dir(folder.path()).env_clear();
    command.envs([
        ("DATABASE_URL", &*mongodb),
        ("REDIS_URL", &servers::redis_url()),
        ("REDIS_KEY_PREFIX", &*prefix),
    ]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"correct horse battery\n").unwrap();
    assert!(child.wait().unwrap().success());
    let login = here.process.login("root@example.com").await.unwrap();
    let root = login["data"]["login"]["accessToken"].as_str().unwrap_or_else(|| panic!("{login}")).to_owned();
    let registered = here.process.register("ada@example.com").await.unwrap();
    let text =
        |pointer: &str| registered["data"]["register"].pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let (ada, token) = (text("/user/id"), text("/accessToken"));
    here.process
        .administer(&root, "mutation { saveRole(input: { name: \"support\", permissions: [\"users:read\"] }) { role { name } } }", json!({}))
        .await;
    settle().await;
    let set = "mutation($id: ID!, $roles: [String!]!) { setUserRoles(input: { id: $id, roles: $roles }) { user { id } } }";
    let suspend = "mutation($id: ID!) { suspendUser(input: { id: $id, reason: \"spam\" }) { user { id } } }";
    let restore = "mutation($id: ID!) { restoreUser(input: { id: $id }) { user { id } } }";
    let [mut roles, mut suspended, mut restored] = [(); 3].map(|()| Vec::new());
    for number in 0..TRIES {
        let given: &[&str] = if number % 2 == 0 { &["support"] } else { &[] };
        here.process.administer(&root, set, json!({ "id": ada, "roles": given })).await;
        let has = |answer: &Value| answer["data"]["me"]["roles"].as_array().map(|roles| roles.len() - 1);
        roles.push(until_me(&there, &token, |answer| has(answer) == Some(given.len())).await);
        here.process.administer(&root, suspend, json!({ "id": ada })).await;
        let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
        suspended.push(until_me(&there, &token, |answer| code(answer) == "ACCOUNT_SUSPENDED").await);
        here.process.administer(&root, restore, json!({ "id": ada })).await;
        restored.push(until_me(&there, &token, |answer| has(answer).is_some()).await);
    }
    for (what, mut took) in [("roles", roles), ("suspension", suspended), ("restoration", restored)] {
        took.sort();
        println!("{what}: median {:?}, longest {:?}", took[TRIES / 2], took[TRIES - 1]);
        assert!(took[TRIES / 2] < Duration::from_millis(100), "{what}: median {:?}", took[TRIES / 2]);
    }
}
