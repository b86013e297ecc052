//! From what lists of users are read.

use rusqlite::StatementStatus;

use super::*;
use crate::{
    config::SqliteFile,
    domain::{
        accounts::{DisplayName, EmailAddress, UserFilter, UserMetadata, UserStatus},
        passwords::PasswordHash,
        random::SystemRandom,
    },
    stores::sqlite::Sharing,
};

fn position(order: UserOrder) -> UserPosition {
    let key = if order == UserOrder::LastSeenAt { "17" } else { "k" };
    UserPosition { order, key: key.into(), id: UserId::from_bytes([7; 16]) }
}

async fn filled(count: u8) -> Database {
    let database = Database::open(&SqliteFile::Memory, Sharing::Alone).unwrap();
    let people = (0..1_000).map(|number: i64| {
        let at = Instant::from_timestamp_millis(1_700_000_000_000 + number * 1_000).unwrap();
        let email = EmailAddress::parse(&format!("a{number:04}@example.com")).unwrap();
        let name = DisplayName::parse(&format!("A {number:04}")).unwrap();
        let base = User::new(UserId::generate(at, &SystemRandom), email, name, at);
        let user = User {
            username: Some(Username::parse(&format!("a{number:04}xyz")).unwrap()),
            last_seen_at: Some(at),
            roles: vec!["admin".into(), "user".into()],
            ..base
        };
        UserWithPassword { user, password_hash: PasswordHash::none(), metadata: UserMetadata::default() }
    });
    let people: Vec<_> = people.take(usize::from(count) * 100).collect();
    database.insert_users(&people).await.unwrap();
    database
}

/// What SQLite does for a page, in the steps of its machine.
async fn steps(database: &Database, query: &UserQuery, page: &PageRequest<UserPosition>) -> i32 {
    let (text, values) = page_statement(query, page);
    database
        .read(move |connection| {
            let mut statement = connection.prepare(&text)?;
            let found = statement.query_map(params_from_iter(values), rows::user)?.count();
            assert_eq!(found, 11, "{text}");
            Ok(statement.get_status(StatementStatus::VmStep))
        })
        .await
        .unwrap()
}

/// A page goes on where its cursor says, and does not read its way there.
#[tokio::test]
async fn a_page_near_the_end_costs_as_much_as_the_first() {
    let database = filled(10).await;
    let at = |millis: i64| Instant::from_timestamp_millis(1_700_000_000_000 + millis);
    let none = UserFilter::default;
    let mut queries: Vec<UserQuery> = Vec::new();
    for filter in [
        none(),
        UserFilter { last_seen: (at(0), at(2_000_000)), ..none() },
        UserFilter { created: (at(0), at(2_000_000)), ..none() },
        UserFilter { status: Some(UserStatus::Active), created: (at(0), at(2_000_000)), ..none() },
        UserFilter { verified: Some(false), created: (at(0), at(2_000_000)), ..none() },
        UserFilter { role: Some("admin".into()), created: (at(0), at(2_000_000)), ..none() },
        UserFilter { email_prefix: Some("a".into()), ..none() },
        UserFilter { username_prefix: Some("a".into()), ..none() },
        UserFilter { name_prefix: Some("a".into()), ..none() },
    ] {
        let order = UserQuery::new(filter.clone(), None).unwrap().order;
        for descending in [false, true] {
            queries.push(UserQuery::new(filter.clone(), Some((order, descending))).unwrap());
        }
    }
    for query in queries {
        let first = PageRequest { size: 10, end: End::First, after: None, before: None };
        let all = PageRequest { size: 990, ..first.clone() };
        let found = database.list_users(&query, &all).await.unwrap();
        let far = |index: usize| Some(UserPosition::of(&found[index], query.order));
        let near_the_end = PageRequest { after: far(950), ..first.clone() };
        let back = PageRequest { end: End::Last, before: far(950), ..first.clone() };
        let cost = steps(&database, &query, &first).await;
        for page in [near_the_end, back] {
            let deep = steps(&database, &query, &page).await;
            assert!(deep * 10 <= cost * 12, "{query:?}: {deep} steps, {cost} for the first page");
        }
    }
}

/// Nothing is sorted, and nothing is read that is not of the page but to learn that it has ended.
#[tokio::test]
async fn every_page_is_read_from_an_index_in_its_order() {
    let database = Database::open(&SqliteFile::Memory, Sharing::Alone).unwrap();
    let none = UserFilter::default;
    let at = Instant::from_timestamp_millis(1_700_000_000_000);
    let mut queries: Vec<UserQuery> = Vec::new();
    for descending in [false, true] {
        for order in UserOrder::ALL {
            queries.push(UserQuery::new(none(), Some((order, descending))).unwrap());
        }
        for filter in [
            UserFilter { status: Some(UserStatus::Suspended), ..none() },
            UserFilter { verified: Some(false), created: (at, at), ..none() },
            UserFilter { role: Some("admin".into()), ..none() },
        ] {
            queries.push(UserQuery::new(filter, Some((UserOrder::CreatedAt, descending))).unwrap());
        }
    }
    for filter in [
        UserFilter { last_seen: (at, None), ..none() },
        UserFilter { email_prefix: Some("a".into()), ..none() },
        UserFilter { username_prefix: Some("a".into()), ..none() },
        UserFilter { name_prefix: Some("a".into()), ..none() },
    ] {
        queries.push(UserQuery::new(filter, None).unwrap());
    }
    for query in queries {
        let (after, before) = (Some(position(query.order)), Some(position(query.order)));
        for page in [
            PageRequest { size: 50, end: End::First, after: None, before: None },
            PageRequest { size: 50, end: End::First, after: after.clone(), before: None },
            PageRequest { size: 50, end: End::Last, after: None, before: before.clone() },
        ] {
            let (text, values) = page_statement(&query, &page);
            let plan: Vec<String> = database
                .read(move |connection| {
                    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}"))?;
                    let rows = statement.query_map(params_from_iter(values), |row| row.get("detail"))?;
                    rows.collect()
                })
                .await
                .unwrap();
            let plan = plan.join("; ");
            let is_ranged = page.after.is_some() || page.before.is_some();
            assert!(!plan.contains("TEMP B-TREE") && plan.contains("INDEX"), "{query:?}: {plan}");
            assert!(!is_ranged || plan.contains("SEARCH"), "{query:?}: {plan}");
        }
    }
}
