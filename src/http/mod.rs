//! Transport: routes, the GraphQL endpoint, cookies, cross-site protection, health, the playground.

mod answer;
mod body;
mod client_address;
mod cookies;
mod csrf;
mod graphql;
mod health;
mod layers;
mod media;
mod playground;
mod server;

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::get};
use tokio_util::task::TaskTracker;

pub use client_address::PeerAddress;
pub use health::Health;
pub use server::{Server, ServerTimeouts};

use crate::{
    config::{GraphqlConfig, HttpConfig},
    domain::{clock::SharedClock, random::SharedRandom},
    graphql::Graphql,
};

/// The most bytes a request body may have.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// What the handlers share.
#[derive(Clone)]
pub struct HttpState(Arc<HttpParts>);

/// What the transport is made of.
pub struct HttpParts {
    /// The schema.
    pub graphql: Graphql,
    /// What is asked for readiness.
    pub health: Health,
    /// Settings of the listener.
    pub config: HttpConfig,
    /// What the endpoint shows of itself.
    pub shown: GraphqlConfig,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// The time.
    pub clock: SharedClock,
    /// Randomness for request ids.
    pub random: SharedRandom,
    /// Executions under way, also those whose client has hung up.
    pub executions: TaskTracker,
}

impl std::ops::Deref for HttpState {
    type Target = HttpParts;

    fn deref(&self) -> &HttpParts {
        &self.0
    }
}

/// The whole HTTP surface.
pub fn router(parts: HttpParts) -> Router {
    let state = HttpState(Arc::new(parts));
    let router = Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post).fallback(answer::method_not_allowed))
        .route("/playground/{*path}", get(playground::asset))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(answer::not_found);
    layers::wrap(router, &state).with_state(state)
}
