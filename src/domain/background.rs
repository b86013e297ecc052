//! Threads for work that takes long and can wait: at the lowest priority, so that every other request comes
//! first, with a bounded queue.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use super::error::{Error, Result};

/// The lowest priority that Linux has.
const LOWEST_PRIORITY: i32 = 19;

type Job<W> = Box<dyn FnOnce(&W) + Send>;

/// Threads, each with a worker of its own; they end when this is dropped.
pub struct Background<W> {
    jobs: flume::Sender<Job<W>>,
    taken: AtomicU64,
    retry_after: Duration,
}

impl<W: Send + 'static> Background<W> {
    /// Starts a thread for each worker. `queue` jobs may wait; whoever comes to a full queue is told to come
    /// back after `retry_after`.
    ///
    /// # Errors
    /// The operating system's, when a thread cannot be started.
    pub fn start(name: &str, workers: Vec<W>, queue: usize, retry_after: Duration) -> io::Result<Self> {
        let (jobs, waiting) = flume::bounded::<Job<W>>(queue);
        for (number, worker) in workers.into_iter().enumerate() {
            let waiting = waiting.clone();
            thread::Builder::new().name(format!("{name}-{number}")).spawn(move || {
                lower_priority();
                for job in &waiting {
                    // A job that panics must not take the thread with it.
                    if catch_unwind(AssertUnwindSafe(|| job(&worker))).is_err() {
                        tracing::error!("a job of the background panicked");
                    }
                }
            })?;
        }
        Ok(Self { jobs, taken: AtomicU64::new(0), retry_after })
    }

    /// How many jobs were taken so far.
    pub fn jobs(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Runs `work` on one of the threads. Work whose caller has gone away is skipped.
    ///
    /// # Errors
    /// `Overloaded` when the queue is full, at once.
    pub async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&W) -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job<W> = Box::new(move |worker| {
            if !reply.is_closed() {
                // The caller may go away meanwhile; then nobody wants the answer.
                let _ = reply.send(work(worker));
            }
        });
        self.jobs.try_send(job).map_err(|_| Error::Overloaded { retry_after: self.retry_after })?;
        self.taken.fetch_add(1, Ordering::Relaxed);
        answer.await.map_err(|_| Error::Internal("a thread of the background ended".into()))
    }
}

fn lower_priority() {
    // On Linux the priority set for "this process" is that of the calling thread alone.
    if let Err(error) = rustix::process::setpriority_process(None, LOWEST_PRIORITY) {
        tracing::warn!(%error, "threads of the background keep the normal priority");
    }
}
