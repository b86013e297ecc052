//! What a store of sessions promises.

use std::sync::Arc;

use chrono::TimeDelta;
use vestibule::{
    domain::{
        clock::Instant,
        ids::{SessionId, UserId},
        page::{End, PageRequest},
        random::SystemRandom,
        sessions::{
            KEPT_AFTER_END, LiveSessions, RetiredToken, Rotation, RotationOutcome, Session, SessionSelector,
        },
        store::{Field, StoreError},
        tokens::RefreshToken,
    },
    stores::Stores,
};

use super::{now, on_every_store, session};

on_every_store!(
    what_was_inserted_is_found_as_it_was,
    several_are_found_at_once,
    a_token_is_rotated_once,
    a_retired_token_is_replayed_within_the_grace_window_and_reused_after,
    a_chain_within_the_grace_window_can_be_followed,
    every_earlier_token_is_told_from_an_unknown_one,
    an_ended_or_expired_session_does_not_rotate,
    of_many_concurrent_rotations_one_wins,
    a_rotation_never_goes_past_the_absolute_end,
    a_touch_moves_the_idle_end_once_a_minute,
    an_end_is_final_and_told_again,
    sessions_of_a_lower_epoch_are_ended,
    an_epoch_only_rises_on_live_sessions,
    only_live_sessions_of_one_person_are_listed,
    a_page_is_taken_from_either_end,
    only_a_live_session_of_its_person_gets_another_name,
    a_session_is_ended_by_its_owner_alone,
    old_sessions_are_purged_at_the_exact_instant,
);

const GRACE: TimeDelta = TimeDelta::seconds(10);
const IDLE: TimeDelta = TimeDelta::hours(1);

fn user() -> UserId {
    UserId::generate(now(), &SystemRandom)
}

async fn inserted(stores: &Stores, user: &UserId) -> (Session, RefreshToken) {
    let (session, token) = session(user);
    stores.sessions.insert(&session, (&token.family(), &token.hash()), None).await.unwrap();
    (session, token)
}

/// A rotation, and the successor it would bring.
fn rotate_to(presented: &RefreshToken, at: Instant) -> (Rotation, RefreshToken) {
    let successor = presented.successor(&SystemRandom);
    let rotation = Rotation {
        family: presented.family(),
        presented: presented.hash(),
        successor: successor.hash(),
        sealed_successor: successor.hash().as_bytes().to_vec(),
        at,
        grace: GRACE,
        idle_ttl: IDLE,
    };
    (rotation, successor)
}

fn rotation(presented: &RefreshToken, at: Instant) -> Rotation {
    rotate_to(presented, at).0
}

async fn what_was_inserted_is_found_as_it_was(stores: &Stores) {
    let (session, token) = inserted(stores, &user()).await;
    assert_eq!(stores.sessions.find(&session.id).await, Ok(Some(session.clone())));
    assert_eq!(stores.sessions.find(&SessionId::generate(now(), &SystemRandom)).await, Ok(None));
    let again = stores.sessions.insert(&session, (&token.family(), &token.hash()), None).await;
    assert_eq!(again, Err(StoreError::Conflict(Field::Identity)));
}

async fn several_are_found_at_once(stores: &Stores) {
    let (first, _) = inserted(stores, &user()).await;
    let (second, _) = inserted(stores, &user()).await;
    inserted(stores, &user()).await;
    let unknown = SessionId::generate(now(), &SystemRandom);
    let asked = [second.id.clone(), unknown, first.id.clone(), second.id.clone()];
    let mut found = stores.sessions.find_several(&asked).await.unwrap();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    let mut expected = [first, second];
    expected.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(found, expected);
    assert_eq!(stores.sessions.find_several(&[]).await, Ok(Vec::new()));
}

async fn a_token_is_rotated_once(stores: &Stores) {
    let (session, token) = inserted(stores, &user()).await;
    let at = now() + TimeDelta::minutes(5);
    let (first, successor) = rotate_to(&token, at);
    let RotationOutcome::Rotated(rotated) = stores.sessions.rotate(&first).await.unwrap() else {
        panic!("not rotated")
    };
    assert_eq!((rotated.version, rotated.last_seen_at, rotated.idle_expires_at), (2, at, at + IDLE));
    assert_eq!(stores.sessions.find(&session.id).await, Ok(Some(rotated)));
    let second = stores.sessions.rotate(&rotation(&successor, at)).await;
    assert!(matches!(second, Ok(RotationOutcome::Rotated(_))));
    let unknown = rotation(&RefreshToken::generate(&SystemRandom), at);
    assert_eq!(stores.sessions.rotate(&unknown).await, Ok(RotationOutcome::Unknown));
}

async fn a_retired_token_is_replayed_within_the_grace_window_and_reused_after(stores: &Stores) {
    let (_, token) = inserted(stores, &user()).await;
    let first = rotation(&token, now());
    stores.sessions.rotate(&first).await.unwrap();
    // The window is not extended by its use, and ends at the exact instant.
    for wait in [0, 5_000, 9_999] {
        let at = now() + TimeDelta::milliseconds(wait);
        let again = stores.sessions.rotate(&rotation(&token, at)).await.unwrap();
        let RotationOutcome::Replayed { retired, .. } = again else { panic!("{wait}: {again:?}") };
        let sealed_successor = first.sealed_successor.clone();
        assert_eq!(retired, [RetiredToken { hash: token.hash(), sealed_successor }]);
    }
    let late = stores.sessions.rotate(&rotation(&token, now() + GRACE)).await.unwrap();
    assert!(matches!(late, RotationOutcome::Reused(_)), "{late:?}");
}

async fn a_chain_within_the_grace_window_can_be_followed(stores: &Stores) {
    let (_, first) = inserted(stores, &user()).await;
    let mut token = first.clone();
    let mut expected = Vec::new();
    for step in 0..3 {
        let (next, successor) = rotate_to(&token, now() + TimeDelta::seconds(step));
        stores.sessions.rotate(&next).await.unwrap();
        expected.push(token.hash());
        token = successor;
    }
    let again = stores.sessions.rotate(&rotation(&first, now() + TimeDelta::seconds(3))).await.unwrap();
    let RotationOutcome::Replayed { retired, .. } = again else { panic!("{again:?}") };
    assert_eq!(retired.len(), 3);
    assert!(expected.iter().all(|hash| retired.iter().any(|token| token.hash == *hash)));
}

async fn every_earlier_token_is_told_from_an_unknown_one(stores: &Stores) {
    let (_, first) = inserted(stores, &user()).await;
    let mut token = first.clone();
    for _ in 0..100 {
        let (next, successor) = rotate_to(&token, now());
        stores.sessions.rotate(&next).await.unwrap();
        token = successor;
    }
    // However many rotations a thief hurries through, the first token is known for what it is.
    let reused = stores.sessions.rotate(&rotation(&first, now())).await.unwrap();
    assert!(matches!(reused, RotationOutcome::Reused(_)), "{reused:?}");
    let guessed = stores.sessions.rotate(&rotation(&first.successor(&SystemRandom), now())).await.unwrap();
    assert!(matches!(guessed, RotationOutcome::Reused(_)), "{guessed:?}");
}

async fn an_ended_or_expired_session_does_not_rotate(stores: &Stores) {
    let (session, token) = inserted(stores, &user()).await;
    let at_expiry = stores.sessions.rotate(&rotation(&token, session.idle_expires_at)).await.unwrap();
    assert!(matches!(at_expiry, RotationOutcome::Ended(_)), "{at_expiry:?}");
    stores.sessions.end(&SessionSelector::Id(session.id), now()).await.unwrap();
    let ended = stores.sessions.rotate(&rotation(&token, now())).await.unwrap();
    assert!(
        matches!(&ended, RotationOutcome::Ended(session) if session.ended_at == Some(now())),
        "{ended:?}"
    );
}

async fn of_many_concurrent_rotations_one_wins(stores: &Stores) {
    let (_, token) = inserted(stores, &user()).await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (sessions, rotation) = (Arc::clone(&stores.sessions), rotation(&token, now()));
            tokio::spawn(async move {
                (rotation.sealed_successor.clone(), sessions.rotate(&rotation).await.unwrap())
            })
        })
        .collect();
    let (mut won, mut told) = (Vec::new(), Vec::new());
    for task in tasks {
        match task.await.unwrap() {
            (sealed, RotationOutcome::Rotated(_)) => won.push(sealed),
            (_, RotationOutcome::Replayed { retired, .. }) => told.push(retired[0].sealed_successor.clone()),
            (_, other) => panic!("{other:?}"),
        }
    }
    assert_eq!(won.len(), 1);
    assert!(told.iter().all(|sealed| *sealed == won[0]), "two chains");
}

async fn a_rotation_never_goes_past_the_absolute_end(stores: &Stores) {
    let (session, token) = inserted(stores, &user()).await;
    let (first, successor) = rotate_to(&token, now() + TimeDelta::minutes(50));
    stores.sessions.rotate(&first).await.unwrap();
    let late = rotation(&successor, now() + TimeDelta::minutes(100));
    let RotationOutcome::Rotated(rotated) = stores.sessions.rotate(&late).await.unwrap() else {
        panic!("not rotated")
    };
    assert_eq!(rotated.idle_expires_at, session.absolute_expires_at);
}

async fn a_touch_moves_the_idle_end_once_a_minute(stores: &Stores) {
    let (session, _) = inserted(stores, &user()).await;
    let touch = async |seconds| {
        stores.sessions.touch(&session.id, now() + TimeDelta::seconds(seconds), IDLE).await.unwrap()
    };
    assert_eq!(touch(59).await, None);
    let touched = touch(60).await.unwrap();
    let at = now() + TimeDelta::seconds(60);
    assert_eq!((touched.last_seen_at, touched.idle_expires_at, touched.version), (at, at + IDLE, 2));
    assert_eq!(touch(90).await, None);
    stores.sessions.end(&SessionSelector::Id(session.id.clone()), now()).await.unwrap();
    assert_eq!(touch(200).await, None, "a touch never brings a session back");
}

async fn an_end_is_final_and_told_again(stores: &Stores) {
    let (session, token) = inserted(stores, &user()).await;
    stores.sessions.rotate(&rotation(&token, now())).await.unwrap();
    let by_family = SessionSelector::RefreshFamily(token.family());
    let ended = stores.sessions.end(&by_family, now()).await.unwrap().unwrap();
    assert_eq!((&ended.id, ended.ended_at, ended.version), (&session.id, Some(now()), 3));
    let by_id = SessionSelector::Id(session.id);
    let again = stores.sessions.end(&by_id, now() + IDLE).await.unwrap();
    assert_eq!(again, Some(ended), "the first end stays");
    let unknown = SessionSelector::Id(SessionId::generate(now(), &SystemRandom));
    assert_eq!(stores.sessions.end(&unknown, now()).await, Ok(None));
}

async fn sessions_of_a_lower_epoch_are_ended(stores: &Stores) {
    let (owner, other) = (user(), user());
    let (kept, _) = inserted(stores, &owner).await;
    let (first, _) = inserted(stores, &owner).await;
    let (second, _) = inserted(stores, &owner).await;
    let (foreign, _) = inserted(stores, &other).await;
    stores.sessions.set_epoch(&kept.id, 2).await.unwrap();
    assert_eq!(stores.sessions.end_all(&owner, 1, now()).await, Ok(Vec::new()));
    let mut ended = stores.sessions.end_all(&owner, 2, now()).await.unwrap();
    ended.sort();
    let mut expected = [first.id, second.id];
    expected.sort();
    assert_eq!(ended, expected);
    for id in [&kept.id, &foreign.id] {
        assert_eq!(stores.sessions.find(id).await.unwrap().unwrap().ended_at, None);
    }
    assert_eq!(stores.sessions.end_all(&owner, 3, now()).await.unwrap(), [kept.id], "those that were alive");
}

async fn an_epoch_only_rises_on_live_sessions(stores: &Stores) {
    let (session, _) = inserted(stores, &user()).await;
    let raised = stores.sessions.set_epoch(&session.id, 2).await.unwrap().unwrap();
    assert_eq!((raised.session_epoch, raised.version), (2, 2));
    // A repetition, whose first answer was lost, is told the same.
    let again = stores.sessions.set_epoch(&session.id, 2).await.unwrap().unwrap();
    assert_eq!(again.session_epoch, 2);
    // Another change has ended it: it is not brought back.
    assert_eq!(stores.sessions.set_epoch(&session.id, 4).await, Ok(None));
    let raised = stores.sessions.set_epoch(&session.id, 3).await.unwrap().unwrap();
    assert_eq!(raised.session_epoch, 3);
    assert_eq!(stores.sessions.set_epoch(&session.id, 2).await, Ok(None));
    stores.sessions.end(&SessionSelector::Id(session.id.clone()), now()).await.unwrap();
    assert_eq!(stores.sessions.set_epoch(&session.id, 4).await, Ok(None));
}

async fn old_sessions_are_purged_at_the_exact_instant(stores: &Stores) {
    let (session, token) = inserted(stores, &user()).await;
    stores.sessions.rotate(&rotation(&token, now())).await.unwrap();
    let due = now() + IDLE + KEPT_AFTER_END;
    assert_eq!(stores.sessions.purge(due - TimeDelta::milliseconds(1)).await, Ok(0));
    assert_eq!(stores.sessions.purge(due).await, Ok(1));
    assert_eq!(stores.sessions.find(&session.id).await, Ok(None));
    assert_eq!(stores.sessions.rotate(&rotation(&token, now())).await, Ok(RotationOutcome::Unknown));
    let (ended, _) = inserted(stores, &user()).await;
    stores.sessions.end(&SessionSelector::Id(ended.id), now()).await.unwrap();
    assert_eq!(stores.sessions.purge(now() + KEPT_AFTER_END - TimeDelta::milliseconds(1)).await, Ok(0));
    assert_eq!(stores.sessions.purge(now() + KEPT_AFTER_END).await, Ok(1));
}

fn live_of(user: &UserId, at: Instant) -> LiveSessions {
    LiveSessions { user_id: user.clone(), epoch: 1, at }
}

fn page(size: usize, end: End) -> PageRequest<SessionId> {
    PageRequest { size, end, after: None, before: None }
}

fn ids(sessions: &[Session]) -> Vec<SessionId> {
    sessions.iter().map(|session| session.id.clone()).collect()
}

async fn only_live_sessions_of_one_person_are_listed(stores: &Stores) {
    let (owner, other) = (user(), user());
    let (alive, _) = inserted(stores, &owner).await;
    let (ended, _) = inserted(stores, &owner).await;
    inserted(stores, &other).await;
    stores.sessions.end(&SessionSelector::Id(ended.id), now()).await.unwrap();
    let listed = async |of: LiveSessions| {
        let listed = stores.sessions.list_live(&of, &page(9, End::First)).await.unwrap();
        assert_eq!(stores.sessions.count_live(&of).await, Ok(listed.len() as u64));
        listed
    };
    assert_eq!(listed(live_of(&owner, now())).await, std::slice::from_ref(&alive));
    assert_eq!(listed(LiveSessions { epoch: 2, ..live_of(&owner, now()) }).await, []);
    let last = alive.idle_expires_at - TimeDelta::milliseconds(1);
    assert_eq!(listed(live_of(&owner, last)).await, std::slice::from_ref(&alive));
    assert_eq!(listed(live_of(&owner, alive.idle_expires_at)).await, []);
    assert_eq!(listed(live_of(&user(), now())).await, []);
}

async fn a_page_is_taken_from_either_end(stores: &Stores) {
    let owner = user();
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(inserted(stores, &owner).await.0.id);
    }
    all.sort();
    all.reverse();
    let of = live_of(&owner, now());
    let read =
        async |page: PageRequest<SessionId>| ids(&stores.sessions.list_live(&of, &page).await.unwrap());
    // One more than asked for tells whether there are more.
    assert_eq!(read(page(2, End::First)).await, all[..3]);
    let outermost_first: Vec<_> = all.iter().rev().take(3).cloned().collect();
    assert_eq!(read(page(2, End::Last)).await, outermost_first);
    let after = PageRequest { after: Some(all[1].clone()), ..page(9, End::First) };
    assert_eq!(read(after).await, all[2..]);
    let before = PageRequest { before: Some(all[2].clone()), ..page(9, End::Last) };
    assert_eq!(read(before).await, [all[1].clone(), all[0].clone()]);
}

async fn only_a_live_session_of_its_person_gets_another_name(stores: &Stores) {
    let (owner, other) = (user(), user());
    let (session, _) = inserted(stores, &owner).await;
    let name = "$name {x: 1} \u{1f510}";
    let rename = async |of: LiveSessions| stores.sessions.rename(&of, &session.id, name).await.unwrap();
    assert_eq!(rename(live_of(&other, now())).await, None);
    assert_eq!(rename(live_of(&owner, session.idle_expires_at)).await, None);
    assert_eq!(rename(LiveSessions { epoch: 2, ..live_of(&owner, now()) }).await, None);
    let renamed = rename(live_of(&owner, now())).await.unwrap();
    assert_eq!((renamed.device_name.as_deref(), renamed.version), (Some(name), 2));
    stores.sessions.end(&SessionSelector::Id(session.id.clone()), now()).await.unwrap();
    assert_eq!(rename(live_of(&owner, now())).await, None);
}

async fn a_session_is_ended_by_its_owner_alone(stores: &Stores) {
    let (owner, other) = (user(), user());
    let (session, _) = inserted(stores, &owner).await;
    let own = |user: &UserId| SessionSelector::Own { user: user.clone(), session: session.id.clone() };
    assert_eq!(stores.sessions.end(&own(&other), now()).await, Ok(None));
    assert_eq!(stores.sessions.find(&session.id).await.unwrap().unwrap().ended_at, None);
    let ended = stores.sessions.end(&own(&owner), now()).await.unwrap().unwrap();
    assert_eq!(ended.ended_at, Some(now()));
    assert_eq!(stores.sessions.end(&own(&owner), now() + IDLE).await, Ok(Some(ended)));
}

/// Somebody who logs in again and again and never logs out.
#[tokio::test]
async fn ten_thousand_sessions_of_one_person_are_listed_and_ended() {
    let stores = super::memory().await;
    let owner = user();
    for _ in 0..10_000 {
        inserted(&stores, &owner).await;
    }
    let of = live_of(&owner, now());
    assert_eq!(stores.sessions.count_live(&of).await, Ok(10_000));
    let mut found = std::collections::BTreeSet::new();
    let mut request = page(100, End::First);
    loop {
        let read = request.page(stores.sessions.list_live(&of, &request).await.unwrap());
        found.extend(ids(&read.items));
        if !read.has_next {
            break;
        }
        request.after = read.items.last().map(|session| session.id.clone());
    }
    assert_eq!(found.len(), 10_000);
    stores.sessions.set_epoch(found.first().unwrap(), 2).await.unwrap();
    assert_eq!(stores.sessions.end_all(&owner, 2, now()).await.unwrap().len(), 9_999);
    assert_eq!(stores.sessions.count_live(&of).await, Ok(1));
}
