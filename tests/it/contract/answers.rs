//! What a store of answers promises.

use chrono::TimeDelta;
use futures_util::future::join_all;
use vestibule::{
    domain::{
        clock::Instant,
        idempotency::{Answer, Begun, Reservation},
        store::StoreResult,
        tokens::TokenHash,
    },
    stores::Stores,
};

use super::{now, on_every_store};

on_every_store!(
    of_many_callers_one_takes_the_key,
    an_answer_is_known_until_it_expires,
    a_key_is_free_again_when_nothing_came_of_it,
    a_reservation_that_was_given_up_can_do_no_harm,
    a_purge_drops_what_has_expired_and_nothing_else,
);

fn reservation(key: &str, at: Instant) -> Reservation {
    Reservation { id: TokenHash::of_text(key), fingerprint: TokenHash::of_text("body"), at }
}

async fn begin(stores: &Stores, reservation: &Reservation) -> StoreResult<Begun> {
    let at = reservation.at;
    stores.answers.begin(reservation, at - TimeDelta::minutes(2), at - TimeDelta::hours(24)).await
}

#[expect(clippy::unnecessary_wraps, reason = "reads as what a store answers")]
fn known(sealed: Option<&[u8]>) -> StoreResult<Begun> {
    let sealed = sealed.map(<[u8]>::to_vec);
    Ok(Begun::Known(Answer { fingerprint: TokenHash::of_text("body"), sealed }))
}

async fn of_many_callers_one_takes_the_key(stores: &Stores) {
    let one = reservation("one", now());
    let begun = join_all((0..20).map(|_| begin(stores, &one))).await;
    assert_eq!(begun.iter().filter(|begun| **begun == Ok(Begun::New)).count(), 1);
    assert_eq!(begun.iter().filter(|begun| **begun == known(None)).count(), 19);
    assert_eq!(begin(stores, &reservation("two", now())).await, Ok(Begun::New));
}

async fn an_answer_is_known_until_it_expires(stores: &Stores) {
    let first = reservation("one", now());
    begin(stores, &first).await.unwrap();
    stores.answers.finish(&first, b"answer".to_vec()).await.unwrap();
    let after = |wait: TimeDelta| reservation("one", now() + wait);
    assert_eq!(begin(stores, &after(TimeDelta::minutes(3))).await, known(Some(b"answer")));
    assert_eq!(begin(stores, &after(TimeDelta::hours(24))).await, known(Some(b"answer")));
    let expired = after(TimeDelta::hours(24) + TimeDelta::milliseconds(1));
    let begun = join_all((0..10).map(|_| begin(stores, &expired))).await;
    assert_eq!(begun.iter().filter(|begun| **begun == Ok(Begun::New)).count(), 1);
    assert_eq!(begin(stores, &expired).await, known(None), "the old answer is forgotten");
}

async fn a_key_is_free_again_when_nothing_came_of_it(stores: &Stores) {
    let first = reservation("one", now());
    begin(stores, &first).await.unwrap();
    stores.answers.abandon(&first).await.unwrap();
    assert_eq!(begin(stores, &first).await, Ok(Begun::New));
    let late = reservation("one", now() + TimeDelta::minutes(2));
    assert_eq!(begin(stores, &late).await, known(None));
    let later = reservation("one", now() + TimeDelta::minutes(2) + TimeDelta::milliseconds(1));
    assert_eq!(begin(stores, &later).await, Ok(Begun::New), "whoever had it has died");
}

async fn a_reservation_that_was_given_up_can_do_no_harm(stores: &Stores) {
    let slow = reservation("one", now());
    begin(stores, &slow).await.unwrap();
    let next = reservation("one", now() + TimeDelta::minutes(3));
    begin(stores, &next).await.unwrap();
    stores.answers.finish(&slow, b"slow".to_vec()).await.unwrap();
    stores.answers.abandon(&slow).await.unwrap();
    assert_eq!(begin(stores, &next).await, known(None));
    stores.answers.finish(&next, b"next".to_vec()).await.unwrap();
    stores.answers.abandon(&next).await.unwrap();
    stores.answers.finish(&next, b"again".to_vec()).await.unwrap();
    assert_eq!(begin(stores, &next).await, known(Some(b"next")));
}

async fn a_purge_drops_what_has_expired_and_nothing_else(stores: &Stores) {
    for (key, minutes) in [("one", 0), ("two", 1), ("three", 2)] {
        begin(stores, &reservation(key, now() + TimeDelta::minutes(minutes))).await.unwrap();
    }
    assert_eq!(stores.answers.purge(now() + TimeDelta::minutes(1)).await, Ok(1));
    assert_eq!(begin(stores, &reservation("one", now())).await, Ok(Begun::New));
    assert_eq!(begin(stores, &reservation("two", now())).await, known(None));
}
