//! The command line: one command a file.

mod doctor;
mod keys;
mod schema;
mod serve;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{config::Config, telemetry};

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
    /// Look at everything that the service needs: store, cache, outbox, mail server.
    Doctor {
        /// Send a test message to this address.
        #[arg(long, value_name = "ADDRESS")]
        mail_to: Option<String>,
    },
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
        Command::Doctor { mail_to } => doctor::run(mail_to),
        Command::Keys { command } => keys::run(command),
    }
}

/// People read this even when log lines are filtered or JSON.
#[expect(clippy::print_stderr, reason = "the program could not do its work; this is its last word")]
fn report(error: &dyn std::fmt::Display) {
    eprintln!("vestibule: {error}");
}

/// Runs what needs the settings: reads them, starts the log, and tells why it failed.
fn with_settings(work: impl FnOnce(&Config) -> anyhow::Result<ExitCode>) -> ExitCode {
    let config = match Config::from_environment() {
        Ok(config) => config,
        Err(error) => {
            report(&error);
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    telemetry::start(&config.log);
    work(&config).unwrap_or_else(|error| {
        report(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

/// Prints the outcome of a command. A reader that goes away, such as `head`, is no failure.
fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
