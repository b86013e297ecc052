//! What an operator may change while the service runs.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;

/// A value that is replaced as a whole. Clones share it, and see the new one at once.
pub struct Live<T>(Arc<ArcSwap<T>>);

impl<T> Live<T> {
    /// Begins with this value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(value)))
    }

    /// What it is now.
    pub fn get(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Takes another value from now on.
    pub fn replace(&self, value: T) {
        self.0.store(Arc::new(value));
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Default> Default for Live<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
