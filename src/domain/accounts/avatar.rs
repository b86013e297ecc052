//! The picture of a person.

use chrono::TimeDelta;

use super::{Accounts, User, UserChange};
use crate::domain::{
    actor::Principal,
    audit::AuditKind,
    avatars::{Avatar, AvatarError, AvatarUpload, Confirmation, Picture, Receipt, UploadForm},
    clock::Instant,
    error::{AuthenticationFailure, Error, Result},
    faults::{Fault, FaultCode},
    ids::UserId,
    outbox::{Slot, Task, TaskError},
    patch::Patch,
};

/// How long an upload may wait for its confirmation, and a picture is kept that was replaced: longer
/// than pages are looked at that show it.
const KEPT: TimeDelta = TimeDelta::hours(2);
/// How long after its upload a picture can be confirmed.
const CONFIRMED_WITHIN: TimeDelta = TimeDelta::hours(1);
/// The largest picture that can be asked for.
const MAX_SIZE: i32 = 1024;

impl Accounts {
    /// Lets the caller upload a picture, directly to where pictures are kept. What is not confirmed is
    /// removed again.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn create_avatar_upload(&self, caller: &Principal) -> Result<AvatarUpload> {
        let now = self.parts.clock.now();
        let upload = self.parts.avatars.prepare(&caller.user.id, now);
        self.drop_avatar(&caller.user.id, &upload.public_id, now + KEPT).await?;
        Ok(upload)
    }

    /// Makes an uploaded picture that of the caller.
    ///
    /// # Errors
    /// `TokenInvalid` for a signature that is not that of the store of pictures, or of somebody else's
    /// upload; `ServiceUnavailable`.
    pub async fn confirm_avatar(&self, caller: &Principal, answer: &Confirmation) -> Result<User> {
        // By now it may have been removed again.
        if self.parts.clock.now().timestamp().saturating_sub(answer.version) >= CONFIRMED_WITHIN.num_seconds()
        {
            return Err(Error::TokenInvalid);
        }
        let avatar = self.parts.avatars.confirm(&caller.user.id, answer).map_err(into_error)?;
        self.set_avatar(caller, Patch::Set(avatar)).await
    }

    /// Leaves the caller without a picture.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn remove_avatar(&self, caller: &Principal) -> Result<User> {
        self.set_avatar(caller, Patch::Clear).await
    }

    async fn set_avatar(&self, caller: &Principal, avatar: Patch<Avatar>) -> Result<User> {
        let now = self.parts.clock.now();
        let old = self.parts.users.find(&caller.user.id).await?.and_then(|user| user.avatar);
        if let Some(old) = old {
            // Written down first; it is not removed while it is the person's.
            self.drop_avatar(&caller.user.id, &old.public_id, now + KEPT).await?;
        }
        let mut change = UserChange::of(&caller.user.id, now);
        change.set.avatar = avatar;
        let change = change.recorded(self.own(AuditKind::ProfileUpdated, caller).with("avatar", true));
        let user = self.parts.users.change(&change).await?.changed();
        let user = user.ok_or(Error::Unauthenticated(AuthenticationFailure::SessionRevoked))?;
        self.parts.sessions.announce_user(&user).await;
        Ok(user)
    }

    /// Has a picture removed, unless it is that of the person by then.
    pub(super) async fn drop_avatar(&self, user: &UserId, public_id: &str, at: Instant) -> Result<()> {
        let task = Task::DropAvatar { user_id: user.clone(), public_id: public_id.to_owned() };
        let slot = Slot::of_user(&format!("avatar:{public_id}"), user);
        self.parts.outbox.enqueue_at(task, Some(slot), at).await
    }

    /// Removes a picture that is nobody's.
    pub(super) async fn delete_avatar(
        &self,
        user: &UserId,
        public_id: &str,
    ) -> std::result::Result<(), TaskError> {
        let user = self.parts.users.find(user).await.map_err(Error::from)?;
        if user.and_then(|user| user.avatar).is_some_and(|avatar| avatar.public_id == public_id) {
            return Ok(());
        }
        let removed = self.parts.avatars.delete(public_id, self.parts.clock.now()).await;
        removed.map_err(|error| TaskError::Later(error.to_string()))
    }

    /// Where the picture of a person can be had, in a square of at least `size` pixels if one is given.
    ///
    /// # Errors
    /// `BadArguments` for a size that no picture has.
    pub fn avatar_url(&self, avatar: &Avatar, size: Option<i32>) -> Result<String> {
        let size = match size {
            Some(size @ 1..=MAX_SIZE) => Some(size.unsigned_abs()),
            Some(_) => {
                let message = format!("must be from 1 to {MAX_SIZE}");
                return Err(Error::BadArguments(vec![Fault::new("size", FaultCode::OutOfRange, message)]));
            }
            None => None,
        };
        Ok(self.parts.avatars.url(avatar, size))
    }

    /// Whether a picture with this form would be taken, before it is read.
    ///
    /// # Errors
    /// Those of [`crate::domain::avatars::AvatarStore::admit`].
    pub fn admit_avatar(&self, fields: &[(String, String)]) -> std::result::Result<(), AvatarError> {
        self.parts.avatars.admit(fields, self.parts.clock.now())
    }

    /// Takes a picture that was posted to this service.
    ///
    /// # Errors
    /// Those of [`crate::domain::avatars::AvatarStore::receive`].
    pub async fn receive_avatar(&self, form: UploadForm) -> std::result::Result<Receipt, AvatarError> {
        self.parts.avatars.receive(form, self.parts.clock.now()).await
    }

    /// A picture that this service keeps.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn read_avatar(
        &self,
        public_id: &str,
        size: Option<u32>,
    ) -> std::result::Result<Option<Picture>, AvatarError> {
        self.parts.avatars.read(public_id, size).await
    }
}

fn into_error(error: AvatarError) -> Error {
    match error {
        AvatarError::Signature => Error::TokenInvalid,
        other => Error::Internal(other.to_string()),
    }
}
