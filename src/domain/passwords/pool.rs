//! The hashing threads. bcrypt keeps a core busy for a quarter of a second at cost 12: on the
//! threads of the runtime a login storm would stall every other request. Here it has threads of its
//! own at the lowest scheduling priority and a bounded queue that refuses at once when it is full.

use std::{io, time::Duration};

use bcrypt::Version;

use super::{
    hash::{self, PasswordHash},
    text::Password,
};
use crate::domain::{
    background::{Background, LOWEST_PRIORITY},
    error::{Error, Result},
    random::{self, SharedRandom},
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
    /// Hashes that may wait for a thread; more are refused with `Overloaded`.
    pub queue: usize,
}

/// The outcome of a comparison.
#[derive(Debug)]
pub enum Verification {
    /// The password is the stored one.
    Right {
        /// The same password at the cost of today, where the stored hash has a lower one.
        upgraded: Option<PasswordHash>,
    },
    /// It is not, or nothing is stored.
    Wrong,
}

/// The hashing threads.
pub(super) type Pool = Background<Worker>;

pub(super) fn start(settings: PoolSettings, random: &SharedRandom) -> io::Result<Pool> {
    let worker = |_| Worker { cost: settings.cost, random: random.clone() };
    let workers = (0..settings.threads.max(1)).map(worker).collect();
    Background::start(("hash", LOWEST_PRIORITY), workers, settings.queue, retry_after(settings))
}

/// About the time that a full queue takes: cost 12 takes some 250 ms, each step doubles it.
fn retry_after(settings: PoolSettings) -> Duration {
    let one_hash = Duration::from_micros(60) * 2_u32.saturating_pow(settings.cost);
    let rounds = settings.queue.div_ceil(settings.threads.max(1));
    let full_queue = one_hash.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX));
    full_queue.clamp(MIN_RETRY_AFTER, Duration::from_mins(1))
}

/// What a hashing thread works with.
pub(super) struct Worker {
    cost: u32,
    random: SharedRandom,
}

impl Worker {
    pub(super) fn hash(&self, password: &Password) -> Result<PasswordHash> {
        let (scheme, bytes) = hash::prepare(password);
        let salt = random::bytes::<16>(&*self.random);
        let parts = bcrypt::non_truncating_hash_with_salt(&*bytes, self.cost, salt)
            .map_err(|error| Error::Internal(format!("bcrypt: {error}")))?;
        Ok(PasswordHash::new(scheme, &parts.format_for_version(Version::TwoB)))
    }

    pub(super) fn verify(&self, password: &Password, stored: Option<&PasswordHash>) -> Result<Verification> {
        if let Some(foreign) = stored.and_then(PasswordHash::foreign) {
            return self.verify_foreign(password, foreign.matches(password.as_bytes()));
        }
        let (scheme, bytes) = hash::prepare(password);
        if let Some(is_right) = stored.and_then(|stored| hash::matches_truncated(stored, password)) {
            if is_right {
                return Ok(Verification::Right { upgraded: Some(self.hash(password)?) });
            }
            self.make_up_for(&bytes, stored.and_then(PasswordHash::cost));
            return Ok(Verification::Wrong);
        }
        // A hash of the other scheme cannot be of this password: the same work, on a dummy.
        let comparable = stored.and_then(PasswordHash::parts).filter(|(stored, _)| *stored == scheme);
        let Some((_, bcrypt)) = comparable else {
            let _ = bcrypt::non_truncating_verify(&*bytes, &self.dummy_hash(self.cost));
            return Ok(Verification::Wrong);
        };
        // The comparison is in constant time within the library.
        if !bcrypt::non_truncating_verify(&*bytes, bcrypt).unwrap_or(false) {
            self.make_up_for(&bytes, stored.and_then(PasswordHash::cost));
            return Ok(Verification::Wrong);
        }
        let outdated = stored.and_then(PasswordHash::cost) < Some(self.cost);
        let upgraded = if outdated { Some(self.hash(password)?) } else { None };
        Ok(Verification::Right { upgraded })
    }

    /// After a comparison with a hash of another system, which takes its own time: the first login replaces it.
    fn verify_foreign(&self, password: &Password, is_right: bool) -> Result<Verification> {
        if is_right {
            return Ok(Verification::Right { upgraded: Some(self.hash(password)?) });
        }
        let (_, bytes) = hash::prepare(password);
        let _ = bcrypt::non_truncating_verify(&*bytes, &self.dummy_hash(self.cost));
        Ok(Verification::Wrong)
    }

    /// After a comparison at a lower cost, the work that one at the cost of today would have taken:
    /// each step doubles it, so the steps from there to here add up to exactly that.
    fn make_up_for(&self, bytes: &[u8], cost: Option<u32>) {
        for cost in cost.unwrap_or(self.cost)..self.cost {
            let _ = bcrypt::non_truncating_verify(bytes, &self.dummy_hash(cost));
        }
    }

    /// A well-formed hash of this cost that no known password has.
    fn dummy_hash(&self, cost: u32) -> String {
        const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut text = format!("$2b${cost:02}$");
        let drawn = random::bytes::<53>(&*self.random);
        text.extend(drawn.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])));
        // The last characters of salt and digest hold fewer than six bits; these values fit.
        text.replace_range(28..29, "u");
        text.replace_range(59..60, "u");
        text
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::random::SystemRandom;

    fn worker(cost: u32) -> Worker {
        Worker { cost, random: Arc::new(SystemRandom) }
    }

    fn password(text: &str) -> Password {
        Password::parse_given("password", text).unwrap()
    }

    fn is_right(worker: &Worker, text: &str, stored: &PasswordHash) -> bool {
        matches!(worker.verify(&password(text), Some(stored)), Ok(Verification::Right { .. }))
    }

    #[test]
    fn what_fits_bcrypt_is_a_plain_hash_and_the_rest_is_tagged() {
        let worker = worker(4);
        let plain = worker.hash(&password(&"x".repeat(71))).unwrap();
        let long = worker.hash(&password(&"x".repeat(72))).unwrap();
        let with_zero = worker.hash(&password("abcdefgh\0abcdefgh")).unwrap();
        assert!(plain.expose().starts_with("$2b$04$"));
        assert!(long.expose().starts_with("$hmac-sha384$2b$04$"));
        assert!(with_zero.expose().starts_with("$hmac-sha384$2b$04$"));
        assert!(is_right(&worker, &"x".repeat(71), &plain));
        assert!(is_right(&worker, &"x".repeat(72), &long));
        assert!(!is_right(&worker, &"x".repeat(71), &long));
        assert!(!is_right(&worker, &"x".repeat(72), &plain));
        assert!(!is_right(&worker, "abcdefgh", &with_zero));
    }

    #[test]
    fn a_hash_of_an_older_cost_is_upgraded() {
        let old = worker(4).hash(&password("correct horse")).unwrap();
        let Ok(Verification::Right { upgraded: Some(new) }) =
            worker(5).verify(&password("correct horse"), Some(&old))
        else {
            panic!("the hash was not upgraded")
        };
        assert_eq!(new.cost(), Some(5));
        assert!(is_right(&worker(5), "correct horse", &new));
    }

    #[test]
    fn the_dummy_hash_makes_bcrypt_work() {
        let dummy = worker(4).dummy_hash(4);
        assert!(matches!(bcrypt::non_truncating_verify("anything", &dummy), Ok(false)), "{dummy}");
    }

    #[test]
    fn a_wrong_password_costs_the_same_whatever_is_stored() {
        // Medians of the time that one thread takes; skipped work would be a factor of hundreds.
        let (worker, wrong) = (worker(9), password("wrong password"));
        let [current, older] =
            [9, 6].map(|cost| self::worker(cost).hash(&password("correct horse")).unwrap());
        let median = |stored: Option<&PasswordHash>| {
            let mut times: Vec<_> = (0..5)
                .map(|_| {
                    let started = std::time::Instant::now();
                    assert!(matches!(worker.verify(&wrong, stored), Ok(Verification::Wrong)));
                    started.elapsed()
                })
                .collect();
            times.sort();
            times[2].as_secs_f64()
        };
        let known = median(Some(&current));
        for other in
            [median(None), median(Some(&older)), median(Some(&PasswordHash::from_stored("x".into())))]
        {
            assert!((0.3..3.0).contains(&(other / known)), "{other} against {known}");
        }
    }

    #[test]
    fn a_job_that_panics_leaves_the_threads_alive() {
        let random: SharedRandom = Arc::new(SystemRandom);
        let pool = start(PoolSettings { cost: 4, threads: 1, queue: 4 }, &random).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let panicked = runtime.block_on(pool.run::<(), _>(|_| panic!("on purpose")));
        assert!(matches!(panicked, Err(Error::Internal(_))));
        assert!(matches!(runtime.block_on(pool.run(|_| 1)), Ok(1)));
    }

    #[test]
    fn malformed_stored_hashes_match_nothing() {
        for text in ["", "$2b$04$short", "plain text", "$hmac-sha384"] {
            assert!(!is_right(&worker(4), "correct horse", &PasswordHash::from_stored(text.into())));
        }
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let settings = PoolSettings { cost: 4, threads: 1, queue: 1 };
        let random: SharedRandom = Arc::new(SystemRandom);
        let pool = Arc::new(start(settings, &random).unwrap());
        let (started, running) = flume::bounded(1);
        let (release, held) = flume::bounded::<()>(1);
        let busy = pool.clone();
        let first = tokio::spawn(async move {
            busy.run(move |_| {
                let _ = started.send(());
                let _ = held.recv();
            })
            .await
        });
        running.recv_async().await.unwrap();
        let waiting = pool.run(|_| ());
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert!(matches!(pool.run(|_| ()).await, Err(Error::Overloaded { .. })));
        release.send(()).unwrap();
        waiting.await.unwrap();
        first.await.unwrap().unwrap();
    }
}
