//! What `vestibule doctor` asks of the embedded database. It changes nothing.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use rusqlite::{Connection, OpenFlags};

use super::{database, schema};
use crate::domain::checkup::{Finding, State};

const PART: &str = "store";
/// With less than this on the disk writes may soon fail.
const LEAST_FREE: u64 = 512 * 1024 * 1024;
/// Whoever else may read a file.
const OTHERS: u32 = 0o077;

/// Looks at the file.
pub fn inspect(path: &Path) -> Vec<Finding> {
    if !path.exists() {
        let what = format!("{} is not there yet; the service makes it", path.display());
        return vec![Finding::new(PART, State::well(what)), room(path)];
    }
    vec![schema_of(path), whole(path), readers(path), room(path)]
}

fn schema_of(path: &Path) -> Finding {
    let known = schema::known();
    let state = match database::version(path) {
        Ok(found) if found == known => State::well(format!("SQLite {}, schema {found}", rusqlite::version())),
        Ok(found) if found < known => State::faulty(
            format!("the schema is {found}, this program needs {known}"),
            "start the service, or run `vestibule migrate`; make a copy with `vestibule backup` first",
        ),
        Ok(found) => State::faulty(
            format!("the schema is {found}, this program knows {known}"),
            "use the program that has last served it, or a newer one",
        ),
        Err(error) => State::faulty(error.to_string(), "see whether the file may be read, and is a database"),
    };
    Finding::new(PART, state)
}

fn whole(path: &Path) -> Finding {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let asked = Connection::open_with_flags(path, flags).and_then(|connection| {
        let text = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, String>(0));
        Ok((text("PRAGMA quick_check(1)")?, text("PRAGMA journal_mode")?))
    });
    let state = match asked {
        Ok((check, _)) if check != "ok" => State::faulty(
            format!("the file is damaged: {check}"),
            "end the service and put back a copy with `vestibule restore`",
        ),
        Ok((_, journal)) if journal != "wal" => State::doubtful(
            format!("the journal is {journal} and not wal"),
            "the service sets it when it starts; see whether the file system bears it, which one over a network does not",
        ),
        Ok(_) => State::well("the file is whole; journal wal, every commit is waited for"),
        Err(error) => State::faulty(error.to_string(), "see whether the file may be read, and is a database"),
    };
    Finding::new(PART, state)
}

fn readers(path: &Path) -> Finding {
    let state = match fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & OTHERS != 0 => State::doubtful(
            format!("others than its owner may get at {}", path.display()),
            format!("it holds password hashes: chmod 600 {0} {0}-wal {0}-shm", path.display()),
        ),
        Ok(_) => State::well("nobody but its owner may read it"),
        Err(error) => State::faulty(error.to_string(), "see whether the folder may be read"),
    };
    Finding::new(PART, state)
}

fn room(path: &Path) -> Finding {
    let folder = path.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let state = match rustix::fs::statvfs(folder) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let text = format!("{} MiB free on its disk", free / (1024 * 1024));
            if free < LEAST_FREE {
                State::doubtful(
                    text,
                    "make room: with a full disk nothing can be written, and nobody can log in",
                )
            } else {
                State::well(text)
            }
        }
        Err(error) => {
            State::doubtful(format!("the disk cannot be asked: {error}"), "see whether it is there")
        }
    };
    Finding::new(PART, state)
}
