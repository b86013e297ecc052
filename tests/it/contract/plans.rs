//! How MongoDB finds sessions and users: by indexes, so that the number of documents does not matter.

use mongodb::{
    Client, Collection,
    bson::{Bson, Document, doc},
};
use vestibule::{
    domain::{
        accounts::{UserFilter, UserOrder, UserPosition, UserQuery, UserStatus},
        ids::UserId,
        page::{End, PageRequest},
        random::SystemRandom,
    },
    stores::mongodb::find_command,
};

use super::{account, now, session};

/// Every stage of a plan that was chosen.
fn stages(plan: &Bson, found: &mut Vec<String>) {
    match plan {
        Bson::Document(document) => {
            if let Ok(stage) = document.get_str("stage") {
                found.push(stage.to_owned());
            }
            for (name, value) in document {
                // What was not chosen does not count.
                if name != "rejectedPlans" {
                    stages(value, found);
                }
            }
        }
        Bson::Array(values) => values.iter().for_each(|value| stages(value, found)),
        _ => {}
    }
}

async fn plan(database: &mongodb::Database, command: Document) -> Vec<String> {
    let explained =
        database.run_command(doc! { "explain": command, "verbosity": "queryPlanner" }).await.unwrap();
    let mut found = Vec::new();
    stages(&Bson::Document(explained.get_document("queryPlanner").unwrap().clone()), &mut found);
    found
}

/// The filters and hints are those of the adapter: by id, by family, by person, by expiry.
#[tokio::test]
async fn sessions_are_found_by_index_scans() {
    vestibule::app::install_crypto();
    let url = crate::support::servers::mongodb_url();
    let stores = super::open(&vestibule::config::DatabaseConfig::MongoDb(url.clone().into())).await;
    let user = UserId::generate(now(), &SystemRandom);
    let (kept, token) = session(&user);
    stores.sessions.insert(&kept, (&token.family(), &token.hash()), None).await.unwrap();
    let client = Client::with_uri_str(&url).await.unwrap();
    let database = client.default_database().unwrap();
    let sessions: Collection<Document> = database.collection("sessions");
    let template = sessions.find_one(doc! {}).await.unwrap().unwrap();
    // Enough of them that a scan of the collection would be a choice.
    let copies = (0..2_000_u32).map(|number| {
        let mut copy = template.clone();
        copy.insert("_id", session(&user).0.id.as_str());
        copy.insert(
            "refresh_family",
            mongodb::bson::Binary {
                subtype: mongodb::bson::spec::BinarySubtype::Generic,
                bytes: number.to_le_bytes().repeat(8),
            },
        );
        copy
    });
    sessions.insert_many(copies).await.unwrap();
    let (at, family) =
        (template.get_datetime("created_at").unwrap(), template.get("refresh_family").unwrap());
    let live = doc! { "user_id": user.as_str(), "ended_at": null, "session_epoch": { "$gte": 1_i64 }, "idle_expires_at": { "$gt": at } };
    let others = doc! { "user_id": user.as_str(), "ended_at": null, "session_epoch": { "$lt": 2_i64 } };
    let rotated = doc! { "refresh_family": family.clone(), "refresh_hash": template.get("refresh_hash").unwrap().clone(), "ended_at": null, "idle_expires_at": { "$gt": at } };
    let (by_family, by_user) = ("sessions_unique_refresh_family", "sessions_by_user_and_end");
    let find = |filter: Document| doc! { "find": "sessions", "filter": filter };
    let with = |filter: Document, hint: &str| doc! { "find": "sessions", "filter": filter, "hint": hint };
    let list = doc! { "find": "sessions", "filter": live.clone(), "sort": { "_id": -1 }, "limit": 21, "hint": by_user };
    for (name, command) in [
        ("refresh", with(rotated, by_family)),
        ("revoke", find(doc! { "_id": kept.id.as_str(), "user_id": user.as_str(), "ended_at": null })),
        ("list", list),
        ("revoke others", with(others, by_user)),
        ("purge by expiry", find(doc! { "idle_expires_at": { "$lte": at } })),
        ("purge by end", find(doc! { "ended_at": { "$lte": at } })),
    ] {
        let stages = plan(&database, command).await;
        assert!(!stages.iter().any(|stage| stage == "COLLSCAN"), "{name}: {stages:?}");
        assert!(
            stages.iter().any(|stage| ["IXSCAN", "IDHACK", "EXPRESS_IXSCAN"].contains(&stage.as_str())),
            "{name}: {stages:?}"
        );
    }
}

/// The lists that can be asked for: every order, and every filter.
fn lists() -> Vec<UserQuery> {
    let (none, at) = (UserFilter::default, Some(now()));
    let ordered = UserOrder::ALL.into_iter().flat_map(|order| [(order, false), (order, true)]);
    let ordered = ordered.map(|order| UserQuery::new(none(), Some(order)).unwrap());
    let filtered = [
        UserFilter { status: Some(UserStatus::Suspended), ..none() },
        UserFilter { verified: Some(false), ..none() },
        UserFilter { role: Some("admin".into()), ..none() },
        UserFilter { created: (at, at), ..none() },
        UserFilter { last_seen: (at, None), ..none() },
        UserFilter { email_prefix: Some("a".into()), ..none() },
        UserFilter { username_prefix: Some("a".into()), ..none() },
        UserFilter { name_prefix: Some("a".into()), ..none() },
    ];
    ordered.chain(filtered.map(|filter| UserQuery::new(filter, None).unwrap())).collect()
}

#[tokio::test]
async fn every_list_of_users_is_an_index_scan() {
    vestibule::app::install_crypto();
    let url = crate::support::servers::mongodb_url();
    let stores = super::open(&vestibule::config::DatabaseConfig::MongoDb(url.clone().into())).await;
    let people: Vec<_> = (0..500).map(|number| account(&format!("person{number}@example.com"))).collect();
    stores.directory.insert_users(&people).await.unwrap();
    let database = Client::with_uri_str(&url).await.unwrap().default_database().unwrap();
    for query in lists() {
        let key = if query.order == UserOrder::LastSeenAt { "17" } else { "k" };
        let id = UserId::generate(now(), &SystemRandom);
        let position = Some(UserPosition { order: query.order, key: key.into(), id });
        for page in [
            PageRequest { size: 50, end: End::First, after: None, before: None },
            PageRequest { size: 50, end: End::First, after: position.clone(), before: None },
            PageRequest { size: 50, end: End::Last, after: None, before: position.clone() },
        ] {
            let stages = plan(&database, find_command(&query, &page)).await;
            let is_scan = stages.iter().any(|stage| stage == "IXSCAN");
            assert!(is_scan, "{query:?} {page:?}: {stages:?}");
            assert!(!stages.iter().any(|stage| stage == "COLLSCAN"), "{query:?}: {stages:?}");
        }
    }
}
