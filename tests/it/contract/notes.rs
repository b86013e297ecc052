//! What a store of notes promises.

use chrono::TimeDelta;
use vestibule::{
    domain::{
        ids::{NoteId, SessionId, UserId},
        random::SystemRandom,
        sessions::Note,
    },
    stores::Stores,
};

use super::{now, on_every_store};

on_every_store!(
    notes_are_listed_in_pages_in_their_order,
    a_note_is_removed_once_and_for_all,
    old_notes_are_purged_at_the_exact_instant,
);

fn note(millis: i64, session: bool) -> Note {
    let at = now() + TimeDelta::milliseconds(millis);
    Note {
        id: NoteId::generate(at, &SystemRandom),
        user_id: UserId::generate(at, &SystemRandom),
        session_id: session.then(|| SessionId::generate(at, &SystemRandom)),
        made_at: at,
    }
}

async fn notes_are_listed_in_pages_in_their_order(stores: &Stores) {
    let notes: Vec<_> = (0..5).map(|number| note(number, number % 2 == 0)).collect();
    for note in notes.iter().rev() {
        stores.notes.insert(note).await.unwrap();
    }
    assert_eq!(stores.notes.list(None, 2).await.unwrap(), notes[..2]);
    assert_eq!(stores.notes.list(Some(&notes[1].id), 2).await.unwrap(), notes[2..4]);
    assert_eq!(stores.notes.list(Some(&notes[3].id), 2).await.unwrap(), notes[4..]);
    assert_eq!(stores.notes.list(Some(&notes[4].id), 2).await.unwrap(), []);
}

async fn a_note_is_removed_once_and_for_all(stores: &Stores) {
    let (kept, removed) = (note(0, true), note(1, false));
    for note in [&kept, &removed] {
        stores.notes.insert(note).await.unwrap();
    }
    let gone = [removed.id, note(2, true).id];
    stores.notes.remove(&gone).await.unwrap();
    stores.notes.remove(&gone).await.unwrap();
    stores.notes.remove(&[]).await.unwrap();
    assert_eq!(stores.notes.list(None, 9).await.unwrap(), [kept]);
}

async fn old_notes_are_purged_at_the_exact_instant(stores: &Stores) {
    let (old, new) = (note(0, true), note(1, true));
    for note in [&old, &new] {
        stores.notes.insert(note).await.unwrap();
    }
    assert_eq!(stores.notes.purge(old.made_at).await, Ok(0));
    assert_eq!(stores.notes.purge(new.made_at).await, Ok(1));
    assert_eq!(stores.notes.list(None, 9).await.unwrap(), [new]);
}
