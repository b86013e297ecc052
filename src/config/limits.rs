//! Settings of how often something may be tried, and of how much one request may ask for.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    Environment, Source,
    variables::{self, Variable},
};
use crate::domain::rate_limits::{Class, Policy, Quota, Scope};

const MOST_AT_ONCE: u32 = 1_000_000;
const PERIODS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);

macro_rules! operation_limits {
    ($($(#[doc = $doc:literal])+ $field:ident = $name:literal, $default:literal;)+) => {
        /// The most that one request may ask for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct OperationLimits { $($(#[doc = $doc])+ pub $field: u64,)+ }

        impl Default for OperationLimits {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl OperationLimits {
            /// Nothing is limited but what the parser may recurse.
            pub const NONE: Self = Self { $($field: u64::MAX,)+ };

            /// Every limit with its name, in the order of the documentation.
            pub fn entries(&mut self) -> Vec<(&'static str, &mut u64)> {
                vec![$(($name, &mut self.$field),)+]
            }
        }
    };
}

operation_limits! {
    /// Bytes of the document.
    document_bytes = "documentBytes", 65_536;
    /// Bytes of the variables.
    variable_bytes = "variableBytes", 131_072;
    /// Names, punctuators and values in the document.
    tokens = "tokens", 10_000;
    /// Operations in the document.
    operations = "operations", 20;
    /// Fragments in the document.
    fragments = "fragments", 100;
    /// Fields, spreads, inline fragments and directives after all fragments are expanded. The
    /// introspection query of the common tools has some 300.
    selections = "selections", 2_000;
    /// Weights of all fields; what a page selects counts as often as the page is long.
    complexity = "complexity", 5_000;
    /// The same within `__schema`, `__type` and `_service`. The introspection query of the common tools has 45,000.
    introspection_complexity = "introspectionComplexity", 100_000;
    /// Levels of fields.
    depth = "depth", 12;
    /// The same within `__schema`, `__type` and `_service`. The introspection query of the common tools has 15.
    introspection_depth = "introspectionDepth", 20;
    /// Fields with an alias.
    aliases = "aliases", 50;
    /// Directives.
    directives = "directives", 100;
    /// Fields at the root.
    root_fields = "rootFields", 20;
    /// Values in all arguments, with each variable counted as often as it is used.
    values = "values", 20_000;
    /// Requests in one body; a body that is no list counts as one.
    batch = "batch", 1;
}

/// How much one request may ask for.
pub(super) fn operations(
    source: &mut Source,
    variable: &'static Variable,
    environment: Environment,
) -> OperationLimits {
    let limits = source.parse(variable, read_operations).unwrap_or_default();
    if environment == Environment::Production && limits == OperationLimits::NONE {
        source.problem(variable, "must not be off in production");
    }
    limits
}

fn read_operations(text: &str) -> Result<OperationLimits, String> {
    if text == "off" {
        return Ok(OperationLimits::NONE);
    }
    let mut limits = OperationLimits::default();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let mut set = || {
            let (name, value) = item.split_once('=')?;
            let value = value.trim().parse().ok().filter(|value| *value > 0)?;
            let (_, limit) = limits.entries().into_iter().find(|(one, _)| *one == name.trim())?;
            *limit = value;
            Some(())
        };
        set().ok_or_else(|| format!("{item:?} must be like depth=12"))?;
    }
    Ok(limits)
}

/// The rules, or `None` for none at all.
pub(super) fn rates(source: &mut Source, environment: Environment) -> Option<Policy> {
    let policy = source.parse(&variables::RATE_LIMITS, read).unwrap_or_default();
    if environment == Environment::Production && policy.is_none() {
        source.problem(&variables::RATE_LIMITS, "must not be off in production");
    }
    policy
}

fn read(text: &str) -> Result<Option<Policy>, String> {
    if text == "off" {
        return Ok(None);
    }
    let mut policy = Policy::default();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let (class, scope, quota) =
            read_item(item).ok_or_else(|| format!("{item:?} must be like login.address=60/5m"))?;
        policy.set(class, scope, quota);
    }
    Ok(Some(policy))
}

fn read_item(item: &str) -> Option<(Class, Scope, Option<Quota>)> {
    let (name, quota) = item.split_once('=')?;
    let (class, scope) = name.trim().split_once('.')?;
    let class = Class::ALL.into_iter().find(|one| one.as_str() == class)?;
    let scope = Scope::ALL.into_iter().find(|one| one.as_str() == scope && class.is_counted_by(*one))?;
    if quota.trim() == "off" {
        return Some((class, scope, None));
    }
    let (burst, period) = quota.trim().split_once('/')?;
    let burst = burst.parse().ok().filter(|burst| (1..=MOST_AT_ONCE).contains(burst))?;
    let period = humantime::parse_duration(period).ok().filter(|period| PERIODS.contains(period))?;
    Some((class, scope, Some(Quota { burst, period })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_and_everything_else_stays() {
        let policy = read("login.address=7/3m, refresh.address=off").unwrap().unwrap();
        let quota = |burst, minutes| Some(Quota { burst, period: Duration::from_mins(minutes) });
        assert_eq!(policy.quota(Class::Login, Scope::Address), quota(7, 3));
        assert_eq!(policy.quota(Class::Refresh, Scope::Address), None);
        let default = Policy::default();
        assert_eq!(
            policy.quota(Class::Register, Scope::Address),
            default.quota(Class::Register, Scope::Address)
        );
        assert_eq!(read("").unwrap().unwrap(), default);
        assert_eq!(read("off").unwrap(), None);
    }

    #[test]
    fn limits_of_operations_are_changed_one_by_one() {
        let expected = OperationLimits { depth: 7, batch: 10, ..OperationLimits::default() };
        assert_eq!(read_operations(" depth = 7,batch=10"), Ok(expected));
        assert_eq!(read_operations("off"), Ok(OperationLimits::NONE));
        for text in ["depth", "depth=0", "depth=x", "levels=3", "depth=1=2"] {
            assert!(read_operations(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in [
            "on",
            "login=1/1m",
            "nobody.address=1/1m",
            "login.address=0/1m",
            "login.address=1/0s",
            "strength.identifier=1/1m",
            "refresh.pair=off",
            "login.address=1/25h",
            "a.b",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
