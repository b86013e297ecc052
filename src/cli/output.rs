//! What commands print: tables for people, JSON for programs.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use super::print;
use crate::domain::page::{End, MAX_PAGE_SIZE, PageRequest};

/// How the outcome is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Format {
    /// Print JSON, one object a line, instead of a table.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Format {
    /// Prints rows, each a JSON object; a table shows these columns of them.
    pub(super) fn rows(self, columns: &[&str], rows: &[Value]) -> ExitCode {
        if self.json {
            return print(&lines(rows.iter().map(ToString::to_string)));
        }
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_header(columns.iter().map(|column| heading(column)));
        if io::stdout().is_terminal() {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        }
        for row in rows {
            table.add_row(columns.iter().map(|column| cell(&row[*column])));
        }
        print(&lines(table.lines().map(|line| line.trim_end().to_owned())))
    }

    /// Prints one thing, with all its members.
    pub(super) fn one(self, thing: &Value) -> ExitCode {
        if self.json {
            return print(&format!("{thing}\n"));
        }
        let members = thing.as_object().into_iter().flatten();
        let width = members.clone().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        print(&lines(members.map(|(name, value)| format!("{name:width$}  {}", cell(value)))))
    }
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.fold(String::new(), |text, line| text + &line + "\n")
}

/// The name of a member as a heading.
fn heading(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if character.is_uppercase() {
            text.push(' ');
        }
        text.extend(character.to_uppercase());
    }
    text
}

/// A value as people read it. What people have written themselves cannot move the cursor of the terminal.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    };
    printable(&text).replace('\n', "\u{fffd}")
}

/// Text without what would move the cursor of a terminal, but for the ends of lines.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Rows that come page by page: programs get each page as it comes, people a table of all.
pub(super) struct Listing {
    format: Format,
    columns: &'static [&'static str],
    waiting: Vec<Value>,
    limit: usize,
}

impl Listing {
    /// A list of at most `limit` rows, or of all for 0.
    pub(super) fn new(format: Format, columns: &'static [&'static str], limit: usize) -> Self {
        let limit = if limit == 0 { usize::MAX } else { limit };
        Self { format, columns, waiting: Vec::new(), limit }
    }

    /// The first page, or that after a position.
    pub(super) fn page<P>(&self, after: Option<P>) -> PageRequest<P> {
        PageRequest { size: MAX_PAGE_SIZE.min(self.limit), end: End::First, after, before: None }
    }

    /// Takes the rows of a page; answers whether there is place for more.
    pub(super) fn add(&mut self, rows: impl Iterator<Item = Value>) -> bool {
        for row in rows.take(self.limit) {
            self.limit = self.limit.saturating_sub(1);
            if !self.format.json {
                self.waiting.push(row);
            } else if print(&format!("{row}\n")) != ExitCode::SUCCESS {
                return false;
            }
        }
        self.limit > 0
    }

    /// Prints what waits.
    pub(super) fn finish(self) -> ExitCode {
        if self.format.json { ExitCode::SUCCESS } else { self.format.rows(self.columns, &self.waiting) }
    }
}
