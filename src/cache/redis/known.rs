//! What this process knows better than the copies in Redis: sessions that have ended, and users that
//! were changed when Redis did not answer.

use moka::sync::Cache;

use crate::{
    cache::{COPY_TTL, TOMBSTONE_TTL},
    domain::{
        accounts::User,
        ids::{SessionId, UserId},
    },
};

/// Entries of each map, about 100 bytes each.
const CAPACITY: u64 = 100_000;

pub(super) struct Known {
    ended: Cache<SessionId, ()>,
    /// The least version of a user that is believed.
    users: Cache<UserId, i64>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            ended: Cache::builder().max_capacity(CAPACITY).time_to_live(TOMBSTONE_TTL).build(),
            // When a copy is this old it has ended in Redis as well.
            users: Cache::builder().max_capacity(CAPACITY).time_to_live(2 * COPY_TTL).build(),
        }
    }
}

impl Known {
    pub(super) fn end(&self, session: &SessionId) {
        self.ended.insert(session.clone(), ());
    }

    pub(super) fn has_ended(&self, session: &SessionId) -> bool {
        self.ended.contains_key(session)
    }

    pub(super) fn remember(&self, user: &User) {
        self.users.entry_by_ref(&user.id).and_upsert_with(|known| {
            known.map_or(user.version, |known| known.into_value().max(user.version))
        });
    }

    pub(super) fn is_current(&self, user: &User) -> bool {
        self.users.get(&user.id).is_none_or(|known| user.version >= known)
    }
}
