//! Makes changes visible to every node: through the cache, and where the cache does not take them
//! through durable notes, which every node acts on before it believes the cache again.

use std::{
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

use futures_util::future::join_all;

use super::{KEPT_NOTES, Note, Sessions};
use crate::domain::{
    accounts::User,
    error::Result,
    ids::{NoteId, SessionId, UserId},
    store::{StoreError, StoreResult},
};

/// How often notes are looked for. With the time limits of store and cache it keeps the promise that
/// a revocation is known to every node within two seconds.
const NOTES_INTERVAL: Duration = Duration::from_millis(400);
/// Notes that are read at once.
const NOTES_PAGE: u32 = 256;
/// Notes that wait in memory while neither cache nor store takes them.
const MAX_UNWRITTEN: usize = 100_000;
/// Tombstones that are written for one change. Further sessions are ended by the user's epoch.
const MAX_TOMBSTONES: usize = 1_000;

impl Sessions {
    /// Tells that a session was ended.
    ///
    /// # Errors
    /// `ServiceUnavailable` when neither the cache nor the notes took it: then other nodes may accept the
    /// session, and the caller should try again.
    pub(super) async fn announce_end(&self, user: &UserId, session: &SessionId) -> Result<()> {
        match self.parts.cache.end(user, std::slice::from_ref(session)).await {
            Ok(()) => Ok(()),
            Err(_) => Ok(self.parts.notes.insert(&self.note(user, Some(session))).await?),
        }
    }

    /// Tells that a user was changed. While neither the cache nor the notes take it, this process keeps
    /// trying; answers whether one of them did.
    pub(in crate::domain) async fn announce_user(&self, user: &User) -> bool {
        match self.parts.cache.put_user(user).await {
            Ok(()) => true,
            Err(_) => self.write(self.note(&user.id, None)).await,
        }
    }

    /// Tells of sessions that a change of the user has ended already, which [`Self::announce_user`]
    /// told: to spare requests with their tokens the way to the store.
    pub(super) async fn announce_ends(&self, user: &UserId, sessions: &[SessionId]) {
        let sessions = &sessions[..sessions.len().min(MAX_TOMBSTONES)];
        self.copy(self.parts.cache.end(user, sessions).await);
    }

    fn note(&self, user: &UserId, session: Option<&SessionId>) -> Note {
        let now = self.parts.clock.now();
        Note {
            id: NoteId::generate(now, &*self.parts.random),
            user_id: user.clone(),
            session_id: session.cloned(),
            made_at: now,
        }
    }

    async fn write(&self, note: Note) -> bool {
        let written = self.parts.notes.insert(&note).await;
        if let Err(error) = &written {
            tracing::warn!(%error, user = %note.user_id, "a note for other nodes was not written yet");
            let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
            if unwritten.len() < MAX_UNWRITTEN {
                unwritten.push(note);
            } else {
                tracing::error!("too many notes wait for the store; other nodes learn of this change late");
            }
        }
        written.is_ok()
    }

    /// Reads and acts on notes for as long as the service lives: those of other nodes, and of commands that
    /// run beside this process.
    pub fn follow_notes(self: &Arc<Self>) {
        let service = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(NOTES_INTERVAL);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(service) = Weak::upgrade(&service) else { return };
                service.catch_up().await;
            }
        });
    }

    async fn catch_up(&self) {
        let unwritten = std::mem::take(&mut *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner));
        for note in unwritten {
            self.write(note).await;
        }
        // Without a connection nothing of the cache is believed, and there is nobody to tell.
        let checkpoint = self.parts.cache.checkpoint();
        if checkpoint.is_some_and(|checkpoint| !checkpoint.is_connected) {
            return;
        }
        match (self.act_on_notes().await, checkpoint) {
            (Ok(()), Some(checkpoint)) => self.parts.cache.confirm(checkpoint),
            (Ok(()), None) => {}
            (Err(error), _) => tracing::debug!(%error, "notes could not be read"),
        }
    }

    async fn act_on_notes(&self) -> StoreResult<()> {
        let mut last: Option<NoteId> = None;
        loop {
            let notes = self.parts.notes.list(last.as_ref(), NOTES_PAGE).await?;
            // At once: a process that was cut off may have left many.
            let told = join_all(notes.iter().map(|note| self.act_on(note))).await;
            let told = told.into_iter().collect::<StoreResult<Vec<bool>>>()?;
            let done: Vec<NoteId> = notes
                .iter()
                .zip(told)
                .filter(|(_, is_told)| *is_told)
                .map(|(note, _)| note.id.clone())
                .collect();
            if !done.is_empty() {
                tracing::info!(count = done.len(), "told the cache what it had missed");
                self.parts.notes.remove(&done).await?;
            }
            if notes.len() < NOTES_PAGE as usize {
                return Ok(());
            }
            last = notes.last().map(|note| note.id.clone());
        }
    }

    /// Acts on a note in this process, whatever the cache does; answers whether it is done with.
    async fn act_on(&self, note: &Note) -> StoreResult<bool> {
        if note.made_at < self.parts.clock.now() - KEPT_NOTES {
            return Ok(true);
        }
        let told = match &note.session_id {
            Some(session) => self.parts.cache.end(&note.user_id, std::slice::from_ref(session)).await,
            None => match self.parts.users.find(&note.user_id).await {
                Ok(Some(user)) => self.parts.cache.put_user(&user).await,
                Ok(None) => Ok(()),
                Err(StoreError::Unavailable) => return Err(StoreError::Unavailable),
                Err(error) => {
                    // One user that cannot be read must not keep the cache from everybody else.
                    tracing::error!(%error, user = %note.user_id, "a note cannot be acted on");
                    Ok(())
                }
            },
        };
        Ok(told.is_ok())
    }

    /// Drops notes that nobody needs any more, and answers how many.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn purge_notes(&self) -> Result<u64> {
        Ok(self.parts.notes.purge(self.parts.clock.now() - KEPT_NOTES).await?)
    }
}
