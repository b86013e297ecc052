//! `GET /health/live` and `GET /health/ready`.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::HttpState;
use crate::domain::{sessions::SessionCache, store::StoreHealth};

/// What is asked for readiness.
#[derive(Clone)]
pub struct Health {
    /// The durable store, without which nothing works.
    pub store: Arc<dyn StoreHealth>,
    /// The cache, without which everything works, slower.
    pub cache: Arc<dyn SessionCache>,
    /// Set when the service is about to stop: no new requests should come.
    pub stopping: CancellationToken,
}

/// The process runs.
pub(super) async fn live() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

/// Requests can be served: the store answers and the service is not about to stop. A cache that does
/// not answer is told and is no reason to send requests elsewhere, where it is missing as well.
pub(super) async fn ready(State(state): State<HttpState>) -> Response {
    let health = &state.health;
    let (store, cache) = tokio::join!(health.store.ping(), health.cache.ping());
    let is_stopping = health.stopping.is_cancelled();
    let (status, word) = match (store.is_ok() && !is_stopping, cache.is_ok()) {
        (true, true) => (StatusCode::OK, "ok"),
        (true, false) => (StatusCode::OK, "degraded"),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, if is_stopping { "stopping" } else { "unavailable" }),
    };
    let part = |works: bool| if works { "ok" } else { "unavailable" };
    let body = json!({ "status": word, "store": part(store.is_ok()), "cache": part(cache.is_ok()) });
    (status, Json(body)).into_response()
}
