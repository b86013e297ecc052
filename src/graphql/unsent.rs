//! Variables that an operation declares and a request does not send. Where one stands as a field of an input
//! object, or as an argument, the specification treats the field or argument as left out (GraphQL, October
//! 2021, §3.10 and §6.4.1); the library would put null there, which for a change of a profile means to
//! clear. So they are taken out of the document before it is validated.

use std::collections::HashSet;

use async_graphql::{
    Name, Positioned, Variables,
    parser::types::{Directive, DocumentOperations, ExecutableDocument, Selection, SelectionSet},
};
use async_graphql_value::Value;

/// Takes what was not sent out of a document with one operation. One with several stays as it is, since
/// fragments belong to all of them and variables to each.
pub(super) fn leave_out(document: &mut ExecutableDocument, variables: &Variables) {
    let operation = match &mut document.operations {
        DocumentOperations::Single(operation) => &mut operation.node,
        // The parser puts every operation that has a name here, also if it is the only one.
        DocumentOperations::Multiple(operations) if operations.len() == 1 => {
            let Some(operation) = operations.values_mut().next() else { return };
            &mut operation.node
        }
        DocumentOperations::Multiple(_) => return,
    };
    let is_unsent = |name: &Name| !variables.contains_key(name);
    let declared = operation.variable_definitions.iter().map(|definition| &definition.node);
    let unsent: HashSet<Name> = declared
        .filter(|definition| definition.default_value.is_none() && is_unsent(&definition.name.node))
        .map(|definition| definition.name.node.clone())
        .collect();
    if unsent.is_empty() {
        return;
    }
    let mut cleaner = Cleaner { unsent, met: HashSet::new() };
    cleaner.directives(&mut operation.directives);
    cleaner.set(&mut operation.selection_set.node);
    for fragment in document.fragments.values_mut() {
        cleaner.directives(&mut fragment.node.directives);
        cleaner.set(&mut fragment.node.selection_set.node);
    }
    // A definition without a use would be a fault; one that never had a use stays one.
    operation.variable_definitions.retain(|definition| !cleaner.met.contains(&definition.node.name.node));
}

/// The text was bounded in its nesting before it was parsed, so that none of this can recurse for long.
struct Cleaner {
    unsent: HashSet<Name>,
    /// Those of them that were taken out somewhere.
    met: HashSet<Name>,
}

impl Cleaner {
    fn set(&mut self, set: &mut SelectionSet) {
        for selection in &mut set.items {
            match &mut selection.node {
                Selection::Field(field) => {
                    self.arguments(&mut field.node.arguments);
                    self.directives(&mut field.node.directives);
                    self.set(&mut field.node.selection_set.node);
                }
                Selection::InlineFragment(inline) => {
                    self.directives(&mut inline.node.directives);
                    self.set(&mut inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => self.directives(&mut spread.node.directives),
            }
        }
    }

    fn directives(&mut self, directives: &mut [Positioned<Directive>]) {
        for directive in directives {
            self.arguments(&mut directive.node.arguments);
        }
    }

    fn arguments(&mut self, arguments: &mut Vec<(Positioned<Name>, Positioned<Value>)>) {
        arguments.retain(|(_, value)| !self.is_unsent(&value.node));
        for (_, value) in arguments {
            self.value(&mut value.node);
        }
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|_, value| !self.is_unsent(value));
                fields.values_mut().for_each(|value| self.value(value));
            }
            Value::List(items) => {
                for item in items {
                    // An item cannot be left out: it is null.
                    if self.is_unsent(item) {
                        *item = Value::Null;
                    }
                    self.value(item);
                }
            }
            Value::Variable(_)
            | Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_) => {}
        }
    }

    fn is_unsent(&mut self, value: &Value) -> bool {
        let Value::Variable(name) = value else { return false };
        let is_unsent = self.unsent.contains(name);
        if is_unsent {
            self.met.insert(name.clone());
        }
        is_unsent
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn left(query: &str, variables: serde_json::Value) -> String {
        let mut document = parse_query(query).unwrap();
        leave_out(&mut document, &Variables::from_json(variables));
        let (_, operation) = document.operations.iter().next().unwrap();
        let set = &operation.node.selection_set.node.items[0].node;
        let Selection::Field(field) = set else { panic!("no field") };
        let arguments: Vec<_> =
            field.node.arguments.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        format!("{} {}", operation.node.variable_definitions.len(), arguments.join(", "))
    }

    #[test]
    fn what_was_not_sent_is_left_out_and_a_null_is_not() {
        let query =
            "mutation($a: String, $b: String, $c: Int = 3) { f(i: { a: $a, b: $b, l: [$a] }, x: $a, c: $c) }";
        let none = left(query, serde_json::json!({}));
        assert_eq!(none, "1 i: {l: [null]}, c: $c");
        let named = left(&query.replacen("mutation", "mutation Change", 1), serde_json::json!({}));
        assert_eq!(named, none);
        let null = left(query, serde_json::json!({ "a": null, "b": "x" }));
        assert_eq!(null, "3 i: {a: $a, b: $b, l: [$a]}, x: $a, c: $c");
    }
}
