//! News of sessions between processes, through publish and subscribe. A process subscribes to the
//! persons that somebody listens to here, and to nobody else.

use std::{
    collections::HashSet,
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use fred::{
    clients::SubscriberClient,
    interfaces::{ClientLike, EventInterface, FredResult, PubsubInterface},
    types::{Message, config::Server},
};
use serde::{Deserialize, Serialize};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    mpsc, oneshot,
};

use super::connection::{self, Connection};
use crate::{
    cache::{CacheError, LocalEvents},
    config::RedisConfig,
    domain::{
        ids::UserId,
        random::{self, SharedRandom},
        sessions::{EventBus, EventStream, SessionEvent},
    },
};

/// How long after a failed subscription it is tried again.
const SUBSCRIBE_AGAIN: Duration = Duration::from_secs(1);
/// How long the start of the service waits for the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);

/// An event on its way.
#[derive(Serialize, Deserialize)]
struct Envelope {
    /// The process that published it, which has told its own listeners.
    from: u64,
    event: SessionEvent,
}

/// A change in who is listened to; answered when Redis knows.
type Change = (UserId, Option<oneshot::Sender<()>>);

pub(super) struct RedisEvents {
    connection: Arc<Connection>,
    local: Arc<LocalEvents>,
    prefix: String,
    process: u64,
    changes: mpsc::UnboundedSender<Change>,
}

pub(super) async fn open(
    settings: &RedisConfig,
    connection: &Arc<Connection>,
    random: &SharedRandom,
) -> Result<RedisEvents, CacheError> {
    let subscriber = connection::builder(settings)?
        .build_subscriber_client()
        .map_err(|error| connection::unusable(&error))?;
    let (messages, connects) = (subscriber.message_rx(), subscriber.reconnect_rx());
    drop(subscriber.connect());
    // The other connections have been waited for.
    #[expect(clippy::disallowed_methods, reason = "no call of the MongoDB driver is in it")]
    let _ = tokio::time::timeout(CONNECT_TIMEOUT, subscriber.wait_for_connect()).await;
    let local = Arc::new(LocalEvents::default());
    let process = u64::from_le_bytes(random::bytes(&**random));
    let prefix = format!("{}:events:", settings.key_prefix);
    tokio::spawn(hear(messages, Arc::downgrade(&local), process));
    let (changes, changed) = mpsc::unbounded_channel();
    tokio::spawn(follow(changed, connects, subscriber, Arc::downgrade(&local), prefix.clone()));
    Ok(RedisEvents { connection: connection.clone(), local, prefix, process, changes })
}

#[async_trait]
impl EventBus for RedisEvents {
    async fn publish(&self, event: &SessionEvent) {
        self.local.deliver(event);
        let envelope = Envelope { from: self.process, event: event.clone() };
        let Ok(text) = serde_json::to_string(&envelope) else { return };
        let Ok(client) = self.connection.client() else { return };
        let channel = format!("{}{}", self.prefix, event.user_id);
        let published: FredResult<i64> = client.publish(channel, text).await;
        let _ = client.judge(published);
    }

    async fn listen(&self, user: &UserId) -> EventStream {
        let changes = self.changes.clone();
        let when_left = move |user| drop(changes.send((user, None)));
        let stream = self.local.listen_until(user, when_left);
        let (reply, subscribed) = oneshot::channel();
        let _ = self.changes.send((user.clone(), Some(reply)));
        // Without Redis the events of this process are heard all the same.
        let _ = subscribed.await;
        stream
    }
}

/// Brings the subscriptions in line with who listens here, one change after the other.
async fn follow(
    mut changes: mpsc::UnboundedReceiver<Change>,
    mut connects: Receiver<Server>,
    subscriber: SubscriberClient,
    local: Weak<LocalEvents>,
    prefix: String,
) {
    let mut wanted: HashSet<UserId> = HashSet::new();
    let mut is_behind = false;
    loop {
        let (user, reply) = tokio::select! {
            change = changes.recv() => match change {
                Some(change) => change,
                None => break,
            },
            connected = connects.recv() => match connected {
                Err(RecvError::Closed) => break,
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    let channels: Vec<String> = wanted.iter().map(|user| format!("{prefix}{user}")).collect();
                    is_behind = !subscribe(&subscriber, channels).await;
                    continue;
                }
            },
            () = tokio::time::sleep(SUBSCRIBE_AGAIN), if is_behind => {
                let channels: Vec<String> = wanted.iter().map(|user| format!("{prefix}{user}")).collect();
                is_behind = !subscribe(&subscriber, channels).await;
                continue;
            }
        };
        let Some(local) = local.upgrade() else { break };
        let channel = format!("{prefix}{user}");
        if local.has_listeners(&user) {
            if wanted.insert(user) {
                is_behind |= !subscribe(&subscriber, vec![channel]).await;
            }
        } else if wanted.remove(&user) {
            let _ = subscriber.unsubscribe(channel).await;
        }
        if let Some(reply) = reply {
            let _ = reply.send(());
        }
    }
    let _ = subscriber.quit().await;
}

async fn subscribe(subscriber: &SubscriberClient, channels: Vec<String>) -> bool {
    let is_subscribed =
        channels.is_empty() || (subscriber.is_connected() && subscriber.subscribe(channels).await.is_ok());
    if !is_subscribed {
        tracing::warn!("events of other processes are not heard until Redis answers");
    }
    is_subscribed
}

async fn hear(mut messages: Receiver<Message>, local: Weak<LocalEvents>, process: u64) {
    loop {
        let heard = messages.recv().await;
        let Some(local) = local.upgrade() else { return };
        match heard {
            Ok(message) => {
                let text = message.value.as_string();
                let envelope = text.and_then(|text| serde_json::from_str::<Envelope>(&text).ok());
                if let Some(envelope) = envelope.filter(|envelope| envelope.from != process) {
                    local.deliver(&envelope.event);
                }
            }
            Err(RecvError::Lagged(count)) => tracing::warn!(count, "events of other processes were missed"),
            Err(RecvError::Closed) => return,
        }
    }
}
