//! `GET /health/live`, `/health/ready` and `/health/startup`, and what operators are told besides: `GET /metrics`.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::HttpState;
use crate::domain::{metrics::metrics, sessions::SessionCache, store::StoreHealth};

/// The text format of `OpenMetrics`, version 1.0.0.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long store and cache have to answer: less than the second that most who ask have patience for, so that they
/// hear which of the two it is.
const PATIENCE: Duration = Duration::from_millis(800);

/// What is asked for readiness.
#[derive(Clone)]
pub struct Health {
    /// The durable store, without which nothing works.
    pub store: Arc<dyn StoreHealth>,
    /// The cache, without which everything works, slower.
    pub cache: Arc<dyn SessionCache>,
    /// Set when new requests should go elsewhere, some time before the service stops.
    pub leaving: CancellationToken,
    /// Set when the service stops.
    pub stopping: CancellationToken,
    of_store: Question,
    of_cache: Question,
}

impl Health {
    /// Asks these, for as long as nobody has said that the service stops.
    pub fn new(store: Arc<dyn StoreHealth>, cache: Arc<dyn SessionCache>) -> Self {
        Self {
            store,
            cache,
            leaving: CancellationToken::new(),
            stopping: CancellationToken::new(),
            of_store: Question::default(),
            of_cache: Question::default(),
        }
    }
}

/// What operators are told, and what everybody is told of the same things.
pub(super) fn routes(tells_parts: bool) -> Router<HttpState> {
    let router = Router::new().route("/health/live", get(live)).route("/health/startup", get(live));
    if tells_parts {
        router.route("/health/ready", get(ready_by_parts)).route("/metrics", get(tell))
    } else {
        router.route("/health/ready", get(ready))
    }
}

/// The process runs; and once it answers at all, everything was opened that it needs.
async fn live() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

/// Whether new requests should come.
async fn ready(State(state): State<HttpState>) -> Response {
    let Readiness { status, word, .. } = readiness(&state).await;
    (status, Json(json!({ "status": word }))).into_response()
}

/// The same with its reasons.
async fn ready_by_parts(State(state): State<HttpState>) -> Response {
    let Readiness { status, word, has_store, has_cache } = readiness(&state).await;
    let part = |works: bool| if works { "ok" } else { "unavailable" };
    let body = json!({ "status": word, "store": part(has_store), "cache": part(has_cache) });
    (status, Json(body)).into_response()
}

struct Readiness {
    status: StatusCode,
    word: &'static str,
    has_store: bool,
    has_cache: bool,
}

/// Requests can be served: the store answers and the service is not about to stop. A cache that does not answer is
/// told and, unless the operator says otherwise, is no reason to send requests elsewhere, where it is missing too.
async fn readiness(state: &HttpState) -> Readiness {
    let health = &state.health;
    let (store, cache) = (health.store.clone(), health.cache.clone());
    let (has_store, has_cache) = tokio::join!(
        health.of_store.ask(|| async move { store.ping().await.is_ok() }),
        health.of_cache.ask(|| async move { cache.ping().await.is_ok() }),
    );
    let word = match (has_store, has_cache) {
        _ if health.leaving.is_cancelled() => "stopping",
        (true, true) => "ok",
        (true, false) if !state.config.requires_cache => "degraded",
        _ => "unavailable",
    };
    let is_ready = matches!(word, "ok" | "degraded");
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Readiness { status, word, has_store, has_cache }
}

/// Whether a part answers: one question at a time, whoever asks.
#[derive(Clone, Default)]
struct Question(Arc<Mutex<Option<Asked>>>);

/// One that was asked.
struct Asked {
    since: Instant,
    answer: Shared<BoxFuture<'static, bool>>,
}

impl Question {
    /// Whether there is a good answer in time. The question itself goes on, and whoever asks soon waits for the same;
    /// whoever asks later may ask a part that is back.
    async fn ask<F: Future<Output = bool> + Send + 'static>(&self, question: impl FnOnce() -> F) -> bool {
        let answer = {
            let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let is_running =
                |asked: &&Asked| asked.answer.peek().is_none() && asked.since.elapsed() < PATIENCE;
            if let Some(running) = last.as_ref().filter(is_running) {
                running.answer.clone()
            } else {
                let answered = AssertUnwindSafe(question()).catch_unwind();
                let answer = answered.map(|answer| answer.unwrap_or(false)).boxed().shared();
                tokio::spawn(answer.clone());
                last.insert(Asked { since: Instant::now(), answer }).answer.clone()
            }
        };
        #[expect(clippy::disallowed_methods, reason = "the task goes on; only the wait for it is limited")]
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        answer.unwrap_or(false)
    }
}

/// What was counted.
async fn tell(State(state): State<HttpState>) -> Response {
    let domain = &state.domain;
    // A store that does not answer is seen by what its calls are counted as.
    let outbox = domain.outbox.summary().await.ok();
    let now = state.clock.now();
    let outbox = outbox.map(|outbox| {
        let age = outbox.oldest_due_at.and_then(|due| (now - due).to_std().ok());
        (outbox, age.unwrap_or_default())
    });
    metrics().sample(domain.passwords.load(), outbox);
    ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics().render()).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_part_that_hangs_is_asked_once_by_many_and_anew_when_it_is_back() {
        let (question, begun, wake) =
            (Question::default(), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let ask = || {
            let (begun, wake) = (begun.clone(), wake.clone());
            question.ask(move || {
                begun.fetch_add(1, Ordering::Relaxed);
                async move {
                    wake.notified().await;
                    true
                }
            })
        };
        let started = Instant::now();
        let answers = futures_util::future::join_all((0..100).map(|_| ask())).await;
        assert!(answers.iter().all(|is_there| !is_there));
        assert!(started.elapsed() < PATIENCE * 2, "{:?}", started.elapsed());
        assert_eq!(begun.load(Ordering::Relaxed), 1);
        // It still hangs on the first question, and answers the next one.
        wake.notify_one();
        wake.notify_one();
        let next = question.ask(|| async { true });
        assert!(next.await, "what an earlier question comes to counts for that one alone");
    }

    #[tokio::test]
    async fn a_part_that_panics_is_away_and_not_for_good() {
        let question = Question::default();
        assert!(!question.ask(|| async { panic!("a defect of a dependency") }).await);
        assert!(question.ask(|| async { true }).await);
    }
}
