//! The count on the parsed document.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned, Variables,
    parser::{
        self,
        types::{
            Directive, ExecutableDocument, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
            VariableDefinition,
        },
    },
};

use async_graphql_value::{ConstValue, Value};

use super::{
    Excess, MAX_LEVELS, MAX_SENSITIVE_FIELDS, at_most,
    cost::{Cost, Field},
};
use crate::{
    config::OperationLimits,
    graphql::fields::{self, Size},
};

/// The pages of a list that says nothing of its size, and the longest.
const DEFAULT_PAGE: u64 = 20;
const LONGEST_PAGE: u64 = 100;

struct Counter<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// `None` while the fragment is being counted.
    counted: HashMap<&'a str, Option<Cost>>,
    /// How many values each variable of the operation brings, and its value.
    variables: HashMap<&'a str, (u64, Option<&'a ConstValue>)>,
}

pub(super) fn check(
    document: &ExecutableDocument,
    variables: &Variables,
    limits: &OperationLimits,
) -> Result<bool, Excess> {
    let mut asks_for_schema = false;
    at_most("fragments", limits.fragments, document.fragments.len() as u64)?;
    at_most("operations", limits.operations, document.operations.iter().count() as u64)?;
    // Validation looks at every operation and at every fragment, used or not.
    for (_, operation) in document.operations.iter() {
        let mut counter = Counter {
            fragments: &document.fragments,
            counted: HashMap::new(),
            variables: read_variables(&operation.node, variables),
        };
        // Used or not, they are read, and kept while the operation runs.
        let given = counter.variables.values().fold(0_u64, |sum, (size, _)| sum.saturating_add(*size));
        at_most("values", limits.values, given)?;
        let cost = counter.selection_set(&operation.node.selection_set.node, 0)?;
        let cost = cost.beside(counter.directives(&operation.node.directives));
        at_most("sensitiveFields", MAX_SENSITIVE_FIELDS, cost.sensitive)?;
        cost.check(limits)?;
        asks_for_schema |= cost.introspection > 0;
        at_most("rootFields", limits.root_fields, cost.width)?;
        for (name, fragment) in &document.fragments {
            let cost = counter.fragment(name, 0)?;
            let is_introspection = fragment.node.type_condition.node.on.node.starts_with("__");
            if is_introspection { cost.as_introspection() } else { cost }.check(limits)?;
        }
    }
    Ok(asks_for_schema)
}

fn read_variables<'a>(
    operation: &'a OperationDefinition,
    variables: &'a Variables,
) -> HashMap<&'a str, (u64, Option<&'a ConstValue>)> {
    let read = |definition: &'a Positioned<VariableDefinition>| {
        let name = definition.node.name.node.as_str();
        let default = definition.node.default_value.as_ref().map(|value| &value.node);
        let value = variables.get(name).or(default);
        (name, (value.map_or(1, const_size), value))
    };
    operation.variable_definitions.iter().map(read).collect()
}

fn const_size(value: &ConstValue) -> u64 {
    let parts = match value {
        ConstValue::List(items) => items.iter().map(const_size).fold(0, u64::saturating_add),
        ConstValue::Object(fields) => fields.values().map(const_size).fold(0, u64::saturating_add),
        _ => 0,
    };
    parts.saturating_add(1)
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
                let cost = self.selection_set(&field.selection_set.node, level)?;
                (cost.of_field(&self.field(field)), &field.directives)
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

    fn field(&self, field: &'a parser::types::Field) -> Field {
        let name = field.name.node.as_str();
        let rule = fields::rule(name, !field.arguments.is_empty());
        Field {
            rule,
            page: match rule.size {
                Size::Page => self.page(&field.arguments),
                Size::Given => self.given(&field.arguments),
                Size::Fixed(_) | Size::OfPage => LONGEST_PAGE,
            },
            values: self.arguments(&field.arguments),
            has_alias: field.alias.is_some(),
            is_introspection: matches!(name, "__schema" | "__type" | "_service"),
        }
    }

    /// How long a page can be that is asked for like this.
    fn page(&self, arguments: &[(Positioned<Name>, Positioned<Value>)]) -> u64 {
        let asks = |name: &Name| matches!(name.as_str(), "first" | "last");
        let sizes = arguments.iter().filter(|(name, _)| asks(&name.node)).map(|(_, value)| {
            let number = match &value.node {
                Value::Number(number) => number.as_u64(),
                Value::Variable(name) => match self.variables.get(name.as_str()) {
                    Some((_, Some(ConstValue::Number(number)))) => number.as_u64(),
                    Some((_, None | Some(ConstValue::Null))) => Some(DEFAULT_PAGE),
                    _ => None,
                },
                _ => None,
            };
            number.unwrap_or(LONGEST_PAGE).min(LONGEST_PAGE)
        });
        sizes.max().unwrap_or(DEFAULT_PAGE)
    }

    /// How many items the longest list has that is given.
    fn given(&self, arguments: &[(Positioned<Name>, Positioned<Value>)]) -> u64 {
        let items = |value: &Value| match value {
            Value::List(items) => items.len(),
            Value::Variable(name) => match self.variables.get(name.as_str()) {
                Some((_, Some(ConstValue::List(items)))) => items.len(),
                _ => 1,
            },
            _ => 1,
        };
        arguments.iter().map(|(_, value)| items(&value.node) as u64).max().unwrap_or(1)
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
            directives: directives.len() as u64,
            values: values.fold(0, u64::saturating_add),
            ..Cost::default()
        }
    }

    fn arguments(&self, arguments: &[(Positioned<Name>, Positioned<Value>)]) -> u64 {
        arguments.iter().map(|(_, value)| self.size(&value.node)).fold(0, u64::saturating_add)
    }

    fn size(&self, value: &Value) -> u64 {
        let parts = match value {
            Value::Variable(name) => self.variables.get(name.as_str()).map_or(0, |(size, _)| *size),
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
mod tests;
