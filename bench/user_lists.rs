//! What a page of users costs on SQLite with a thousand users in the store and with a million, for each order and
//! filter: `cargo bench --bench user_lists`. Prints medians of several rounds, in turn, and their ratio, and how
//! fast users are added.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends when something is wrong, and prints"
)]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use chrono::{TimeDelta, TimeZone, Utc};
use vestibule::{
    config::{DatabaseConfig, SqliteFile},
    domain::{
        accounts::{
            DisplayName, EmailAddress, Suspension, User, UserFilter, UserMetadata, UserOrder, UserPosition,
            UserQuery, UserStatus, UserWithPassword, Username,
        },
        ids::UserId,
        page::{End, PageRequest},
        passwords::PasswordHash,
        random::SystemRandom,
    },
    stores::Stores,
};

const ROUNDS: usize = 9;
const PAGES: usize = 100;
const BATCH: usize = 1_000;

fn at(number: usize) -> chrono::DateTime<Utc> {
    Utc.with_ymd_and_hms(2025, 1, 2, 3, 4, 5).unwrap() + TimeDelta::seconds(i64::try_from(number).unwrap())
}

/// Somebody; `mixed` is spread over the keys, so that they do not come in order.
fn person(number: usize) -> UserWithPassword {
    let mixed = number.wrapping_mul(2_654_435_761) % 4_294_967_296;
    let email = EmailAddress::parse(&format!("person{mixed:010}@example.com")).unwrap();
    let name = DisplayName::parse(&format!("Person {:06}", mixed % 1_000_000)).unwrap();
    let base = User::new(UserId::generate(at(number), &SystemRandom), email, name, at(number));
    let is_rare = number.is_multiple_of(20);
    let user = User {
        email_verified: !number.is_multiple_of(10),
        username: Some(Username::parse(&format!("person{mixed:010}")).unwrap()),
        last_seen_at: Some(at(mixed % 1_000_000)),
        suspension: is_rare.then(|| Suspension { reason: "spam".into(), at: at(number), until: None }),
        roles: if is_rare { vec!["support".into(), "user".into()] } else { vec!["user".into()] },
        ..base
    };
    let hash = "$2b$12$YjsAPwIbPtLKQfDZnUHeZO5aNl3.Nj.nHkwv9vQZ6cLVNvJg1B8fK".to_owned();
    let (password_hash, metadata) = (PasswordHash::from_stored(hash), UserMetadata::default());
    UserWithPassword { user, password_hash, metadata }
}

async fn filled(path: &Path, users: usize) -> Stores {
    let stores = Stores::open(&DatabaseConfig::Sqlite(SqliteFile::Path(path.to_owned()))).await.unwrap();
    let started = Instant::now();
    for first in (0..users).step_by(BATCH) {
        let batch: Vec<_> = (first..users.min(first + BATCH)).map(person).collect();
        stores.directory.insert_users(&batch).await.unwrap();
    }
    #[expect(clippy::cast_precision_loss, reason = "it is printed")]
    let rate = users as f64 / started.elapsed().as_secs_f64();
    println!("{users} users added, {rate:.0} a second");
    stores
}

/// The lists that can be asked for.
fn lists() -> Vec<(String, UserQuery)> {
    let none = UserFilter::default;
    let mut lists: Vec<(String, UserQuery)> = UserOrder::ALL
        .map(|order| (format!("by {order:?}"), UserQuery::new(none(), Some((order, false))).unwrap()))
        .into();
    for (name, filter) in [
        ("status", UserFilter { status: Some(UserStatus::Suspended), ..none() }),
        ("verified", UserFilter { verified: Some(false), ..none() }),
        ("role", UserFilter { role: Some("support".into()), ..none() }),
        ("created", UserFilter { created: (Some(at(0)), Some(at(900))), ..none() }),
        ("last seen", UserFilter { last_seen: (Some(at(0)), Some(at(2_000_000))), ..none() }),
        (
            "verified and created",
            UserFilter { verified: Some(false), created: (Some(at(0)), Some(at(2_000_000))), ..none() },
        ),
        ("e-mail prefix", UserFilter { email_prefix: Some("person".into()), ..none() }),
        ("user name prefix", UserFilter { username_prefix: Some("person".into()), ..none() }),
        ("name prefix", UserFilter { name_prefix: Some("person".into()), ..none() }),
    ] {
        lists.push((name.to_owned(), UserQuery::new(filter, None).unwrap()));
    }
    lists
}

/// The cursor behind which there is a page and little more: near the beginning of a list, or near its end.
async fn cursor(stores: &Stores, query: &UserQuery, end: End) -> Option<UserPosition> {
    let size = if end == End::First { 1 } else { 60 };
    let page = PageRequest { size, end, after: None, before: None };
    let found = stores.directory.list_users(query, &page).await.unwrap();
    // From the end that was asked for: the first one here is the outermost.
    found
        .get(if end == End::First { 0 } else { 59.min(found.len() - 1) })
        .map(|user| UserPosition::of(user, query.order))
}

/// The median of a page of 50, read many times.
async fn round(stores: &Stores, query: &UserQuery, after: Option<UserPosition>) -> Duration {
    let page = PageRequest { size: 50, end: End::First, after, before: None };
    let mut times = Vec::with_capacity(PAGES);
    for _ in 0..PAGES {
        let started = Instant::now();
        let found = stores.directory.list_users(query, &page).await.unwrap();
        times.push(started.elapsed());
        assert!(found.len() > 40, "{}", found.len());
    }
    median(&mut times)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let small = filled(&folder.path().join("small.sqlite"), 1_000).await;
    let large = filled(&folder.path().join("large.sqlite"), 1_000_000).await;
    let mut worst: f64 = 0.0;
    for (name, query) in lists() {
        for (place, end) in [("first pages", End::First), ("last pages", End::Last)] {
            let (of_small, of_large) = (cursor(&small, &query, end).await, cursor(&large, &query, end).await);
            let (mut small_times, mut large_times) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                small_times.push(round(&small, &query, of_small.clone()).await);
                large_times.push(round(&large, &query, of_large.clone()).await);
            }
            let (small, large) = (median(&mut small_times), median(&mut large_times));
            let ratio = large.as_secs_f64() / small.as_secs_f64();
            worst = worst.max(ratio);
            println!(
                "{name}, {place}: {small:.1?} of 1,000 users, {large:.1?} of 1,000,000, ratio {ratio:.2}"
            );
        }
    }
    println!("the largest ratio is {worst:.2}");
}
