//! Requests with an `Idempotency-Key`: done once, answered as often as they come.

use async_graphql::{
    Response, ServerError,
    parser::types::{OperationDefinition, OperationType, Selection},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    ApiError, Graphql, Outcome, RequestContext, RequestError,
    context::{CookieEffect, CsrfVerdict},
    error, fields,
    prepare::Runnable,
};
use crate::domain::{
    Error, ErrorCode,
    actor::Actor,
    idempotency::{Call, Todo},
    rate_limits::Class,
};

/// The most bytes of an answer that is kept: more than any of ours has, unless its request was made for it.
const MAX_KEPT_BYTES: usize = 16 * 1024;

/// An answer as it is kept.
#[derive(Serialize)]
struct Keeping<'a> {
    response: &'a Response,
    cookies: Option<CookieEffect>,
}

/// The same, as it is read again.
#[derive(Deserialize)]
struct Kept {
    response: Response,
    cookies: Option<CookieEffect>,
}

/// What the key of a request stands for: its document, operation and variables.
pub(super) struct Once {
    pub(super) key: String,
    pub(super) body: Vec<u8>,
}

impl Once {
    pub(super) fn new(
        key: &str,
        query: &str,
        operation_name: Option<&str>,
        variables: &Map<String, Value>,
    ) -> Self {
        let body = serde_json::json!([query, operation_name, variables]);
        Self { key: key.to_owned(), body: body.to_string().into_bytes() }
    }
}

/// Whether an operation is one that a key can make happen once: a mutation of one field that makes or sends
/// something.
pub(super) fn is_repeatable(operation: &OperationDefinition) -> bool {
    let only = match operation.selection_set.node.items.as_slice() {
        [only] => &only.node,
        _ => return false,
    };
    let Selection::Field(field) = only else { return false };
    operation.ty == OperationType::Mutation && fields::rule(&field.node.name.node, true).is_repeatable
}

impl Graphql {
    /// Runs a request unless it was run before; then answers the same.
    pub(super) async fn run_once(&self, prepared: Runnable, once: Once, context: &RequestContext) -> Outcome {
        let answers = &self.domain.answers;
        let id = &context.request_id;
        let caller = match context.actor(&self.domain).await {
            Ok(Actor::User(caller)) => Some(&caller.user.id),
            Ok(Actor::Anonymous) => None,
            // Whose key it is would be another the next time, with better credentials.
            Err(ApiError(refusal)) => {
                return Outcome::Refused(RequestError::Faulty(error::refusal(&refusal, id)));
            }
        };
        let limits = &self.domain.rate_limits;
        if let Err(refusal) = limits.check(Class::Repeat, &context.client, None).await {
            return Outcome::Refused(RequestError::Faulty(error::refusal(&refusal, id)));
        }
        let call = match answers.begin(caller, &once.key, &once.body).await {
            Ok(Todo::Run(call)) => call,
            Ok(Todo::Repeat(kept)) => return repeat(&kept, context),
            Err(refusal) => {
                return Outcome::Refused(RequestError::Faulty(error::refusal(&refusal, id)));
            }
        };
        let outcome = self.run(prepared, id).await;
        self.keep(call, &outcome, context).await;
        outcome
    }

    /// Keeps what has been done; what has not can be done the next time.
    async fn keep(&self, call: Call, outcome: &Outcome, context: &RequestContext) {
        let answers = &self.domain.answers;
        let kept = match outcome {
            Outcome::Executed(response) if response.errors.iter().all(is_final) => {
                let kept = Keeping { response, cookies: context.cookie_effect() };
                serde_json::to_vec(&kept).ok().filter(|kept| kept.len() <= MAX_KEPT_BYTES)
            }
            Outcome::Executed(_) | Outcome::Refused(_) => None,
        };
        match kept {
            Some(kept) => answers.finish(call, &kept).await,
            None => answers.abandon(call).await,
        }
    }
}

/// Whether an error is an answer to be given again. Of all others nothing has come, and nothing is worth a
/// place in the store.
fn is_final(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    code == Some(&ErrorCode::EmailTaken.as_str().into())
}

fn repeat(kept: &[u8], context: &RequestContext) -> Outcome {
    let Ok(Kept { response, cookies }) = serde_json::from_slice(kept) else {
        let error = Error::Internal("a kept answer cannot be read".into());
        return Outcome::Refused(RequestError::Faulty(error::refusal(&error, &context.request_id)));
    };
    match cookies {
        Some(CookieEffect::Set(_)) if context.csrf == CsrfVerdict::Suspicious => {
            let error = error::refusal(&Error::CsrfRejected, &context.request_id);
            return Outcome::Refused(RequestError::Faulty(error));
        }
        Some(effect) => context.record(effect),
        None => {}
    }
    context.mark_as_repeated();
    Outcome::Executed(response)
}
