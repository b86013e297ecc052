//! The GraphQL endpoint: a thin transport by the GraphQL-over-HTTP specification.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, HeaderName, Request, StatusCode, header},
    response::Response,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    HttpState,
    answer::Refusal,
    body,
    client_address::ClientAddress,
    cookies::{CookieNames, bearer_alone},
    csrf,
    media::{self, ResponseType},
    playground, render, sse,
};
use crate::{
    domain::{ErrorCode, actor::ClientInfo, ids::RequestId},
    graphql::{CsrfVerdict, Graphql, GraphqlRequest, Method, Outcome, RequestContext},
};

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_USER_AGENT_CHARACTERS: usize = 512;
const MAX_LANGUAGES_CHARACTERS: usize = 200;

/// `GET /graphql`: the playground for browsers, a query for everybody else.
pub(super) async fn get(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    request: Request<Body>,
) -> Response {
    let asks_for_page = media::wants_html(request.headers()) && request.uri().query().is_none();
    if asks_for_page && state.shown.playground && !state.is_administration {
        return playground::page();
    }
    let parameters = Query::<GetParameters>::try_from_uri(request.uri());
    let parsed = parameters
        .map_err(|_| Refusal::bad_request("The query string cannot be read."))
        .and_then(|Query(parameters)| parameters.try_into())
        .map(|request| Asked::One(Box::new(request)));
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
        let length = bytes.len();
        let graphql = state.graphql.clone();
        let parse = move || parse_body(&bytes, &graphql);
        let parsed = state.graphql.read(length, parse).await;
        parsed.map_err(|error| Refusal::of_error(&error))?
    };
    answer(&state, &id, &parts, Method::Post, parsed).await
}

/// What a body asks for.
enum Asked {
    One(Box<GraphqlRequest>),
    Many(Vec<GraphqlRequest>),
}

/// A request is a JSON object; an array of its members in order, which the derived reader would take
/// as well, is not. A list of requests is one where the service takes lists.
fn parse_body(bytes: &[u8], graphql: &Graphql) -> Result<Asked, Refusal> {
    let malformed =
        || Refusal::bad_request("The body must be one JSON object with the string member \"query\".");
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        let request = serde_json::from_slice(bytes).map_err(|_| malformed())?;
        return Ok(Asked::One(Box::new(request)));
    }
    let read = |value: Value| match value {
        Value::Object(_) => serde_json::from_value(value).map_err(|_| malformed()),
        _ => Err(malformed()),
    };
    let Ok(Value::Array(items)) = serde_json::from_slice(bytes) else { return Err(malformed()) };
    graphql.check_batch(items.len()).map_err(Refusal::of_request)?;
    items.into_iter().map(read).collect::<Result<_, _>>().map(Asked::Many)
}

/// The parameters of a GET; JSON where the body would have objects.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetParameters {
    #[serde(default)]
    query: Option<String>,
    operation_name: Option<String>,
    document_id: Option<String>,
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
        Ok(Self {
            query: parameters.query,
            document_id: parameters.document_id.filter(|id| !id.is_empty()),
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
    parsed: impl Future<Output = Result<Asked, Refusal>>,
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
    let asked = match parsed.await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(id, media),
    };
    let credentials =
        if state.is_administration { bearer_alone(headers) } else { names.credentials(headers) };
    let context = RequestContext::new(id.clone(), credentials, client_info(parts), csrf);
    let request = match asked {
        Asked::Many(requests) => return answer_many(state, requests, Arc::new(context), media).await,
        Asked::One(request) => match state.graphql.resolve(*request, id).await {
            Ok(request) => request,
            Err(refused) => return render::refused(refused, media),
        },
    };
    // Some clients always take events as well, and mean it for subscriptions alone.
    if takes_events && (acceptable.is_none() || state.graphql.is_subscription(&request)) {
        return sse::answer(state, request, method.as_stream(), context).await;
    }
    let key = headers.get(IDEMPOTENCY_KEY).map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
    let context = Arc::new(context.with_idempotency_key(key));
    let (graphql, shared) = (state.graphql.clone(), context.clone());
    match state.executions.run(async move { graphql.execute(request, method, shared).await }).await {
        Ok(outcome) => {
            let mut response = render::outcome(outcome, media);
            render::effects(state, &context, response.headers_mut());
            response
        }
        Err(code) => Refusal::of(code).into_response(id, media),
    }
}

/// Answers a list of queries, one after the other.
async fn answer_many(
    state: &HttpState,
    requests: Vec<GraphqlRequest>,
    context: Arc<RequestContext>,
    media: ResponseType,
) -> Response {
    let (graphql, id) = (state.graphql.clone(), context.request_id.clone());
    let run = async move {
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            let outcome = match graphql.resolve(request, &context.request_id).await {
                Ok(request) => graphql.execute(request, Method::Batch, context.clone()).await,
                Err(refused) => Outcome::Refused(refused),
            };
            outcomes.push(outcome);
        }
        outcomes
    };
    match state.executions.run(run).await {
        Ok(outcomes) => render::outcomes(outcomes, media),
        Err(code) => Refusal::of(code).into_response(&id, media),
    }
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
