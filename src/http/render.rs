//! Outcomes as HTTP answers, by the GraphQL-over-HTTP specification.

use async_graphql::{ServerError, Value};
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{HttpState, cookies::CookieNames, media::ResponseType};
use crate::{
    domain::ErrorCode,
    graphql::{CookieEffect, Outcome, RequestContext, RequestError},
};

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The answer to one request.
pub(super) fn outcome(outcome: Outcome, media: ResponseType) -> Response {
    match outcome {
        Outcome::Executed(response) => {
            let wait = longest_wait(&response.errors);
            let body = async_graphql_axum::GraphQLResponse::from(response).into_response();
            with_media(StatusCode::OK, body, media, wait)
        }
        Outcome::Refused(refused) => self::refused(refused, media),
    }
}

/// The answer to a list of requests: a list of what each would have been answered with.
pub(super) fn outcomes(outcomes: Vec<Outcome>, media: ResponseType) -> Response {
    let (mut answers, mut wait) = (Vec::with_capacity(outcomes.len()), None);
    for outcome in outcomes {
        let answer = match outcome {
            Outcome::Executed(response) => {
                wait = wait.max(longest_wait(&response.errors));
                serde_json::value::to_raw_value(&response)
            }
            Outcome::Refused(refused) => {
                serde_json::value::to_raw_value(&serde_json::json!({ "errors": [refused.into_error()] }))
            }
        };
        // Null for what cannot be written, so that no answer takes the place of another.
        answers.push(answer.unwrap_or_default());
    }
    with_media(StatusCode::OK, axum::Json(answers).into_response(), media, wait)
}

/// The answer to a request that was not executed.
pub(super) fn refused(refused: RequestError, media: ResponseType) -> Response {
    match refused {
        RequestError::Faulty(error) => {
            let status = match media {
                ResponseType::GraphqlResponse => status_of(&error),
                // What is not even a request is refused with its status, whatever the media type.
                ResponseType::Json if is_malformed(&error) => StatusCode::BAD_REQUEST,
                ResponseType::Json => StatusCode::OK,
            };
            with_media(status, errors_only(&error), media, longest_wait(std::slice::from_ref(&error)))
        }
        RequestError::MethodNotAllowed(error) => {
            let mut response = with_media(StatusCode::METHOD_NOT_ALLOWED, errors_only(&error), media, None);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            response
        }
    }
}

/// Writes what resolvers have left for the transport.
pub(super) fn effects(state: &HttpState, context: &RequestContext, headers: &mut HeaderMap) {
    if context.is_repeated() {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    let Some(effect) = context.take_cookie_effect() else { return };
    CookieNames::new(state.config.secure_cookies).apply(&effect, state.clock.now(), headers);
    if matches!(effect, CookieEffect::Clear) && context.credentials.refresh_cookie.is_some() {
        // Not the cookies: that would be those of every service of the domain.
        headers.insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\", \"storage\""));
    }
}

fn is_malformed(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    code == Some(&ErrorCode::BadUserInput.as_str().into())
}

/// The status that says the same as the code of an error.
fn status_of(error: &ServerError) -> StatusCode {
    extension(error, "status")
        .and_then(|status| u16::try_from(status).ok())
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::BAD_REQUEST)
}

/// The longest time that one of the errors asks to wait, in seconds.
fn longest_wait(errors: &[ServerError]) -> Option<u64> {
    errors.iter().filter_map(|error| extension(error, "retryAfter")).max()
}

fn extension(error: &ServerError, name: &str) -> Option<u64> {
    match error.extensions.as_ref()?.get(name)? {
        Value::Number(number) => number.as_u64(),
        _ => None,
    }
}

/// The answer to a request that was not executed has no `data` at all.
fn errors_only(error: &ServerError) -> Response {
    axum::Json(serde_json::json!({ "errors": [error] })).into_response()
}

fn with_media(
    status: StatusCode,
    mut response: Response,
    media: ResponseType,
    wait: Option<u64>,
) -> Response {
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.as_str()));
    if let Some(seconds) = wait {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
