//! What commands print: tables for people, JSON for programs.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use super::print;

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
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
