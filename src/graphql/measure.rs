//! What is counted of operations: by the field at the root, which the schema bounds, and not by the name that a
//! client gives them.

use std::{collections::HashSet, time::Duration};

use async_graphql::{
    ServerError, Value,
    parser::types::{OperationDefinition, OperationType, Selection},
};

use super::{AnySchema, Graphql, Outcome};
use crate::domain::{
    ErrorCode,
    metrics::{OperationLabels, OutcomeLabels, Waiting, metrics},
};

/// What a refused operation is counted as: its text may name anything.
const INVALID: &str = "invalid";

/// A subscription that runs; counted until it is dropped.
pub(super) struct Running {
    /// Until it is counted what became of it.
    labels: Option<OperationLabels>,
    _counted: Waiting,
}

impl Running {
    pub(super) fn start(labels: OperationLabels) -> Self {
        Self { labels: Some(labels), _counted: Waiting::begin(&metrics().subscriptions) }
    }

    /// Counts what became of it, by its first answer.
    pub(super) fn answered(&mut self, refusal: Option<&ServerError>) {
        if let Some(operation) = self.labels.take() {
            metrics().begun(&OutcomeLabels { operation, outcome: refusal.map_or("ok", code_of) });
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.answered(None);
    }
}

impl Graphql {
    /// What an operation is counted as once it was found to fit the schema.
    pub(super) fn labels(&self, operation: &OperationDefinition) -> OperationLabels {
        let kind = match operation.ty {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        };
        let field = match operation.selection_set.node.items.as_slice() {
            [only] => match &only.node {
                Selection::Field(field) if field.node.name.node.starts_with("__") => "introspection".into(),
                Selection::Field(field) => match self.names.get(field.node.name.node.as_str()) {
                    Some(name) => name.clone().into(),
                    None => INVALID.into(),
                },
                Selection::FragmentSpread(_) | Selection::InlineFragment(_) => "several".into(),
            },
            _ => "several".into(),
        };
        OperationLabels { schema: self.schema.name(), kind, field }
    }

    /// Counts an operation, and answers as which. `labels` are there if it was looked at at all.
    pub(super) fn measure(
        &self,
        labels: Option<OperationLabels>,
        took: Duration,
        outcome: &Outcome,
    ) -> OperationLabels {
        let (errors, fits) = match outcome {
            Outcome::Executed(response) => (response.errors.as_slice(), true),
            Outcome::Refused(refused) => (std::slice::from_ref(refused.error()), false),
        };
        let kind = labels.as_ref().map_or("unknown", |labels| labels.kind);
        let invalid = || OperationLabels { schema: self.schema.name(), kind, field: INVALID.into() };
        let operation = labels.filter(|_| fits).unwrap_or_else(invalid);
        let outcome = errors.first().map_or("ok", code_of);
        errors.iter().for_each(count);
        let labels = OutcomeLabels { operation, outcome };
        metrics().operation(&labels, took);
        labels.operation
    }
}

impl AnySchema {
    /// Every name of the schema, and no other.
    pub(super) fn names(&self) -> HashSet<String> {
        let names = match self {
            Self::User(schema, _) => schema.names(),
            Self::Subgraph(schema, _) => schema.names(),
            Self::Admin(schema) => schema.names(),
        };
        names.into_iter().collect()
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::User(..) | Self::Subgraph(..) => "user",
            Self::Admin(_) => "admin",
        }
    }
}

/// Counts an error of an answer.
pub(super) fn count(error: &ServerError) {
    metrics().error(code_of(error));
}

/// The code of an error: one of ours, whatever stands there.
fn code_of(error: &ServerError) -> &'static str {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    let Some(Value::String(code)) = code else { return ErrorCode::GraphqlValidationFailed.as_str() };
    ErrorCode::ALL.iter().map(|known| known.as_str()).find(|known| known == code).unwrap_or("OTHER")
}
