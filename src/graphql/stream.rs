//! Requests whose answers come one after the other: subscriptions, and over the same carrier also
//! queries and mutations, which have one answer.

use std::sync::Arc;

use async_graphql::{Response, ServerError, Value, parser::types::OperationType};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio_util::task::TaskTracker;

use super::{
    Graphql, RequestContext,
    request::{GraphqlRequest, Method, Outcome, RequestError, complete, prepare, with_request_id},
};
use crate::domain::{ErrorCode, ids::RequestId};

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
        request: GraphqlRequest,
        method: Method,
        context: Arc<RequestContext>,
        executions: &TaskTracker,
    ) -> Result<BoxStream<'static, Emission>, RequestError> {
        let id = context.request_id.clone();
        let (prepared, kind) = prepare(request, method).map_err(|refused| with_request_id(refused, &id))?;
        let prepared = prepared.data(context);
        if kind == OperationType::Subscription {
            let answers = self.schema.execute_stream(prepared).enumerate();
            return Ok(answers.map(move |(number, response)| emission(number, response, &id)).boxed());
        }
        let graphql = self.clone();
        let task = executions.spawn(async move { graphql.run(prepared, &id).await });
        let single = stream::once(task).map(|outcome| match outcome {
            Ok(Outcome::Executed(response)) => Emission::Next(Box::new(response)),
            Ok(Outcome::Refused(RequestError::Faulty(error) | RequestError::MethodNotAllowed(error))) => {
                Emission::Refused(vec![error])
            }
            Err(_) => {
                tracing::error!("a resolver panicked");
                Emission::Refused(vec![super::request_error(
                    ErrorCode::InternalServerError,
                    ErrorCode::InternalServerError.summary(),
                )])
            }
        });
        Ok(single.boxed())
    }
}

/// A subscription that fails before its first event does not run.
fn emission(number: usize, mut response: Response, id: &RequestId) -> Emission {
    response.errors.iter_mut().for_each(|error| complete(error, id));
    let has_failed = number == 0 && !response.errors.is_empty() && response.data == Value::Null;
    if has_failed { Emission::Refused(response.errors) } else { Emission::Next(Box::new(response)) }
}
