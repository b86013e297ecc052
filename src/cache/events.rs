//! News of sessions within the process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::domain::{
    ids::UserId,
    sessions::{EventBus, EventStream, Heard, SessionEvent},
};

/// Events that may wait for a listener; a slower one misses some, and hears that it did.
const WAITING: usize = 64;

type Channels = HashMap<UserId, broadcast::Sender<SessionEvent>>;

/// Carries events to the listeners of this process.
#[derive(Default)]
pub struct LocalEvents {
    channels: Arc<Mutex<Channels>>,
}

impl LocalEvents {
    /// Tells an event to those who listen here.
    pub(super) fn deliver(&self, event: &SessionEvent) {
        if let Some(channel) = lock(&self.channels).get(&event.user_id) {
            // There may be nobody left.
            let _ = channel.send(event.clone());
        }
    }

    /// Whether somebody here listens to this person's events.
    pub(super) fn has_listeners(&self, user: &UserId) -> bool {
        lock(&self.channels).get(user).is_some_and(|channel| channel.receiver_count() > 0)
    }

    /// Listens; `when_left` is called when the last listener of the person has gone.
    pub(super) fn listen_until<F>(&self, user: &UserId, when_left: F) -> EventStream
    where
        F: FnOnce(UserId) + Send + 'static,
    {
        let receiver = lock(&self.channels)
            .entry(user.clone())
            .or_insert_with(|| broadcast::channel(WAITING).0)
            .subscribe();
        let listener = Listener {
            receiver: Some(receiver),
            channels: self.channels.clone(),
            user: user.clone(),
            when_left: Some(when_left),
        };
        stream::unfold(listener, |mut listener| async move {
            let heard = listener.receiver.as_mut()?.recv().await;
            let heard = match heard {
                Ok(event) => Heard::Event(event),
                Err(RecvError::Lagged(_)) => Heard::Missed,
                Err(RecvError::Closed) => return None,
            };
            Some((heard, listener))
        })
        .boxed()
    }
}

#[async_trait]
impl EventBus for LocalEvents {
    async fn publish(&self, event: &SessionEvent) {
        self.deliver(event);
    }

    async fn listen(&self, user: &UserId) -> EventStream {
        self.listen_until(user, drop)
    }
}

/// Takes the channel away when nobody is left to hear it.
struct Listener<F: FnOnce(UserId)> {
    receiver: Option<broadcast::Receiver<SessionEvent>>,
    channels: Arc<Mutex<Channels>>,
    user: UserId,
    when_left: Option<F>,
}

impl<F: FnOnce(UserId)> Drop for Listener<F> {
    fn drop(&mut self) {
        self.receiver = None;
        let mut channels = lock(&self.channels);
        if channels.get(&self.user).is_some_and(|channel| channel.receiver_count() == 0) {
            channels.remove(&self.user);
            drop(channels);
            if let Some(when_left) = self.when_left.take() {
                when_left(self.user.clone());
            }
        }
    }
}

fn lock(channels: &Mutex<Channels>) -> MutexGuard<'_, Channels> {
    // A panic between two map operations leaves the map whole.
    channels.lock().unwrap_or_else(PoisonError::into_inner)
}
