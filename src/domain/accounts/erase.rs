//! The erasure of an account. Every step bears being done twice, and the account itself goes last: after
//! a crash all of it is done again.

use chrono::DateTime;

use super::{Accounts, ChangeOutcome, User, UserChange};
use crate::domain::{
    audit::{self, AuditKind},
    clock::Instant,
    error::Error,
    ids::{TaskId, UserId},
    outbox::{Slot, Task, TaskError},
    patch::Patch,
};

/// The due time of an account whose erasure has begun: no login brings it back.
const BEGUN: Instant = DateTime::UNIX_EPOCH;

impl Accounts {
    /// Erases an account whose owner still wants that.
    pub(super) async fn erase(&self, id: &UserId, task: &TaskId) -> Result<(), TaskError> {
        let found = self.parts.users.find(id).await.map_err(Error::from)?;
        let Some(user) = found else { return Ok(()) };
        let Some(due_at) = user.deletion_due_at else {
            tracing::info!(user = %id, "account is not erased: its owner came back");
            return Ok(());
        };
        if due_at > self.parts.clock.now() {
            return Err(TaskError::Later("the account is not due yet".into()));
        }
        self.begin_erasure(&user, due_at).await?;

        let (outbox, one_time) = (&self.parts.outbox, &self.parts.one_time);
        self.parts.sessions.erase(id).await?;
        one_time.remove_of(id).await?;
        outbox.forget(id, task).await?;
        if let Some(avatar) = &user.avatar {
            self.drop_avatar(id, &avatar.public_id, self.parts.clock.now()).await?;
        }
        let User { email, name, locale, .. } = user;
        outbox.enqueue(Task::Farewell { email, name, locale }, Some(Slot::of_user("farewell", id))).await?;
        self.parts.audit.redact(id).await?;
        let (now, random) = (self.parts.clock.now(), &*self.parts.random);
        let event = audit::by_itself(AuditKind::UserErased, id, now, random);
        self.parts.users.remove(id, Some(&event)).await.map_err(Error::from)?;
        // Once more, for a login that was under way.
        self.parts.sessions.erase(id).await?;
        tracing::info!(user = %id, "account erased");
        Ok(())
    }

    /// From here on there is no way back, also for a login that is under way.
    async fn begin_erasure(&self, user: &User, due_at: Instant) -> Result<(), TaskError> {
        if due_at == BEGUN {
            return Ok(());
        }
        let mut change = UserChange::of(&user.id, self.parts.clock.now());
        change.only_if.deletion_due_at = Patch::Set(due_at);
        change.set.deletion_due_at = Patch::Set(BEGUN);
        change.consequences.ends_sessions = true;
        change.consequences.ends_tokens = true;
        match self.parts.users.change(&change).await.map_err(Error::from)? {
            ChangeOutcome::Changed(user) => {
                self.parts.sessions.announce_user(&user).await;
                Ok(())
            }
            ChangeOutcome::Unmet(_) => Err(TaskError::Later("the account was changed meanwhile".into())),
            ChangeOutcome::Missing => Ok(()),
        }
    }
}
