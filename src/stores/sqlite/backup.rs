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

/// What SQLite writes beside a database.
const SUFFIXES: [&str; 2] = ["-wal", "-shm"];

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
    let part = make_part(into)?;
    let copied = copy(database, &part).map_err(of_file).and_then(|()| check(&part)).and_then(|()| {
        fs::hard_link(&part, into).map_err(of_file)?;
        let synced = sync_folder(into).and_then(|()| into.metadata());
        synced.map_err(|error| {
            let _ = fs::remove_file(into);
            of_file(error)
        })
    });
    let _ = fs::remove_file(&part);
    Ok(copied?.len())
}

/// An empty file beside another, which nobody else may read, as it will hold password hashes, and which nobody else
/// writes at the same time.
fn make_part(file: &Path) -> Result<PathBuf, CopyError> {
    let part = beside(file, &format!(".{}.part", uuid::Uuid::now_v7().simple()));
    let made = File::options().create_new(true).write(true).mode(0o600).open(&part);
    made.map_err(|error| CopyError::File(part.clone(), error))?;
    Ok(part)
}

fn copy(database: &Path, into: &Path) -> io::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).map_err(io::Error::other)?;
    let name = into.to_str().ok_or_else(|| io::Error::other("the name is not UTF-8"))?;
    // Into an empty file that is there.
    connection.execute("VACUUM INTO ?1", [name]).map_err(io::Error::other)?;
    File::open(into)?.sync_all()
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
    let part = make_part(database)?;
    let now = SystemClock.now();
    let stamp = now.to_rfc3339_opts(SecondsFormat::Secs, true).replace(':', "");
    let kept = beside(database, &format!(".{stamp}"));
    let restored = take(from, &part, keeps_sessions, now)
        .and_then(|()| put_aside(database, &kept).map_err(of_file))
        .and_then(|()| fs::rename(&part, database).and_then(|()| sync_folder(database)).map_err(of_file));
    if restored.is_err() {
        let _ = fs::remove_file(&part);
    }
    restored.map(|()| was_there.then_some(kept))
}

/// Gives what is there another name, with the log that belongs to it: a log that stays would be played back over
/// what is put in its place. The database keeps its name until it is replaced.
fn put_aside(database: &Path, kept: &Path) -> io::Result<()> {
    let missing_is_fine = |outcome: io::Result<()>| match outcome {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    missing_is_fine(fs::hard_link(database, kept))?;
    SUFFIXES
        .iter()
        .try_for_each(|suffix| missing_is_fine(fs::rename(beside(database, suffix), beside(kept, suffix))))
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

/// Copies a copy, with what stands in its log, to where it is renamed from, and ends the sessions in it.
fn take(from: &Path, part: &Path, keeps_sessions: bool, now: Instant) -> Result<(), CopyError> {
    let of_file = |error| CopyError::File(part.to_owned(), error);
    copy(from, part).map_err(of_file)?;
    check(part)?;
    if !keeps_sessions {
        let end = "UPDATE sessions SET ended_at = ?1, version = version + 1 WHERE ended_at IS NULL";
        // A copy has no log: what is changed in it stands in the file.
        Connection::open(part)
            .and_then(|connection| connection.execute(end, [now.timestamp_millis()]))
            .map_err(|error| of_file(io::Error::other(error)))?;
    }
    File::open(part).and_then(|file| file.sync_all()).map_err(of_file)
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
