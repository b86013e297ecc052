//! What a store of users promises to those who look at many of them.

use chrono::TimeDelta;
use vestibule::{
    domain::{
        accounts::{
            DisplayName, Insertion, Suspension, User, UserChange, UserDirectory, UserFilter, UserOrder,
            UserPosition, UserQuery, UserStatus, UserWithPassword, Username,
        },
        clock::Instant,
        ids::UserId,
        page::{End, Page, PageRequest},
        patch::Patch,
        random::SystemRandom,
        store::Field,
    },
    stores::Stores,
};

use super::{account, now, on_every_store};

on_every_store!(
    every_order_lists_everybody_once_in_both_directions,
    pages_do_not_shift_when_somebody_comes_in_between,
    what_users_have_in_common_selects_them,
    ranges_and_prefixes_are_parts_of_the_order,
    many_are_added_each_by_itself,
    somebody_stays_administrator,
    of_two_administrators_one_stays,
    a_suspension_ends_when_it_says,
);

/// Somebody number so and so, made so many minutes after now.
fn person(number: usize) -> UserWithPassword {
    let mut account = account(&format!("Person{:02}@example.com", number * 7 % 20));
    let at = now() + TimeDelta::minutes(i64::try_from(number).unwrap());
    account.user = User {
        id: UserId::generate(at, &SystemRandom),
        // Some have the same name.
        name: DisplayName::parse(&format!("Ünal {}", number % 3)).unwrap(),
        username: number.is_multiple_of(2).then(|| Username::parse(&format!("person{number:02}")).unwrap()),
        email_verified: number.is_multiple_of(4),
        created_at: at,
        last_seen_at: (!number.is_multiple_of(3))
            .then(|| now() + TimeDelta::hours((number % 5).try_into().unwrap())),
        ..account.user
    };
    account
}

async fn people(stores: &Stores, count: usize) -> Vec<User> {
    let accounts: Vec<_> = (0..count).map(person).collect();
    let outcomes = stores.directory.insert_users(&accounts).await.unwrap();
    assert_eq!(outcomes, vec![Insertion::Added; count]);
    accounts.into_iter().map(|account| account.user).collect()
}

fn ids(users: &[User]) -> Vec<String> {
    users.iter().map(|user| user.id.to_string()).collect()
}

async fn read(
    directory: &dyn UserDirectory,
    query: &UserQuery,
    end: End,
    (after, before): (Option<&User>, Option<&User>),
) -> Page<User> {
    let position = |user: Option<&User>| user.map(|user| UserPosition::of(user, query.order));
    let page = PageRequest { size: 3, end, after: position(after), before: position(before) };
    page.page(directory.list_users(query, &page).await.unwrap())
}

/// All of a list, page by page from its start.
async fn forwards(stores: &Stores, query: &UserQuery) -> Vec<User> {
    let mut found: Vec<User> = Vec::new();
    for _ in 0..50 {
        let page = read(&*stores.directory, query, End::First, (found.last(), None)).await;
        assert_eq!(page.has_previous, !found.is_empty());
        found.extend(page.items);
        if !page.has_next {
            return found;
        }
    }
    panic!("it never ends");
}

/// The same, page by page from its end.
async fn backwards(stores: &Stores, query: &UserQuery) -> Vec<User> {
    let mut found: Vec<User> = Vec::new();
    for _ in 0..50 {
        let page = read(&*stores.directory, query, End::Last, (None, found.first())).await;
        found.splice(0..0, page.items);
        if !page.has_previous {
            return found;
        }
    }
    panic!("it never ends");
}

async fn every_order_lists_everybody_once_in_both_directions(stores: &Stores) {
    let users = people(stores, 20).await;
    for order in UserOrder::ALL {
        for descending in [false, true] {
            let query = UserQuery::new(UserFilter::default(), Some((order, descending))).unwrap();
            let found = forwards(stores, &query).await;
            let expected =
                users.iter().filter(|user| order != UserOrder::Username || user.username.is_some());
            assert_eq!(found.len(), expected.count(), "{order:?}");
            let key = |user: &User| {
                let position = UserPosition::of(user, order);
                (position.key.len() * usize::from(order == UserOrder::LastSeenAt), position.key, position.id)
            };
            let is_sorted =
                found.is_sorted_by(|a, b| if descending { key(a) > key(b) } else { key(a) < key(b) });
            assert!(is_sorted, "{order:?} {descending}: {:?}", found.iter().map(key).collect::<Vec<_>>());
            assert_eq!(ids(&backwards(stores, &query).await), ids(&found), "{order:?}");
            let counted = stores.directory.count_users(&query, 100).await.unwrap();
            assert_eq!(counted, found.len() as u64);
            assert_eq!(stores.directory.count_users(&query, 5).await, Ok(5));
        }
    }
    assert_eq!(stores.directory.estimate_users().await, Ok(20));
}

async fn pages_do_not_shift_when_somebody_comes_in_between(stores: &Stores) {
    people(stores, 10).await;
    for (days, order) in (1..).zip(UserOrder::ALL) {
        let query = UserQuery::new(UserFilter::default(), Some((order, false))).unwrap();
        let first = read(&*stores.directory, &query, End::First, (None, None)).await;
        let second = read(&*stores.directory, &query, End::First, (first.items.last(), None)).await;
        // Somebody who sorts before all of them.
        let mut early = account(&format!("a{order:?}@example.com"));
        early.user.id = UserId::generate(now() - TimeDelta::days(days), &SystemRandom);
        early.user.name = DisplayName::parse("A").unwrap();
        stores.users.insert(&early, None).await.unwrap();
        let again = read(&*stores.directory, &query, End::First, (first.items.last(), None)).await;
        assert_eq!(ids(&again.items), ids(&second.items), "{order:?}");
    }
}

async fn what_users_have_in_common_selects_them(stores: &Stores) {
    let users = people(stores, 12).await;
    let suspend = Suspension { reason: "$spam".into(), at: now(), until: None };
    let mut change = UserChange::of(&users[3].id, now());
    change.only_if.deletion_due_at = Patch::Clear;
    change.set.suspension = Patch::Set(suspend.clone());
    change.set.roles = Some(vec!["support".into(), "user".into()]);
    let suspended = stores.users.change(&change).await.unwrap().changed().unwrap();
    assert_eq!(suspended.suspension, Some(suspend));
    let mut change = UserChange::of(&users[5].id, now());
    change.set.deletion_due_at = Patch::Set(now());
    stores.users.change(&change).await.unwrap();
    let count = async |filter: UserFilter| {
        let query = UserQuery::new(filter, None).unwrap();
        let found = forwards(stores, &query).await;
        assert_eq!(ids(&backwards(stores, &query).await), ids(&found));
        assert_eq!(stores.directory.count_users(&query, 100).await, Ok(found.len() as u64));
        found.len()
    };
    let of_status = |status| UserFilter { status: Some(status), ..UserFilter::default() };
    assert_eq!(count(of_status(UserStatus::Active)).await, 10);
    assert_eq!(count(of_status(UserStatus::Suspended)).await, 1);
    assert_eq!(count(of_status(UserStatus::Deleting)).await, 1);
    let verified = |verified| UserFilter { verified: Some(verified), ..UserFilter::default() };
    assert_eq!(count(verified(true)).await, 3);
    assert_eq!(count(verified(false)).await, 9);
    let role = |role: &str| UserFilter { role: Some(role.into()), ..UserFilter::default() };
    assert_eq!(count(role("support")).await, 1);
    assert_eq!(count(role("user")).await, 12);
    assert_eq!(count(role("nobody")).await, 0);
    // Opened again, and found where it was.
    let mut change = UserChange::of(&users[3].id, now());
    change.only_if.deletion_due_at = Patch::Clear;
    change.set.suspension = Patch::Clear;
    change.set.roles = Some(vec!["user".into()]);
    let restored = stores.users.change(&change).await.unwrap().changed().unwrap();
    assert_eq!(restored.suspension, None);
    assert_eq!(count(of_status(UserStatus::Active)).await, 11);
    assert_eq!(count(role("support")).await, 0);
    stores.users.remove(&users[0].id, None).await.unwrap();
    assert_eq!(count(role("user")).await, 11);
}

async fn ranges_and_prefixes_are_parts_of_the_order(stores: &Stores) {
    people(stores, 20).await;
    let count = async |filter: UserFilter| {
        let query = UserQuery::new(filter, None).unwrap();
        let found = forwards(stores, &query).await;
        assert_eq!(ids(&backwards(stores, &query).await), ids(&found));
        found.len()
    };
    let at = |minutes| Some::<Instant>(now() + TimeDelta::minutes(minutes));
    let none = UserFilter::default;
    assert_eq!(count(UserFilter { created: (at(5), at(8)), ..none() }).await, 3);
    assert_eq!(count(UserFilter { created: (at(15), None), ..none() }).await, 5);
    assert_eq!(count(UserFilter { created: (at(5), at(8)), verified: Some(true), ..none() }).await, 0);
    assert_eq!(count(UserFilter { created: (at(0), at(5)), role: Some("user".into()), ..none() }).await, 5);
    let seen = count(UserFilter { last_seen: (at(60), at(130)), ..none() }).await;
    let expected = (0..20).filter(|number| number % 3 > 0 && (1..=2).contains(&(number % 5))).count();
    assert_eq!(seen, expected);
    let email = |prefix: &str| UserFilter { email_prefix: Some(prefix.into()), ..none() };
    assert_eq!(count(email("PERSON0")).await, 10);
    assert_eq!(count(email("person05@")).await, 1);
    assert_eq!(count(email("x")).await, 0);
    let username = |prefix: &str| UserFilter { username_prefix: Some(prefix.into()), ..none() };
    assert_eq!(count(username("Person1")).await, 5);
    let name = |prefix: &str| UserFilter { name_prefix: Some(prefix.into()), ..none() };
    assert_eq!(count(name("ÜNAL 1")).await, 7);
    assert_eq!(count(name("$where")).await, 0);
    assert_eq!(count(name("u%")).await, 0);
}

async fn many_are_added_each_by_itself(stores: &Stores) {
    let (ada, eve) = (account("ada@example.com"), account("eve@example.com"));
    assert_eq!(stores.directory.insert_users(&[]).await, Ok(Vec::new()));
    assert_eq!(stores.directory.preview_users(&[]).await, Ok(Vec::new()));
    let again = account("ADA@example.com");
    let before = stores.directory.preview_users(&[ada.clone(), again.clone()]).await.unwrap();
    assert_eq!(before, [Insertion::Added, Insertion::Added], "each by itself");
    let outcomes = stores.directory.insert_users(&[ada.clone(), again, eve.clone()]).await.unwrap();
    assert_eq!(outcomes, [Insertion::Added, Insertion::Conflict(Field::Email), Insertion::Added]);
    let outcomes = stores.directory.insert_users(std::slice::from_ref(&ada)).await.unwrap();
    assert!(matches!(outcomes[..], [Insertion::Conflict(_)]));
    let named = |email: &str, name: Option<&str>| {
        let mut somebody = account(email);
        somebody.user.username = name.map(|name| Username::parse(name).unwrap());
        somebody
    };
    let mut zoe = named("zoe@example.com", Some("paypal"));
    zoe.user.id = UserId::generate(now() + TimeDelta::days(1), &SystemRandom);
    stores.directory.insert_users(std::slice::from_ref(&zoe)).await.unwrap();
    let mut same_id = named("other@example.com", None);
    same_id.user.id = ada.user.id.clone();
    let looked_up = [
        named("Ada@example.com", Some("paypal")),
        same_id,
        named("a@example.com", Some("paypa1")),
        named("b@example.com", None),
    ];
    assert_eq!(
        stores.directory.preview_users(&looked_up).await.unwrap(),
        [
            Insertion::Conflict(Field::Email),
            Insertion::Conflict(Field::Identity),
            Insertion::Conflict(Field::Username),
            Insertion::Added,
        ]
    );
    stores.users.remove(&zoe.user.id, None).await.unwrap();
    let mut found = stores.directory.read_users(None, 1).await.unwrap();
    let last = found[0].user.id.clone();
    found.extend(stores.directory.read_users(Some(&last), 10).await.unwrap());
    assert_eq!(found.len(), 2);
    assert!(found[0].user.id < found[1].user.id);
    let read = found.iter().find(|found| found.user.id == eve.user.id).unwrap();
    assert_eq!(read.password_hash.expose(), eve.password_hash.expose());
    stores.directory.touch_user(&ada.user.id, now()).await.unwrap();
    stores.directory.touch_user(&ada.user.id, now() - TimeDelta::days(1)).await.unwrap();
    let seen = stores.users.find(&ada.user.id).await.unwrap().unwrap();
    assert_eq!((seen.last_seen_at, seen.version), (Some(now()), 1));
}

async fn administrator(stores: &Stores, email: &str) -> User {
    let mut account = account(email);
    account.user.roles = vec!["admin".into(), "user".into()];
    stores.users.insert(&account, None).await.unwrap();
    account.user
}

/// Takes the role from somebody, if there is another.
fn demotion(user: &User) -> UserChange {
    let mut change = UserChange::of(&user.id, now());
    change.only_if.has_other_administrator = true;
    change.set.roles = Some(vec!["user".into()]);
    change
}

async fn somebody_stays_administrator(stores: &Stores) {
    let ada = administrator(stores, "ada@example.com").await;
    assert!(stores.users.change(&demotion(&ada)).await.unwrap().changed().is_none());
    let eve = administrator(stores, "eve@example.com").await;
    assert_eq!(stores.directory.count_holders("admin", 10).await, Ok(2));
    // One who is suspended cannot do anything, and does not count.
    let mut change = UserChange::of(&eve.id, now());
    change.only_if.deletion_due_at = Patch::Clear;
    change.set.suspension = Patch::Set(Suspension { reason: "r".into(), at: now(), until: None });
    stores.users.change(&change).await.unwrap();
    assert_eq!(stores.directory.count_holders("admin", 10).await, Ok(1));
    assert!(stores.users.change(&demotion(&ada)).await.unwrap().changed().is_none());
    change.set.suspension = Patch::Clear;
    stores.users.change(&change).await.unwrap();
    assert!(stores.users.change(&demotion(&ada)).await.unwrap().changed().is_some());
    assert!(stores.users.change(&demotion(&eve)).await.unwrap().changed().is_none());
}

async fn of_two_administrators_one_stays(stores: &Stores) {
    for round in 0..5 {
        let pair = [
            administrator(stores, &format!("a{round}@example.com")).await,
            administrator(stores, &format!("b{round}@example.com")).await,
        ];
        let attempts = pair.map(|user| {
            let users = stores.users.clone();
            tokio::spawn(async move { users.change(&demotion(&user)).await.unwrap().changed() })
        });
        for attempt in attempts {
            attempt.await.unwrap();
        }
        assert_eq!(stores.directory.count_holders("admin", 10).await, Ok(1), "round {round}");
        let query = UserQuery::new(UserFilter { role: Some("admin".into()), ..UserFilter::default() }, None);
        for user in forwards(stores, &query.unwrap()).await {
            stores.users.remove(&user.id, None).await.unwrap();
        }
    }
}

async fn a_suspension_ends_when_it_says(stores: &Stores) {
    let until = now() + TimeDelta::hours(1);
    for (email, until) in [("a@example.com", Some(until)), ("b@example.com", None)] {
        let mut account = account(email);
        account.user.suspension = Some(Suspension { reason: "r".into(), at: now(), until });
        stores.users.insert(&account, None).await.unwrap();
        let stored = stores.users.find(&account.user.id).await.unwrap().unwrap();
        assert_eq!(stored, account.user);
        assert!(stored.is_suspended(now()) && stored.is_suspended(now() + TimeDelta::minutes(59)));
    }
    assert_eq!(
        stores.directory.expired_suspensions(until - TimeDelta::milliseconds(1), 10).await,
        Ok(Vec::new())
    );
    let ended = stores.directory.expired_suspensions(until, 10).await.unwrap();
    assert_eq!(ended.len(), 1);
    assert!(!ended[0].is_suspended(until));
}
