//! Makes changes visible to every node: through the cache, and where the cache does not take them
//! through durable notes, which every node acts on before it believes the cache again.

use std::{
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

use super::{KEPT_NOTES, Note, Sessions};
use crate::domain::{
    accounts::User,
    error::Result,
    ids::{NoteId, SessionId, UserId},
    store::StoreResult,
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
    pub(super) async fn announce_end(&self, user: &UserId, session: &SessionId) {
        self.announce(
            user,
            Some(session),
            self.parts.cache.end(user, std::slice::from_ref(session)).await.is_ok(),
        )
        .await;
    }

    /// Tells that a user was changed.
    pub(in crate::domain) async fn announce_user(&self, user: &User) {
        self.announce(&user.id, None, self.parts.cache.put_user(user).await.is_ok()).await;
    }

    /// Tells of sessions that a change of the user has ended already, which [`Self::announce_user`]
    /// told: to spare requests with their tokens the way to the store.
    pub(super) async fn announce_ends(&self, user: &UserId, sessions: &[SessionId]) {
        let sessions = &sessions[..sessions.len().min(MAX_TOMBSTONES)];
        self.copy(self.parts.cache.end(user, sessions).await);
    }

    async fn announce(&self, user: &UserId, session: Option<&SessionId>, is_told: bool) {
        if is_told {
            return;
        }
        let now = self.parts.clock.now();
        let note = Note {
            id: NoteId::generate(now, &*self.parts.random),
            user_id: user.clone(),
            session_id: session.cloned(),
            made_at: now,
        };
        self.write(note).await;
    }

    async fn write(&self, note: Note) {
        if let Err(error) = self.parts.notes.insert(&note).await {
            tracing::warn!(%error, user = %note.user_id, "a note for other nodes was not written yet");
            let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
            if unwritten.len() < MAX_UNWRITTEN {
                unwritten.push(note);
            } else {
                tracing::error!("too many notes wait for the store; other nodes learn of this change late");
            }
        }
    }

    /// Reads and acts on notes for as long as the service lives. Needed where the cache is one that
    /// can miss a change.
    pub fn follow_notes(self: &Arc<Self>) {
        if self.parts.cache.checkpoint().is_none() {
            return;
        }
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
        let Some(checkpoint) = self.parts.cache.checkpoint().filter(|checkpoint| checkpoint.is_connected)
        else {
            return;
        };
        match self.act_on_notes().await {
            Ok(()) => self.parts.cache.confirm(checkpoint),
            Err(error) => tracing::debug!(%error, "notes could not be read"),
        }
    }

    async fn act_on_notes(&self) -> StoreResult<()> {
        let mut last: Option<NoteId> = None;
        loop {
            let notes = self.parts.notes.list(last.as_ref(), NOTES_PAGE).await?;
            for note in &notes {
                if self.act_on(note).await? {
                    self.parts.notes.remove(&note.id).await?;
                }
            }
            if notes.len() < NOTES_PAGE as usize {
                return Ok(());
            }
            last = notes.last().map(|note| note.id.clone());
        }
    }

    /// Acts on a note in this process, whatever the cache does; answers whether the cache took it.
    async fn act_on(&self, note: &Note) -> StoreResult<bool> {
        let told = match &note.session_id {
            Some(session) => self.parts.cache.end(&note.user_id, std::slice::from_ref(session)).await,
            None => match self.parts.users.find(&note.user_id).await? {
                Some(user) => self.parts.cache.put_user(&user).await,
                None => Ok(()),
            },
        };
        if told.is_ok() {
            tracing::info!(user = %note.user_id, "told the cache what it had missed");
        }
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
