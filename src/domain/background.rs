//! Threads for work that takes long and can wait: at a lowered priority, so that every other request comes
//! first, with a bounded queue.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use super::error::{Error, Result};

/// The nice value of threads that do nothing but arithmetic: the lowest priority that Linux has.
pub const LOWEST_PRIORITY: i32 = 19;
/// That of threads that also take memory, and with it locks that others wait for: they must not starve.
pub const LOWER_PRIORITY: i32 = 5;

type Job<W> = Box<dyn FnOnce(&W) + Send>;

/// Threads, each with a worker of its own; they end when this is dropped.
pub struct Background<W> {
    jobs: flume::Sender<Job<W>>,
    retry_after: Duration,
}

impl<W: Send + 'static> Background<W> {
    /// Starts a thread for each worker, with this nice value. `queue` jobs may wait; whoever comes to a full queue is told to come
    /// back after `retry_after`.
    ///
    /// # Errors
    /// The operating system's, when a thread cannot be started.
    pub fn start(
        (name, priority): (&str, i32),
        workers: Vec<W>,
        queue: usize,
        retry_after: Duration,
    ) -> io::Result<Self> {
        let (jobs, waiting) = flume::bounded::<Job<W>>(queue);
        for (number, worker) in workers.into_iter().enumerate() {
            let waiting = waiting.clone();
            thread::Builder::new().name(format!("{name}-{number}")).spawn(move || {
                lower_priority(priority);
                for job in &waiting {
                    // A job that panics must not take the thread with it.
                    if catch_unwind(AssertUnwindSafe(|| job(&worker))).is_err() {
                        tracing::error!("a job of the background panicked");
                    }
                }
            })?;
        }
        Ok(Self { jobs, retry_after })
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
        answer.await.map_err(|_| Error::Internal("a thread of the background ended".into()))
    }
}

/// Lowers the priority of this thread.
pub(super) fn lower_priority(priority: i32) {
    // On Linux the priority set for "this process" is that of the calling thread alone.
    if let Err(error) = rustix::process::setpriority_process(None, priority) {
        tracing::warn!(%error, "threads of the background keep the normal priority");
    }
}
