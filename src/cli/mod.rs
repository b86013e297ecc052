//! The command line: one command a file.

mod keys;
mod schema;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The exit code for settings that cannot be used.
const BAD_SETTINGS: u8 = 2;

/// A GraphQL authentication and user service.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve GraphQL at /graphql. Settings come from the environment and .env; see .env.example.
    Serve,
    /// Print the schema in the schema definition language.
    Schema,
    /// Look after the keys that sign access tokens.
    Keys {
        #[command(subcommand)]
        command: keys::KeysCommand,
    },
}

/// Reads the command line and runs its command.
pub fn run() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve => serve::run(),
        Command::Schema => schema::run(),
        Command::Keys { command } => keys::run(command),
    }
}

/// People read this even when log lines are filtered or JSON.
#[expect(clippy::print_stderr, reason = "the program could not do its work; this is its last word")]
fn report(error: &dyn std::fmt::Display) {
    eprintln!("vestibule: {error}");
}
