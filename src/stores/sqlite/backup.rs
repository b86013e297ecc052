//! Copies of the database, made while it is in use, and put back.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use chrono::SecondsFormat;
use rusqlite::{Connection, OpenFlags};

use super::{database, lock, schema};
use crate::{
    domain::clock::{Clock, Instant, SystemClock},
    stores::OpenError,
};

/// Why a copy was not made or put back. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is a file of that name.
    #[error("{0} is there already")]
    Present(PathBuf),
    /// The copy is not whole, or no database of this service.
    #[error("{0} cannot be used: {1}")]
    Unusable(PathBuf, String),
    /// A file could not be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
}

/// Writes a copy of the database as it is at one moment, and answers how long it is. The service may write
/// meanwhile.
///
/// # Errors
/// [`CopyError`]; then there is no file.
pub fn back_up(database: &Path, into: &Path) -> Result<u64, CopyError> {
    let of_file = |error| CopyError::File(into.to_owned(), error);
    if !database.exists() {
        return Err(CopyError::Unusable(database.to_owned(), "it is not there".into()));
    }
    if into.exists() {
        return Err(CopyError::Present(into.to_owned()));
    }
    let part = beside(into, ".part");
    // Nobody else may read it: it holds password hashes. SQLite writes into an empty file that is there.
    let made = File::options().create(true).truncate(true).write(true).mode(0o600).open(&part);
    made.map_err(|error| CopyError::File(part.clone(), error))?;
    let copied = copy(database, &part)
        .and_then(|()| File::open(&part)?.sync_all())
        .and_then(|()| fs::hard_link(&part, into).and_then(|()| sync_folder(into)))
        .and_then(|()| into.metadata());
    let _ = fs::remove_file(&part);
    Ok(copied.map_err(of_file)?.len())
}

fn copy(database: &Path, into: &Path) -> io::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).map_err(io::Error::other)?;
    let name = into.to_str().ok_or_else(|| io::Error::other("the name is not UTF-8"))?;
    connection.execute("VACUUM INTO ?1", [name]).map(drop).map_err(io::Error::other)
}

/// Puts a copy in the place of the database, which no service may have open. One that is there is kept under
/// another name, which is answered. All sessions end unless they are to be kept: some of them may have been ended
/// after the copy was made.
///
/// # Errors
/// [`CopyError`]; then the database is as it was.
pub fn restore(
    database: &Path,
    from: &Path,
    may_replace: bool,
    keeps_sessions: bool,
) -> Result<Option<PathBuf>, CopyError> {
    check(from)?;
    let was_there = database.metadata().is_ok_and(|metadata| metadata.len() > 0);
    if was_there && !may_replace {
        return Err(CopyError::Present(database.to_owned()));
    }
    let _lock = lock::acquire(database)?;
    let of_file = |error| CopyError::File(database.to_owned(), error);
    let part = beside(database, ".restored");
    let now = SystemClock.now();
    let prepared = take(from, &part, keeps_sessions, now);
    if let Err(error) = prepared {
        let _ = fs::remove_file(&part);
        return Err(error);
    }
    let kept =
        beside(database, &format!(".{}", now.to_rfc3339_opts(SecondsFormat::Secs, true).replace(':', "")));
    // What SQLite has written beside the file belongs to it.
    if was_there {
        settle(database).map_err(of_file)?;
        fs::hard_link(database, &kept).map_err(of_file)?;
    }
    fs::rename(&part, database).and_then(|()| sync_folder(database)).map_err(of_file)?;
    Ok(was_there.then_some(kept))
}

/// Whether a file is a whole database that this program can read.
fn check(file: &Path) -> Result<(), CopyError> {
    let unusable = |reason: String| CopyError::Unusable(file.to_owned(), reason);
    let SchemaFound(found) = found(file).map_err(|error| unusable(error.to_string()))?;
    if found < 1 {
        return Err(unusable("it is no database of this service".into()));
    }
    if found > schema::known() {
        return Err(OpenError::TooNew { found, known: schema::known() }.into());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let answer = Connection::open_with_flags(file, flags).and_then(|connection| {
        connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0))
    });
    match answer {
        Ok(answer) if answer == "ok" => Ok(()),
        Ok(answer) => Err(unusable(answer)),
        Err(error) => Err(unusable(error.to_string())),
    }
}

struct SchemaFound(i64);

fn found(file: &Path) -> Result<SchemaFound, OpenError> {
    if !file.exists() {
        return Err(OpenError::Unusable {
            path: file.display().to_string(),
            reason: "it is not there".into(),
        });
    }
    database::version(file).map(SchemaFound)
}

/// Copies a copy to where it is renamed from, and ends the sessions in it.
fn take(from: &Path, part: &Path, keeps_sessions: bool, now: Instant) -> Result<(), CopyError> {
    let of_file = |error| CopyError::File(part.to_owned(), error);
    let made = File::options().create(true).truncate(true).write(true).mode(0o600).open(part);
    let mut into = made.map_err(of_file)?;
    let mut source = File::open(from).map_err(|error| CopyError::File(from.to_owned(), error))?;
    io::copy(&mut source, &mut into).map_err(of_file)?;
    drop(into);
    if !keeps_sessions {
        let ended = Connection::open(part).and_then(|connection| {
            connection.execute(
                "UPDATE sessions SET ended_at = ?1, version = version + 1 WHERE ended_at IS NULL",
                [now.timestamp_millis()],
            )?;
            connection.pragma_update(None, "wal_checkpoint", "TRUNCATE")
        });
        ended.map_err(|error| of_file(io::Error::other(error)))?;
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(beside(part, suffix));
        }
    }
    File::open(part).and_then(|file| file.sync_all()).map_err(of_file)
}

/// Brings what stands in the log into the file, so that the file alone is the database.
fn settle(database: &Path) -> io::Result<()> {
    let connection = Connection::open(database).map_err(io::Error::other)?;
    connection.pragma_update(None, "wal_checkpoint", "TRUNCATE").map_err(io::Error::other)?;
    drop(connection);
    for suffix in ["-wal", "-shm"] {
        match fs::remove_file(beside(database, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A name is on the disk once its folder is.
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
