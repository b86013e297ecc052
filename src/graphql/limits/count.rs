//! The count on the parsed document.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned, Variables,
    parser::types::{
        Directive, ExecutableDocument, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
        VariableDefinition,
    },
};

use async_graphql_value::{ConstValue, Value};

use super::{
    Excess, MAX_DEPTH, MAX_FRAGMENTS, MAX_LEVELS, MAX_OPERATIONS, MAX_ROOT_FIELDS, MAX_SELECTIONS,
    MAX_VALUES, at_most,
};

/// What a selection set comes to when its fragments are expanded.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    /// Fields, spreads, inline fragments and directives.
    selections: u64,
    /// Values in arguments.
    values: u64,
    /// Levels of fields.
    depth: u64,
    /// Levels of anything.
    levels: u64,
    /// Fields of the first level.
    width: u64,
}

impl Cost {
    fn beside(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            values: self.values.saturating_add(other.values),
            depth: self.depth.max(other.depth),
            levels: self.levels.max(other.levels),
            width: self.width.saturating_add(other.width),
        }
    }

    /// The cost of something that has this within itself.
    fn within(self) -> Self {
        Self { selections: self.selections.saturating_add(1), levels: self.levels.saturating_add(1), ..self }
    }

    fn check(self) -> Result<(), Excess> {
        at_most("selections", MAX_SELECTIONS, self.selections)?;
        at_most("values", MAX_VALUES, self.values)?;
        at_most("depth", MAX_DEPTH, self.depth)?;
        at_most("levels", MAX_LEVELS, self.levels)
    }
}

struct Counter<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// `None` while the fragment is being counted.
    counted: HashMap<&'a str, Option<Cost>>,
    /// How many values each variable of the operation brings.
    variables: HashMap<&'a str, u64>,
}

pub(super) fn check(document: &ExecutableDocument, variables: &Variables) -> Result<(), Excess> {
    at_most("fragments", MAX_FRAGMENTS, document.fragments.len() as u64)?;
    at_most("operations", MAX_OPERATIONS, document.operations.iter().count() as u64)?;
    // Validation looks at every operation and at every fragment, used or not.
    for (_, operation) in document.operations.iter() {
        let mut counter = Counter {
            fragments: &document.fragments,
            counted: HashMap::new(),
            variables: variable_sizes(&operation.node, variables),
        };
        // Used or not, they are read, and kept while the operation runs.
        at_most(
            "values",
            MAX_VALUES,
            counter.variables.values().fold(0, |sum, size| size.saturating_add(sum)),
        )?;
        let cost = counter.selection_set(&operation.node.selection_set.node, 0)?;
        let cost = cost.beside(counter.directives(&operation.node.directives));
        cost.check()?;
        at_most("rootFields", MAX_ROOT_FIELDS, cost.width)?;
        for name in document.fragments.keys() {
            counter.fragment(name, 0)?.check()?;
        }
    }
    Ok(())
}

fn variable_sizes<'a>(operation: &'a OperationDefinition, variables: &Variables) -> HashMap<&'a str, u64> {
    let size = |definition: &'a Positioned<VariableDefinition>| {
        let name = definition.node.name.node.as_str();
        let default = definition.node.default_value.as_ref().map(|value| &value.node);
        (name, variables.get(name).or(default).map_or(1, const_size))
    };
    operation.variable_definitions.iter().map(size).collect()
}

fn const_size(value: &ConstValue) -> u64 {
    let parts = match value {
        ConstValue::List(items) => items.iter().map(const_size).fold(0, u64::saturating_add),
        ConstValue::Object(fields) => fields.values().map(const_size).fold(0, u64::saturating_add),
        _ => 0,
    };
    parts.saturating_add(1)
}

/// What a field costs beside one that is at hand, by its name: those that read a store have more.
fn weight(field: &str) -> u64 {
    match field {
        "sessions" | "totalCount" | "passwordStrength" | "exportMyData" => 100,
        "session" | "node" | "publicMetadata" | "appMetadata" => 20,
        _ => 0,
    }
}

impl<'a> Counter<'a> {
    fn selection_set(&mut self, set: &'a SelectionSet, level: u64) -> Result<Cost, Excess> {
        at_most("levels", MAX_LEVELS, level)?;
        let mut items = set.items.iter().map(|item| &item.node);
        items.try_fold(Cost::default(), |sum, item| Ok(sum.beside(self.selection(item, level + 1)?)))
    }

    fn selection(&mut self, selection: &'a Selection, level: u64) -> Result<Cost, Excess> {
        let (cost, directives) = match selection {
            Selection::Field(field) => {
                let field = &field.node;
                let cost = self.selection_set(&field.selection_set.node, level)?.within();
                let arguments = self.arguments(&field.arguments);
                let values = cost.values.saturating_add(arguments);
                let selections = cost.selections.saturating_add(weight(&field.name.node));
                (Cost { selections, values, depth: cost.depth + 1, width: 1, ..cost }, &field.directives)
            }
            Selection::InlineFragment(inline) => {
                let inline = &inline.node;
                (self.selection_set(&inline.selection_set.node, level)?.within(), &inline.directives)
            }
            Selection::FragmentSpread(spread) => {
                let spread = &spread.node;
                (self.fragment(&spread.fragment_name.node, level)?.within(), &spread.directives)
            }
        };
        Ok(cost.beside(self.directives(directives)))
    }

    fn fragment(&mut self, name: &str, level: u64) -> Result<Cost, Excess> {
        let (name, definition) = self.fragments.get_key_value(name).ok_or(Excess::UnknownFragment)?;
        match self.counted.get(name.as_str()) {
            Some(None) => return Err(Excess::Cycle),
            Some(Some(cost)) => return Ok(*cost),
            None => {}
        }
        self.counted.insert(name, None);
        let cost = self.selection_set(&definition.node.selection_set.node, level)?;
        let cost = cost.beside(self.directives(&definition.node.directives));
        self.counted.insert(name, Some(cost));
        Ok(cost)
    }

    fn directives(&self, directives: &[Positioned<Directive>]) -> Cost {
        let values = directives.iter().map(|directive| self.arguments(&directive.node.arguments));
        Cost {
            selections: directives.len() as u64,
            values: values.fold(0, u64::saturating_add),
            ..Cost::default()
        }
    }

    fn arguments(&self, arguments: &[(Positioned<Name>, Positioned<Value>)]) -> u64 {
        arguments.iter().map(|(_, value)| self.size(&value.node)).fold(0, u64::saturating_add)
    }

    fn size(&self, value: &Value) -> u64 {
        let parts = match value {
            Value::Variable(name) => self.variables.get(name.as_str()).copied().unwrap_or(0),
            Value::List(items) => items.iter().map(|item| self.size(item)).fold(0, u64::saturating_add),
            Value::Object(fields) => {
                fields.values().map(|field| self.size(field)).fold(0, u64::saturating_add)
            }
            _ => 0,
        };
        parts.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use async_graphql::parser::parse_query;

    use super::*;

    fn checked_with(text: &str, variables: serde_json::Value) -> Result<(), Excess> {
        check(&parse_query(text).unwrap(), &Variables::from_json(variables))
    }

    fn checked(text: &str) -> Result<(), Excess> {
        checked_with(text, serde_json::json!({}))
    }

    /// Fragments that each spread the next one ten times, the last one `last`.
    fn bomb(levels: usize, last: &str) -> String {
        let mut text = String::new();
        for level in 0..levels {
            let spreads = format!("...F{} ", level + 1).repeat(10);
            write!(text, " fragment F{level} on Query {{ {spreads} }}").unwrap();
        }
        write!(text, " fragment F{levels} on Query {{ {last} }}").unwrap();
        text
    }

    #[test]
    fn fragment_bombs_are_refused_whatever_they_end_in_and_whoever_spreads_them() {
        let over = Err(Excess::Over { limit: "selections", value: MAX_SELECTIONS });
        assert_eq!(checked(&format!("{{ ...F0 }} {}", bomb(40, "me { id }"))), over);
        assert_eq!(checked(&format!("{{ ...F0 }} {}", bomb(6, "...Nope"))), Err(Excess::UnknownFragment));
        assert_eq!(checked(&format!("{{ ...F0 }} {}", bomb(6, "... { ... { __typename } }"))), over);
        assert_eq!(
            checked(&format!("query A {{ me {{ id }} }} query B {{ ...F0 }} {}", bomb(6, "me { id }"))),
            over
        );
        assert_eq!(checked(&format!("{{ me {{ id }} }} {}", bomb(6, "me { id }"))), over, "unused");
    }

    #[test]
    fn fragment_cycles_are_refused_also_unused_ones() {
        assert_eq!(checked("{ ...A } fragment A on Query { ...A }"), Err(Excess::Cycle));
        let unused = "{ me { id } } fragment A on Query { ...B } fragment B on Query { me { id } ...A }";
        assert_eq!(checked(unused), Err(Excess::Cycle));
    }

    #[test]
    fn chains_of_fragments_are_bounded() {
        let chain = |length: usize| {
            let links = (0..length)
                .fold(String::new(), |text, n| format!("{text} fragment F{n} on Query {{ ...F{} }}", n + 1));
            format!("{{ ...F0 }} {links} fragment F{length} on Query {{ __typename }}")
        };
        assert_eq!(checked(&chain(50)), Ok(()));
        assert_eq!(checked(&chain(80)), Err(Excess::Over { limit: "levels", value: MAX_LEVELS }));
        assert_eq!(checked(&chain(7_000)), Err(Excess::Over { limit: "fragments", value: MAX_FRAGMENTS }));
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
        let operations =
            |count: usize| (0..count).fold(String::new(), |text, n| format!("{text} query Q{n} {{ a }}"));
        assert_eq!(checked(&operations(20)), Ok(()));
        assert!(checked(&operations(21)).is_err());
    }

    #[test]
    fn a_variable_counts_as_often_as_it_is_used() {
        let text = |uses: usize| format!("query($v: ID) {{ node(id: [{}]) {{ id }} }}", "$v ".repeat(uses));
        let value = serde_json::json!({ "v": vec![1; 998] });
        assert_eq!(checked_with(&text(19), value.clone()), Ok(()));
        assert_eq!(checked_with(&text(21), value), Err(Excess::Over { limit: "values", value: MAX_VALUES }));
        let default = format!(
            "query($v: ID = [{}]) {{ node(id: [{}]) {{ id }} }}",
            "1 ".repeat(2_000),
            "$v ".repeat(20)
        );
        assert!(checked(&default).is_err());
    }
}
