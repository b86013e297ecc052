//! Reads variables and gathers every problem, so that all of them are reported at once.

use std::{collections::HashMap, ffi::OsString, fmt, path::PathBuf, str::FromStr, time::Duration};

use super::variables::Variable;

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it. Never the value of a secret.
    pub message: String,
    /// A good value.
    pub example: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (example: {}={})", self.variable, self.message, self.variable, self.example)
    }
}

/// The values of a process, kept to be compared. They may be secrets.
#[derive(Clone)]
pub(super) struct Given(HashMap<String, OsString>);

impl Given {
    pub(super) fn is_same(&self, other: &Self, name: &str) -> bool {
        self.0.get(name) == other.0.get(name)
    }

    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.0.get(name).map(PathBuf::from)
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given")
    }
}

/// The variables of a process, and the problems found in them so far.
pub struct Source {
    values: HashMap<String, OsString>,
    problems: Vec<Problem>,
}

impl Source {
    /// A source with these variables. Empty values count as not set.
    pub fn new(values: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let values = values
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        Self { values, problems: Vec::new() }
    }

    /// The value, or `None` when it is not set.
    pub fn optional(&mut self, variable: &'static Variable) -> Option<String> {
        let value = self.values.get(variable.name)?.clone();
        let Ok(text) = value.into_string() else {
            self.problem(variable, "is not UTF-8");
            return None;
        };
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The value, or the default.
    pub fn text(&mut self, variable: &'static Variable) -> String {
        self.optional(variable).unwrap_or_else(|| variable.default.to_owned())
    }

    /// The value or the default, read by `read`, which says what is wrong. After a problem the
    /// default is read instead, so that the search for problems can go on.
    pub fn parse<T>(
        &mut self,
        variable: &'static Variable,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(variable);
        match read(&text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.problem(variable, message);
                read(variable.default).ok()
            }
        }
    }

    /// The items of a list separated by commas; empty items are passed over.
    pub fn list<T>(
        &mut self,
        variable: &'static Variable,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let text = self.text(variable);
        let mut items = Vec::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match read(item) {
                Ok(item) => items.push(item),
                Err(message) => self.problem(variable, message),
            }
        }
        items
    }

    /// A whole number within bounds.
    pub fn number<T>(&mut self, variable: &'static Variable, bounds: std::ops::RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Copy + fmt::Display,
    {
        let read = |text: &str| {
            text.parse::<T>()
                .ok()
                .filter(|number| bounds.contains(number))
                .ok_or_else(|| format!("must be a whole number from {} to {}", bounds.start(), bounds.end()))
        };
        self.parse(variable, read).unwrap_or(*bounds.start())
    }

    /// A duration such as `5m` within bounds.
    pub fn duration(
        &mut self,
        variable: &'static Variable,
        bounds: std::ops::RangeInclusive<Duration>,
    ) -> Duration {
        let read = |text: &str| {
            humantime::parse_duration(text).ok().filter(|duration| bounds.contains(duration)).ok_or_else(
                || {
                    let [from, to] =
                        [bounds.start(), bounds.end()].map(|end| humantime::format_duration(*end));
                    format!("must be a duration from {from} to {to}, written like 5m")
                },
            )
        };
        self.parse(variable, read).unwrap_or(*bounds.start())
    }

    /// Notes a problem.
    pub fn problem(&mut self, variable: &'static Variable, message: impl Into<String>) {
        self.problems.push(Problem {
            variable: variable.name,
            message: message.into(),
            example: variable.example,
        });
    }

    /// The problems found, in the order they were found, and the values that were given.
    pub(super) fn into_outcome(self) -> (Vec<Problem>, Given) {
        (self.problems, Given(self.values))
    }
}
