//! Whether an address has an account cannot be told by how long an answer takes.
//!
//! Method: requests for a known and an unknown address alternate, the first of each pair chosen by a fixed
//! pseudo-random sequence, so that whatever slows the machine down slows both. The statistic is that of Mann
//! and Whitney: the share of pairs (known, unknown) in which the known one took longer, one half if the two
//! distributions are the same. Under that hypothesis its standard deviation with n values each is
//! sqrt((2n + 1) / (12 n²)), 0.024 for n = 300; the bound is at four of these, 0.095, which chance passes
//! once in some 15,000 runs. An early return or a missing hash moves the share to nearly 0 or 1.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vestibule::domain::{accounts::EmailAddress, ids::UserId, random::SystemRandom};

use crate::support::{Answer, Backend, TestApp};

const PAIRS: usize = 300;
const BOUND: f64 = 0.095;
const COLD: usize = 20;

/// The share of pairs in which the first of the two took longer.
fn share(known: &[Duration], unknown: &[Duration]) -> f64 {
    let longer = known.iter().flat_map(|one| unknown.iter().map(move |other| one.cmp(other)));
    let sum: f64 = longer
        .map(|order| match order {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        })
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let pairs = (known.len() * unknown.len()) as f64;
    sum / pairs
}

async fn compare(ask: impl AsyncFn(bool, usize) -> Answer) -> f64 {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let mut state = 0x2545_F491_u32;
    for number in 0..PAIRS + COLD {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let first = state & 1 == 0;
        for is_known in [first, !first] {
            let started = Instant::now();
            ask(is_known, number).await;
            let took = started.elapsed();
            // The first ones find everything cold.
            if number >= COLD {
                if is_known { known.push(took) } else { unknown.push(took) }
            }
        }
    }
    share(&known, &unknown)
}

#[expect(clippy::print_stdout, reason = "the figure is wanted also of a test that passes")]
fn check(what: &str, share: f64) {
    println!("{what}: the known one took longer in {share:.3} of the pairs");
    assert!((share - 0.5).abs() < BOUND, "{share}");
}

fn email(is_known: bool, number: usize) -> String {
    if is_known { format!("known{number}@example.com") } else { format!("nobody{number}@example.com") }
}

/// A service with a person for each known address, all of one password.
async fn with_people(backend: Backend, settings: &[(&str, &str)]) -> TestApp {
    let app = TestApp::with(backend, settings).await;
    let first = app.user("first").await;
    let one = app.stores.users.find_with_password(&first.id.parse().unwrap()).await.unwrap().unwrap();
    for number in 0..PAIRS + COLD {
        let mut account = one.clone();
        account.user.id = UserId::generate(app.now(), &SystemRandom);
        account.user.email = EmailAddress::parse(&email(true, number)).unwrap();
        app.stores.users.insert(&account, None).await.unwrap();
    }
    app
}

async fn resets_take_the_same_time(backend: Backend) {
    let app = with_people(backend, &[]).await;
    let query =
        "mutation($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ticket } }";
    let share = compare(async |is_known, number| {
        let input: Value = json!({ "input": { "email": email(is_known, number) } });
        let answer = app.anonymous(query, input).await;
        answer.data("/requestPasswordReset/ticket");
        answer
    })
    .await;
    check("requestPasswordReset", share);
}

async fn logins_take_the_same_time(backend: Backend) {
    // A cost at which a hash takes some milliseconds, as one would see over a network.
    let app = with_people(backend, &[("BCRYPT_COST", "6")]).await;
    let share = compare(async |is_known, number| {
        let answer = app.login(&email(is_known, number), "not the password").await;
        assert_eq!(answer.code(), "INVALID_CREDENTIALS");
        answer
    })
    .await;
    check("login", share);
}

/// Wrong codes, with the ticket of a known or an unknown address, after the mails have gone out.
async fn codes_take_the_same_time(backend: Backend) {
    let app = with_people(backend, &[("SMTP_URL", "none")]).await;
    let ask =
        "mutation($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ticket } }";
    let enter = "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { success } }";
    let mut tickets = Vec::new();
    for number in 0..PAIRS + COLD {
        let mut pair = Vec::new();
        for is_known in [false, true] {
            let input = json!({ "input": { "email": email(is_known, number) } });
            pair.push(app.anonymous(ask, input).await.text_at("/requestPasswordReset/ticket"));
        }
        tickets.push(pair);
    }
    app.work().await;
    let share = compare(async |is_known, number| {
        let ticket = &tickets[number][usize::from(is_known)];
        let answer = app.anonymous(enter, json!({ "input": { "ticket": ticket, "code": "ABCDEFGH", "newPassword": "a brand new bicycle bell" } })).await;
        assert_eq!(answer.code(), "TOKEN_INVALID");
        answer
    })
    .await;
    check("a wrong code", share);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_take_the_same_time_on_sqlite() {
    codes_take_the_same_time(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resets_take_the_same_time_on_sqlite() {
    resets_take_the_same_time(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_take_the_same_time_on_sqlite() {
    logins_take_the_same_time(Backend::Embedded).await;
}

#[cfg(feature = "server-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resets_take_the_same_time_on_mongodb() {
    resets_take_the_same_time(Backend::MongoDbAndRedis).await;
}

#[cfg(feature = "server-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_take_the_same_time_on_mongodb() {
    logins_take_the_same_time(Backend::MongoDbAndRedis).await;
}

/// The method finds what it is for: an answer that leaves out the hash for unknown addresses.
#[test]
fn the_method_tells_a_missing_hash() {
    let hash = |at: u64| Duration::from_micros(4_000 + at * 7 % 300);
    let none = |at: u64| Duration::from_micros(300 + at * 7 % 300);
    let (known, unknown): (Vec<_>, Vec<_>) = (0..300).map(|at| (hash(at), none(at))).unzip();
    assert!((share(&known, &unknown) - 0.5).abs() > BOUND);
    assert!((share(&known, &known) - 0.5).abs() < 1e-9);
}
