//! Bounds on what one request may ask for. Nothing else looks at a document before these have: first
//! a scan of its text, so that the parser cannot be made to recurse or to work for long, then a count
//! on the parsed document, so that validation and execution cannot.

mod count;
mod scan;

use async_graphql::{Variables, parser::types::ExecutableDocument};

/// Names, punctuators and values in the text.
const MAX_TOKENS: u64 = 10_000;
/// Brackets of any kind within each other.
const MAX_NESTING: u64 = 64;
/// Operations in one document.
const MAX_OPERATIONS: u64 = 20;
/// Fragments in one document.
const MAX_FRAGMENTS: u64 = 100;
/// Fields, spreads, inline fragments and directives of an operation after all fragments are expanded.
/// The introspection query of the common tools has some 300.
const MAX_SELECTIONS: u64 = 2_000;
/// Levels of fields. The introspection query of the common tools has 15.
const MAX_DEPTH: u64 = 20;
/// Levels of fields, spreads and inline fragments.
const MAX_LEVELS: u64 = 64;
/// Fields at the root, where aliases multiply logins.
const MAX_ROOT_FIELDS: u64 = 20;
/// Values in all arguments, with each variable counted as often as it is used.
const MAX_VALUES: u64 = 20_000;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    /// More than a limit allows.
    Over {
        /// The limit, as clients see it.
        limit: &'static str,
        /// Its value.
        value: u64,
    },
    /// A fragment spreads itself, directly or through others.
    Cycle,
    /// A fragment is spread that is not there.
    UnknownFragment,
}

/// Succeeds when the text may be parsed. Linear in its length.
pub(super) fn check_text(text: &str) -> Result<(), Excess> {
    scan::check(text)
}

/// Succeeds when every operation of the document may be validated and executed. Linear in the size
/// of the document for each of its operations, which are few: what a fragment expands to is counted
/// once and remembered.
pub(super) fn check_document(document: &ExecutableDocument, variables: &Variables) -> Result<(), Excess> {
    count::check(document, variables)
}

fn at_most(limit: &'static str, value: u64, found: u64) -> Result<(), Excess> {
    if found > value { Err(Excess::Over { limit, value }) } else { Ok(()) }
}
