//! Threads that hash, each several passwords at once.
//!
//! A job is a future that is polled by the thread alone. Where it needs a hash of bcrypt it waits for
//! [`Lane::bcrypt`], and the thread takes the computation forward, in one loop with those of its other jobs. A
//! job that comes while others are under way joins them at the next step, a few dozen microseconds later.

mod pi;
mod schedule;

#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    thread,
};

use schedule::{Schedule, step};
use zeroize::Zeroizing;

use crate::domain::background::{LOWEST_PRIORITY, lower_priority};

/// The most computations of one thread at a time.
pub(super) const MAX_LANES: usize = 4;

/// A job as its thread runs it.
type Work = Pin<Box<dyn Future<Output = ()>>>;

/// A job before it is begun.
pub(super) type Job = Box<dyn FnOnce(Lane) -> Work + Send>;

/// Where a job has its hashes computed.
#[derive(Clone)]
pub(super) struct Lane {
    /// Shared by the job and its thread; `None` where the library computes alone.
    place: Option<Rc<RefCell<Place>>>,
}

#[derive(Default)]
struct Place {
    under_way: Option<Box<Schedule>>,
    hash: Option<Zeroizing<[u8; 24]>>,
}

impl Lane {
    /// The hash of a key of 1 to 72 bytes, with the zero byte that ends a password among them.
    pub(super) async fn bcrypt(&self, cost: u32, salt: [u8; 16], key: &[u8]) -> Zeroizing<[u8; 24]> {
        let Some(place) = &self.place else { return Zeroizing::new(bcrypt::bcrypt(cost, salt, key)) };
        place.borrow_mut().under_way = Some(Schedule::new(cost, salt, key));
        poll_fn(|_| place.borrow_mut().hash.take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Where there is no thread.
    #[cfg(test)]
    pub(super) const fn alone() -> Self {
        Self { place: None }
    }
}

/// Starts threads that take jobs from the queue, each up to `lanes` at a time, until the queue is closed. With
/// one lane the library computes every hash.
///
/// # Errors
/// The operating system's, when a thread cannot be started.
pub(super) fn start(threads: usize, lanes: usize, queue: &flume::Receiver<Job>) -> io::Result<()> {
    for number in 0..threads {
        let queue = queue.clone();
        thread::Builder::new().name(format!("hash-{number}")).spawn(move || {
            lower_priority(LOWEST_PRIORITY);
            Hasher { lanes: lanes.clamp(1, MAX_LANES), under_way: Vec::new() }.run(&queue);
        })?;
    }
    Ok(())
}

/// A job that waits for its hash.
struct Waiting {
    work: Work,
    place: Rc<RefCell<Place>>,
    schedule: Box<Schedule>,
}

struct Hasher {
    lanes: usize,
    under_way: Vec<Waiting>,
}

impl Hasher {
    fn run(&mut self, queue: &flume::Receiver<Job>) {
        loop {
            if self.under_way.is_empty() {
                let Ok(job) = queue.recv() else { return };
                self.begin(job);
                continue;
            }
            // One a step: jobs that need no lane must not keep those under way from going on.
            if self.under_way.len() < self.lanes
                && let Ok(job) = queue.try_recv()
            {
                self.begin(job);
            }
            self.step();
            self.settle();
        }
    }

    fn begin(&mut self, job: Job) {
        let place = (self.lanes > 1).then(Rc::default);
        let lane = Lane { place: place.clone() };
        let Ok(work) = caught(|| job(lane)) else { return };
        self.go_on(work, place.unwrap_or_default());
    }

    /// Runs a job up to its next hash, or to its end.
    fn go_on(&mut self, mut work: Work, place: Rc<RefCell<Place>>) {
        let mut context = Context::from_waker(Waker::noop());
        match caught(|| work.as_mut().poll(&mut context)) {
            Ok(Poll::Ready(())) | Err(Panicked) => {}
            Ok(Poll::Pending) => {
                let asked = place.borrow_mut().under_way.take();
                if let Some(schedule) = asked {
                    self.under_way.push(Waiting { work, place, schedule });
                } else {
                    tracing::error!("a hashing job waits for something else than a hash");
                }
            }
        }
    }

    fn step(&mut self) {
        match &mut self.under_way[..] {
            [a] => step([&mut *a.schedule]),
            [a, b] => step([&mut *a.schedule, &mut *b.schedule]),
            [a, b, c] => step([&mut *a.schedule, &mut *b.schedule, &mut *c.schedule]),
            [a, b, c, d, ..] => {
                step([&mut *a.schedule, &mut *b.schedule, &mut *c.schedule, &mut *d.schedule]);
            }
            [] => {}
        }
    }

    fn settle(&mut self) {
        let mut at = 0;
        while at < self.under_way.len() {
            if self.under_way[at].schedule.left() > 0 {
                at += 1;
                continue;
            }
            let Waiting { work, place, schedule } = self.under_way.swap_remove(at);
            place.borrow_mut().hash = Some(Zeroizing::new(schedule.finish()));
            // Its next hash, if there is one, stands at the end.
            self.go_on(work, place);
        }
    }
}

struct Panicked;

/// A job that panics must not take the thread with it.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        tracing::error!("a hashing job panicked");
        Panicked
    })
}
