//! What an outbox promises.

use std::{collections::HashSet, sync::Arc};

use chrono::TimeDelta;
use vestibule::{
    domain::{
        accounts::EmailAddress,
        clock::Instant,
        ids::{TaskId, UserId},
        outbox::{Enqueued, Entry, Notice, Task},
        random::SystemRandom,
    },
    stores::Stores,
};

use super::{now, on_every_store};

on_every_store!(
    what_is_due_is_claimed_once_and_the_longest_due_first,
    a_claim_that_is_not_kept_ends_with_its_lease,
    what_is_done_or_given_up_is_not_claimed_again,
    a_place_is_taken_once_in_a_while,
    of_many_concurrent_takers_of_a_place_one_is_queued,
    a_later_entry_takes_the_place_of_an_earlier_one,
    what_is_about_one_person_is_listed_and_forgotten,
    a_purge_keeps_what_waits_and_what_ended_lately,
    a_summary_counts_what_waits_and_what_was_given_up,
);

fn entry(due_at: Instant) -> Entry {
    let user_id = UserId::generate(now(), &SystemRandom);
    let id = TaskId::generate(now(), &SystemRandom);
    Entry {
        slot: id.to_string(),
        id,
        user_id: Some(user_id.clone()),
        task: Task::Notice { user_id, notice: Notice::DeletionScheduled { at: due_at } },
        created_at: now(),
        due_at,
        attempts: 0,
    }
}

async fn queued(stores: &Stores, due_at: Instant) -> Entry {
    let entry = entry(due_at);
    assert_eq!(stores.outbox.enqueue(&entry, None).await, Ok(Enqueued::Queued));
    entry
}

fn lease() -> Instant {
    now() + TimeDelta::seconds(90)
}

async fn what_is_due_is_claimed_once_and_the_longest_due_first(stores: &Stores) {
    let late = queued(stores, now() - TimeDelta::seconds(1)).await;
    let later = queued(stores, now() - TimeDelta::seconds(2)).await;
    let due = queued(stores, now()).await;
    queued(stores, now() + TimeDelta::milliseconds(1)).await;
    let first = stores.outbox.claim(now(), lease(), 1).await.unwrap();
    assert_eq!(first, [Entry { due_at: lease(), attempts: 1, ..later }]);
    let claims: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&stores.outbox);
            tokio::spawn(async move { store.claim(now(), lease(), 10).await.unwrap() })
        })
        .collect();
    let mut claimed = Vec::new();
    for claim in claims {
        claimed.extend(claim.await.unwrap());
    }
    let ids: HashSet<_> = claimed.iter().map(|entry| entry.id.clone()).collect();
    assert_eq!((claimed.len(), ids), (2, HashSet::from([late.id, due.id])));
}

async fn a_claim_that_is_not_kept_ends_with_its_lease(stores: &Stores) {
    let entry = queued(stores, now()).await;
    assert_eq!(stores.outbox.claim(now(), lease(), 10).await.unwrap().len(), 1);
    assert_eq!(stores.outbox.claim(lease() - TimeDelta::milliseconds(1), lease(), 10).await, Ok(vec![]));
    let again = stores.outbox.claim(lease(), lease() + TimeDelta::minutes(1), 10).await.unwrap();
    assert_eq!((again.len(), &again[0].id, again[0].attempts), (1, &entry.id, 2));
    stores.outbox.postpone(&entry.id, now()).await.unwrap();
    assert_eq!(stores.outbox.claim(now(), lease(), 10).await.unwrap()[0].attempts, 3);
}

async fn what_is_done_or_given_up_is_not_claimed_again(stores: &Stores) {
    let (done, given_up) = (queued(stores, now()).await, queued(stores, now()).await);
    stores.outbox.finish(&done.id, now()).await.unwrap();
    stores.outbox.give_up(&given_up.id, now(), "the server said no").await.unwrap();
    stores.outbox.postpone(&given_up.id, now()).await.unwrap();
    assert_eq!(stores.outbox.claim(now() + TimeDelta::days(1), lease(), 10).await, Ok(vec![]));
}

fn in_place(slot: &str, created_at: Instant) -> Entry {
    Entry { slot: slot.into(), created_at, ..entry(created_at) }
}

async fn a_place_is_taken_once_in_a_while(stores: &Stores) {
    let minute = TimeDelta::minutes(1);
    let take = async |at: Instant| stores.outbox.enqueue(&in_place("reset:x", at), Some(at - minute)).await;
    assert_eq!(take(now()).await, Ok(Enqueued::Queued));
    let claimed = stores.outbox.claim(now(), lease(), 1).await.unwrap();
    stores.outbox.finish(&claimed[0].id, now()).await.unwrap();
    let just_before = now() + minute - TimeDelta::milliseconds(1);
    assert_eq!(take(just_before).await, Ok(Enqueued::Recent { at: now() }), "also when it is done");
    assert_eq!(take(now() + minute).await, Ok(Enqueued::Queued));
    assert_eq!(stores.outbox.claim(now() + minute, lease(), 10).await.unwrap().len(), 1);
}

async fn of_many_concurrent_takers_of_a_place_one_is_queued(stores: &Stores) {
    let takers: Vec<_> = (0..20)
        .map(|_| {
            let store = Arc::clone(&stores.outbox);
            let limit = Some(now() - TimeDelta::minutes(1));
            tokio::spawn(async move { store.enqueue(&in_place("reset:y", now()), limit).await.unwrap() })
        })
        .collect();
    let mut won = 0;
    for taker in takers {
        won += u32::from(taker.await.unwrap() == Enqueued::Queued);
    }
    assert_eq!(won, 1);
}

async fn a_later_entry_takes_the_place_of_an_earlier_one(stores: &Stores) {
    let (first, second) = (in_place("verify:x", now()), in_place("verify:x", now()));
    for entry in [&first, &second] {
        assert_eq!(stores.outbox.enqueue(entry, None).await, Ok(Enqueued::Queued));
    }
    stores.outbox.finish(&first.id, now()).await.unwrap();
    let claimed = stores.outbox.claim(now(), lease(), 10).await.unwrap();
    assert_eq!(claimed, [Entry { due_at: lease(), attempts: 1, ..second }]);
}

async fn what_is_about_one_person_is_listed_and_forgotten(stores: &Stores) {
    let (one, other) = (queued(stores, now()).await, queued(stores, now()).await);
    let user = one.user_id.clone().unwrap();
    let kept = Entry { user_id: one.user_id.clone(), ..entry(now()) };
    stores.outbox.enqueue(&kept, None).await.unwrap();
    let nobody = Entry {
        user_id: None,
        task: Task::AddressInUse { email: EmailAddress::parse("ada@example.com").unwrap() },
        ..entry(now())
    };
    stores.outbox.enqueue(&nobody, None).await.unwrap();
    assert_eq!(stores.outbox.list_of(&user).await.unwrap().len(), 2);
    stores.outbox.forget(&user, &kept.id).await.unwrap();
    assert_eq!(stores.outbox.list_of(&user).await, Ok(vec![kept.clone()]));
    let left = stores.outbox.claim(now(), lease(), 10).await.unwrap();
    let left: HashSet<_> = left.into_iter().map(|entry| entry.id).collect();
    assert_eq!(left, HashSet::from([kept.id, other.id, nobody.id]));
}

async fn a_purge_keeps_what_waits_and_what_ended_lately(stores: &Stores) {
    let (done, given_up) = (queued(stores, now()).await, queued(stores, now()).await);
    queued(stores, now()).await;
    stores.outbox.finish(&done.id, now()).await.unwrap();
    stores.outbox.give_up(&given_up.id, now(), "no").await.unwrap();
    assert_eq!(stores.outbox.purge(now() + TimeDelta::minutes(59)).await, Ok(0));
    assert_eq!(stores.outbox.purge(now() + TimeDelta::hours(1)).await, Ok(1));
    assert_eq!(stores.outbox.purge(now() + TimeDelta::days(8)).await, Ok(1));
    assert_eq!(stores.outbox.summary().await.unwrap().waiting, 1);
}

async fn a_summary_counts_what_waits_and_what_was_given_up(stores: &Stores) {
    assert_eq!(stores.outbox.summary().await, Ok(vestibule::domain::outbox::OutboxSummary::default()));
    queued(stores, now()).await;
    let oldest = now() - TimeDelta::hours(1);
    queued(stores, oldest).await;
    let given_up = queued(stores, now()).await;
    stores.outbox.give_up(&given_up.id, now(), "no").await.unwrap();
    let summary = stores.outbox.summary().await.unwrap();
    assert_eq!((summary.waiting, summary.given_up, summary.oldest_due_at), (2, 1, Some(oldest)));
}
