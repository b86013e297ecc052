//! What counters of attempts and a cache of documents promise.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures_util::future::join_all;
use vestibule::{
    cache::Cache,
    domain::{
        documents::{DocumentCache, MAX_DOCUMENT_BYTES, MAX_TOTAL_BYTES},
        rate_limits::{FAILURES, Quota, Taken},
        tokens::TokenHash,
    },
};

use super::{cache::on_every_cache, now};

on_every_cache!(
    a_quota_is_taken_by_as_many_as_it_has_places_for,
    places_come_back_evenly_and_can_be_given_back,
    of_attempts_at_once_no_more_begin_than_are_free,
    failures_in_a_row_wait_and_end,
    attempts_can_be_undone_and_forgotten,
    a_document_is_found_by_its_hash,
    documents_have_a_bound_in_all,
);

const QUOTA: Quota = Quota { burst: 7, period: Duration::from_secs(70) };

fn wait_of(taken: Taken) -> TimeDelta {
    match taken {
        Taken::Yes => TimeDelta::zero(),
        Taken::No { retry_after } => TimeDelta::from_std(retry_after).unwrap(),
    }
}

async fn a_quota_is_taken_by_as_many_as_it_has_places_for(cache: Cache) {
    let takes = (0..50).map(|_| cache.rates.take("a:one", QUOTA, now()));
    let taken = join_all(takes).await;
    assert_eq!(taken.iter().filter(|taken| **taken == Taken::Yes).count(), 7);
    assert_eq!(cache.rates.take("a:two", QUOTA, now()).await, Taken::Yes, "of somebody else");
}

async fn places_come_back_evenly_and_can_be_given_back(Cache { rates, .. }: Cache) {
    let take =
        async |seconds: i64| wait_of(rates.take("b:one", QUOTA, now() + TimeDelta::seconds(seconds)).await);
    for _ in 0..7 {
        assert_eq!(take(0).await, TimeDelta::zero());
    }
    assert_eq!(take(0).await, TimeDelta::seconds(10));
    assert_eq!(take(4).await, TimeDelta::seconds(6));
    assert_eq!(take(10).await, TimeDelta::zero());
    assert_eq!(take(10).await, TimeDelta::seconds(10));
    rates.give_back("b:one", QUOTA).await;
    assert_eq!(take(10).await, TimeDelta::zero());
    assert_eq!(take(10).await, TimeDelta::seconds(10));
    assert_eq!(take(1_000).await, TimeDelta::zero());
    rates.give_back("b:nobody", QUOTA).await;
    // What does not divide evenly is not rounded away.
    let third = Quota { burst: 3, period: Duration::from_secs(1) };
    for _ in 0..3 {
        assert_eq!(rates.take("b:third", third, now()).await, Taken::Yes);
    }
    let wait = wait_of(rates.take("b:third", third, now()).await);
    assert!((TimeDelta::milliseconds(333)..=TimeDelta::milliseconds(334)).contains(&wait), "{wait}");
}

async fn of_attempts_at_once_no_more_begin_than_are_free(Cache { rates, .. }: Cache) {
    let begun = join_all((0..200).map(|_| rates.begin("c:one", now()))).await;
    let free = usize::try_from(FAILURES.free).unwrap();
    assert_eq!(begun.iter().filter(|taken| **taken == Taken::Yes).count(), free);
}

async fn failures_in_a_row_wait_and_end(Cache { rates, .. }: Cache) {
    let mut at = now();
    let mut waits = Vec::new();
    for failure in 1..=FAILURES.most {
        assert_eq!(rates.begin("d:one", at).await, Taken::Yes, "{failure}");
        // The next one tells the wait, and begins where there is none.
        let is_free = failure < FAILURES.free;
        let wait = if is_free { TimeDelta::zero() } else { wait_of(rates.begin("d:one", at).await) };
        waits.push(wait);
        at += wait;
    }
    let seconds: Vec<i64> = waits.iter().map(TimeDelta::num_seconds).collect();
    assert_eq!(seconds[8..14], [0, 1, 2, 4, 8, 16]);
    // After the last there is no other, however long one waits.
    assert_eq!((seconds[98], waits[99]), (900, FAILURES.kept + FAILURES.longest_wait));
    assert!(wait_of(rates.begin("d:one", now() + TimeDelta::days(29)).await) > TimeDelta::zero());
    rates.forget("d:one").await;
    assert_eq!(rates.begin("d:one", at).await, Taken::Yes);
}

async fn attempts_can_be_undone_and_forgotten(Cache { rates, .. }: Cache) {
    let at = now();
    for _ in 0..50 {
        assert_eq!(rates.begin("e:undone", at).await, Taken::Yes);
        rates.undo("e:undone", at).await;
    }
    rates.undo("e:nobody", at).await;
    for _ in 0..10 {
        assert_eq!(rates.begin("e:two", at).await, Taken::Yes);
    }
    assert_eq!(wait_of(rates.begin("e:two", at).await), TimeDelta::seconds(1));
    rates.undo("e:two", at).await;
    assert_eq!(rates.begin("e:two", at).await, Taken::Yes);
    rates.forget("e:two").await;
    for _ in 0..10 {
        assert_eq!(rates.begin("e:two", at).await, Taken::Yes);
    }
}

async fn a_document_is_found_by_its_hash(Cache { documents, .. }: Cache) {
    let (one, two) = ("{ me { id name } }", "query Ω { me { id } }");
    let hash = TokenHash::of_text;
    assert_eq!(documents.find(&hash(one)).await, None);
    documents.keep(&hash(one), one).await;
    documents.keep(&hash(two), two).await;
    assert_eq!(documents.find(&hash(one)).await.as_deref(), Some(one));
    assert_eq!(documents.find(&hash(two)).await.as_deref(), Some(two));
    let long = "a".repeat(MAX_DOCUMENT_BYTES + 1);
    documents.keep(&hash(&long), &long).await;
    assert_eq!(documents.find(&hash(&long)).await, None);
}

async fn documents_have_a_bound_in_all(Cache { documents, .. }: Cache) {
    let document = |number: usize| format!("{number:09}{}", "x".repeat(MAX_DOCUMENT_BYTES - 9));
    let most = MAX_TOTAL_BYTES / MAX_DOCUMENT_BYTES;
    let keep = async |documents: &Arc<dyn DocumentCache>, number: usize| {
        let text = document(number);
        documents.keep(&TokenHash::of_text(&text), &text).await;
    };
    for number in 0..most + 20 {
        keep(&documents, number).await;
    }
    let found = async |number: usize| documents.find(&TokenHash::of_text(&document(number))).await.is_some();
    // Caches may let go a little late.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(found(most + 19).await, "the newest");
    let mut kept = 0;
    for number in 0..most + 20 {
        kept += usize::from(found(number).await);
    }
    assert!((most / 2..=most).contains(&kept), "{kept} of {most}");
    // Small ones weigh more than their text.
    for number in 0..500 {
        let text = number.to_string();
        documents.keep(&TokenHash::of_text(&text), &text).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut large = 0;
    for number in 0..most + 20 {
        large += usize::from(found(number).await);
    }
    assert!(large < kept, "{large} of {kept}");
}
