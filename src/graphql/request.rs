//! One GraphQL request from its text to its answer, whatever carried it.

use std::sync::Arc;

use async_graphql::{
    PathSegment, Request, Response, ServerError, Value, Variables,
    parser::{
        self,
        types::{
            DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
            SelectionSet,
        },
    },
};
use serde::Deserialize;

use super::{
    Graphql, RequestContext,
    error::{code_extensions, request_error},
    limits::{self, Excess},
    unsent,
};
use crate::domain::{ErrorCode, ids::RequestId};

/// A request as clients send it; unknown members are passed over.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphqlRequest {
    /// The document.
    pub query: String,
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
            Self::Post | Self::Stream => Self::Stream,
        }
    }

    const fn takes_mutations(self) -> bool {
        matches!(self, Self::Post | Self::Stream)
    }

    const fn takes_subscriptions(self) -> bool {
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
        request: GraphqlRequest,
        method: Method,
        context: Arc<RequestContext>,
    ) -> Outcome {
        let id = context.request_id.clone();
        match prepare(request, method) {
            Ok((prepared, _)) => self.run(prepared.data(context), &id).await,
            Err(refused) => Outcome::Refused(with_request_id(refused, &id)),
        }
    }

    /// Whether a request is a subscription, as far as it can be read.
    pub fn is_subscription(&self, request: &GraphqlRequest) -> bool {
        let is_subscription = |document: &ExecutableDocument| {
            let operation = select(document, request.operation_name.as_deref());
            operation.is_ok_and(|operation| operation.ty == OperationType::Subscription)
        };
        limits::check_text(&request.query).is_ok()
            && parser::parse_query(&request.query).is_ok_and(|document| is_subscription(&document))
    }

    /// Runs a query or mutation.
    pub(super) async fn run(&self, prepared: Request, id: &RequestId) -> Outcome {
        let mut response = self.schema.execute(prepared).await;
        let is_executed = response.errors.iter().all(is_of_execution);
        response.errors.iter_mut().for_each(|error| complete(error, id));
        if is_executed {
            null_incomplete_data(&mut response);
            return Outcome::Executed(response);
        }
        let error = response.errors.swap_remove(0);
        Outcome::Refused(RequestError::Faulty(error))
    }
}

/// Parses and checks a request before anything walks its document.
pub(super) fn prepare(
    request: GraphqlRequest,
    method: Method,
) -> Result<(Request, OperationType), RequestError> {
    limits::check_text(&request.query).map_err(too_complex)?;
    let document = parser::parse_query(&request.query).map_err(|error| {
        // The parser's own text is about its grammar; the place is what helps.
        let place = error.positions().next();
        let message = ErrorCode::GraphqlParseFailed.summary();
        let mut refused = request_error(ErrorCode::GraphqlParseFailed, message);
        refused.locations.extend(place);
        RequestError::Faulty(refused)
    })?;
    let operation = select(&document, request.operation_name.as_deref())?;
    match operation.ty {
        OperationType::Mutation if !method.takes_mutations() => {
            let message = "Mutations must be sent by POST.";
            return Err(RequestError::MethodNotAllowed(request_error(
                ErrorCode::GraphqlValidationFailed,
                message,
            )));
        }
        OperationType::Subscription if !method.takes_subscriptions() => {
            let message =
                "Subscriptions come over a WebSocket or, with Accept: text/event-stream, as events.";
            return Err(invalid(message));
        }
        OperationType::Query | OperationType::Mutation | OperationType::Subscription => {}
    }
    let kind = operation.ty;
    let mut given = request.variables.unwrap_or_default();
    // What the operation does not declare is of no use, and would be kept for as long as it runs.
    given.retain(|name, _| operation.variable_definitions.iter().any(|one| one.node.name.node == **name));
    let variables = Variables::from_json(serde_json::Value::Object(given));
    limits::check_document(&document, &variables).map_err(too_complex)?;
    check_required(operation, &variables)?;
    if kind == OperationType::Subscription {
        check_single_root(&operation.selection_set.node)?;
    }
    let mut document = document;
    unsent::leave_out(&mut document, &variables);

    let mut prepared = Request::new(request.query).variables(variables);
    if let Some(name) = request.operation_name {
        prepared = prepared.operation_name(name);
    }
    prepared.set_parsed_query(document);
    Ok((prepared, kind))
}

/// A subscription has one source of events (GraphQL §5.2.3.1), which is always there. The library
/// looks for it at the root itself and not in fragments.
fn check_single_root(set: &SelectionSet) -> Result<(), RequestError> {
    match set.items.as_slice() {
        [only] => match &only.node {
            Selection::Field(field) if field.node.directives.is_empty() => Ok(()),
            Selection::Field(_) => Err(invalid("The field of a subscription takes no directives.")),
            _ => Err(invalid("The field of a subscription must not be in a fragment.")),
        },
        _ => Err(invalid("A subscription has exactly one field at its root.")),
    }
}

fn select<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, RequestError> {
    let found = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            operations.values().next()
        }
        (DocumentOperations::Multiple(_), None) => {
            return Err(invalid("operationName must say which operation."));
        }
    };
    found
        .map(|operation| &operation.node)
        .ok_or_else(|| invalid("The document has no operation of that name."))
}

/// A variable that is not there is a fault of the request, not of the fields that use it.
fn check_required(operation: &OperationDefinition, variables: &Variables) -> Result<(), RequestError> {
    for definition in operation.variable_definitions.iter().map(|definition| &definition.node) {
        let name = &definition.name.node;
        let is_given = variables.get(name).is_some_and(|value| *value != Value::Null);
        if !definition.var_type.node.nullable && definition.default_value.is_none() && !is_given {
            return Err(invalid(&format!(
                "The variable ${name} of type {} is missing.",
                definition.var_type.node
            )));
        }
    }
    Ok(())
}

fn invalid(message: &str) -> RequestError {
    RequestError::Faulty(request_error(ErrorCode::GraphqlValidationFailed, message))
}

fn too_complex(excess: Excess) -> RequestError {
    let (limit, value) = match excess {
        Excess::Over { limit, value } => (limit, value),
        Excess::Cycle => return invalid("A fragment spreads itself."),
        Excess::UnknownFragment => return invalid("A fragment is spread that is not there."),
    };
    let message = format!("The operation asks for too much: the limit {limit} is {value}.");
    let mut error = request_error(ErrorCode::OperationTooComplex, message);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("limit", value);
    extensions.set("limitName", limit);
    RequestError::Faulty(error)
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
