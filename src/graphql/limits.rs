//! Bounds on what one operation may ask for, found on the parsed document in time linear in its
//! size: the expansion of each fragment is counted once and remembered, so that fragments which
//! spread each other ten times over are refused instead of walked. Nothing else looks at a document
//! before this has.

use std::collections::HashMap;

use async_graphql::parser::types::{
    ExecutableDocument, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned};

/// Fields after all fragments are expanded. The introspection query of the common tools has some 150.
pub(super) const MAX_FIELDS: u64 = 1_000;
/// Levels of fields. The introspection query of the common tools has 15.
pub(super) const MAX_DEPTH: u64 = 20;
/// Fields at the root, where aliases multiply logins.
pub(super) const MAX_ROOT_FIELDS: u64 = 20;

/// Why an operation is refused.
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
}

/// What a selection set comes to when its fragments are expanded.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    fields: u64,
    depth: u64,
    /// Fields of the first level.
    width: u64,
}

impl Cost {
    fn beside(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            depth: self.depth.max(other.depth),
            width: self.width.saturating_add(other.width),
        }
    }

    fn below_a_field(self) -> Self {
        Self { fields: self.fields.saturating_add(1), depth: self.depth.saturating_add(1), width: 1 }
    }
}

struct Counter<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// `None` while the fragment is being counted.
    counted: HashMap<&'a str, Option<Cost>>,
}

/// Succeeds when the operation is within all bounds.
pub(super) fn check(document: &ExecutableDocument, operation: &OperationDefinition) -> Result<(), Excess> {
    let mut counter = Counter { fragments: &document.fragments, counted: HashMap::new() };
    let cost = counter.selection_set(&operation.selection_set.node)?;
    // Fragments that the operation does not use are validated all the same.
    for name in document.fragments.keys() {
        counter.fragment(name)?;
    }
    for (limit, value, found) in [
        ("fields", MAX_FIELDS, cost.fields),
        ("depth", MAX_DEPTH, cost.depth),
        ("rootFields", MAX_ROOT_FIELDS, cost.width),
    ] {
        if found > value {
            return Err(Excess::Over { limit, value });
        }
    }
    Ok(())
}

impl<'a> Counter<'a> {
    fn selection_set(&mut self, set: &'a SelectionSet) -> Result<Cost, Excess> {
        set.items.iter().try_fold(Cost::default(), |sum, item| Ok(sum.beside(self.selection(&item.node)?)))
    }

    fn selection(&mut self, selection: &'a Selection) -> Result<Cost, Excess> {
        match selection {
            Selection::Field(field) => {
                Ok(self.selection_set(&field.node.selection_set.node)?.below_a_field())
            }
            Selection::InlineFragment(inline) => self.selection_set(&inline.node.selection_set.node),
            Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
        }
    }

    fn fragment(&mut self, name: &str) -> Result<Cost, Excess> {
        // An unknown fragment costs nothing here; validation names it.
        let Some((name, definition)) = self.fragments.get_key_value(name) else { return Ok(Cost::default()) };
        match self.counted.insert(name, None) {
            None => {}
            Some(None) => return Err(Excess::Cycle),
            Some(Some(cost)) => {
                self.counted.insert(name, Some(cost));
                return Ok(cost);
            }
        }
        let cost = self.selection_set(&definition.node.selection_set.node)?;
        if cost.fields > MAX_FIELDS {
            return Err(Excess::Over { limit: "fields", value: MAX_FIELDS });
        }
        self.counted.insert(name, Some(cost));
        Ok(cost)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use async_graphql::parser::{parse_query, types::DocumentOperations};

    use super::*;

    fn checked(text: &str) -> Result<(), Excess> {
        let document = parse_query(text).unwrap();
        let DocumentOperations::Single(operation) = &document.operations else { panic!("one operation") };
        check(&document, &operation.node)
    }

    #[test]
    fn a_fragment_bomb_is_refused_at_once() {
        let mut text = String::from("{ ...F0 }");
        for level in 0..40 {
            let spreads = format!("...F{} ", level + 1).repeat(10);
            write!(text, " fragment F{level} on Query {{ {spreads} }}").unwrap();
        }
        text.push_str(" fragment F40 on Query { me { id } }");
        assert_eq!(checked(&text), Err(Excess::Over { limit: "fields", value: MAX_FIELDS }));
    }

    #[test]
    fn fragment_cycles_are_refused_also_unused_ones() {
        assert_eq!(checked("{ ...A } fragment A on Query { ...A }"), Err(Excess::Cycle));
        let unused = "{ me { id } } fragment A on Query { ...B } fragment B on Query { me { id } ...A }";
        assert_eq!(checked(unused), Err(Excess::Cycle));
    }

    #[test]
    fn bounds_hold_at_the_exact_value() {
        let aliases =
            |count: usize| (0..count).fold(String::new(), |text, n| format!("{text} a{n}: me {{ id }}"));
        assert_eq!(checked(&format!("{{ {} }}", aliases(20))), Ok(()));
        assert!(checked(&format!("{{ {} }}", aliases(21))).is_err());
        assert!(checked(&format!("{{ ...A }} fragment A on Query {{ {} }}", aliases(21))).is_err());
        let deep =
            |levels: usize| format!("{{ {} id {} }}", "a {".repeat(levels - 1), "}".repeat(levels - 1));
        assert_eq!(checked(&deep(20)), Ok(()));
        assert_eq!(checked(&deep(21)), Err(Excess::Over { limit: "depth", value: MAX_DEPTH }));
    }
}
