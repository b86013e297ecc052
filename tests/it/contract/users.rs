//! What a store of users promises.

use std::sync::Arc;

use chrono::TimeDelta;
use vestibule::{
    domain::{
        accounts::{
            DisplayName, EmailAddress, PasswordReplacement, PasswordUpdate, ProfileChange, ProfileOutcome,
            UserWithPassword,
        },
        ids::UserId,
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
    a_profile_changes_by_compare_and_set,
    concurrent_changes_of_one_version_have_one_winner,
    a_password_is_replaced_only_if_it_is_still_the_old_one,
    a_rehash_changes_nothing_that_a_person_sees,
);

fn key(email: &str) -> vestibule::domain::accounts::EmailKey {
    EmailAddress::parse(email).unwrap().key()
}

async fn what_was_inserted_is_found_as_it_was(stores: &Stores) {
    let inserted = account("Ada@Example.com");
    stores.users.insert(&inserted).await.unwrap();
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
    let change = ProfileChange { user_id: id, name: None, expected_version: None, at: now() };
    assert_eq!(stores.users.update_profile(&change).await, Ok(ProfileOutcome::Missing));
}

async fn an_address_is_one_account_in_every_form(stores: &Stores) {
    stores.users.insert(&account("straße@bücher.example")).await.unwrap();
    for form in ["straße@bücher.example", "STRASSE@BÜCHER.EXAMPLE", "strasse@xn--bcher-kva.example"] {
        let outcome = stores.users.insert(&account(form)).await;
        assert_eq!(outcome, Err(StoreError::Conflict(Field::Email)), "{form}");
    }
    stores.users.insert(&account("strase@bücher.example")).await.unwrap();
}

async fn of_many_concurrent_inserts_one_wins(stores: &Stores) {
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let users = Arc::clone(&stores.users);
            let email = if number % 2 == 0 { "race@example.com" } else { "RACE@Example.com" };
            tokio::spawn(async move { users.insert(&account(email)).await })
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
    stores.users.insert(&account).await.unwrap();
    account
}

async fn a_profile_changes_by_compare_and_set(stores: &Stores) {
    let account = inserted(stores).await;
    let later = now() + TimeDelta::seconds(1);
    // A name that would be an expression in a pipeline stays a name.
    let name = DisplayName::parse("$email").unwrap();
    let mut change = ProfileChange {
        user_id: account.user.id.clone(),
        name: Some(name.clone()),
        expected_version: Some(1),
        at: later,
    };
    let ProfileOutcome::Updated(user) = stores.users.update_profile(&change).await.unwrap() else {
        panic!("not updated")
    };
    assert_eq!((user.name, user.version, user.updated_at, user.created_at), (name, 2, later, now()));
    let outcome = stores.users.update_profile(&change).await;
    assert_eq!(outcome, Ok(ProfileOutcome::VersionConflict { current: 2 }));
    change.expected_version = None;
    change.name = None;
    let ProfileOutcome::Updated(user) = stores.users.update_profile(&change).await.unwrap() else {
        panic!("not updated")
    };
    assert_eq!((user.name.as_str(), user.version), ("$email", 3));
}

async fn concurrent_changes_of_one_version_have_one_winner(stores: &Stores) {
    let id = inserted(stores).await.user.id;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (users, user_id) = (Arc::clone(&stores.users), id.clone());
            let change = ProfileChange { user_id, name: None, expected_version: Some(1), at: now() };
            tokio::spawn(async move { users.update_profile(&change).await.unwrap() })
        })
        .collect();
    let mut updated = 0;
    for task in tasks {
        updated += u32::from(matches!(task.await.unwrap(), ProfileOutcome::Updated(_)));
    }
    assert_eq!(updated, 1);
    assert_eq!(stores.users.find(&id).await.unwrap().unwrap().version, 2);
}

fn update(account: &UserWithPassword, from: &str, replacement: PasswordReplacement) -> PasswordUpdate {
    let at = now() + TimeDelta::seconds(1);
    PasswordUpdate {
        user_id: account.user.id.clone(),
        from: hash(from),
        to: hash("$2b$04$second"),
        replacement,
        at,
    }
}

async fn a_password_is_replaced_only_if_it_is_still_the_old_one(stores: &Stores) {
    let account = inserted(stores).await;
    let change = PasswordReplacement::Change { ends_sessions: true };
    let outcome = stores.users.update_password(&update(&account, "$2b$04$other", change)).await;
    assert_eq!(outcome, Ok(None));
    let user =
        stores.users.update_password(&update(&account, "$2b$04$first", change)).await.unwrap().unwrap();
    assert_eq!((user.version, user.session_epoch, user.updated_at), (2, 2, now() + TimeDelta::seconds(1)));
    let stored = stores.users.find_with_password(&account.user.id).await.unwrap().unwrap();
    assert_eq!(stored.password_hash.expose(), "$2b$04$second");
    let keep = PasswordReplacement::Change { ends_sessions: false };
    let user = stores.users.update_password(&update(&account, "$2b$04$second", keep)).await.unwrap().unwrap();
    assert_eq!((user.version, user.session_epoch), (3, 2));
}

async fn a_rehash_changes_nothing_that_a_person_sees(stores: &Stores) {
    let account = inserted(stores).await;
    let rehash = update(&account, "$2b$04$first", PasswordReplacement::Rehash);
    assert_eq!(stores.users.update_password(&rehash).await, Ok(Some(account.user.clone())));
    let stored = stores.users.find_with_password(&account.user.id).await.unwrap().unwrap();
    assert_eq!((stored.password_hash.expose(), stored.user), ("$2b$04$second", account.user));
}
