//! Accounts: registration, and all that a person does with an account after that.

mod avatar;
mod delete;
mod directory;
mod email;
mod email_change;
mod erase;
mod export;
mod letters;
mod metadata;
mod name;
mod password;
mod position;
mod preferences;
mod profile;
mod register;
mod reset;
mod store;
mod suspension;
mod tasks;
mod user;
mod username;
mod verify;

use std::sync::Arc;

use chrono::TimeDelta;
use url::Url;

pub use directory::{
    COUNTED_USERS, Insertion, MAX_PREFIX_CHARACTERS, UserDirectory, UserFilter, UserOrder, UserQuery,
    UserRange, UserSelector, UserStatus, last_seen_millis, name_key,
};
pub use email::{EmailAddress, EmailKey, MAX_EMAIL_BYTES};
pub use metadata::{MAX_METADATA_BYTES, MAX_METADATA_DEPTH, Metadata, UserMetadata};
pub use name::{DisplayName, MAX_NAME_CHARACTERS, parse_label};
pub use password::ChangePasswordRequest;
pub use position::UserPosition;
pub use preferences::{Locale, TimeZone};
pub use profile::UpdateProfileRequest;
pub(in crate::domain) use profile::changed_fields;
pub use register::{RegisterRequest, Registration};
pub use store::{ChangeOutcome, Consequences, Precondition, UserChange, UserFields, UserStore};
pub use suspension::{MAX_REASON_CHARACTERS, Suspension, parse_reason};
pub use user::{User, UserWithPassword};
pub use username::{MAX_USERNAME_CHARACTERS, MIN_USERNAME_CHARACTERS, Username};

use super::{
    access::ADMIN_ROLE,
    actor::{ClientInfo, Principal},
    audit::{self, Audit, AuditEvent, AuditKind},
    avatars::AvatarStore,
    clock::SharedClock,
    error::{AuthenticationFailure, Error, Result},
    ids::UserId,
    mail::Mailer,
    one_time::{OneTimeToken, OneTimeTokens, ProofRequest, Purpose},
    outbox::{Outbox, Slot, Task},
    passwords::Passwords,
    random::SharedRandom,
    rate_limits::{Class, Identifier, RateLimits},
    sessions::Sessions,
    store::{Field, StoreError},
};

/// The role of every user.
pub const USER_ROLE: &str = "user";

/// How often a change is tried of an account that others change at the same time.
const TRIES: u32 = 5;

/// Makes sure that somebody stays administrator when a change of this user is made that takes one away.
pub(in crate::domain) fn guard_administrator(change: &mut UserChange, user: &User) {
    change.only_if.has_other_administrator = user.roles.iter().any(|role| role == ADMIN_ROLE);
}

/// How accounts are kept.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// Where the pages are that links of mails lead to; ends with `/`.
    pub pages: Url,
    /// Nobody logs in before their address is verified.
    pub require_verified_email: bool,
    /// Registration does not tell whether an address has an account.
    pub private_registration: bool,
    /// How long after it was asked for an account is erased.
    pub deletion_grace: TimeDelta,
}

/// What the account service is made of.
pub struct AccountParts {
    /// The truth about users.
    pub users: Arc<dyn UserStore>,
    /// The hashing threads, and what a password may be.
    pub passwords: Arc<Passwords>,
    /// How often something may be tried.
    pub limits: Arc<RateLimits>,
    /// The session service.
    pub sessions: Arc<Sessions>,
    /// What happens is written down there.
    pub audit: Arc<Audit>,
    /// Tokens of mails.
    pub one_time: Arc<OneTimeTokens>,
    /// What is done later.
    pub outbox: Arc<Outbox>,
    /// Where pictures are kept.
    pub avatars: Arc<dyn AvatarStore>,
    /// The way out for mails.
    pub mailer: Arc<dyn Mailer>,
    /// The time.
    pub clock: SharedClock,
    /// Randomness for ids.
    pub random: SharedRandom,
    /// How accounts are kept.
    pub settings: AccountSettings,
}

/// The account service.
pub struct Accounts {
    parts: AccountParts,
}

impl Accounts {
    /// A service of these parts.
    pub const fn new(parts: AccountParts) -> Self {
        Self { parts }
    }

    /// What applications keep with a person.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn metadata(&self, user: &User) -> Result<UserMetadata> {
        let found = self.parts.users.find_metadata(&user.id).await?;
        found.ok_or(Error::Unauthenticated(AuthenticationFailure::SessionRevoked))
    }

    /// What the caller does to their own account.
    fn own(&self, kind: AuditKind, caller: &Principal) -> AuditEvent {
        audit::own(kind, caller, self.parts.clock.now(), &*self.parts.random)
    }

    /// What a person does who has proven to be this one.
    fn by_owner(&self, kind: AuditKind, user: &UserId) -> AuditEvent {
        audit::by_owner(kind, user, self.parts.clock.now(), &*self.parts.random)
    }

    /// Writes a mail down that somebody has asked for. One that was asked for a moment ago already costs the
    /// person no place: else others could use up all of them at once, and one mail would come.
    async fn enqueue_mail(
        &self,
        task: Task,
        slot: Slot,
        (class, identifier): (Class, &Identifier),
    ) -> Result<()> {
        let outcome = self.parts.outbox.enqueue(task, Some(slot)).await;
        if outcome.is_err() {
            self.parts.limits.give_back(class, identifier).await;
        }
        outcome
    }

    /// Finds the token of a mail. A code is tried only where its address has a place; who has a link is not
    /// kept from it by what neighbours try.
    async fn find_token(
        &self,
        proof: &ProofRequest,
        purpose: Purpose,
        client: &ClientInfo,
    ) -> Result<OneTimeToken> {
        let limits = &self.parts.limits;
        if proof.token.is_none() {
            limits.check(Class::Confirm, client, None).await?;
            return self.parts.one_time.find(proof, purpose).await;
        }
        limits.charge(Class::Confirm, client, self.parts.one_time.find(proof, purpose).await).await
    }

    /// The person whom a one-time token is for, if the token is still good for the account as it is.
    async fn holder(&self, token: &OneTimeToken, is_bound: bool) -> Result<User> {
        let user = self.parts.users.find(&token.user_id).await?;
        let fits = |user: &User| !is_bound || user.credential_epoch == token.credential_epoch;
        user.filter(fits).ok_or(Error::TokenInvalid)
    }

    /// Uses a token up and makes the change that it stands for. When the store does not take the change,
    /// the token can be used again.
    async fn redeem(&self, token: &OneTimeToken, change: &UserChange) -> Result<User> {
        self.parts.one_time.consume(token).await?;
        let error = match self.parts.users.change(change).await {
            Ok(ChangeOutcome::Changed(user)) => return Ok(user),
            Ok(ChangeOutcome::Unmet(_) | ChangeOutcome::Missing) => return Err(Error::TokenInvalid),
            Err(StoreError::Conflict(Field::Email)) => Error::EmailTaken,
            Err(error) => error.into(),
        };
        self.parts.one_time.give_back(token).await;
        Err(error)
    }
}
