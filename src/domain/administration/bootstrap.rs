//! The first administrator.

use super::Administration;
use crate::domain::{
    access::ADMIN_ROLE,
    accounts::{USER_ROLE, User, UserChange},
    audit::{self, AuditKind},
    error::Result,
    outbox::{SETTLED, Slot, Task},
    passwords::PasswordHash,
};

impl Administration {
    /// Makes the owner of the configured address administrator, if the address is verified and there is no
    /// administrator. Answers whether there is nothing more to be done.
    ///
    /// The password is worth nothing from then on, and the way to a new one is sent to the address: anybody may
    /// have made the account, with a password of theirs, and its owner may have confirmed that without a thought.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn bootstrap(&self) -> Result<bool> {
        let Some(email) = &self.parts.settings.bootstrap else { return Ok(true) };
        if self.parts.directory.count_holders(ADMIN_ROLE, 1).await? > 0 {
            return Ok(true);
        }
        let found = self.parts.users.find_by_email(&email.key()).await?.map(|found| found.user);
        let now = self.parts.clock.now();
        let is_fit =
            |user: &User| user.email_verified && user.deletion_due_at.is_none() && !user.is_suspended(now);
        let Some(user) = found.filter(is_fit) else { return Ok(false) };
        let mut change = UserChange::of(&user.id, now);
        change.only_if.version = Some(user.version);
        let mut roles = user.roles.clone();
        roles.extend([ADMIN_ROLE.to_owned(), USER_ROLE.to_owned()]);
        roles.sort_unstable();
        roles.dedup();
        change.set.roles = Some(roles.clone());
        change.set.password_hash = Some(PasswordHash::none());
        change.consequences.ends_sessions = true;
        change.consequences.ends_tokens = true;
        let event = audit::by_itself(AuditKind::UserRolesChanged, &user.id, now, &*self.parts.random);
        let event = event.with("before", user.roles.clone()).with("after", roles);
        let reset = |user: &User| {
            let task = Task::ResetPassword { email: user.email.clone(), ticket: None };
            (task, Some(Slot::of("bootstrap", &user.email)))
        };
        // Written down first: nobody is left with neither a password nor a way to one.
        let (task, slot) = reset(&user);
        self.parts.outbox.enqueue_at(task, slot, now + SETTLED).await?;
        let Some(user) = self.parts.users.change(&change.recorded(event)).await?.changed() else {
            return Ok(false);
        };
        tracing::warn!(user = %user.id, "the first administrator: the owner of BOOTSTRAP_ADMIN_EMAIL");
        self.parts.sessions.end_all(&user).await;
        let (task, slot) = reset(&user);
        self.parts.outbox.enqueue(task, slot).await?;
        Ok(true)
    }
}
