//! Documents that were sent before. What their text alone decides is done once: reading and parsing them, and,
//! where no variable can change the outcome, counting and validating them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_graphql::{
    Variables,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};
use moka::sync::Cache;

use super::limits::{self, Excess};
use crate::{config::OperationLimits, domain::metrics::metrics};

/// The most bytes that what is remembered takes, about.
const CAPACITY: u64 = 8 * 1024 * 1024;
/// What a parsed selection, argument or directive takes, about.
const PART: u64 = 256;
/// Longer documents are not remembered.
const LONGEST: usize = 8 * 1024;

/// A document that was parsed.
pub(super) struct Known {
    text: String,
    /// The document as it was sent.
    pub(super) document: ExecutableDocument,
    /// What the count said, where it depends on nothing else: whether the document asks for the schema.
    pub(super) asks_for_schema: Option<bool>,
    is_valid: AtomicBool,
    /// Whether it was remembered.
    is_kept: AtomicBool,
}

impl Known {
    /// A document that was just parsed.
    ///
    /// # Errors
    /// That it asks for more than a limit allows, where no variable can change that.
    pub(super) fn new(
        text: &str,
        document: ExecutableDocument,
        limits: &OperationLimits,
    ) -> Result<Self, Excess> {
        let has_variables = |document: &ExecutableDocument| {
            document.operations.iter().any(|(_, operation)| !operation.node.variable_definitions.is_empty())
        };
        let asks_for_schema = if has_variables(&document) {
            None
        } else {
            Some(limits::check_document(&document, &Variables::default(), limits)?)
        };
        Ok(Self {
            text: text.to_owned(),
            document,
            asks_for_schema,
            is_valid: AtomicBool::new(false),
            is_kept: AtomicBool::new(false),
        })
    }

    /// Whether the document was validated against the schema, and would be found valid again.
    pub(super) fn is_valid(&self) -> bool {
        self.is_valid.load(Ordering::Relaxed)
    }

    /// Bytes that it takes, about.
    fn weight(&self) -> u64 {
        let operations = self.document.operations.iter().map(|(_, operation)| &operation.node.selection_set);
        let fragments = self.document.fragments.values().map(|fragment| &fragment.node.selection_set);
        let parts = operations.chain(fragments).map(|set| parts(&set.node)).sum::<u64>();
        2 * self.text.len() as u64 + PART * (parts + 4)
    }
}

/// What a selection set has in it. Bounded in its levels before it was parsed.
fn parts(set: &SelectionSet) -> u64 {
    let of = |selection: &Selection| match selection {
        Selection::Field(field) => {
            let field = &field.node;
            (field.arguments.len() + field.directives.len()) as u64 + parts(&field.selection_set.node)
        }
        Selection::InlineFragment(inline) => {
            inline.node.directives.len() as u64 + parts(&inline.node.selection_set.node)
        }
        Selection::FragmentSpread(spread) => spread.node.directives.len() as u64,
    };
    set.items.iter().map(|item| 1 + of(&item.node)).sum()
}

/// Documents by their whole text; those that come often stay.
#[derive(Clone)]
pub(super) struct KnownDocuments(Cache<String, Arc<Known>>);

impl Default for KnownDocuments {
    fn default() -> Self {
        let weight = |_: &String, known: &Arc<Known>| u32::try_from(known.weight()).unwrap_or(u32::MAX);
        Self(Cache::builder().weigher(weight).max_capacity(CAPACITY).build())
    }
}

impl KnownDocuments {
    pub(super) fn get(&self, text: &str) -> Option<Arc<Known>> {
        let known = self.0.get(text);
        metrics().known_documents.note(known.is_some());
        known
    }

    /// Remembers a document that was executed, and so was within the limits and found valid. One whose
    /// variables decide over that is looked at each time all the same, and so is one with several operations, of
    /// which a request chooses.
    pub(super) fn executed(&self, known: &Arc<Known>) {
        if known.is_kept.swap(true, Ordering::Relaxed) || known.text.len() > LONGEST {
            return;
        }
        if known.asks_for_schema.is_some() && known.document.operations.iter().count() == 1 {
            known.is_valid.store(true, Ordering::Relaxed);
        }
        self.0.insert(known.text.clone(), known.clone());
    }
}
