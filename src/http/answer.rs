//! Answers that are the same wherever they come from.

use async_graphql::ErrorExtensionValues;
use axum::{
    Json,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::media::ResponseType;
use crate::{
    domain::{Error, ErrorCode, ids::RequestId, metrics::metrics},
    graphql::{self, RequestError},
};

/// What a request that is not GraphQL yet is refused with: an answer of the same form as every
/// other error, so that clients need one way of reading errors.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: ErrorCode,
    pub(super) message: String,
    retry_after: Option<u64>,
    /// In place of those of the code.
    extensions: Option<ErrorExtensionValues>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: retry_after(code), extensions: None }
    }

    /// A request that is not of the form it must have.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadUserInput, message)
    }

    /// A refusal by a code of the table, with its status and message.
    pub(super) fn of(code: ErrorCode) -> Self {
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, code, code.summary())
    }

    /// A request that asks for too much before it is one.
    pub(super) fn of_request(refused: RequestError) -> Self {
        let error = refused.into_error();
        Self { extensions: error.extensions, message: error.message, ..Self::bad_request("") }
    }

    /// A refusal by the domain.
    pub(super) fn of_error(error: &Error) -> Self {
        let wait = error.retry_after().map(graphql::whole_seconds);
        Self { retry_after: wait, message: error.message(), ..Self::of(error.code()) }
    }

    pub(super) fn into_response(self, id: &RequestId, media: ResponseType) -> Response {
        metrics().error(self.code.as_str());
        let mut error = graphql::request_error(self.code, self.message);
        error.extensions = self.extensions.or(error.extensions);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("status", self.status.as_u16());
        extensions.set("requestId", id.as_str());
        if let Some(seconds) = self.retry_after {
            extensions.set("retryAfter", seconds);
        }
        let mut response = (self.status, Json(json!({ "errors": [error] }))).into_response();
        // `Json` says `application/json`, whatever the client asked for.
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media.as_str()));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Seconds after which a busy or absent service may be asked again.
const fn retry_after(code: ErrorCode) -> Option<u64> {
    match code {
        ErrorCode::ServiceUnavailable | ErrorCode::Overloaded => Some(1),
        _ => None,
    }
}

/// Any other method than those of the endpoint.
pub(super) async fn method_not_allowed(method: Method, id: axum::Extension<RequestId>) -> Response {
    let message = format!("{method} is not allowed here; use POST, or GET for queries.");
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadUserInput, message);
    let mut response = refusal.into_response(&id, ResponseType::Json);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST, OPTIONS"));
    response
}

/// Any other path.
pub(super) async fn not_found(id: axum::Extension<RequestId>) -> Response {
    Refusal::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, "There is nothing here; the API is at /graphql.")
        .into_response(&id, ResponseType::Json)
}
