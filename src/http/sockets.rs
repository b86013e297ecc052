//! How many lasting connections there may be: at once, and of one person.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::{
    ids::UserId,
    metrics::{Waiting, metrics},
};

type Counts = HashMap<UserId, usize>;

/// Counts sockets and event streams.
pub(super) struct Sockets {
    places: Arc<Semaphore>,
    /// Of those, for sockets of which nobody knows yet whose they are.
    unknown: Arc<Semaphore>,
    per_user: usize,
    counts: Arc<Mutex<Counts>>,
}

impl Sockets {
    pub(super) fn new(most: usize, per_user: usize) -> Self {
        let places = most.min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places)),
            unknown: Arc::new(Semaphore::new(places.div_ceil(2))),
            per_user,
            counts: Arc::default(),
        }
    }

    /// A place for a socket until it says whose it is. There are fewer of them, so that those who say
    /// nothing leave places to the others.
    pub(super) fn enter_unknown(&self) -> Option<OwnedSemaphorePermit> {
        self.unknown.clone().try_acquire_owned().ok()
    }

    /// A place for a connection, if there is one.
    pub(super) fn enter(&self) -> Option<Place> {
        let permit = self.places.clone().try_acquire_owned().ok()?;
        Some(Place { _permit: permit, _counted: Waiting::begin(&metrics().sockets) })
    }

    /// A place among those of one person, if there is one.
    pub(super) fn enter_as(&self, user: &UserId) -> Option<UserPlace> {
        let mut counts = lock(&self.counts);
        let count = counts.entry(user.clone()).or_default();
        if *count >= self.per_user {
            return None;
        }
        *count += 1;
        Some(UserPlace { counts: self.counts.clone(), user: user.clone() })
    }
}

/// A place for a connection, given back when dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Waiting,
}

/// A place among those of one person, given back when dropped.
pub(super) struct UserPlace {
    counts: Arc<Mutex<Counts>>,
    user: UserId,
}

impl Drop for UserPlace {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        if let Some(count) = counts.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.user);
            }
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    // A panic between two map operations leaves the map whole.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        clock::{Clock, SystemClock},
        random::SystemRandom,
    };

    #[test]
    fn places_are_given_back() {
        let sockets = Sockets::new(1, 2);
        let place = sockets.enter();
        assert!(place.is_some() && sockets.enter().is_none());
        drop(place);
        assert!(sockets.enter().is_some());
        let user = UserId::generate(SystemClock.now(), &SystemRandom);
        let (first, second) = (sockets.enter_as(&user), sockets.enter_as(&user));
        assert!(first.is_some() && second.is_some() && sockets.enter_as(&user).is_none());
        drop(first);
        assert!(sockets.enter_as(&user).is_some());
        drop(second);
        assert!(lock(&sockets.counts).is_empty());
    }
}
