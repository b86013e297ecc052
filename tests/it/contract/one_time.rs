//! What a store of one-time tokens promises.

use std::sync::Arc;

use chrono::TimeDelta;
use vestibule::{
    domain::{
        accounts::EmailAddress,
        ids::{OneTimeTokenId, UserId},
        one_time::{CodeState, OneTimeSecret, OneTimeToken, Purpose, ShortCode, Ticket},
        random::SystemRandom,
        tokens::TokenHash,
    },
    stores::Stores,
};

use super::{now, on_every_store};

on_every_store!(
    what_was_inserted_is_found_by_its_hash_alone,
    a_code_is_tried_as_often_as_it_may_be,
    a_code_is_of_the_newest_token_of_its_ticket,
    of_many_concurrent_uses_one_wins,
    a_token_that_was_given_back_can_be_used_again,
    a_token_with_another_hash_is_not_found_by_the_old_one,
    what_is_of_one_person_is_listed_and_removed,
    a_purge_drops_what_has_ended_and_nothing_else,
);

fn token(user: &UserId, ticket: Option<&TokenHash>) -> (OneTimeToken, TokenHash) {
    let code = |ticket: &TokenHash| CodeState {
        ticket: *ticket,
        code: ShortCode::generate(&SystemRandom).hash(ticket),
        expires_at: now() + TimeDelta::minutes(10),
        attempts: 0,
    };
    let token = OneTimeToken {
        id: OneTimeTokenId::generate(now(), &SystemRandom),
        purpose: Purpose::ResetPassword,
        user_id: user.clone(),
        credential_epoch: 3,
        email: EmailAddress::parse("Ada@example.com").unwrap(),
        code: ticket.map(code),
        created_at: now(),
        expires_at: now() + TimeDelta::minutes(30),
        used_at: None,
    };
    (token, OneTimeSecret::generate(&SystemRandom).hash())
}

fn user() -> UserId {
    UserId::generate(now(), &SystemRandom)
}

fn ticket() -> TokenHash {
    Ticket::generate(&SystemRandom).hash()
}

async fn inserted(stores: &Stores, user: &UserId, ticket: Option<&TokenHash>) -> (OneTimeToken, TokenHash) {
    let (token, hash) = token(user, ticket);
    stores.one_time.insert(&token, &hash).await.unwrap();
    (token, hash)
}

async fn what_was_inserted_is_found_by_its_hash_alone(stores: &Stores) {
    let (with_code, hash) = inserted(stores, &user(), Some(&ticket())).await;
    let (without, other) = inserted(stores, &user(), None).await;
    assert_eq!(stores.one_time.find(&hash).await, Ok(Some(with_code)));
    assert_eq!(stores.one_time.find(&other).await, Ok(Some(without)));
    assert_eq!(stores.one_time.find(&ticket()).await, Ok(None));
}

async fn a_code_is_tried_as_often_as_it_may_be(stores: &Stores) {
    let ticket = ticket();
    inserted(stores, &user(), Some(&ticket)).await;
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let store = Arc::clone(&stores.one_time);
            tokio::spawn(async move { store.attempt(&ticket, Purpose::ResetPassword, now(), 5).await })
        })
        .collect();
    let mut answered = 0;
    for one in tries {
        answered += u32::from(one.await.unwrap().unwrap().is_some());
    }
    assert_eq!(answered, 5);
    let other = super::one_time::ticket();
    inserted(stores, &user(), Some(&other)).await;
    let attempt = |purpose, at| stores.one_time.attempt(&other, purpose, at, 5);
    assert_eq!(attempt(Purpose::VerifyEmail, now()).await, Ok(None), "another purpose");
    let end = now() + TimeDelta::minutes(10);
    assert_eq!(attempt(Purpose::ResetPassword, end).await, Ok(None), "the instant of expiry is past");
    let tried = attempt(Purpose::ResetPassword, end - TimeDelta::milliseconds(1)).await.unwrap().unwrap();
    assert_eq!(tried.code.unwrap().attempts, 1);
}

async fn a_code_is_of_the_newest_token_of_its_ticket(stores: &Stores) {
    let (ticket, user) = (ticket(), user());
    inserted(stores, &user, Some(&ticket)).await;
    let (mut newer, hash) = token(&user, Some(&ticket));
    newer.id = OneTimeTokenId::generate(now() + TimeDelta::seconds(1), &SystemRandom);
    stores.one_time.insert(&newer, &hash).await.unwrap();
    let tried = stores.one_time.attempt(&ticket, Purpose::ResetPassword, now(), 5).await.unwrap().unwrap();
    assert_eq!(tried.id, newer.id);
    assert_eq!(stores.one_time.consume(&newer.id, now()).await, Ok(true));
    let after = stores.one_time.attempt(&ticket, Purpose::ResetPassword, now(), 5).await;
    assert_eq!(after, Ok(None), "an older one does not take its place");
}

async fn of_many_concurrent_uses_one_wins(stores: &Stores) {
    let (token, hash) = inserted(stores, &user(), None).await;
    let uses: Vec<_> = (0..20)
        .map(|_| {
            let (store, id) = (Arc::clone(&stores.one_time), token.id.clone());
            tokio::spawn(async move { store.consume(&id, now()).await.unwrap() })
        })
        .collect();
    let mut won = 0;
    for one in uses {
        won += u32::from(one.await.unwrap());
    }
    assert_eq!(won, 1);
    let used = stores.one_time.find(&hash).await.unwrap().unwrap();
    assert_eq!(used.used_at, Some(now()));
    assert!(!used.is_good(now()));
    let unknown = OneTimeTokenId::generate(now(), &SystemRandom);
    assert_eq!(stores.one_time.consume(&unknown, now()).await, Ok(false));
}

async fn a_token_that_was_given_back_can_be_used_again(stores: &Stores) {
    let (token, hash) = inserted(stores, &user(), None).await;
    assert_eq!(stores.one_time.consume(&token.id, now()).await, Ok(true));
    stores.one_time.give_back(&token.id).await.unwrap();
    assert_eq!(stores.one_time.find(&hash).await, Ok(Some(token.clone())));
    assert_eq!(stores.one_time.consume(&token.id, now()).await, Ok(true));
}

async fn a_token_with_another_hash_is_not_found_by_the_old_one(stores: &Stores) {
    let (token, old) = inserted(stores, &user(), None).await;
    let new = ticket();
    assert_eq!(stores.one_time.rehash(&token.id, &new, now()).await, Ok(true));
    assert_eq!(stores.one_time.find(&old).await, Ok(None));
    assert_eq!(stores.one_time.find(&new).await, Ok(Some(token.clone())));
    assert_eq!(stores.one_time.rehash(&token.id, &old, token.expires_at).await, Ok(false), "it has ended");
    stores.one_time.consume(&token.id, now()).await.unwrap();
    assert_eq!(stores.one_time.rehash(&token.id, &old, now()).await, Ok(false), "it was used");
    stores.one_time.remove_of(&token.user_id).await.unwrap();
    assert_eq!(stores.one_time.rehash(&token.id, &old, now()).await, Ok(false), "it is not there");
}

async fn what_is_of_one_person_is_listed_and_removed(stores: &Stores) {
    let (one, other) = (user(), user());
    inserted(stores, &one, Some(&ticket())).await;
    inserted(stores, &one, None).await;
    let (theirs, _) = inserted(stores, &other, None).await;
    assert_eq!(stores.one_time.list_of(&one).await.unwrap().len(), 2);
    stores.one_time.remove_of(&one).await.unwrap();
    assert_eq!(stores.one_time.list_of(&one).await, Ok(vec![]));
    assert_eq!(stores.one_time.list_of(&other).await, Ok(vec![theirs]));
}

async fn a_purge_drops_what_has_ended_and_nothing_else(stores: &Stores) {
    let (_, hash) = inserted(stores, &user(), None).await;
    let end = now() + TimeDelta::minutes(30);
    assert_eq!(stores.one_time.purge(end - TimeDelta::milliseconds(1)).await, Ok(0));
    assert!(stores.one_time.find(&hash).await.unwrap().is_some());
    assert_eq!(stores.one_time.purge(end).await, Ok(1));
    assert!(stores.one_time.find(&hash).await.unwrap().is_none());
}
