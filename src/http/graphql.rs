//! The GraphQL endpoint: a thin transport by the GraphQL-over-HTTP specification.

use std::sync::Arc;

use async_graphql::ServerError;
use axum::{
    Extension,
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    HttpState,
    answer::Refusal,
    body,
    client_address::ClientAddress,
    cookies::CookieNames,
    csrf,
    media::{self, ResponseType},
    playground, sse,
};
use crate::{
    domain::{ErrorCode, actor::ClientInfo, ids::RequestId},
    graphql::{CsrfVerdict, GraphqlRequest, Method, Outcome, RequestContext, RequestError},
};

const MAX_USER_AGENT_CHARACTERS: usize = 512;
const MAX_LANGUAGES_CHARACTERS: usize = 200;

/// `GET /graphql`: the playground for browsers, a query for everybody else.
pub(super) async fn get(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    request: Request<Body>,
) -> Response {
    let asks_for_page = media::wants_html(request.headers()) && request.uri().query().is_none();
    if asks_for_page && state.shown.playground {
        return playground::page();
    }
    let parameters = Query::<GetParameters>::try_from_uri(request.uri());
    let parsed = parameters
        .map_err(|_| Refusal::bad_request("The query string cannot be read."))
        .and_then(|Query(parameters)| parameters.try_into());
    let (parts, _body) = request.into_parts();
    answer(&state, &id, &parts, Method::Get, async { parsed }).await
}

/// `POST /graphql`.
pub(super) async fn post(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let parsed = async {
        if !media::is_json(&parts.headers) {
            let message = "The body must be application/json in UTF-8.";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::BadUserInput, message));
        }
        let bytes = body::read(&parts.headers, body, state.body_timeout).await?;
        parse_body(&bytes).ok_or_else(|| {
            Refusal::bad_request("The body must be one JSON object with the string member \"query\".")
        })
    };
    answer(&state, &id, &parts, Method::Post, parsed).await
}

/// A request is a JSON object; an array of its members in order, which the derived reader would take
/// as well, is not.
fn parse_body(bytes: &[u8]) -> Option<GraphqlRequest> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes).ok()?;
    serde_json::from_value(object.into()).ok()
}

/// The parameters of a GET; JSON where the body would have objects.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetParameters {
    #[serde(default)]
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

impl TryFrom<GetParameters> for GraphqlRequest {
    type Error = Refusal;

    fn try_from(parameters: GetParameters) -> Result<Self, Refusal> {
        let object = |name: &str, text: Option<String>| {
            let text = text.filter(|text| !text.is_empty());
            let parsed = text.map(|text| serde_json::from_str(&text)).transpose();
            parsed.map_err(|_| Refusal::bad_request(format!("The parameter {name} must be a JSON object.")))
        };
        let query =
            parameters.query.ok_or_else(|| Refusal::bad_request("The parameter query is missing."))?;
        Ok(Self {
            query,
            operation_name: parameters.operation_name.filter(|name| !name.is_empty()),
            variables: object("variables", parameters.variables)?,
            extensions: object("extensions", parameters.extensions)?,
        })
    }
}

/// Answers a request whose text `parsed` brings; nothing is read of it before it may be answered.
async fn answer(
    state: &HttpState,
    id: &RequestId,
    parts: &axum::http::request::Parts,
    method: Method,
    parsed: impl Future<Output = Result<GraphqlRequest, Refusal>>,
) -> Response {
    let headers = &parts.headers;
    let takes_events = media::accepts_events(headers);
    let acceptable = ResponseType::negotiate(headers);
    let Some(media) = acceptable.or(takes_events.then_some(ResponseType::GraphqlResponse)) else {
        let message = "The answer can be application/graphql-response+json or application/json.";
        let refusal = Refusal::new(StatusCode::NOT_ACCEPTABLE, ErrorCode::BadUserInput, message);
        return refusal.into_response(id, ResponseType::Json);
    };
    let names = CookieNames::new(state.config.secure_cookies);
    let csrf = csrf::judge(headers, &state.config.allowed_origins);
    if csrf == CsrfVerdict::Suspicious && names.are_present(headers) {
        tracing::warn!("a request with cookies was refused as cross-site");
        return Refusal::of(ErrorCode::CsrfRejected).into_response(id, media);
    }
    let request = match parsed.await {
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(id, media),
    };
    let client = client_info(parts);
    let context = RequestContext::new(id.clone(), names.credentials(headers), client, csrf);
    // Some clients always take events as well, and mean it for subscriptions alone.
    if takes_events && (acceptable.is_none() || state.graphql.is_subscription(&request)) {
        return sse::answer(state, request, method.as_stream(), context).await;
    }
    let context = Arc::new(context);
    let (graphql, shared) = (state.graphql.clone(), context.clone());
    match state.executions.run(async move { graphql.execute(request, method, shared).await }).await {
        Ok(outcome) => {
            let mut response = render(outcome, media);
            if let Some(effect) = context.take_cookie_effect() {
                names.apply(&effect, state.clock.now(), response.headers_mut());
            }
            response
        }
        Err(code) => Refusal::of(code).into_response(id, media),
    }
}

fn render(outcome: Outcome, media: ResponseType) -> Response {
    match outcome {
        Outcome::Executed(response) => with_media(
            StatusCode::OK,
            async_graphql_axum::GraphQLResponse::from(response).into_response(),
            media,
        ),
        Outcome::Refused(refused) => render_refused(refused, media),
    }
}

pub(super) fn render_refused(refused: RequestError, media: ResponseType) -> Response {
    match refused {
        RequestError::Faulty(error) => {
            let status = match media {
                ResponseType::GraphqlResponse => StatusCode::BAD_REQUEST,
                ResponseType::Json => StatusCode::OK,
            };
            with_media(status, errors_only(&error), media)
        }
        RequestError::MethodNotAllowed(error) => {
            let mut response = with_media(StatusCode::METHOD_NOT_ALLOWED, errors_only(&error), media);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            response
        }
    }
}

/// The answer to a request that was not executed has no `data` at all.
fn errors_only(error: &ServerError) -> Response {
    axum::Json(serde_json::json!({ "errors": [error] })).into_response()
}

fn with_media(status: StatusCode, mut response: Response, media: ResponseType) -> Response {
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media.as_str()));
    response
}

pub(super) fn client_info(parts: &axum::http::request::Parts) -> ClientInfo {
    let address = parts.extensions.get::<ClientAddress>();
    ClientInfo {
        user_agent: text_of(&parts.headers, &header::USER_AGENT, MAX_USER_AGENT_CHARACTERS),
        languages: text_of(&parts.headers, &header::ACCEPT_LANGUAGE, MAX_LANGUAGES_CHARACTERS),
        ip_address: address.and_then(|address| address.0),
    }
}

/// A header without control characters, cut to a length.
fn text_of(headers: &HeaderMap, name: &HeaderName, limit: usize) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned();
    let text: String = value.chars().filter(|c| !c.is_control()).take(limit).collect();
    Some(text).filter(|text| !text.is_empty())
}
