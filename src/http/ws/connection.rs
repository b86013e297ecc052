//! One socket, from its first message to its last.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::extract::ws::{Message, WebSocket};
use futures_util::{
    StreamExt,
    future::{self, AbortHandle, Abortable},
    stream::{self, BoxStream, SelectAll},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Interval},
};

use super::{
    Handshake,
    init::{self, Session},
    message::{self, Close, Incoming},
};
use crate::{
    domain::{Credentials, ids::RequestId},
    graphql::{self, Emission, GraphqlRequest, Method, RequestContext},
    http::{HttpState, sse::LAST_WORDS},
};

/// How long the initialisation may take to come.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a socket is asked whether somebody is there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long a socket may be silent, answers to pings included.
const SILENCE: Duration = Duration::from_secs(50);
/// How long a message may take to be sent. A slower reader is dropped.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of the messages of all operations of one socket at once: what they ask for is kept while they
/// run.
const MAX_LIVE_BYTES: usize = 64 * 1024;
/// Operations of one socket at once.
const MAX_OPERATIONS: usize = 50;

/// The socket is of no use any more: it was closed, or nobody reads it.
struct Gone;

/// What an operation does next.
enum Step {
    Emits(Emission),
    IsDone,
}

struct Operation {
    serial: u64,
    abort: AbortHandle,
    /// The length of its message.
    bytes: usize,
}

pub(super) struct Connection {
    socket: WebSocket,
    state: HttpState,
    handshake: Handshake,
    operations: HashMap<String, Operation>,
    steps: SelectAll<BoxStream<'static, (String, u64, Step)>>,
    serial: u64,
    heard_at: Instant,
    /// Places of operations, also of those that the client has completed and that still run.
    places: Arc<Semaphore>,
}

/// Serves a socket to its end.
pub(super) async fn serve(
    socket: WebSocket,
    state: HttpState,
    handshake: Handshake,
    unknown: OwnedSemaphorePermit,
) {
    let mut connection = Connection {
        socket,
        state,
        handshake,
        operations: HashMap::new(),
        steps: SelectAll::new(),
        serial: 0,
        heard_at: Instant::now(),
        places: Arc::new(Semaphore::new(MAX_OPERATIONS)),
    };
    let initialised = connection.initialise().await;
    drop(unknown);
    let close = match initialised {
        Ok(session) => connection.run(session).await,
        Err(close) => close,
    };
    if let Some(close) = close {
        tracing::debug!(?close, "closing a socket");
        if connection.send(close.frame()).await.is_err() {
            return;
        }
    }
    connection.drain().await;
}

impl Connection {
    /// Waits for the initialisation; `None` when the client has gone.
    async fn initialise(&mut self) -> Result<Session, Option<Close>> {
        let stopping = self.state.health.stopping.clone();
        let deadline = tokio::time::sleep(INIT_TIMEOUT);
        tokio::pin!(deadline);
        loop {
            let received = tokio::select! {
                received = self.socket.recv() => received,
                () = &mut deadline => return Err(Some(Close::InitialisationTimeout)),
                () = stopping.cancelled() => return Err(Some(Close::GoingAway)),
            };
            match message::receive(received)? {
                None | Some(Incoming::Pong | Incoming::Complete { .. }) => {}
                Some(Incoming::Ping(payload)) => {
                    self.send(message::pong(payload)).await.map_err(|Gone| None)?;
                }
                Some(Incoming::Subscribe { .. }) => return Err(Some(Close::Unauthorized("Unauthorized"))),
                Some(Incoming::Init(payload)) => {
                    let session =
                        init::authenticate(&self.state, &self.handshake.cookie, payload.as_ref()).await?;
                    self.send(message::acknowledge()).await.map_err(|Gone| None)?;
                    return Ok(session);
                }
            }
        }
    }

    async fn run(&mut self, mut session: Session) -> Option<Close> {
        let stopping = self.state.health.stopping.clone();
        let mut pings = tokio::time::interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        loop {
            match self.turn(&mut session, &mut pings, stopping.cancelled()).await {
                Ok(()) => {}
                Err(close) => return close,
            }
        }
    }

    /// Does one thing, whichever comes first.
    async fn turn(
        &mut self,
        session: &mut Session,
        pings: &mut Interval,
        stopping: impl Future<Output = ()>,
    ) -> Result<(), Option<Close>> {
        let sent = tokio::select! {
            Some((id, serial, step)) = self.steps.next(), if !self.steps.is_empty() => {
                self.tell(&id, serial, step).await
            }
            received = self.socket.recv() => match message::receive(received)? {
                Some(message) => self.act(message, &session.credentials).await?,
                None => Ok(()),
            },
            reason = &mut session.ended => {
                self.last_words().await;
                return Err(Some(Close::Unauthorized(message::in_a_word(&reason))));
            }
            () = stopping => return Err(Some(Close::GoingAway)),
            _ = pings.tick() => {
                if self.heard_at.elapsed() > SILENCE {
                    return Err(None);
                }
                self.send(Message::Ping(bytes::Bytes::new())).await
            }
        };
        sent.map_err(|Gone| None)
    }

    /// What operations still had to say, such as that the session was ended.
    async fn last_words(&mut self) {
        #[expect(clippy::disallowed_methods, reason = "streams of news are waited for, no call of a store")]
        while let Ok(Some((id, serial, step))) = tokio::time::timeout(LAST_WORDS, self.steps.next()).await {
            if self.tell(&id, serial, step).await.is_err() {
                return;
            }
        }
    }

    async fn act(
        &mut self,
        message: Incoming,
        credentials: &Credentials,
    ) -> Result<Result<(), Gone>, Option<Close>> {
        self.heard_at = Instant::now();
        match message {
            Incoming::Init(_) => Err(Some(Close::TooManyInitialisations)),
            Incoming::Ping(payload) => Ok(self.send(message::pong(payload)).await),
            Incoming::Pong => Ok(Ok(())),
            Incoming::Complete { id } => {
                if let Some(operation) = self.operations.remove(&id) {
                    operation.abort.abort();
                }
                Ok(Ok(()))
            }
            Incoming::Subscribe { id, .. } if self.operations.contains_key(&id) => {
                Err(Some(Close::SubscriberExists(id)))
            }
            Incoming::Subscribe { id, request, bytes } => {
                Ok(self.start((id, bytes), *request, credentials).await)
            }
        }
    }

    async fn start(
        &mut self,
        (id, bytes): (String, usize),
        request: GraphqlRequest,
        credentials: &Credentials,
    ) -> Result<(), Gone> {
        let request_id = RequestId::generate(self.state.clock.now(), &*self.state.random);
        let request = match self.state.graphql.resolve(request, &request_id).await {
            Ok(request) => request,
            Err(refused) => return self.send(message::error(&id, &[refused.into_error()])).await,
        };
        let bytes = bytes + request.document_bytes();
        let place = match self.enter(bytes) {
            Ok(place) => place,
            Err((name, limit)) => {
                let error = graphql::too_many_operations(name, limit, &request_id);
                return self.send(message::error(&id, &[error])).await;
            }
        };
        tracing::debug!(socket = %self.handshake.id, request = %request_id, "an operation over a socket");
        let (client, csrf) = (self.handshake.client.clone(), self.handshake.csrf);
        let context = RequestContext::new(request_id, credentials.clone(), client, csrf);
        let context = context.without_cookies().with_place(place);
        let started =
            self.state.graphql.stream(request, Method::Stream, context.into(), &self.state.executions);
        let answers = match started {
            Ok(answers) => answers,
            Err(refused) => return self.send(message::error(&id, &[refused.into_error()])).await,
        };
        self.serial += 1;
        let (abort, registration) = AbortHandle::new_pair();
        let (serial, name) = (self.serial, id.clone());
        let steps = Abortable::new(answers.map(Step::Emits), registration);
        let steps = steps.chain(stream::once(future::ready(Step::IsDone)));
        self.steps.push(steps.map(move |step| (name.clone(), serial, step)).boxed());
        self.operations.insert(id, Operation { serial, abort, bytes });
        Ok(())
    }

    /// A place for an operation whose message has so many bytes, or which limit it would pass.
    fn enter(&self, bytes: usize) -> Result<OwnedSemaphorePermit, (&'static str, usize)> {
        let live: usize = self.operations.values().map(|operation| operation.bytes).sum();
        if live + bytes > MAX_LIVE_BYTES {
            return Err(("operationBytes", MAX_LIVE_BYTES));
        }
        self.places.clone().try_acquire_owned().map_err(|_| ("operations", MAX_OPERATIONS))
    }

    /// Tells what an operation says, unless the client has completed it.
    async fn tell(&mut self, id: &str, serial: u64, step: Step) -> Result<(), Gone> {
        if self.operations.get(id).is_none_or(|operation| operation.serial != serial) {
            return Ok(());
        }
        match step {
            Step::Emits(emission) => {
                // An error is the last message of its operation.
                if matches!(emission, Emission::Refused(_)) {
                    self.operations.remove(id);
                }
                self.send(message::emission(id, &emission)).await
            }
            Step::IsDone => {
                self.operations.remove(id);
                self.send(message::complete(id)).await
            }
        }
    }

    /// Reads on until the client has closed as well. With something unread the system would reset the
    /// connection, and the client might never see why it was closed; and the answer to a close of the
    /// client is sent while it is read.
    async fn drain(&mut self) {
        #[expect(clippy::disallowed_methods, reason = "a socket that is closed already is waited for")]
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, async {
            while let Some(Ok(_)) = self.socket.recv().await {}
        })
        .await;
    }

    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        #[expect(clippy::disallowed_methods, reason = "a write to a socket may be dropped")]
        match tokio::time::timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Gone),
            Err(_) => {
                tracing::info!("a socket that nobody reads was dropped");
                Err(Gone)
            }
        }
    }
}
