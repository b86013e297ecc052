//! What surrounds every handler.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    response::Response,
    routing::future::RouteFuture,
};
use futures_util::FutureExt;
use tower::{Service, ServiceBuilder, layer::layer_fn};
use tower_http::{
    compression::CompressionLayer,
    cors::{AllowOrigin, CorsLayer},
};
use tracing::Instrument;

use super::{
    HttpState, PeerAddress,
    answer::Refusal,
    client_address::{ClientAddress, client_address},
    graphql::IDEMPOTENCY_KEY,
    media::ResponseType,
    render::REPLAYED,
};
use crate::{
    config::HttpConfig,
    domain::{ErrorCode, clock::Instant, ids::RequestId},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
pub(super) const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// How long browsers may remember the answer to a preflight.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_mins(10);
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");
const NOTHING: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The outermost first: what every request has, cross-origin rules, compression.
pub(super) fn wrap(router: Router<HttpState>, state: &HttpState) -> Router<HttpState> {
    let shared = state.clone();
    let layers = ServiceBuilder::new()
        .layer(layer_fn(move |inner| Surrounded { inner, state: shared.clone() }))
        .layer(cors(&state.config))
        .layer(CompressionLayer::new())
        .map_future(|handled: RouteFuture<Infallible>| AssertUnwindSafe(handled).catch_unwind().map(caught));
    router.layer(layers)
}

/// Gives the request an id, a span that every log line of it carries, and one line at its end; gives the answer
/// the headers that every one has; and makes of a panic one masked error. (Panics of resolvers end with their
/// execution.)
#[derive(Clone)]
struct Surrounded<S> {
    inner: S,
    state: HttpState,
}

impl<S, B> Service<Request> for Surrounded<S>
where
    S: Service<Request, Response = axum::http::Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        // The one that is ready is taken, and another left for the next request.
        let ready = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, ready);
        let state = self.state.clone();
        let started = state.clock.now();
        let id = RequestId::generate(started, &*state.random);
        let peer = request.extensions().get::<PeerAddress>().map(|peer| peer.0.ip());
        let client = peer.map(|peer| client_address(peer, request.headers(), &state.config.proxies));
        let span = tracing::info_span!(
            "request", id = %id, method = %request.method(), path = request.uri().path(),
            client = client.map(tracing::field::display)
        );
        request.extensions_mut().insert(id.clone());
        request.extensions_mut().insert(ClientAddress(client));
        Box::pin(answered(inner, request, state, started, id).instrument(span))
    }
}

async fn answered<S, B>(
    mut inner: S,
    request: Request,
    state: HttpState,
    started: Instant,
    id: RequestId,
) -> Result<Response, Infallible>
where
    S: Service<Request, Response = axum::http::Response<B>, Error = Infallible>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut response = inner.call(request).await?.map(Body::new);
    if response.extensions().get::<Panicked>().is_some() {
        let refusal = Refusal::of(ErrorCode::InternalServerError).into_response(&id, ResponseType::Json);
        // What says that a page of another origin may read it stays.
        let said = std::mem::replace(&mut response, refusal);
        response.headers_mut().extend(said.headers().clone());
    }
    let milliseconds = (state.clock.now() - started).num_milliseconds();
    tracing::debug!(status = response.status().as_u16(), milliseconds, "answered");
    let headers = response.headers_mut();
    secure(headers, state.config.secure_cookies);
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
    Ok(response)
}

/// The mark of an answer in place of which a handler has panicked.
#[derive(Clone)]
struct Panicked;

fn caught(handled: std::thread::Result<Result<Response, Infallible>>) -> Result<Response, Infallible> {
    handled.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        let mut response = Response::default();
        response.extensions_mut().insert(Panicked);
        Ok(response)
    })
}

/// Headers that every answer has; what a handler has set stays.
fn secure(headers: &mut HeaderMap, is_secure: bool) {
    const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
    headers.reserve(10);
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING)),
        (OPENER_POLICY, SAME_ORIGIN),
        (RESOURCE_POLICY, SAME_ORIGIN),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ] {
        headers.entry(name).or_insert(value);
    }
    if is_secure {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(STRICT_TRANSPORT);
    }
}

/// Exactly the origins of the allow-list, with cookies (ASVS 5.0 V3.4.2).
fn cors(config: &HttpConfig) -> CorsLayer {
    let origins =
        config.allowed_origins.iter().filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::AUTHORIZATION, header::ACCEPT, IDEMPOTENCY_KEY])
        .expose_headers([REQUEST_ID, header::RETRY_AFTER, REPLAYED])
        .max_age(PREFLIGHT_MAX_AGE)
}
