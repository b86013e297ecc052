//! The one place that makes GraphQL errors of domain errors.

use async_graphql::{ErrorExtensionValues, Value, indexmap::IndexMap};

use crate::domain::{Error, ErrorCode, faults::Fault, ids::RequestId};

/// An error that may be shown to a client. It is made of a domain error and of nothing else: it has
/// no `Display`, so that `?` on an error of a driver does not compile in a resolver.
#[derive(Debug, Clone)]
pub struct ApiError(pub(super) Error);

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<ApiError> for async_graphql::Error {
    fn from(ApiError(error): ApiError) -> Self {
        if let Error::Internal(detail) = &error {
            tracing::error!(detail, "internal error");
        }
        Self { message: error.message(), source: None, extensions: Some(extensions(&error)) }
    }
}

/// The `extensions` of a refusal, without the id of the request, which the transport adds.
pub fn extensions(error: &Error) -> ErrorExtensionValues {
    let mut values = code_extensions(error.code());
    match error {
        Error::Unauthenticated(reason) => values.set("reason", reason.as_str()),
        Error::Conflict { current_version } => values.set("currentVersion", *current_version),
        _ => {}
    }
    if let Some(wait) = error.retry_after() {
        values.set("retryAfter", whole_seconds(wait));
    }
    let faults = error.faults();
    if !faults.is_empty() {
        // Every mutation takes one argument, `input`.
        let prefix = if matches!(error, Error::BadArguments(_)) { "" } else { "input." };
        let fields = faults.into_iter().map(|fault| field(prefix, fault));
        values.set("fields", Value::List(fields.collect()));
    }
    values
}

/// The `extensions` that every error has.
pub(super) fn code_extensions(code: ErrorCode) -> ErrorExtensionValues {
    let mut values = ErrorExtensionValues::default();
    values.set("code", code.as_str());
    values.set("status", code.status());
    values
}

/// An error of a request that was not executed.
pub fn request_error(code: ErrorCode, message: impl Into<String>) -> async_graphql::ServerError {
    let mut error = async_graphql::ServerError::new(message, None);
    error.extensions = Some(code_extensions(code));
    error
}

/// A refusal by the domain of what was not executed, or is not any more.
pub fn refusal(error: &Error, id: &RequestId) -> async_graphql::ServerError {
    let mut refused = async_graphql::ServerError::new(error.message(), None);
    let mut values = extensions(error);
    values.set("requestId", id.as_str());
    refused.extensions = Some(values);
    refused
}

/// A socket that runs as much as it may.
pub fn too_many_operations(name: &str, limit: usize, id: &RequestId) -> async_graphql::ServerError {
    let message = format!("The socket runs too much at once: the limit {name} is {limit}.");
    let mut refused = request_error(ErrorCode::OperationTooComplex, message);
    let values = refused.extensions.get_or_insert_default();
    values.set("limit", limit);
    values.set("limitName", name);
    values.set("requestId", id.as_str());
    refused
}

fn field(prefix: &str, fault: Fault) -> Value {
    let mut values = IndexMap::new();
    let mut set = |name: &str, value: Value| values.insert(async_graphql::Name::new(name), value);
    set("field", format!("{prefix}{}", fault.field).into());
    set("code", fault.code.as_str().into());
    set("message", fault.message.into());
    if let Some(limit) = fault.limit {
        set("limit", limit.into());
    }
    Value::Object(values)
}

/// Seconds to wait, rounded up, 1 at least.
pub fn whole_seconds(wait: std::time::Duration) -> u64 {
    let part = u64::from(wait.subsec_nanos() > 0);
    (wait.as_secs() + part).max(1)
}
