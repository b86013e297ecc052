//! One GraphQL request from its text to its answer, whatever carried it.

use std::{sync::Arc, time::Instant};

use async_graphql::{PathSegment, Response, ServerError, Value};
use serde::Deserialize;
use tracing::{Instrument, field::Empty};

use super::{
    Graphql, RequestContext,
    error::{code_extensions, refusal},
    prepare::{ResolvedRequest, Runnable},
};
use crate::domain::{
    ErrorCode,
    audit::{self, Origin},
    ids::RequestId,
    metrics::OperationLabels,
    traces::trace_part,
};

/// A request as clients send it; unknown members are passed over.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphqlRequest {
    /// The document; not needed where it is named by its hash.
    #[serde(default)]
    pub query: Option<String>,
    /// The hash of the document.
    #[serde(default)]
    pub document_id: Option<String>,
    /// Which operation of the document.
    #[serde(default)]
    pub operation_name: Option<String>,
    /// The values of its variables.
    #[serde(default)]
    pub variables: Option<serde_json::Map<String, serde_json::Value>>,
    /// Anything else that client and server agree on.
    #[serde(default)]
    pub extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

/// How the request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By GET: queries only, so that a link can change nothing.
    Get,
    /// By POST.
    Post,
    /// One of several in a POST: queries only, so that nothing is tried many times at once.
    Batch,
    /// By GET, for answers that come one after the other: no mutations either.
    GetStream,
    /// By POST or over a socket, for the same.
    Stream,
}

impl Method {
    /// The same for answers that come one after the other.
    #[must_use]
    pub const fn as_stream(self) -> Self {
        match self {
            Self::Get | Self::GetStream => Self::GetStream,
            Self::Post | Self::Batch | Self::Stream => Self::Stream,
        }
    }

    pub(super) const fn takes_mutations(self) -> bool {
        matches!(self, Self::Post | Self::Stream)
    }

    pub(super) const fn takes_subscriptions(self) -> bool {
        matches!(self, Self::GetStream | Self::Stream)
    }
}

/// A request that was not executed.
#[derive(Debug)]
pub enum RequestError {
    /// The document or its variables are faulty.
    Faulty(ServerError),
    /// The operation may not come this way.
    MethodNotAllowed(ServerError),
}

impl RequestError {
    /// What a carrier says that has no status.
    pub fn into_error(self) -> ServerError {
        let (Self::Faulty(error) | Self::MethodNotAllowed(error)) = self;
        error
    }

    pub(super) const fn error(&self) -> &ServerError {
        let (Self::Faulty(error) | Self::MethodNotAllowed(error)) = self;
        error
    }
}

/// An answer.
#[derive(Debug)]
pub enum Outcome {
    /// The operation was executed; `data` is there, null or not.
    Executed(Response),
    /// It was not.
    Refused(RequestError),
}

impl Graphql {
    /// Executes a request, or says why not. Every error of the answer has a code, a status and the
    /// id of the request.
    pub async fn execute(
        &self,
        request: ResolvedRequest,
        method: Method,
        context: Arc<RequestContext>,
    ) -> Outcome {
        let (began, mut labels) = (Instant::now(), None);
        let part = trace_part!("operation", kind = Empty, field = Empty);
        let outcome = self.attempt(request, method, context, &mut labels).instrument(part.clone()).await;
        let labels = self.measure(labels, began.elapsed(), &outcome);
        part.record("kind", labels.kind).record("field", &*labels.field);
        outcome
    }

    async fn attempt(
        &self,
        request: ResolvedRequest,
        method: Method,
        context: Arc<RequestContext>,
        labels: &mut Option<OperationLabels>,
    ) -> Outcome {
        let (id, bytes) = (context.request_id.clone(), request.bytes());
        let (graphql, key) = (self.clone(), context.idempotency_key.clone());
        let prepare = move || graphql.prepare(request, method, key.as_deref());
        let prepared = match self.read(bytes, prepare).await {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(refused)) => return Outcome::Refused(with_request_id(refused, &id)),
            Err(error) => return Outcome::Refused(RequestError::Faulty(refusal(&error, &id))),
        };
        self.documents.keep(prepared.keep);
        *labels = Some(prepared.labels);
        let mut runnable = prepared.runnable;
        runnable.request = runnable.request.data(context.clone());
        let origin = Origin { request_id: Some(id.clone()), client: context.client.clone() };
        audit::within(origin, async {
            match prepared.once {
                Some(once) => self.run_once(runnable, once, &context).await,
                None => self.run(runnable, &id).await,
            }
        })
        .await
    }

    /// Runs a query or mutation.
    pub(super) async fn run(&self, Runnable { request, known }: Runnable, id: &RequestId) -> Outcome {
        let mut response = self.schema.execute(request, known.is_valid()).await;
        let is_executed = response.errors.iter().all(is_of_execution);
        response.errors.iter_mut().for_each(|error| complete(error, id));
        if is_executed {
            self.known.executed(&known);
            null_incomplete_data(&mut response);
            return Outcome::Executed(response);
        }
        let error = response.errors.swap_remove(0);
        Outcome::Refused(RequestError::Faulty(error))
    }
}

/// An error that came up while fields were resolved, rather than before.
fn is_of_execution(error: &ServerError) -> bool {
    !error.path.is_empty()
}

/// The library leaves the key of a failed non-null root field out of `data` when it has siblings;
/// the specification makes all of `data` null.
fn null_incomplete_data(response: &mut Response) {
    let Value::Object(data) = &response.data else { return };
    let lacks = |error: &ServerError| match error.path.first() {
        Some(PathSegment::Field(key)) => !data.contains_key(key.as_str()),
        _ => false,
    };
    if response.errors.iter().any(lacks) {
        response.data = Value::Null;
    }
}

/// Errors of our own resolvers have everything but the id of the request. Those of the library have
/// no code: before execution the document does not fit the schema; during it, a value does not.
pub(super) fn complete(error: &mut ServerError, id: &RequestId) {
    let has_code = error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some());
    if !has_code {
        error.extensions = Some(code_extensions(ErrorCode::GraphqlValidationFailed));
        shorten(&mut error.message);
    }
    error.source = None;
    error.extensions.get_or_insert_default().set("requestId", id.as_str());
}

/// The library's text may repeat a whole value.
fn shorten(message: &mut String) {
    const MOST: usize = 300;
    if let Some((end, _)) = message.char_indices().nth(MOST) {
        message.truncate(end);
        message.push('…');
    }
}

pub(super) fn with_request_id(refused: RequestError, id: &RequestId) -> RequestError {
    let add = |mut error: ServerError| {
        complete(&mut error, id);
        error
    };
    match refused {
        RequestError::Faulty(error) => RequestError::Faulty(add(error)),
        RequestError::MethodNotAllowed(error) => RequestError::MethodNotAllowed(add(error)),
    }
}
