//! Writes that come at the same time are made durable together: one wait for the disk for all that came while it
//! was busy with those before. Each is made as a whole or not at all, whatever becomes of the others.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::domain::store::{StoreError, StoreResult};

use super::error;

/// The most writes that are made durable at once, so that the first does not wait long for the last.
const MOST: usize = 128;
/// After this time a group is closed, for the same reason.
const LONGEST: Duration = Duration::from_millis(50);

/// What is told to whoever waits for a write, once it is known whether it is durable.
pub(super) type Verdict = Box<dyn FnOnce(StoreResult<()>) + Send>;

/// A write: does its work in the transaction, and says whether it is to be kept and whom to tell. `None` where
/// nobody waits any more; then it has done nothing.
pub(super) type Write = Box<dyn FnOnce(&Transaction<'_>) -> Option<(bool, Verdict)> + Send>;

/// Makes writes durable until the queue is closed.
pub(super) fn run(connection: &mut Connection, queue: &flume::Receiver<Write>) {
    for first in queue {
        let mut group = vec![first];
        while group.len() < MOST
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        let mut group = group.into_iter();
        // One that ends the transaction for all, or takes long, leaves the rest for another one.
        while group.len() > 0 {
            write(connection, &mut group);
        }
    }
}

fn write(connection: &mut Connection, group: &mut std::vec::IntoIter<Write>) {
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(failure) => {
            error::map(&failure);
            // Whoever waits for them learns that there is no answer.
            return group.for_each(drop);
        }
    };
    let mut told: Vec<Verdict> = Vec::with_capacity(group.len());
    let (mut outcome, began) = (Ok(()), Instant::now());
    for write in group.by_ref() {
        let (verdict, is_going_on) = one(&transaction, write);
        told.extend(verdict);
        if !is_going_on {
            outcome = Err(StoreError::Unavailable);
            break;
        }
        if began.elapsed() > LONGEST {
            break;
        }
    }
    if outcome.is_ok() {
        outcome = transaction.commit().map_err(|failure| error::map(&failure));
    }
    for tell in told {
        tell(outcome);
    }
}

/// Makes one write within the transaction, or undoes it; answers whom to tell, and whether the transaction goes on.
fn one(transaction: &Transaction<'_>, write: Write) -> (Option<Verdict>, bool) {
    let run = |statement| transaction.prepare_cached(statement).and_then(|mut it| it.execute([])).is_ok();
    if !run("SAVEPOINT one") {
        return (None, false);
    }
    // One that panics is undone, and must not take the thread with it.
    let (is_kept, verdict) = match catch_unwind(AssertUnwindSafe(|| write(transaction))) {
        Ok(Some((is_kept, verdict))) => (is_kept, Some(verdict)),
        Ok(None) => (true, None),
        Err(_) => {
            tracing::error!("a SQLite write panicked");
            (false, None)
        }
    };
    // A full disk, for one, ends the whole transaction, and nothing of the others is there.
    let is_going_on =
        !transaction.is_autocommit() && (is_kept || run("ROLLBACK TO one")) && run("RELEASE one");
    (verdict, is_going_on)
}
