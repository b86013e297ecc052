//! Server-sent events, in the distinct connections mode of the GraphQL over SSE protocol: one request,
//! one stream of `next` events, and `complete` at its end.

use std::{convert::Infallible, pin::Pin, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt, future,
    stream::{self, BoxStream},
};
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, Interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    HttpState,
    answer::Refusal,
    media::ResponseType,
    render,
    sockets::{Place, UserPlace},
};
use crate::{
    domain::{Error, ErrorCode, actor::Actor, ids::RequestId},
    graphql::{self, Emission, Method, RequestContext, RequestError, ResolvedRequest},
};

const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");
/// How often something is sent on a stream that has nothing to say, so that nobody on the way takes it
/// for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(12);
/// Events that may wait to be read.
const WAITING: usize = 16;
/// How long one may wait for its place among them.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long what was said last may take before the stream ends.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(100);

/// Answers a request with events.
pub(super) async fn answer(
    state: &HttpState,
    request: ResolvedRequest,
    method: Method,
    context: RequestContext,
) -> Response {
    let id = context.request_id.clone();
    let places = match enter(state, &context).await {
        Ok(places) => places,
        Err(refusal) => return refusal.into_response(&id, ResponseType::Json),
    };
    let context = Arc::new(context.without_cookies());
    let answers = match state.graphql.stream(request, method, context, &state.executions) {
        Ok(answers) => answers,
        Err(refused @ RequestError::MethodNotAllowed(_)) => {
            return render::refused(refused, ResponseType::GraphqlResponse);
        }
        // The protocol wants everything that the document is refused for in an accepted stream.
        Err(RequestError::Faulty(error)) => stream::iter([Emission::Refused(vec![error])]).boxed(),
    };
    let events = Events {
        answers,
        keep_alive: tokio::time::interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE),
        stopping: state.health.stopping.clone(),
        id,
        places,
        is_over: false,
    };
    let (sender, receiver) = mpsc::channel(WAITING);
    state.executions.tracker.spawn(events.run(sender));
    let stream = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|text| (Ok::<_, Infallible>(text), receiver))
    });
    // Some proxies keep back what is short unless they are told.
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (UNBUFFERED, "no")];
    (headers, Body::from_stream(stream)).into_response()
}

/// Resolves when the session of the listener has ended.
type Ended = Pin<Box<dyn Future<Output = Error> + Send>>;

struct Places {
    ended: Ended,
    _place: Place,
    _user: Option<UserPlace>,
}

async fn enter(state: &HttpState, context: &RequestContext) -> Result<Places, Refusal> {
    let place = state.sockets().enter().ok_or_else(|| Refusal::of(ErrorCode::Overloaded))?;
    let listener = match state.domain.sessions.authenticate(&context.credentials).await {
        Ok(Actor::User(listener)) => listener,
        // Bad credentials are told by the operation, if it needs any.
        Ok(Actor::Anonymous) | Err(Error::Unauthenticated(_)) => {
            return Ok(Places { ended: future::pending().boxed(), _place: place, _user: None });
        }
        Err(error) => return Err(Refusal::of(error.code())),
    };
    let user =
        state.sockets().enter_as(&listener.user.id).ok_or_else(|| Refusal::of(ErrorCode::RateLimited))?;
    let sessions = state.domain.sessions.clone();
    let ended = async move { sessions.until_ended(&listener).await }.boxed();
    Ok(Places { ended, _place: place, _user: Some(user) })
}

struct Events {
    answers: BoxStream<'static, Emission>,
    keep_alive: Interval,
    stopping: CancellationToken,
    id: RequestId,
    places: Places,
    is_over: bool,
}

impl Events {
    /// Says what there is to say, whether or not the client reads: the end of a session and of the
    /// service are heard all the same. A client that reads nothing for too long is dropped.
    async fn run(self, sender: mpsc::Sender<Bytes>) {
        let mut events = self;
        loop {
            let next = tokio::select! {
                next = events.next() => next,
                () = sender.closed() => return,
            };
            let Some((text, rest)) = next else { return };
            events = rest;
            #[expect(clippy::disallowed_methods, reason = "a place in a channel is waited for")]
            if tokio::time::timeout(SEND_TIMEOUT, sender.send(text)).await.is_err() {
                tracing::info!("an event stream that nobody reads was dropped");
                return;
            }
        }
    }

    async fn next(mut self) -> Option<(Bytes, Self)> {
        if self.is_over {
            return None;
        }
        let text = tokio::select! {
            biased;
            answer = self.answers.next() => match answer {
                Some(answer) => event(&answer),
                None => self.farewell(),
            },
            reason = &mut self.places.ended => {
                self.answers = self.last_words(reason).await;
                self.answers.next().await.map_or(COMPLETE, |answer| event(&answer))
            }
            // Without `complete` the client connects again, elsewhere.
            () = self.stopping.cancelled() => return None,
            _ = self.keep_alive.tick() => Bytes::from_static(b":\n\n"),
        };
        self.is_over = text == COMPLETE;
        Some((text, self))
    }

    /// The operation has nothing more to say, which may be because the session has ended.
    fn farewell(&mut self) -> Bytes {
        match (&mut self.places.ended).now_or_never() {
            Some(reason) => {
                self.places.ended = future::pending().boxed();
                event(&self.reason(&reason))
            }
            None => COMPLETE,
        }
    }

    fn reason(&self, reason: &Error) -> Emission {
        Emission::Refused(vec![graphql::refusal(reason, &self.id)])
    }

    /// What the operation still had to say, such as that the session was ended, and then why.
    async fn last_words(&mut self, reason: Error) -> BoxStream<'static, Emission> {
        self.places.ended = future::pending().boxed();
        let mut said = Vec::new();
        #[expect(clippy::disallowed_methods, reason = "a stream of news is waited for, no call of a store")]
        while let Ok(Some(answer)) = tokio::time::timeout(LAST_WORDS, self.answers.next()).await {
            said.push(answer);
        }
        said.push(self.reason(&reason));
        stream::iter(said).boxed()
    }
}

/// The last event of a stream. Its data are there, and empty: browsers pass over events without.
const COMPLETE: Bytes = Bytes::from_static(b"event: complete\ndata: \n\n");

fn event(answer: &Emission) -> Bytes {
    let text = match answer {
        Emission::Next(response) => serde_json::to_string(response),
        Emission::Refused(errors) => serde_json::to_string(&json!({ "errors": errors })),
    };
    // JSON has no line breaks outside of strings, and escapes those in them.
    format!("event: next\ndata: {}\n\n", text.unwrap_or_default()).into()
}
