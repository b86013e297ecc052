//! The durable store of one-time tokens.

use async_trait::async_trait;

use crate::domain::{
    accounts::EmailAddress,
    clock::Instant,
    ids::{OneTimeTokenId, UserId},
    store::StoreResult,
    tokens::TokenHash,
};

/// What a token is for; it is good for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To show that an address is one's own.
    VerifyEmail,
    /// To choose a new password without the old one.
    ResetPassword,
    /// To move the account to another address.
    ChangeEmail,
    /// To move it back.
    UndoEmailChange,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 4] =
        [Self::VerifyEmail, Self::ResetPassword, Self::ChangeEmail, Self::UndoEmailChange];

    /// The purpose as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
            Self::UndoEmailChange => "undo_email_change",
        }
    }

    /// Reads a purpose as it is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// The short code of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeState {
    /// The hash of the ticket that it works with.
    pub ticket: TokenHash,
    /// The hash of code and ticket.
    pub code: TokenHash,
    /// When it ends.
    pub expires_at: Instant,
    /// How often a code was tried.
    pub attempts: u32,
}

/// A one-time token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTimeToken {
    /// The id.
    pub id: OneTimeTokenId,
    /// What it is for.
    pub purpose: Purpose,
    /// Whose token.
    pub user_id: UserId,
    /// The state of password and address when it was made.
    pub credential_epoch: i64,
    /// The address that it is about: that to verify, or that to move to.
    pub email: EmailAddress,
    /// The short code beside it.
    pub code: Option<CodeState>,
    /// When it was made.
    pub created_at: Instant,
    /// When it ends.
    pub expires_at: Instant,
    /// When it was used, if it was.
    pub used_at: Option<Instant>,
}

impl OneTimeToken {
    /// Whether it can be used at `now`. The instant of expiry itself is past.
    pub fn is_good(&self, now: Instant) -> bool {
        self.used_at.is_none() && now < self.expires_at
    }
}

/// The truth about one-time tokens. Every method is one atomic operation; every method fails with
/// `Unavailable` or `Corrupt` as [`crate::domain::store::StoreError`] says.
#[async_trait]
pub trait OneTimeTokenStore: Send + Sync {
    /// Adds a token.
    ///
    /// # Errors
    /// `Conflict(Identity)` for a hash that is there.
    async fn insert(&self, token: &OneTimeToken, hash: &TokenHash) -> StoreResult<()>;

    /// Gives a token that is not used and has not ended at `at` another hash: what had the old one is worth
    /// nothing from then on. `false`, without a write, if there is no such token.
    async fn rehash(&self, id: &OneTimeTokenId, hash: &TokenHash, at: Instant) -> StoreResult<bool>;

    /// The token with this hash, used or not.
    async fn find(&self, hash: &TokenHash) -> StoreResult<Option<OneTimeToken>>;

    /// Counts an attempt to enter the code of the newest token that has this ticket and purpose, is not
    /// used, and whose code is neither expired at `at` nor was tried `limit` times; answers that token.
    /// Of concurrent calls no more than `limit` are answered with one.
    async fn attempt(
        &self,
        ticket: &TokenHash,
        purpose: Purpose,
        at: Instant,
        limit: u32,
    ) -> StoreResult<Option<OneTimeToken>>;

    /// Uses a token up; `false` if it was used before or is not there. Of concurrent calls one is
    /// answered with `true`.
    async fn consume(&self, id: &OneTimeTokenId, at: Instant) -> StoreResult<bool>;

    /// Takes back that a token was used.
    async fn give_back(&self, id: &OneTimeTokenId) -> StoreResult<()>;

    /// Every token of a person, the oldest first, at most 1,000.
    async fn list_of(&self, user: &UserId) -> StoreResult<Vec<OneTimeToken>>;

    /// Removes every token of a person.
    async fn remove_of(&self, user: &UserId) -> StoreResult<()>;

    /// Removes tokens that have ended at `now`, and answers how many.
    async fn purge(&self, now: Instant) -> StoreResult<u64>;
}
