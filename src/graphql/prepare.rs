//! From the text of a request to what may be executed: everything that is looked at before.

use std::sync::Arc;

use async_graphql::{
    Request, Value, Variables,
    parser::{
        self,
        types::{
            DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
            SelectionSet,
        },
    },
};

use super::{
    Graphql,
    documents::Found,
    error::request_error,
    known::Known,
    limits::{self, Excess, Over},
    once::{self, Once},
    request::{GraphqlRequest, Method, RequestError, with_request_id},
    unsent,
};
use crate::domain::{ErrorCode, ids::RequestId, metrics::OperationLabels, tokens::TokenHash};

/// A request with its document.
pub struct ResolvedRequest {
    document: Found,
    rest: GraphqlRequest,
}

impl ResolvedRequest {
    /// About as many bytes as there are to read.
    pub(super) fn bytes(&self) -> usize {
        let variables = self.rest.variables.as_ref().map_or(0, limits::members_bytes);
        self.document.text.len() + usize::try_from(variables).unwrap_or(usize::MAX)
    }

    /// How many bytes the document has, which may be more than what was sent.
    pub const fn document_bytes(&self) -> usize {
        self.document.text.len()
    }
}

/// A request of a document.
pub(super) struct Runnable {
    pub(super) request: Request,
    /// What is known of the document.
    pub(super) known: Arc<Known>,
}

/// A request that may be executed.
pub(super) struct Prepared {
    pub(super) runnable: Runnable,
    pub(super) kind: OperationType,
    /// What it is counted as.
    pub(super) labels: OperationLabels,
    /// Where it is to be done once.
    pub(super) once: Option<Once>,
    /// What is to be known by its hash from now on.
    pub(super) keep: Option<(TokenHash, String)>,
}

impl Graphql {
    /// Finds the document of a request that names it by its hash. Comes before everything else.
    ///
    /// # Errors
    /// Why there is none that may be executed.
    pub async fn resolve(
        &self,
        mut rest: GraphqlRequest,
        id: &RequestId,
    ) -> Result<ResolvedRequest, RequestError> {
        match self.documents.resolve(&mut rest).await {
            Ok(document) => Ok(ResolvedRequest { document, rest }),
            Err(refused) => Err(with_request_id(refused, id)),
        }
    }

    /// Whether a request is a subscription, as far as it can be read.
    pub fn is_subscription(
        &self,
        ResolvedRequest { document: Found { text, .. }, rest }: &ResolvedRequest,
    ) -> bool {
        let is_subscription = |document: &ExecutableDocument| {
            let operation = select(document, rest.operation_name.as_deref());
            operation.is_ok_and(|operation| operation.ty == OperationType::Subscription)
        };
        self.read_document(text).is_ok_and(|known| is_subscription(&known.document))
    }

    /// Succeeds for a list of so many requests.
    ///
    /// # Errors
    /// `OPERATION_TOO_COMPLEX`, as for every list unless lists are taken.
    pub fn check_batch(&self, count: usize) -> Result<(), RequestError> {
        // One request in a list is a list as well.
        let found = (count as u64).max(2);
        limits::at_most("batch", self.limits.batch, found).map_err(too_complex)
    }

    /// Parses and checks a request before anything walks its document.
    pub(super) fn prepare(
        &self,
        ResolvedRequest { document: Found { text, keep }, rest: request }: ResolvedRequest,
        method: Method,
        idempotency_key: Option<&str>,
    ) -> Result<Prepared, RequestError> {
        let known = self.read_document(&text)?;
        let operation = select(&known.document, request.operation_name.as_deref())?;
        let (kind, labels) = (operation.ty, self.labels(operation));
        check_method(kind, method)?;
        let mut given = request.variables.unwrap_or_default();
        limits::check_variables(&given, &self.limits).map_err(too_complex)?;
        // What the operation does not declare is of no use, and would be kept for as long as it runs.
        given.retain(|name, _| operation.variable_definitions.iter().any(|one| one.node.name.node == **name));
        let key = idempotency_key.filter(|_| once::is_repeatable(operation));
        let once = key.map(|key| Once::new(key, &text, request.operation_name.as_deref(), &given));
        let variables = Variables::from_json(serde_json::Value::Object(given));
        let asks_for_schema = match known.asks_for_schema {
            Some(asks_for_schema) => asks_for_schema,
            None => limits::check_document(&known.document, &variables, &self.limits).map_err(too_complex)?,
        };
        if asks_for_schema && !self.shows_schema {
            return Err(invalid("The service does not show its schema."));
        }
        check_required(operation, &variables)?;
        if kind == OperationType::Subscription {
            check_single_root(&operation.selection_set.node)?;
        }
        let mut document = known.document.clone();
        unsent::leave_out(&mut document, &variables);

        let keep = keep.map(|hash| (hash, text.clone()));
        let mut prepared = Request::new(text).variables(variables);
        if let Some(name) = request.operation_name {
            prepared = prepared.operation_name(name);
        }
        prepared.set_parsed_query(document);
        Ok(Prepared { runnable: Runnable { request: prepared, known }, kind, labels, once, keep })
    }

    /// The document of a text, parsed and bounded as far as the text alone decides.
    fn read_document(&self, text: &str) -> Result<Arc<Known>, RequestError> {
        if let Some(known) = self.known.get(text) {
            return Ok(known);
        }
        limits::check_text(text, &self.limits).map_err(too_complex)?;
        Ok(Arc::new(Known::new(text, parse(text)?, &self.limits).map_err(too_complex)?))
    }
}

fn parse(text: &str) -> Result<ExecutableDocument, RequestError> {
    parser::parse_query(text).map_err(|error| {
        // The parser's own text is about its grammar; the place is what helps.
        let place = error.positions().next();
        let message = ErrorCode::GraphqlParseFailed.summary();
        let mut refused = request_error(ErrorCode::GraphqlParseFailed, message);
        refused.locations.extend(place);
        RequestError::Faulty(refused)
    })
}

fn check_method(kind: OperationType, method: Method) -> Result<(), RequestError> {
    match kind {
        OperationType::Mutation if method == Method::Batch => {
            Err(invalid("A list has queries alone; send mutations by themselves."))
        }
        OperationType::Mutation if !method.takes_mutations() => {
            let message = "Mutations must be sent by POST.";
            let error = request_error(ErrorCode::GraphqlValidationFailed, message);
            Err(RequestError::MethodNotAllowed(error))
        }
        OperationType::Subscription if !method.takes_subscriptions() => {
            Err(invalid("Subscriptions come over a WebSocket or, with Accept: text/event-stream, as events."))
        }
        OperationType::Query | OperationType::Mutation | OperationType::Subscription => Ok(()),
    }
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
    let Over { limit, most, found } = match excess {
        Excess::Over(over) => over,
        Excess::Cycle => return invalid("A fragment spreads itself."),
        Excess::UnknownFragment => return invalid("A fragment is spread that is not there."),
    };
    let message = format!("The operation asks for too much: the limit {limit} is {most}.");
    let mut error = request_error(ErrorCode::OperationTooComplex, message);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("limit", most);
    extensions.set("limitName", limit);
    extensions.set("value", found);
    RequestError::Faulty(error)
}
