//! Requests whose answers come one after the other: subscriptions, and over the same carrier also
//! queries and mutations, which have one answer.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use async_graphql::{Response, ServerError, Value, parser::types::OperationType};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::{
    Graphql, RequestContext,
    measure::{self, Running},
    prepare::ResolvedRequest,
    request::{Method, Outcome, RequestError, complete, with_request_id},
};
use crate::domain::{
    ErrorCode,
    audit::{self, Origin},
    ids::RequestId,
};

/// One answer.
#[derive(Debug)]
pub enum Emission {
    /// A result of the operation.
    Next(Box<Response>),
    /// The operation does not run; nothing comes after.
    Refused(Vec<ServerError>),
}

impl Graphql {
    /// Runs a request for as long as the stream is held. A query or mutation runs to its end in a
    /// task of its own, whether or not it is.
    ///
    /// # Errors
    /// Why it does not run, where that is clear before it starts.
    pub fn stream(
        &self,
        request: ResolvedRequest,
        method: Method,
        context: Arc<RequestContext>,
        executions: &Executions,
    ) -> Result<BoxStream<'static, Emission>, RequestError> {
        let id = context.request_id.clone();
        let prepared = self.prepare(request, method, None);
        let prepared = prepared.map_err(|refused| with_request_id(refused, &id))?;
        let kind = prepared.kind;
        self.documents.keep(prepared.keep);
        let (began, labels) = (Instant::now(), prepared.labels);
        let origin = Origin { request_id: Some(id.clone()), client: context.client.clone() };
        let mut prepared = prepared.runnable;
        prepared.request = prepared.request.data(context);
        if kind == OperationType::Subscription {
            let answers = self.schema.execute_stream(prepared.request).enumerate();
            let mut running = Running::start(labels);
            let answers = answers.map(move |(number, response)| {
                let emission = emission(number, response, &id);
                running.answered(match &emission {
                    Emission::Refused(errors) => errors.first(),
                    Emission::Next(_) => None,
                });
                emission
            });
            return Ok(answers.boxed());
        }
        let graphql = self.clone();
        let request_id = id.clone();
        let executions = executions.clone();
        let single = async move {
            let run = async move {
                let outcome = audit::within(origin, graphql.run(prepared, &id)).await;
                graphql.measure(Some(labels), began.elapsed(), &outcome);
                outcome
            };
            match executions.run(run).await {
                Ok(Outcome::Executed(response)) => Emission::Next(Box::new(response)),
                Ok(Outcome::Refused(refused)) => Emission::Refused(vec![refused.into_error()]),
                Err(code) => {
                    let mut error = super::request_error(code, code.summary());
                    complete(&mut error, &request_id);
                    Emission::Refused(vec![error])
                }
            }
        };
        Ok(stream::once(single).boxed())
    }
}

/// Runs executions to their end: one that has to wait for something goes on in a task of its own, so that a
/// client that goes away does not stop a write half-way. A panic is one masked error, and only the wait has a
/// time limit.
#[derive(Clone)]
pub struct Executions {
    /// Executions under way, also those whose client has gone.
    pub tracker: TaskTracker,
    /// How long one is waited for.
    pub time_limit: Duration,
}

impl Executions {
    /// Runs one.
    ///
    /// # Errors
    /// `InternalServerError` for a panic, `ServiceUnavailable` when it takes too long.
    pub async fn run<T: Send + 'static>(
        &self,
        execution: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, ErrorCode> {
        let mut execution = Box::pin(execution);
        // Whatever is warm is done at once. Nobody can go away in between.
        let first = poll_fn(|context| {
            Poll::Ready(catch_unwind(AssertUnwindSafe(|| execution.as_mut().poll(context))))
        });
        match first.await {
            Ok(Poll::Ready(outcome)) => return Ok(outcome),
            Ok(Poll::Pending) => {}
            Err(_) => {
                tracing::error!("a resolver panicked");
                return Err(ErrorCode::InternalServerError);
            }
        }
        let task = self.tracker.spawn(execution.in_current_span());
        #[expect(clippy::disallowed_methods, reason = "the task goes on; only the wait for it is limited")]
        match tokio::time::timeout(self.time_limit, task).await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(_)) => {
                tracing::error!("a resolver panicked");
                Err(ErrorCode::InternalServerError)
            }
            Err(_) => {
                tracing::warn!("a request took too long");
                Err(ErrorCode::ServiceUnavailable)
            }
        }
    }
}

/// A subscription that fails before its first event does not run.
fn emission(number: usize, mut response: Response, id: &RequestId) -> Emission {
    for error in &mut response.errors {
        complete(error, id);
        measure::count(error);
    }
    let has_failed = number == 0 && !response.errors.is_empty() && response.data == Value::Null;
    if has_failed { Emission::Refused(response.errors) } else { Emission::Next(Box::new(response)) }
}
