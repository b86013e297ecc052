//! `vestibule users create`.

use std::io::{self, BufRead, Read};

use anyhow::{Context, bail};
use zeroize::Zeroizing;

use super::arguments::CreateArguments;
use crate::domain::{
    Domain, Error,
    accounts::User,
    administration::{Administrator, NewUser},
    passwords::{Password, PasswordHash},
};

/// More than any password has.
const MAX_LINE: u64 = 4096;

pub(super) async fn run(
    domain: &Domain,
    operator: &Administrator,
    arguments: CreateArguments,
) -> anyhow::Result<User> {
    let CreateArguments { email, name, username, locale, role, password_stdin, invite } = arguments;
    let hash = if password_stdin {
        let line = read_line()?;
        let password = Password::parse_new("password", &line).map_err(Error::bad_field)?;
        domain.passwords.check_strength("password", &password, &[&email, &name]).await?;
        domain.passwords.hash(password).await?
    } else {
        PasswordHash::none()
    };
    // Whoever has a shell here says that the address is the person's; an invitation shows it.
    let new =
        NewUser { email, email_verified: !invite, name, username, locale, roles: role, invites: invite };
    Ok(domain.administration.make_user(operator, new, hash).await?)
}

fn read_line() -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    let mut input = io::stdin().lock().take(MAX_LINE);
    input.read_line(&mut line).context("cannot read the password")?;
    let kept = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(kept);
    if line.is_empty() {
        bail!("there is no password on the standard input");
    }
    Ok(line)
}
