//! What a selection set comes to when its fragments are expanded.

use super::{Excess, MAX_LEVELS, at_most};
use crate::{
    config::OperationLimits,
    graphql::fields::{FieldRule, Size},
};

/// What an item of a given list costs at least.
const LEAST_OF_GIVEN: u64 = 4;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// Fields, spreads, inline fragments and directives.
    pub(super) selections: u64,
    /// Weights of fields, times the sizes of lists.
    pub(super) complexity: u64,
    /// The part of it that a page has as often as it is long.
    pub(super) of_page: u64,
    /// The same within `__schema`, `__type` and `_service`.
    pub(super) introspection: u64,
    /// Values in arguments.
    pub(super) values: u64,
    /// Fields with an alias.
    pub(super) aliases: u64,
    /// Directives.
    pub(super) directives: u64,
    /// Levels of fields.
    pub(super) depth: u64,
    /// The same within `__schema`, `__type` and `_service`.
    pub(super) introspection_depth: u64,
    /// Levels of anything.
    pub(super) levels: u64,
    /// Fields of the first level.
    pub(super) width: u64,
    /// Fields that hash a password or send a mail.
    pub(super) sensitive: u64,
}

/// A field, as far as its cost goes.
pub(super) struct Field {
    pub(super) rule: FieldRule,
    /// How long its page is, or the list that it is given; the longest page there is if it has neither.
    pub(super) page: u64,
    /// Values in its arguments.
    pub(super) values: u64,
    pub(super) has_alias: bool,
    /// `__schema`, `__type` or `_service`.
    pub(super) is_introspection: bool,
}

impl Cost {
    pub(super) fn beside(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            complexity: self.complexity.saturating_add(other.complexity),
            of_page: self.of_page.saturating_add(other.of_page),
            introspection: self.introspection.saturating_add(other.introspection),
            values: self.values.saturating_add(other.values),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            depth: self.depth.max(other.depth),
            introspection_depth: self.introspection_depth.max(other.introspection_depth),
            levels: self.levels.max(other.levels),
            width: self.width.saturating_add(other.width),
            sensitive: self.sensitive.saturating_add(other.sensitive),
        }
    }

    /// The cost of a spread or inline fragment that has this within itself.
    pub(super) fn within(self) -> Self {
        Self { selections: self.selections.saturating_add(1), levels: self.levels.saturating_add(1), ..self }
    }

    /// The cost of a field that selects this.
    pub(super) fn of_field(self, field: &Field) -> Self {
        let size = match field.rule.size {
            Size::Fixed(size) => size,
            Size::Given => field.page,
            Size::Page | Size::OfPage => 1,
        };
        let pages = self.of_page.saturating_mul(field.page);
        let complexity = self.complexity.saturating_add(pages);
        // Each item of a list that is given may be refused by itself, whatever is selected.
        let least = if field.rule.size == Size::Given { LEAST_OF_GIVEN } else { 0 };
        let complexity = complexity.max(least).saturating_mul(size);
        let complexity = complexity.saturating_add(field.rule.weight);
        let is_of_page = field.rule.size == Size::OfPage;
        let cost = Self {
            complexity: if is_of_page { 0 } else { complexity },
            of_page: if is_of_page { complexity } else { 0 },
            introspection: self.introspection.saturating_mul(size),
            values: self.values.saturating_add(field.values),
            aliases: self.aliases.saturating_add(field.has_alias.into()),
            depth: self.depth.saturating_add(1),
            width: 1,
            sensitive: self.sensitive.saturating_add(field.rule.is_sensitive.into()),
            ..self.within()
        };
        if !field.is_introspection {
            return cost;
        }
        Self {
            complexity: 1,
            introspection: cost.introspection.saturating_add(cost.complexity),
            depth: 1,
            introspection_depth: cost.introspection_depth.max(cost.depth),
            ..cost
        }
    }

    /// The cost of a fragment on a type of the introspection, which is spread within it.
    pub(super) fn as_introspection(self) -> Self {
        Self {
            complexity: 0,
            depth: 0,
            introspection: self.complexity,
            introspection_depth: self.depth,
            ..self
        }
    }

    pub(super) fn check(self, limits: &OperationLimits) -> Result<(), Excess> {
        for (limit, most, found) in [
            ("selections", limits.selections, self.selections),
            ("complexity", limits.complexity, self.complexity.saturating_add(self.of_page)),
            ("introspectionComplexity", limits.introspection_complexity, self.introspection),
            ("values", limits.values, self.values),
            ("aliases", limits.aliases, self.aliases),
            ("directives", limits.directives, self.directives),
            ("depth", limits.depth, self.depth),
            ("introspectionDepth", limits.introspection_depth, self.introspection_depth),
            ("levels", MAX_LEVELS, self.levels),
        ] {
            at_most(limit, most, found)?;
        }
        Ok(())
    }
}
