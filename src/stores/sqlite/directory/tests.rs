//! From what lists of users are read.

use super::*;
use crate::{
    config::SqliteFile,
    domain::accounts::{UserFilter, UserStatus},
    stores::sqlite::Sharing,
};

fn position(order: UserOrder) -> UserPosition {
    let key = if order == UserOrder::LastSeenAt { "17" } else { "k" };
    UserPosition { order, key: key.into(), id: UserId::from_bytes([7; 16]) }
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
