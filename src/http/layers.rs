//! What surrounds every handler.

use std::{
    convert::Infallible,
    net::IpAddr,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts},
    response::Response,
    routing::{Route, future::RouteFuture},
};
use futures_util::{
    FutureExt, TryFutureExt,
    future::{CatchUnwind, Map},
};
use tower::{Service, ServiceBuilder, ServiceExt, layer::layer_fn};
use tower_http::{
    compression::{CompressionLayer, DefaultPredicate, Predicate, predicate::SizeAbove},
    cors::{AllowOrigin, CorsLayer},
};
use tracing::{Instrument, Span};

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
    domain::{
        ErrorCode,
        clock::Instant,
        ids::RequestId,
        metrics::{Waiting, metrics},
        traces::{self, TRACE_PARENT, trace_part},
    },
};

const TRACE_STATE: &str = "tracestate";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PARENT: HeaderName = HeaderName::from_static(TRACE_PARENT);
const STATE: HeaderName = HeaderName::from_static(TRACE_STATE);
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
pub(super) const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// How long browsers may remember the answer to a preflight.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_mins(10);
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");
/// What of a request an answer may depend on, with cross-origin rules and compression.
const VARY: HeaderValue = HeaderValue::from_static(
    "origin, access-control-request-method, access-control-request-headers, accept-encoding",
);
/// Bytes of the smallest answer that is compressed: with its head a smaller one is one packet anyway.
const LEAST_COMPRESSED: u16 = 1_024;
const NOTHING: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Around each route, the outermost first: what every request has; then, where it says of itself something that
/// they act on, cross-origin rules and compression.
pub(super) fn wrap(router: Router<HttpState>, state: &HttpState) -> Router<HttpState> {
    let state = state.clone();
    let for_browsers = ServiceBuilder::new().layer(cors(&state.config)).layer(
        CompressionLayer::new().compress_when(DefaultPredicate::new().and(SizeAbove::new(LEAST_COMPRESSED))),
    );
    router.layer(layer_fn(move |route: Route| {
        let plain = ServiceBuilder::new().map_future(guarded).service(route);
        Surrounded { for_browsers: for_browsers.clone().service(plain.clone()), plain, state: state.clone() }
    }))
}

/// Gives the request an id, a span that every log line of it carries, and one line at its end; gives the answer
/// the headers that every one has; and makes of a panic one masked error. (Panics of resolvers end with their
/// execution.)
#[derive(Clone)]
struct Surrounded<P, B> {
    /// The handler.
    plain: P,
    /// The same with what browsers need: copying it costs as much as all else here.
    for_browsers: B,
    state: HttpState,
}

impl<P, B, Encoded> Service<Request> for Surrounded<P, B>
where
    P: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    P::Future: Send + 'static,
    B: Service<Request, Response = axum::http::Response<Encoded>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    B::Future: Send + 'static,
    Encoded: HttpBody<Data = Bytes> + Send + 'static,
    Encoded::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    /// Routes are always ready.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let state = self.state.clone();
        let started = state.clock.now();
        let id = RequestId::generate(started, &*state.random);
        let peer = request.extensions().get::<PeerAddress>().map(|peer| peer.0.ip());
        let client = peer.map(|peer| client_address(peer, request.headers(), &state.config.proxies));
        let (part, span) = spans(&request, &id, client);
        request.extensions_mut().insert(id.clone());
        request.extensions_mut().insert(ClientAddress(client));
        let headers = request.headers();
        if headers.contains_key(header::ORIGIN) || headers.contains_key(header::ACCEPT_ENCODING) {
            let handled = self.for_browsers.clone().oneshot(request);
            return Box::pin(
                answered(handled, state, started, id, part.clone()).instrument(span).instrument(part),
            );
        }
        let handled = self.plain.clone().oneshot(request).map_ok(|mut response| {
            // What the others say of themselves, for caches.
            response.headers_mut().append(header::VARY, VARY);
            response
        });
        Box::pin(answered(handled, state, started, id, part.clone()).instrument(span).instrument(part))
    }
}

/// What a stranger sends may be long, and a batch of traces has a limit.
fn shortened(path: &str) -> &str {
    const MOST: usize = 128;
    path.get(..MOST).unwrap_or(if path.len() > MOST { "" } else { path })
}

/// As the conventions of OpenTelemetry have it.
fn known(method: &Method) -> &str {
    let is_known = [Method::GET, Method::POST, Method::HEAD, Method::OPTIONS].contains(method);
    if is_known { method.as_str() } else { "_OTHER" }
}

/// The span of the trace, if it is collected, and in it that of the log lines.
fn spans(request: &Request, id: &RequestId, client: Option<IpAddr>) -> (Span, Span) {
    let (method, path) = (request.method(), request.uri().path());
    let part = trace_part!(
        "request", otel.kind = "server", http.request.method = known(method), url.path = shortened(path),
        http.response.status_code = tracing::field::Empty, request.id = %id
    );
    let trace = if part.is_disabled() {
        None
    } else {
        let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        traces::join(&part, text(TRACE_PARENT), text(TRACE_STATE))
    };
    let span = part.in_scope(|| {
        let client = client.map(tracing::field::display);
        tracing::info_span!("request", %id, trace, %method, path, client)
    });
    (part, span)
}

async fn answered<B>(
    handled: impl Future<Output = Result<axum::http::Response<B>, Infallible>>,
    state: HttpState,
    started: Instant,
    id: RequestId,
    part: Span,
) -> Result<Response, Infallible>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let in_progress = Waiting::begin(&metrics().requests_in_progress);
    let mut response = handled.await?.map(Body::new);
    drop(in_progress);
    if response.extensions().get::<Panicked>().is_some() {
        let refusal = Refusal::of(ErrorCode::InternalServerError).into_response(&id, ResponseType::Json);
        // What says that a page of another origin may read it stays.
        let said = std::mem::replace(&mut response, refusal);
        response.headers_mut().extend(said.headers().clone());
    }
    metrics().request(response.status().as_u16());
    part.record("http.response.status_code", response.status().as_u16());
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

/// A handler whose panic becomes an answer.
type Guarded =
    Map<CatchUnwind<AssertUnwindSafe<RouteFuture<Infallible>>>, fn(Handled) -> Result<Response, Infallible>>;
type Handled = std::thread::Result<Result<Response, Infallible>>;

fn guarded(handled: RouteFuture<Infallible>) -> Guarded {
    AssertUnwindSafe(handled).catch_unwind().map(caught)
}

fn caught(handled: Handled) -> Result<Response, Infallible> {
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
    let origins = config.allowed_origins.clone();
    // A list would be copied with each request; this is shared.
    let is_allowed = move |asked: &HeaderValue, _: &Parts| {
        origins.iter().any(|origin| origin.as_str().as_bytes() == asked.as_bytes())
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_allowed))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            header::ACCEPT,
            IDEMPOTENCY_KEY,
            PARENT,
            STATE,
        ])
        .expose_headers([REQUEST_ID, header::RETRY_AFTER, REPLAYED])
        .max_age(PREFLIGHT_MAX_AGE)
}
