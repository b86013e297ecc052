//! The command line: one command a file.

mod audit;
mod backup;
mod doctor;
mod health;
mod keys;
mod migrate;
mod output;
mod schema;
mod serve;
mod users;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use self::output::Format;
use crate::{
    app::{self, Opening},
    config::Config,
    domain::{Domain, Error},
    telemetry,
};

/// The exit code for settings that cannot be used.
const BAD_SETTINGS: u8 = 2;
/// The exit code for what the rules of the service refuse, or what is not there.
const REFUSED: u8 = 3;
/// The exit code for a check that found something: a broken audit log, an old schema, rows that are faulty.
const FAULTY: u8 = 4;

/// A GraphQL authentication and user service.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, about)]
struct Arguments {
    #[command(flatten)]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve GraphQL at /graphql. Settings come from the environment and .env; see .env.example.
    Serve,
    /// Print the schema in the schema definition language.
    Schema {
        /// That of administration.
        #[arg(long)]
        admin: bool,
        /// As a subgraph of Apollo Federation 2.
        #[arg(long, conflicts_with = "admin")]
        federation: bool,
    },
    /// Look at everything that the service needs: store, cache, outbox, mail server.
    Doctor {
        /// Send a test message to this address.
        #[arg(long, value_name = "ADDRESS")]
        mail_to: Option<String>,
    },
    /// See, make and change users.
    Users {
        #[command(subcommand)]
        command: users::UsersCommand,
    },
    /// See what happened, and whether the record of it is whole.
    Audit {
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
    /// Bring the schema of the store up to date.
    Migrate {
        /// Only tell whether it is; exit with 4 if it is not.
        #[arg(long)]
        check: bool,
    },
    /// Ask the service that runs here whether it is ready; exit with 1 if it is not.
    Health {
        /// Ask only whether the process runs.
        #[arg(long)]
        live: bool,
        /// Ask the service at this address instead of that of `BIND_ADDR`.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Copy the embedded database into a file, also while the service runs.
    Backup {
        /// The file, which must not be there yet.
        file: PathBuf,
    },
    /// Put a copy in the place of the embedded database, while no service runs. All sessions end.
    Restore {
        /// The copy.
        file: PathBuf,
        /// Put it in the place of a database that is there, which is kept under another name.
        #[arg(long)]
        replace: bool,
        /// Leave sessions as they were, also those that were ended after the copy was made.
        #[arg(long)]
        keep_sessions: bool,
    },
    /// Print a script that completes commands in a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Look after the keys that sign access tokens.
    Keys {
        #[command(subcommand)]
        command: keys::KeysCommand,
    },
}

/// Reads the command line and runs its command.
pub fn run() -> ExitCode {
    let Arguments { format, command } = Arguments::parse();
    match command {
        Command::Serve => serve::run(),
        Command::Schema { admin, federation } => schema::run(admin, federation),
        Command::Doctor { mail_to } => doctor::run(mail_to, format),
        Command::Keys { command } => keys::run(command, format),
        Command::Users { command } => users::run(command, format),
        Command::Audit { command } => audit::run(command, format),
        Command::Migrate { check } => migrate::run(check),
        Command::Health { live, url } => health::run(live, url),
        Command::Backup { file } => backup::run(&file),
        Command::Restore { file, replace, keep_sessions } => backup::restore(&file, replace, keep_sessions),
        Command::Completions { shell } => completions(shell),
    }
}

/// People read this even when log lines are filtered or JSON. What others have written in it cannot move the
/// cursor of the terminal.
#[expect(clippy::print_stderr, reason = "the program could not do its work; this is its last word")]
fn report(error: &dyn std::fmt::Display) {
    eprintln!("vestibule: {}", output::printable(&error.to_string()));
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
    let _telemetry = match telemetry::start(&config.log) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            report(&error);
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    work(&config).unwrap_or_else(|error| {
        report(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

/// Runs what works on the stores.
fn with_domain(opening: Opening, work: impl AsyncFnOnce(&Domain) -> anyhow::Result<ExitCode>) -> ExitCode {
    with_settings(|config| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("cannot start")?.block_on(async {
            let domain = app::open_domain(config, opening).await?;
            match work(&domain).await {
                Ok(code) => Ok(code),
                Err(error) => match error.downcast_ref::<Error>() {
                    Some(refusal) if refusal.code().status() < 500 => {
                        report(&refused(refusal));
                        Ok(ExitCode::from(REFUSED))
                    }
                    _ => Err(error),
                },
            }
        })
    })
}

/// What a refusal says to people.
fn refused(refusal: &Error) -> String {
    let faults = refusal.faults();
    if faults.len() < 2 {
        return refusal.message();
    }
    let each = faults.iter().map(|fault| format!("\n  {}: {}", fault.field, fault.message));
    format!("{}{}", refusal.message(), each.collect::<String>())
}

fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "vestibule", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Prints the outcome of a command. A reader that goes away, such as `head`, is no failure.
fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
