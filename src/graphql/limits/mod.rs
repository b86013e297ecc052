//! Bounds on what one request may ask for. Nothing else looks at a document before these have: first
//! a scan of its text, so that the parser cannot be made to recurse or to work for long, then a count
//! on the parsed document, so that validation and execution cannot.

mod cost;
mod count;
mod scan;

use async_graphql::{Variables, parser::types::ExecutableDocument};
use serde_json::Value;

use crate::config::OperationLimits;

/// Brackets of any kind within each other: what the parser may recurse.
const MAX_NESTING: u64 = 64;
/// Levels of fields, spreads and inline fragments: what the count, validation and execution may.
const MAX_LEVELS: u64 = 64;
/// Fields that hash a password or send a mail.
const MAX_SENSITIVE_FIELDS: u64 = 1;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    /// More than a limit allows.
    Over(Over),
    /// A fragment spreads itself, directly or through others.
    Cycle,
    /// A fragment is spread that is not there.
    UnknownFragment,
}

/// More than a limit allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over {
    /// The limit, as clients see it.
    pub(super) limit: &'static str,
    /// The most it allows.
    pub(super) most: u64,
    /// What was found; there may be more.
    pub(super) found: u64,
}

/// Succeeds when the text may be parsed. Linear in its length.
pub(super) fn check_text(text: &str, limits: &OperationLimits) -> Result<(), Excess> {
    at_most("documentBytes", limits.document_bytes, text.len() as u64)?;
    scan::check(text, limits.tokens)
}

/// Succeeds when variables of this size may be kept.
pub(super) fn check_variables(
    variables: &serde_json::Map<String, Value>,
    limits: &OperationLimits,
) -> Result<(), Excess> {
    at_most("variableBytes", limits.variable_bytes, members_bytes(variables))
}

/// Succeeds when every operation of the document may be validated and executed, and answers whether one of
/// them asks for the schema. Linear in the size
/// of the document for each of its operations, which are few: what a fragment expands to is counted
/// once and remembered.
pub(super) fn check_document(
    document: &ExecutableDocument,
    variables: &Variables,
    limits: &OperationLimits,
) -> Result<bool, Excess> {
    count::check(document, variables, limits)
}

pub(in crate::graphql) fn at_most(limit: &'static str, most: u64, found: u64) -> Result<(), Excess> {
    if found > most { Err(Excess::Over(Over { limit, most, found })) } else { Ok(()) }
}

/// About as many bytes as the value has as JSON. Values are nested no deeper than their reader allows.
fn bytes(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64 + 2,
        Value::Array(items) => items.iter().map(|item| bytes(item) + 1).sum::<u64>() + 2,
        Value::Object(members) => members_bytes(members),
        Value::Number(number) => number.to_string().len() as u64,
        Value::Null | Value::Bool(_) => 4,
    }
}

pub(super) fn members_bytes(members: &serde_json::Map<String, Value>) -> u64 {
    members.iter().map(|(name, value)| name.len() as u64 + 4 + bytes(value)).sum::<u64>() + 2
}
