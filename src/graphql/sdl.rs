//! The schemas in the schema definition language.

use std::collections::HashMap;

use async_graphql::{EmptySubscription, ObjectType, SDLExportOptions, Schema, SubscriptionType};
use futures_util::FutureExt;
use serde::Deserialize;

use super::{admin, federation, mutation::Mutation, query::Query, schema};

/// Directives of the specification, which every tool knows by itself.
const BUILT_IN: [&str; 3] = ["include", "skip", "specifiedBy"];
const DEFINITION: &str = "directive @";
const QUOTES: &str = "\"\"\"";
const ARGUMENTS: &str = "{ __schema { directives { name args { name description } } } }";

/// The schema, as `schema.graphql` holds it.
pub fn sdl() -> String {
    export(&schema(Query).finish(), SDLExportOptions::new())
}

/// The same of administration, as `schema.admin.graphql` holds it.
pub fn admin_sdl() -> String {
    export(&admin::schema().finish(), SDLExportOptions::new())
}

/// The schema as a subgraph of Apollo Federation 2, for routers to compose. Subscriptions are not in it: clients have
/// them from the service itself.
pub fn federation_sdl() -> String {
    let schema = Schema::build(federation::Keyed, Mutation::default(), EmptySubscription).finish();
    export(&schema, SDLExportOptions::new().federation())
}

fn export<Q: ObjectType + 'static, M: ObjectType + 'static, S: SubscriptionType + 'static>(
    schema: &Schema<Q, M, S>,
    options: SDLExportOptions,
) -> String {
    let options = options.sorted_fields().sorted_arguments().sorted_enum_items().include_specified_by();
    let text = schema.sdl_with_options(options);
    let lines = with_arguments(text.trim_end(), &described_arguments(schema));
    format!("{}\n", lines.join("\n"))
}

#[derive(Deserialize)]
struct Introspected {
    #[serde(rename = "__schema")]
    schema: Directives,
}

#[derive(Deserialize)]
struct Directives {
    directives: Vec<Directive>,
}

#[derive(Deserialize)]
struct Directive {
    name: String,
    args: Vec<Argument>,
}

#[derive(Deserialize)]
struct Argument {
    name: String,
    description: Option<String>,
}

/// What arguments of directives mean, which the library tells to those who ask and does not write down.
fn described_arguments<Q: ObjectType + 'static, M: ObjectType + 'static, S: SubscriptionType + 'static>(
    schema: &Schema<Q, M, S>,
) -> HashMap<String, Vec<Argument>> {
    // Nothing in it waits.
    let answer = schema.execute(ARGUMENTS).now_or_never().map(|answer| answer.data);
    let read = answer.and_then(|data| async_graphql::from_value::<Introspected>(data).ok());
    let directives = read.map(|read| read.schema.directives).unwrap_or_default();
    directives.into_iter().map(|directive| (directive.name, directive.args)).collect()
}

/// The same text with descriptions of the arguments of directives, and without those of the specification.
fn with_arguments(text: &str, arguments: &HashMap<String, Vec<Argument>>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let (mut description, mut is_open) = (0, false);
    for line in text.lines() {
        if line == QUOTES {
            is_open = !is_open;
            if is_open {
                description = lines.len();
            }
        }
        let name = line.strip_prefix(DEFINITION).filter(|_| !is_open);
        let name = name.and_then(|rest| rest.split(['(', ' ']).next());
        match name {
            Some(name) if BUILT_IN.contains(&name) => lines.truncate(description),
            Some(name) => lines.extend(definition(line, arguments.get(name).map_or(&[], Vec::as_slice))),
            None => lines.push(line.to_owned()),
        }
    }
    lines
}

/// The definition of a directive, with its arguments on lines of their own; as it was where they are not what is known
/// of them.
fn definition(line: &str, arguments: &[Argument]) -> Vec<String> {
    let parts = line.split_once('(').and_then(|(head, rest)| Some((head, rest.rsplit_once(')')?)));
    let unchanged = || vec![line.to_owned()];
    let Some((head, (list, tail))) = parts else { return unchanged() };
    let declared: Vec<_> = list.split(", ").collect();
    let is_of = |declared: &str, argument: &Argument| declared.split(':').next() == Some(&argument.name);
    if declared.len() != arguments.len()
        || !declared.iter().zip(arguments).all(|(declared, argument)| is_of(declared, argument))
    {
        return unchanged();
    }
    let mut lines = vec![format!("{head}(")];
    for (argument, declared) in arguments.iter().zip(declared) {
        if let Some(description) = &argument.description {
            lines.extend([format!("\t{QUOTES}"), format!("\t{description}"), format!("\t{QUOTES}")]);
        }
        lines.push(format!("\t{declared}"));
    }
    lines.push(format!("){tail}"));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(name: &str, description: Option<&str>) -> Argument {
        Argument { name: name.into(), description: description.map(Into::into) }
    }

    #[test]
    fn arguments_of_directives_are_described() {
        let line = "directive @a(b: Int! = 1, c: [C!]) on FIELD_DEFINITION | OBJECT";
        let found = definition(line, &[argument("b", Some("What b is.")), argument("c", None)]);
        let expected = [
            "directive @a(",
            "\t\"\"\"",
            "\tWhat b is.",
            "\t\"\"\"",
            "\tb: Int! = 1",
            "\tc: [C!]",
            ") on FIELD_DEFINITION | OBJECT",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_not_understood_stays_as_it_is() {
        let plain = "directive @a on OBJECT";
        assert_eq!(definition(plain, &[]), [plain]);
        let comma = "directive @a(b: [Int!] = [1, 2]) on OBJECT";
        assert_eq!(definition(comma, &[argument("b", Some("What b is."))]), [comma]);
        let other = "directive @a(b: Int) on OBJECT";
        assert_eq!(definition(other, &[argument("c", None)]), [other]);
        assert_eq!(definition(other, &[]), [other]);
    }
}
