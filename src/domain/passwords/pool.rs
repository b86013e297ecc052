//! The hashing threads. bcrypt keeps a core busy for a quarter of a second at cost 12: on the
//! threads of the runtime a login storm would stall every other request. Here it has threads of its
//! own at the lowest scheduling priority and a bounded queue that refuses at once when it is full.

use std::{
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use tracing::Instrument;

use super::{
    lanes::{self, Job, Lane},
    worker::Worker,
};
use crate::domain::{
    error::{Error, Result},
    metrics::metrics,
    random::SharedRandom,
    traces::trace_part,
};

/// What clients are told to wait at least when the queue is full.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);
/// How much hashing may go on.
#[derive(Debug, Clone, Copy)]
pub struct PoolSettings {
    /// The bcrypt cost of new hashes, within [`super::BCRYPT_COSTS`].
    pub cost: u32,
    /// Hashing threads, at least 1.
    pub threads: usize,
    /// Hashes that a thread computes at the same time, 1 to 4.
    pub lanes: usize,
    /// Hashes that may wait for a thread; more are refused with `Overloaded`.
    pub queue: usize,
    /// How long one may wait; one whose turn comes later is refused then.
    pub max_wait: Duration,
}

/// How busy the hashing threads are and were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashingLoad {
    /// Jobs that wait now.
    pub waiting: u64,
    /// Jobs that were taken so far: hashes, comparisons, estimates.
    pub taken: u64,
    /// Those of them whose turn has come.
    pub begun: u64,
    /// How long those have waited in all.
    pub waited: Duration,
    /// Jobs that were refused, since the queue was full or their turn came too late.
    pub refused: u64,
}

#[derive(Default)]
struct Counts {
    taken: AtomicU64,
    begun: AtomicU64,
    waited_micros: AtomicU64,
    refused: AtomicU64,
}

impl Counts {
    fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        metrics().hashing_refused.inc();
    }
}

/// The hashing threads; they end when this is dropped.
pub(super) struct Pool {
    jobs: flume::Sender<Job>,
    worker: Arc<Worker>,
    counts: Arc<Counts>,
    retry_after: Duration,
    max_wait: Duration,
}

impl Pool {
    pub(super) fn start(settings: PoolSettings, random: &SharedRandom) -> io::Result<Self> {
        let (jobs, queue) = flume::bounded(settings.queue);
        lanes::start(settings.threads.max(1), settings.lanes, &queue)?;
        Ok(Self {
            jobs,
            worker: Arc::new(Worker::new(settings.cost, random.clone())),
            counts: Arc::default(),
            retry_after: retry_after(settings),
            max_wait: settings.max_wait,
        })
    }

    pub(super) fn load(&self) -> HashingLoad {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        HashingLoad {
            waiting: self.jobs.len() as u64,
            taken: count(&self.counts.taken),
            begun: count(&self.counts.begun),
            waited: Duration::from_micros(count(&self.counts.waited_micros)),
            refused: count(&self.counts.refused),
        }
    }

    /// Runs `work` on one of the threads. Work whose caller has gone away is skipped.
    ///
    /// # Errors
    /// `Overloaded` when the queue is full, at once, and when its turn comes too late.
    pub(super) async fn run<T, F, W>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Worker>, Lane) -> W + Send + 'static,
        W: Future<Output = T> + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let (worker, counts, came_at) = (self.worker.clone(), self.counts.clone(), Instant::now());
        let (overloaded, max_wait) = (Error::Overloaded { retry_after: self.retry_after }, self.max_wait);
        let late = overloaded.clone();
        let job: Job = Box::new(move |lane| {
            Box::pin(async move {
                if reply.is_closed() {
                    return;
                }
                let waited = came_at.elapsed();
                counts.begun.fetch_add(1, Ordering::Relaxed);
                let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
                counts.waited_micros.fetch_add(micros, Ordering::Relaxed);
                metrics().hashing_wait.observe(waited.as_secs_f64());
                if waited > max_wait {
                    counts.refuse();
                    let _ = reply.send(Err(late));
                    return;
                }
                let began = Instant::now();
                let outcome = work(worker, lane).await;
                metrics().hashing.observe(began.elapsed().as_secs_f64());
                // The caller may have gone away meanwhile; then nobody wants the answer.
                let _ = reply.send(Ok(outcome));
            })
        });
        if self.jobs.try_send(job).is_err() {
            self.counts.refuse();
            return Err(overloaded);
        }
        self.counts.taken.fetch_add(1, Ordering::Relaxed);
        answer
            .instrument(trace_part!("hash"))
            .await
            .map_err(|_| Error::Internal("a hashing job ended without an answer".into()))?
    }
}

/// About the time that a full queue takes: cost 12 takes some 250 ms, each step doubles it.
fn retry_after(settings: PoolSettings) -> Duration {
    let one_hash = Duration::from_micros(60) * 2_u32.saturating_pow(settings.cost);
    let rounds = settings.queue.div_ceil(settings.threads.max(1) * settings.lanes.max(1));
    let full_queue = one_hash.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX));
    full_queue.clamp(MIN_RETRY_AFTER, Duration::from_mins(1))
}

#[cfg(test)]
mod tests;
