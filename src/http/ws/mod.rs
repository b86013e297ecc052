//! `/graphql/ws`: the graphql-transport-ws protocol, by the letter of its document.

mod connection;
mod init;
mod message;

use axum::{
    Extension,
    body::Body,
    extract::{FromRequestParts, Request, State, WebSocketUpgrade},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use tracing::Instrument;

use super::{
    HttpState,
    answer::Refusal,
    body::MAX_BODY_BYTES,
    cookies::CookieNames,
    csrf,
    graphql::{self, client_info},
    media::{self, ResponseType},
};
use crate::{
    domain::{Credentials, ErrorCode, actor::ClientInfo, ids::RequestId},
    graphql::CsrfVerdict,
};

/// The memory that an idle socket holds for each direction.
const BUFFER_BYTES: usize = 4 * 1024;
const PROTOCOL: &str = "graphql-transport-ws";

/// What is known of a socket before its first message.
pub(super) struct Handshake {
    /// The id of the request that opened it; operations have their own.
    pub(super) id: RequestId,
    /// The access token of a cookie.
    pub(super) cookie: Credentials,
    pub(super) client: ClientInfo,
    pub(super) csrf: CsrfVerdict,
}

/// Opens a socket; a request for server-sent events is answered with events.
pub(super) async fn open(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    if media::accepts_events(request.headers()) {
        return graphql::get(State(state), Extension(id), request).await;
    }
    match upgrade(&state, &id, request).await {
        Ok(response) => response,
        Err(refusal) => {
            let mut response = refusal.into_response(&id, ResponseType::Json);
            if response.status() == StatusCode::UPGRADE_REQUIRED {
                response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            response
        }
    }
}

async fn upgrade(state: &HttpState, id: &RequestId, request: Request<Body>) -> Result<Response, Refusal> {
    let (mut parts, _body) = request.into_parts();
    let mut upgrade = WebSocketUpgrade::from_request_parts(&mut parts, state).await.map_err(|_| {
        let message = "This is for WebSockets with the subprotocol graphql-transport-ws.";
        Refusal::new(StatusCode::UPGRADE_REQUIRED, ErrorCode::BadUserInput, message)
    })?;
    if !upgrade.requested_protocols().any(|protocol| protocol == PROTOCOL) {
        return Err(Refusal::bad_request("The subprotocol must be graphql-transport-ws."));
    }
    upgrade.set_selected_protocol(HeaderValue::from_static(PROTOCOL));
    // A page of another site can open sockets, and its browser sends our cookies with them.
    if !csrf::origin_is_allowed(&parts.headers, &state.config.allowed_origins) {
        tracing::warn!("a socket was refused as cross-site");
        return Err(Refusal::of(ErrorCode::CsrfRejected));
    }
    let csrf = csrf::judge(&parts.headers, &state.config.allowed_origins);
    let cookie = match csrf {
        CsrfVerdict::Safe => CookieNames::new(state.config.secure_cookies).credentials(&parts.headers),
        CsrfVerdict::Suspicious => Credentials::default(),
    };
    let overloaded = || Refusal::of(ErrorCode::Overloaded);
    let place = state.sockets().enter().ok_or_else(overloaded)?;
    let unknown = state.sockets().enter_unknown().ok_or_else(overloaded)?;
    let client = client_info(&parts);
    let handshake = Handshake { id: id.clone(), cookie, client, csrf };
    let (state, tracker) = (state.clone(), state.executions.tracker.clone());
    let upgrade = upgrade
        .max_message_size(MAX_BODY_BYTES)
        .max_frame_size(MAX_BODY_BYTES)
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES);
    let span = tracing::Span::current();
    Ok(upgrade.on_upgrade(move |socket| {
        let serve = async move {
            connection::serve(socket, state, handshake, unknown).await;
            drop(place);
        };
        tracker.track_future(serve.instrument(span))
    }))
}
