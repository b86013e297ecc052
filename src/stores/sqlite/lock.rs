//! One serving process to a file: the caches of a second one would not hear of revocations.

use std::{
    fs::{self, File, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::stores::OpenError;

/// A lock that lasts as long as this value, or the process.
#[derive(Debug)]
pub(super) struct FileLock(
    #[expect(dead_code, reason = "held, not used: closing it gives up the lock")] File,
);

/// Creates the folder of the file where it is missing and takes the lock beside the file.
pub(super) fn acquire(path: &Path) -> Result<FileLock, OpenError> {
    let unusable = |error: &dyn std::fmt::Display| OpenError::Unusable {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| unusable(&error))?;
    }
    // By any other name, as through a link, it is the same file.
    drop(open_private(path).map_err(|error| unusable(&error))?);
    let mut name = fs::canonicalize(path).map_err(|error| unusable(&error))?.into_os_string();
    name.push(".lock");
    let file = open_private(Path::new(&name)).map_err(|error| unusable(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(FileLock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(unusable(&error)),
    }
}

/// Opens a file, made where it is missing for the owner's eyes alone: it holds password hashes and,
/// in development, a signing key in clear. SQLite gives the files beside it the same mode.
fn open_private(path: &Path) -> std::io::Result<File> {
    File::options().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)
}
