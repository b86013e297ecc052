//! Hashing, comparisons, and the bounds of the queue.

use futures_util::FutureExt;

use super::*;
use crate::domain::passwords::{PasswordHash, text::Password, worker::Verification};
use crate::domain::random::SystemRandom;

fn worker(cost: u32) -> Worker {
    Worker::new(cost, Arc::new(SystemRandom))
}

fn password(text: &str) -> Password {
    Password::parse_given("password", text).unwrap()
}

/// Without a thread nothing waits.
fn done<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().unwrap()
}

fn hashed(worker: &Worker, text: &str) -> PasswordHash {
    done(worker.hash(&Lane::alone(), &password(text)))
}

fn verified(worker: &Worker, text: &str, stored: Option<&PasswordHash>) -> Verification {
    done(worker.verify(&Lane::alone(), &password(text), stored))
}

fn is_right(worker: &Worker, text: &str, stored: &PasswordHash) -> bool {
    matches!(verified(worker, text, Some(stored)), Verification::Right { .. })
}

fn settings(lanes: usize, queue: usize) -> PoolSettings {
    PoolSettings { cost: 4, threads: 1, lanes, queue, max_wait: Duration::from_secs(5) }
}

#[test]
fn what_fits_bcrypt_is_a_plain_hash_and_the_rest_is_tagged() {
    let worker = worker(4);
    let plain = hashed(&worker, &"x".repeat(71));
    let long = hashed(&worker, &"x".repeat(72));
    let with_zero = hashed(&worker, "abcdefgh\0abcdefgh");
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
    let old = hashed(&worker(4), "correct horse");
    let Verification::Right { upgraded: Some(new) } = verified(&worker(5), "correct horse", Some(&old))
    else {
        panic!("the hash was not upgraded")
    };
    assert_eq!(new.cost(), Some(5));
    assert!(is_right(&worker(5), "correct horse", &new));
}

#[test]
fn hashes_are_those_of_the_library() {
    for text in ["correct horse", "päßwörd", &"x".repeat(71)] {
        let made = hashed(&worker(4), text);
        assert!(bcrypt::non_truncating_verify(text, made.expose()).unwrap(), "{text}");
        let library = PasswordHash::from_stored(bcrypt::non_truncating_hash(text, 4).unwrap());
        assert!(is_right(&worker(4), text, &library), "{text}");
    }
}

#[test]
fn a_wrong_password_costs_the_same_whatever_is_stored() {
    // Medians of the time that one thread takes; skipped work would be a factor of hundreds.
    let (worker, wrong) = (worker(9), "wrong password");
    let [current, older] = [9, 6].map(|cost| hashed(&self::worker(cost), "correct horse"));
    let median = |stored: Option<&PasswordHash>| {
        let mut times: Vec<_> = (0..5)
            .map(|_| {
                let started = std::time::Instant::now();
                assert!(matches!(verified(&worker, wrong, stored), Verification::Wrong));
                started.elapsed()
            })
            .collect();
        times.sort();
        times[2].as_secs_f64()
    };
    let known = median(Some(&current));
    for other in [median(None), median(Some(&older)), median(Some(&PasswordHash::from_stored("x".into())))] {
        assert!((0.3..3.0).contains(&(other / known)), "{other} against {known}");
    }
}

#[test]
fn a_job_that_panics_leaves_the_threads_alive() {
    let random: SharedRandom = Arc::new(SystemRandom);
    for lanes in [1, 2] {
        let pool = Pool::start(settings(lanes, 4), &random).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let panicked = runtime.block_on(pool.run(|_, lane| async move {
            lane.bcrypt(4, [0; 16], &[0]).await;
            assert!(lane.bcrypt(4, [0; 16], &[0]).await.is_empty(), "on purpose");
        }));
        assert!(matches!(panicked, Err(Error::Internal(_))));
        assert!(matches!(runtime.block_on(pool.run(|_, _| async { 1 })), Ok(1)));
    }
}

#[tokio::test]
async fn whoever_has_waited_too_long_is_refused() {
    let random: SharedRandom = Arc::new(SystemRandom);
    let pool = Pool::start(PoolSettings { max_wait: Duration::from_millis(20), ..settings(1, 4) }, &random);
    let pool = pool.unwrap();
    let slow = pool.run(|_, _| async { std::thread::sleep(Duration::from_millis(60)) });
    let (slow, late) = tokio::join!(slow, pool.run(|_, _| async {}));
    assert!(slow.is_ok() && matches!(late, Err(Error::Overloaded { .. })));
    let load = pool.load();
    assert_eq!((load.taken, load.begun, load.refused, load.waiting), (2, 2, 1, 0));
    assert!(load.waited >= Duration::from_millis(40));
}

#[test]
fn malformed_stored_hashes_match_nothing() {
    let salt_and_hash = "YjsAPwIbPtLKQfDZnUHeZO5aNl3.Nj.nHkwv9vQZ6cLVNvJg1B8fK";
    let costs = ["99", "63", "32", "03", "00", "xx"].map(|cost| format!("$2b${cost}${salt_and_hash}"));
    let masked = format!("$2b$04${}", "*".repeat(53));
    let others = ["", "$2b$04$short", "plain text", "$hmac-sha384", &masked];
    for text in others.into_iter().chain(costs.iter().map(String::as_str)) {
        assert!(!is_right(&worker(4), "correct horse", &PasswordHash::from_stored(text.into())));
    }
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let random: SharedRandom = Arc::new(SystemRandom);
    let pool = Arc::new(Pool::start(settings(1, 1), &random).unwrap());
    let (started, running) = flume::bounded(1);
    let (release, held) = flume::bounded::<()>(1);
    let busy = pool.clone();
    let first = tokio::spawn(async move {
        busy.run(move |_, _| async move {
            let _ = started.send(());
            let _ = held.recv();
        })
        .await
    });
    running.recv_async().await.unwrap();
    let waiting = pool.run(|_, _| async {});
    tokio::pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    assert!(matches!(pool.run(|_, _| async {}).await, Err(Error::Overloaded { .. })));
    release.send(()).unwrap();
    waiting.await.unwrap();
    first.await.unwrap().unwrap();
}
