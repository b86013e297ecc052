//! What is done to one user.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::bail;

use super::{
    Format,
    arguments::{SuspendArguments, Who},
    as_json, find,
};
use crate::domain::{
    Domain,
    administration::{Action, Administrator, SuspendRequest},
};

pub(super) async fn run(
    domain: &Domain,
    who: &Who,
    action: Action,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let operator = Administrator::operator();
    let user = find(domain, &operator, who).await?;
    let user = domain.administration.act(&operator, &user.id, action).await?;
    Ok(format.one(&as_json(&user)))
}

pub(super) async fn suspend(
    domain: &Domain,
    arguments: SuspendArguments,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let SuspendArguments { who, reason, duration, end_sessions } = arguments;
    let until = match duration {
        Some(duration) => Some(domain.administration.later(*duration)?),
        None => None,
    };
    let request = SuspendRequest { reason, until, ends_sessions: end_sessions };
    run(domain, &who, Action::Suspend(request), format).await
}

pub(super) async fn delete(
    domain: &Domain,
    who: &Who,
    is_sure: bool,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let operator = Administrator::operator();
    let user = find(domain, &operator, who).await?;
    if !is_sure && !confirmed(&format!("Delete {} ({})?", user.email, user.id))? {
        bail!("not confirmed; --yes does it without asking");
    }
    run(domain, who, Action::Delete, format).await
}

/// Asks at the terminal; elsewhere the answer is no.
fn confirmed(question: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    let mut terminal = io::stderr().lock();
    write!(terminal, "{question} [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
