//! Copies in this process, in front of Redis. Redis tells of every change of what was read
//! (client tracking), and a change that comes while a copy is on its way keeps it from being kept.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use moka::{ops::compute::Op, sync::Cache};

use crate::{
    cache::COPY_TTL,
    domain::{accounts::User, sessions::Session},
};

/// Entries, about 1 KiB each.
const CAPACITY: u64 = 20_000;

#[derive(Clone)]
pub(super) enum Copy {
    Session(Arc<Session>),
    User(Arc<User>),
}

#[derive(Clone)]
enum Entry {
    /// A read that is under way, by its ticket.
    Awaited(u64),
    /// A copy, and the generation of the connections in which it was read.
    Kept { generation: u64, copy: Copy },
}

pub(super) struct Near {
    entries: Cache<String, Entry>,
    tickets: AtomicU64,
}

impl Default for Near {
    fn default() -> Self {
        let entries = Cache::builder().max_capacity(CAPACITY).time_to_live(COPY_TTL).build();
        Self { entries, tickets: AtomicU64::new(0) }
    }
}

impl Near {
    /// A copy that was read in this generation.
    pub(super) fn get(&self, key: &str, now: u64) -> Option<Copy> {
        match self.entries.get(key) {
            Some(Entry::Kept { generation, copy }) if generation == now => Some(copy),
            _ => None,
        }
    }

    /// Announces a read. What becomes of the key from here on takes the ticket away.
    pub(super) fn await_copy(&self, key: &str) -> u64 {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        self.entries.insert(key.to_owned(), Entry::Awaited(ticket));
        ticket
    }

    /// Keeps what was read, if nothing has become of the key since the ticket was given.
    pub(super) fn keep(&self, key: &str, ticket: u64, generation: u64, copy: Option<Copy>) {
        self.entries.entry_by_ref(key).and_compute_with(|entry| match (entry, copy) {
            (Some(entry), copy) if matches!(entry.value(), Entry::Awaited(given) if *given == ticket) => {
                copy.map_or(Op::Remove, |copy| Op::Put(Entry::Kept { generation, copy }))
            }
            _ => Op::Nop,
        });
    }

    pub(super) fn forget(&self, key: &str) {
        self.entries.invalidate(key);
    }

    pub(super) fn forget_all(&self) {
        self.entries.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        accounts::{DisplayName, EmailAddress},
        clock::{Clock, SystemClock},
        ids::UserId,
        random::SystemRandom,
    };

    fn user() -> Copy {
        let now = SystemClock.now();
        let email = EmailAddress::parse("ada@example.com").unwrap();
        let name = DisplayName::parse("Ada").unwrap();
        Copy::User(Arc::new(User::new(UserId::generate(now, &SystemRandom), email, name, now)))
    }

    #[test]
    fn a_copy_that_was_on_its_way_while_its_original_changed_is_not_kept() {
        let near = Near::default();
        let ticket = near.await_copy("k");
        near.forget("k");
        near.keep("k", ticket, 1, Some(user()));
        assert!(near.get("k", 1).is_none());
        let ticket = near.await_copy("k");
        near.forget_all();
        near.keep("k", ticket, 1, Some(user()));
        assert!(near.get("k", 1).is_none());
    }

    #[test]
    fn a_copy_is_good_in_its_generation_alone() {
        let near = Near::default();
        let ticket = near.await_copy("k");
        near.keep("k", ticket, 1, Some(user()));
        assert!(near.get("k", 1).is_some());
        assert!(near.get("k", 2).is_none());
        near.forget("k");
        assert!(near.get("k", 1).is_none());
    }
}
