//! The threads that own the connections. SQLite calls block, so none runs on the runtime.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    thread,
    time::Duration,
};

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, Transaction};
use tokio::sync::oneshot;

use super::{
    Sharing, error, group,
    lock::{self, FileLock},
    schema::{self, MigrationError},
};
use crate::{
    config::SqliteFile,
    domain::{
        metrics::{Waiting, metrics},
        store::{StoreCalls, StoreError, StoreHealth, StoreResult},
    },
    stores::OpenError,
};

/// Threads that read beside the one that writes.
const READERS: usize = 4;
/// Calls that may wait for a thread; with more the store counts as unavailable.
const QUEUE: usize = 1024;
/// How long SQLite itself waits for another process, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a call may take, the wait in the queue included.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
const STATEMENT_CACHE: usize = 64;
/// The most memory for pages of the file that the writer keeps: an insert touches a page of each of many indexes.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the threads; they end when it is dropped.
pub(super) struct Database {
    writer: flume::Sender<group::Write>,
    /// `None` where the writer reads as well.
    readers: Option<flume::Sender<Job>>,
    _lock: Option<FileLock>,
    calls: Arc<StoreCalls>,
}

impl Database {
    pub(super) fn open(file: &SqliteFile, sharing: Sharing) -> Result<Self, OpenError> {
        match file {
            SqliteFile::Memory if sharing == Sharing::Beside => {
                Err(unusable(Path::new(":memory:"), &"it is in the memory of another process"))
            }
            SqliteFile::Memory => Self::open_memory(),
            SqliteFile::Path(path) => Self::open_path(path, sharing),
        }
    }

    /// One connection does everything: a second one would see a memory of its own.
    fn open_memory() -> Result<Self, OpenError> {
        let place = Path::new(":memory:");
        let mut connection = Connection::open_in_memory().map_err(|error| unusable(place, &error))?;
        prepare_writer(&mut connection, place)?;
        let writer = start_writer(connection, place)?;
        Ok(Self { readers: None, writer, _lock: None, calls: Arc::default() })
    }

    fn open_path(path: &Path, sharing: Sharing) -> Result<Self, OpenError> {
        let lock = match sharing {
            Sharing::Alone => Some(lock::acquire(path)?),
            Sharing::Beside if path.exists() => {
                let (found, known) = (version(path)?, schema::known());
                if found < known {
                    return Err(OpenError::TooOld { found, known });
                }
                None
            }
            Sharing::Beside => return Err(unusable(path, &"it is not there; start the service first")),
        };
        let mut connection = Connection::open(path).map_err(|error| unusable(path, &error))?;
        prepare_writer(&mut connection, path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let readers: rusqlite::Result<Vec<_>> = (0..READERS)
            .map(|_| {
                let reader = Connection::open_with_flags(path, flags)?;
                reader.busy_timeout(BUSY_TIMEOUT)?;
                reader.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
                Ok(reader)
            })
            .collect();
        let readers = readers.map_err(|error| unusable(path, &error))?;
        Ok(Self {
            writer: start_writer(connection, path)?,
            readers: Some(start_readers(readers, path)?),
            _lock: lock,
            calls: Arc::default(),
        })
    }

    /// How often the database is called.
    pub(super) const fn calls(&self) -> &Arc<StoreCalls> {
        &self.calls
    }

    /// Runs `work` in a transaction that is durable when this returns, or not there at all. What
    /// the transaction did is undone when `work` fails.
    pub(super) async fn write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.calls.count();
        metrics().sqlite_writes.store(self.make(work)).await
    }

    async fn make<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting::begin(&metrics().sqlite_waiting_writes);
        let write: group::Write = Box::new(move |transaction| {
            drop(waiting);
            // Work that nobody waits for any more has timed out and must not be done after all.
            if reply.is_closed() {
                return None;
            }
            let outcome = work(transaction);
            let is_kept = outcome.is_ok();
            let verdict: group::Verdict = Box::new(move |settled| {
                let _ = reply.send(settled.map(|()| outcome));
            });
            Some((is_kept, verdict))
        });
        self.writer.try_send(write).map_err(|_| full())?;
        answered(answer).await??.map_err(|error| error::map(&error))
    }

    /// Runs `work` on a connection that only reads.
    pub(super) async fn read<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.calls.count();
        let read = async {
            match &self.readers {
                Some(readers) => submit(readers, move |connection| work(connection)).await,
                None => self.make(move |transaction| work(transaction)).await,
            }
        };
        metrics().sqlite_reads.store(read).await
    }
}

#[async_trait]
impl StoreHealth for Database {
    async fn ping(&self) -> StoreResult<()> {
        self.read(|connection| connection.query_row("SELECT 1", [], |_| Ok(()))).await
    }
}

async fn submit<T, F>(threads: &flume::Sender<Job>, work: F) -> StoreResult<T>
where
    T: Send + 'static,
    F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let waiting = Waiting::begin(&metrics().sqlite_waiting_reads);
    let job: Job = Box::new(move |connection| {
        drop(waiting);
        // Work that nobody waits for any more has timed out and must not be done after all.
        if !reply.is_closed() {
            let _ = reply.send(work(connection));
        }
    });
    threads.try_send(job).map_err(|_| full())?;
    answered(answer).await?.map_err(|error| error::map(&error))
}

fn full() -> StoreError {
    tracing::warn!("the SQLite queue is full");
    StoreError::Unavailable
}

async fn answered<T>(answer: oneshot::Receiver<T>) -> StoreResult<T> {
    #[expect(clippy::disallowed_methods, reason = "only the answer is waited for; the thread goes on")]
    let answered = tokio::time::timeout(CALL_TIMEOUT, answer).await;
    let Ok(Ok(outcome)) = answered else {
        tracing::warn!("SQLite did not answer in time");
        return Err(StoreError::Unavailable);
    };
    Ok(outcome)
}

/// The version of the schema of a file, which is there.
pub(super) fn version(path: &Path) -> Result<i64, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags);
    let found = connection.and_then(|connection| schema::found(&connection));
    found.map_err(|error| unusable(path, &error))
}

fn prepare_writer(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let prepare = |connection: &mut Connection| -> Result<(), MigrationError> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // An acknowledged write is on the disk: it survives `kill -9` and the loss of power.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        schema::migrate(connection)
    };
    prepare(connection).map_err(|error| match error {
        MigrationError::TooNew(error) => error,
        MigrationError::Sqlite(error) => unusable(path, &error),
    })
}

/// Starts the thread that writes.
fn start_writer(mut connection: Connection, path: &Path) -> Result<flume::Sender<group::Write>, OpenError> {
    let (sender, queue) = flume::bounded(QUEUE);
    let thread = thread::Builder::new().name("sqlite-write".to_owned());
    let started = thread.spawn(move || group::run(&mut connection, &queue));
    started.map(|_| sender).map_err(|error| unusable(path, &error))
}

/// Starts a thread for each connection, all of which take from one queue.
fn start_readers(connections: Vec<Connection>, path: &Path) -> Result<flume::Sender<Job>, OpenError> {
    let (sender, queue) = flume::bounded::<Job>(QUEUE);
    for mut connection in connections {
        let queue = queue.clone();
        thread::Builder::new()
            .name("sqlite-read".to_owned())
            .spawn(move || {
                for job in &queue {
                    // A job that panics has rolled back, and must not take the thread with it.
                    if catch_unwind(AssertUnwindSafe(|| job(&mut connection))).is_err() {
                        tracing::error!("a SQLite job panicked");
                    }
                }
            })
            .map_err(|error| unusable(path, &error))?;
    }
    Ok(sender)
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> OpenError {
    OpenError::Unusable { path: path.display().to_string(), reason: error.to_string() }
}

#[cfg(test)]
mod tests;
