//! Answers that are given again: a client that does not know what became of a request sends it once more
//! with the same `Idempotency-Key`, and nothing is done twice.

mod store;

use std::sync::Arc;

use chrono::TimeDelta;

pub use store::{Answer, AnswerStore, Begun, Reservation};

use super::{
    clock::{Instant, SharedClock},
    error::{Error, Result},
    faults::{Fault, FaultCode},
    ids::UserId,
    random::SharedRandom,
    tokens::{TokenHash, open_answer, seal_answer},
};

/// For how long an answer is given again.
pub const KEPT: TimeDelta = TimeDelta::hours(24);
/// The characters of a key. A shorter one could be that of somebody else as well.
pub const KEY_CHARACTERS: std::ops::RangeInclusive<usize> = 16..=255;
/// The wait for an answer that is being made.
const RUNNING_RETRY: std::time::Duration = std::time::Duration::from_secs(1);

/// One request by its key.
pub struct Call {
    reservation: Reservation,
    /// What the answer is sealed with: who has the store alone cannot read it.
    secret: Vec<u8>,
}

/// What is to be done about a call.
pub enum Todo {
    /// Do it, then [`Answers::finish`] or [`Answers::abandon`].
    Run(Call),
    /// Give this answer.
    Repeat(Vec<u8>),
}

/// Keeps answers.
pub struct Answers {
    store: Arc<dyn AnswerStore>,
    clock: SharedClock,
    random: SharedRandom,
    /// After this long an answer that is being made never will be: the process has died.
    patience: TimeDelta,
}

impl Answers {
    /// Keeps answers in this store. `time_limit` is how long a request may take.
    pub fn new(
        store: Arc<dyn AnswerStore>,
        clock: SharedClock,
        random: SharedRandom,
        time_limit: TimeDelta,
    ) -> Self {
        Self { store, clock, random, patience: time_limit + TimeDelta::minutes(1) }
    }

    /// Begins a call: whose, by which key, and what it asks for.
    ///
    /// # Errors
    /// `BadArguments` for a key that is none, `KeyReused` for one that was used for something else,
    /// `StillRunning`, `ServiceUnavailable`.
    pub async fn begin(&self, caller: Option<&UserId>, key: &str, body: &[u8]) -> Result<Todo> {
        check_key(key)?;
        let secret = [key.as_bytes(), b"\0", body].concat();
        let scope = caller.map_or("anonymous", UserId::as_str);
        let now = self.clock.now();
        let reservation = Reservation {
            id: TokenHash::of(format!("{scope}\0{key}").as_bytes()),
            // Of the key as well, so that what was sent cannot be guessed at without it.
            fingerprint: TokenHash::of(&secret),
            at: now,
        };
        match self.store.begin(&reservation, now - self.patience, now - KEPT).await? {
            Begun::New => Ok(Todo::Run(Call { reservation, secret })),
            Begun::Known(answer) if answer.fingerprint != reservation.fingerprint => Err(Error::KeyReused),
            Begun::Known(Answer { sealed: Some(sealed), .. }) => {
                let opened = open_answer(&secret, &sealed);
                opened.map(Todo::Repeat).ok_or_else(|| Error::Internal("an answer cannot be opened".into()))
            }
            Begun::Known(_) => Err(Error::StillRunning { retry_after: RUNNING_RETRY }),
        }
    }

    /// Keeps the answer. It was given: that it cannot be kept is no reason to take it back.
    pub async fn finish(&self, call: Call, answer: &[u8]) {
        let sealed = seal_answer(&call.secret, answer, &*self.random);
        let kept = match sealed {
            Some(sealed) => self.store.finish(&call.reservation, sealed).await,
            None => return tracing::error!("an answer cannot be sealed"),
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "an answer is not kept");
        }
    }

    /// Nothing came of it: the next call with the key does it.
    pub async fn abandon(&self, call: Call) {
        if let Err(error) = self.store.abandon(&call.reservation).await {
            tracing::warn!(%error, "a key is taken for a while");
        }
    }

    /// Drops answers that are not given any more, and tells how many.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn purge(&self) -> Result<u64> {
        let before: Instant = self.clock.now() - KEPT;
        Ok(self.store.purge(before).await?)
    }
}

fn check_key(key: &str) -> Result<()> {
    let fits = KEY_CHARACTERS.contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        return Ok(());
    }
    let message = format!(
        "must be {} to {} visible ASCII characters, such as a UUID",
        KEY_CHARACTERS.start(),
        KEY_CHARACTERS.end()
    );
    Err(Error::BadArguments(vec![Fault::new("Idempotency-Key", FaultCode::InvalidFormat, message)]))
}
