//! What a store of users promises.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use vestibule::{
    domain::{
        accounts::{
            ChangeOutcome, DisplayName, EmailAddress, Locale, Metadata, Suspension, TimeZone, User,
            UserChange, UserFields, UserWithPassword, Username,
        },
        avatars::Avatar,
        clock::Instant,
        ids::UserId,
        patch::Patch,
        random::SystemRandom,
        store::{Field, StoreError},
    },
    stores::Stores,
};

use super::{account, hash, now, on_every_store};

on_every_store!(
    what_was_inserted_is_found_as_it_was,
    what_is_not_there_is_none,
    an_address_is_one_account_in_every_form,
    of_many_concurrent_inserts_one_wins,
    a_change_is_made_only_if_its_conditions_are_true,
    every_field_is_set_kept_and_cleared,
    user_names_are_unique_for_the_eye,
    an_address_can_move_to_a_free_one_alone,
    concurrent_changes_of_one_version_have_one_winner,
    an_unseen_change_changes_nothing_that_a_person_sees,
    a_removed_user_is_gone_and_the_address_free,
);

fn key(email: &str) -> vestibule::domain::accounts::EmailKey {
    EmailAddress::parse(email).unwrap().key()
}

async fn what_was_inserted_is_found_as_it_was(stores: &Stores) {
    let inserted = account("Ada@Example.com");
    stores.users.insert(&inserted, None).await.unwrap();
    let by_id = stores.users.find(&inserted.user.id).await.unwrap().unwrap();
    let by_email = stores.users.find_by_email(&key("ADA@example.com")).await.unwrap().unwrap();
    let with_password = stores.users.find_with_password(&inserted.user.id).await.unwrap().unwrap();
    assert_eq!(by_id, inserted.user);
    assert_eq!(by_email.user, inserted.user);
    assert_eq!(with_password.password_hash.expose(), inserted.password_hash.expose());
    assert_eq!(by_email.password_hash.expose(), inserted.password_hash.expose());
}

async fn what_is_not_there_is_none(stores: &Stores) {
    let id = UserId::generate(now(), &SystemRandom);
    assert_eq!(stores.users.find(&id).await, Ok(None));
    assert!(stores.users.find_by_email(&key("nobody@example.com")).await.unwrap().is_none());
    assert!(stores.users.find_with_password(&id).await.unwrap().is_none());
    assert_eq!(stores.users.find_metadata(&id).await, Ok(None));
    assert_eq!(stores.users.change(&UserChange::of(&id, now())).await, Ok(ChangeOutcome::Missing));
}

async fn an_address_is_one_account_in_every_form(stores: &Stores) {
    stores.users.insert(&account("straße@bücher.example"), None).await.unwrap();
    for form in ["straße@bücher.example", "STRASSE@BÜCHER.EXAMPLE", "strasse@xn--bcher-kva.example"] {
        let outcome = stores.users.insert(&account(form), None).await;
        assert_eq!(outcome, Err(StoreError::Conflict(Field::Email)), "{form}");
    }
    stores.users.insert(&account("strase@bücher.example"), None).await.unwrap();
}

async fn of_many_concurrent_inserts_one_wins(stores: &Stores) {
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let users = Arc::clone(&stores.users);
            let email = if number % 2 == 0 { "race@example.com" } else { "RACE@Example.com" };
            tokio::spawn(async move { users.insert(&account(email), None).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => won += 1,
            Err(error) => assert_eq!(error, StoreError::Conflict(Field::Email)),
        }
    }
    assert_eq!(won, 1);
}

async fn inserted(stores: &Stores) -> UserWithPassword {
    let account = account("ada@example.com");
    stores.users.insert(&account, None).await.unwrap();
    account
}

fn later() -> Instant {
    now() + TimeDelta::seconds(1)
}

fn change(account: &UserWithPassword) -> UserChange {
    UserChange::of(&account.user.id, later())
}

async fn changed(stores: &Stores, change: &UserChange) -> User {
    stores.users.change(change).await.unwrap().changed().expect("not changed")
}

async fn a_change_is_made_only_if_its_conditions_are_true(stores: &Stores) {
    let account = inserted(stores).await;
    let name = DisplayName::parse("$email").unwrap();
    // A name that would be an expression in a pipeline stays a name.
    let mut rename = change(&account);
    rename.set.name = Some(name.clone());
    rename.only_if.version = Some(1);
    let user = changed(stores, &rename).await;
    assert_eq!((&user.name, user.version, user.updated_at, user.created_at), (&name, 2, later(), now()));
    assert_eq!(stores.users.change(&rename).await, Ok(ChangeOutcome::Unmet(user.clone())));

    let conditions: [fn(&mut UserChange); 6] = [
        |change| change.only_if.password_hash = Some(hash("$2b$04$other")),
        |change| change.only_if.credential_epoch = Some(2),
        |change| change.only_if.session_epoch = Some(2),
        |change| change.only_if.deletion_due_at = Patch::Set(now()),
        |change| change.only_if.version = Some(1),
        |change| change.only_if.version = Some(3),
    ];
    for condition in conditions {
        let mut refused = change(&account);
        refused.set.name = Some(DisplayName::parse("Eve").unwrap());
        condition(&mut refused);
        assert_eq!(stores.users.change(&refused).await, Ok(ChangeOutcome::Unmet(user.clone())));
    }
    let mut allowed = change(&account);
    allowed.only_if.password_hash = Some(hash("$2b$04$first"));
    allowed.only_if.credential_epoch = Some(1);
    allowed.only_if.deletion_due_at = Patch::Clear;
    assert_eq!(changed(stores, &allowed).await.version, 3);
}

async fn every_field_is_set_kept_and_cleared(stores: &Stores) {
    let account = inserted(stores).await;
    let avatar = Avatar { public_id: "a/$b".into(), url: "https://x.example/a".into(), width: 3, height: 4 };
    let due = now() + TimeDelta::days(14);
    let suspension = Suspension { reason: "$r".into(), at: now(), until: Some(due) };
    let mut set = change(&account);
    set.set = UserFields {
        email: Some(EmailAddress::parse("Eve@example.com").unwrap()),
        email_verified: Some(true),
        name: Some(DisplayName::parse("Eve").unwrap()),
        username: Patch::Set(Username::parse("eve.online").unwrap()),
        locale: Patch::Set(Locale::parse("fr-CA").unwrap()),
        time_zone: Patch::Set(TimeZone::parse("Europe/Paris").unwrap()),
        avatar: Patch::Set(avatar.clone()),
        public_metadata: Some(Metadata::parse("publicMetadata", json!({ "$set": { "a.b": 1 } })).unwrap()),
        deletion_due_at: Patch::Set(due),
        password_hash: Some(hash("$2b$04$second")),
        roles: Some(vec!["support".into(), "user".into()]),
        app_metadata: Some(Metadata::parse("appMetadata", json!({ "$inc": 1 })).unwrap()),
        suspension: Patch::Set(suspension.clone()),
    };
    set.consequences.ends_sessions = true;
    set.consequences.ends_tokens = true;
    let user = changed(stores, &set).await;
    let stored = stores.users.find_by_email(&key("eve@example.com")).await.unwrap().unwrap();
    assert_eq!(stored.user, user);
    assert_eq!(
        (user.email.as_str(), user.email_verified, user.name.as_str()),
        ("Eve@example.com", true, "Eve")
    );
    assert_eq!(user.username, Some(Username::parse("eve.online").unwrap()));
    assert_eq!(user.locale.as_ref().map(Locale::as_str), Some("fr-CA"));
    assert_eq!(user.time_zone.as_ref().map(TimeZone::as_str), Some("Europe/Paris"));
    assert_eq!((user.avatar.as_ref(), user.deletion_due_at), (Some(&avatar), Some(due)));
    assert_eq!((user.version, user.session_epoch, user.credential_epoch), (2, 2, 2));
    assert_eq!(stored.password_hash.expose(), "$2b$04$second");
    let metadata = stores.users.find_metadata(&user.id).await.unwrap().unwrap();
    assert_eq!(metadata.public.to_value(), json!({ "$set": { "a.b": 1 } }));
    assert_eq!(metadata.app.to_value(), json!({ "$inc": 1 }));
    assert_eq!(
        (&user.suspension, &user.roles[..]),
        (&Some(suspension), &["support".to_owned(), "user".into()][..])
    );
    assert!(stores.users.find_by_email(&key("ada@example.com")).await.unwrap().is_none());

    assert_kept_and_cleared(stores, &account, user).await;
}

async fn assert_kept_and_cleared(stores: &Stores, account: &UserWithPassword, user: User) {
    let kept = changed(stores, &change(account)).await;
    assert_eq!(kept, User { version: 3, ..user });
    let mut clear = change(account);
    clear.set = UserFields {
        username: Patch::Clear,
        locale: Patch::Clear,
        time_zone: Patch::Clear,
        avatar: Patch::Clear,
        deletion_due_at: Patch::Clear,
        suspension: Patch::Clear,
        ..UserFields::default()
    };
    clear.only_if.deletion_due_at = Patch::Set(now() + TimeDelta::days(14));
    let cleared = changed(stores, &clear).await;
    let nothing = (None, None, None, None, None);
    let User { username, locale, time_zone, avatar, deletion_due_at, .. } = cleared;
    assert_eq!((username, locale, time_zone, avatar, deletion_due_at), nothing);
}

async fn user_names_are_unique_for_the_eye(stores: &Stores) {
    let name = |text: &str| Patch::Set(Username::parse(text).unwrap());
    let (one, other) = (account("one@example.com"), account("two@example.com"));
    stores.users.insert(&one, None).await.unwrap();
    stores.users.insert(&other, None).await.unwrap();
    let mut first = change(&one);
    first.set.username = name("paypal");
    changed(stores, &first).await;
    let mut second = change(&other);
    second.set.username = name("paypa1");
    assert_eq!(stores.users.change(&second).await, Err(StoreError::Conflict(Field::Username)));
    first.set.username = Patch::Clear;
    changed(stores, &first).await;
    changed(stores, &second).await;
}

async fn an_address_can_move_to_a_free_one_alone(stores: &Stores) {
    let account = inserted(stores).await;
    stores.users.insert(&super::account("eve@example.com"), None).await.unwrap();
    let mut moved = change(&account);
    moved.set.email = Some(EmailAddress::parse("EVE@example.com").unwrap());
    assert_eq!(stores.users.change(&moved).await, Err(StoreError::Conflict(Field::Email)));
    assert_eq!(
        stores.users.find(&account.user.id).await,
        Ok(Some(account.user.clone())),
        "nothing is written"
    );
    moved.set.email = Some(EmailAddress::parse("ADA@example.com").unwrap());
    assert_eq!(changed(stores, &moved).await.email.as_str(), "ADA@example.com");
}

async fn concurrent_changes_of_one_version_have_one_winner(stores: &Stores) {
    let account = inserted(stores).await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let users = Arc::clone(&stores.users);
            let mut change = change(&account);
            change.only_if.version = Some(1);
            tokio::spawn(async move { users.change(&change).await.unwrap() })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        won += u32::from(matches!(task.await.unwrap(), ChangeOutcome::Changed(_)));
    }
    assert_eq!(won, 1);
    assert_eq!(stores.users.find(&account.user.id).await.unwrap().unwrap().version, 2);
}

async fn an_unseen_change_changes_nothing_that_a_person_sees(stores: &Stores) {
    let account = inserted(stores).await;
    let mut rehash = change(&account);
    rehash.set.password_hash = Some(hash("$2b$04$second"));
    rehash.consequences.unseen = true;
    assert_eq!(changed(stores, &rehash).await, account.user);
    let stored = stores.users.find_with_password(&account.user.id).await.unwrap().unwrap();
    assert_eq!((stored.password_hash.expose(), stored.user), ("$2b$04$second", account.user));
}

async fn a_removed_user_is_gone_and_the_address_free(stores: &Stores) {
    let account = inserted(stores).await;
    stores.users.remove(&account.user.id, None).await.unwrap();
    stores.users.remove(&account.user.id, None).await.unwrap();
    assert_eq!(stores.users.find(&account.user.id).await, Ok(None));
    assert_eq!(stores.users.change(&change(&account)).await, Ok(ChangeOutcome::Missing));
    stores.users.insert(&super::account("ada@example.com"), None).await.unwrap();
}
