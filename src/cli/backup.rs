//! `vestibule backup` and `vestibule restore`, of the embedded database.

use std::{path::Path, process::ExitCode};

use anyhow::bail;

use super::{print, with_settings};
use crate::{
    config::{Config, DatabaseConfig, SqliteFile},
    stores::sqlite,
};

pub(super) fn run(file: &Path) -> ExitCode {
    with_settings(|config| {
        let bytes = sqlite::back_up(database(config)?, file)?;
        Ok(print(&format!("{bytes} bytes in {}\n", file.display())))
    })
}

pub(super) fn restore(file: &Path, replace: bool, keep_sessions: bool) -> ExitCode {
    with_settings(|config| {
        let kept = sqlite::restore(database(config)?, file, replace, keep_sessions)?;
        let sessions = if keep_sessions { "as they were" } else { "all ended" };
        let text = format!("restored; sessions: {sessions}\n");
        Ok(print(&match kept {
            Some(kept) => format!("{text}the database that was there is now {}\n", kept.display()),
            None => text,
        }))
    })
}

fn database(config: &Config) -> anyhow::Result<&Path> {
    match &config.database {
        DatabaseConfig::Sqlite(SqliteFile::Path(path)) => Ok(path),
        DatabaseConfig::Sqlite(SqliteFile::Memory) => bail!("a database in memory cannot be copied"),
        DatabaseConfig::MongoDb(_) => {
            bail!("this is for the embedded database; MongoDB has mongodump and mongorestore")
        }
    }
}
