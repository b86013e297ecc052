//! One-time tokens: what a mail carries so that its reader can do one thing once. A link has a token of
//! 256 bits; beside it stands a short code, which works only together with the ticket that the device
//! got that asked for the mail.

mod secret;
mod store;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use tokio::time::Instant;

pub use secret::{CODE_ALPHABET, CODE_CHARACTERS, OneTimeSecret, ShortCode, Ticket};
pub use store::{CodeState, OneTimeToken, OneTimeTokenStore, Purpose};

use super::{
    accounts::{EmailAddress, User},
    clock::SharedClock,
    error::{Error, Result},
    faults::{Fault, FaultCode, Faults},
    ids::{OneTimeTokenId, UserId},
    random::SharedRandom,
    tokens::TokenHash,
};

/// How often a wrong code may be tried.
pub const MAX_CODE_ATTEMPTS: u32 = 5;
/// Longer than a store that works writes an attempt down.
const ATTEMPT_TIME: Duration = Duration::from_millis(50);
/// How long a code can be entered (ASVS 5.0 V6.5.5: ten minutes at most).
pub const CODE_TTL: TimeDelta = TimeDelta::minutes(10);
/// How long a change of the address can be undone.
pub const UNDO_TTL: TimeDelta = TimeDelta::days(7);

/// How long an invitation can be accepted.
pub const INVITATION_TTL: TimeDelta = TimeDelta::days(7);

/// How long tokens live.
#[derive(Debug, Clone, Copy)]
pub struct OneTimeSettings {
    /// Those that verify an address, at registration and for a change.
    pub verification_ttl: TimeDelta,
    /// Those that reset a password.
    pub reset_ttl: TimeDelta,
}

/// What the service of one-time tokens is made of.
pub struct OneTimeParts {
    /// The truth about them.
    pub store: Arc<dyn OneTimeTokenStore>,
    /// The time.
    pub clock: SharedClock,
    /// Randomness for tokens and codes.
    pub random: SharedRandom,
    /// How long they live.
    pub settings: OneTimeSettings,
}

/// The service of one-time tokens.
pub struct OneTimeTokens {
    parts: OneTimeParts,
}

/// A token that was just made, in clear, for one mail.
pub struct Minted {
    /// What the link carries.
    pub secret: OneTimeSecret,
    /// What is written beside it, where a device asked.
    pub code: Option<ShortCode>,
    /// For how long the link works.
    pub ttl: TimeDelta,
}

/// What a person shows: the token of a link, or a code with the ticket of the device.
#[derive(Debug, Clone, Default)]
pub struct ProofRequest {
    /// The token of a link.
    pub token: Option<String>,
    /// The ticket that the request for the mail was answered with.
    pub ticket: Option<String>,
    /// The code of the mail.
    pub code: Option<String>,
}

enum Proof {
    Link(Option<OneTimeSecret>),
    Code(Option<Ticket>, ShortCode),
}

impl OneTimeTokens {
    /// A service of these parts.
    pub const fn new(parts: OneTimeParts) -> Self {
        Self { parts }
    }

    /// A ticket for a device that asks for a mail.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket::generate(&*self.parts.random)
    }

    /// Makes a token for `user` about `email`, with a code for the device that has the ticket.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub(super) async fn mint(
        &self,
        purpose: Purpose,
        user: &User,
        email: &EmailAddress,
        ticket: Option<TokenHash>,
    ) -> Result<Minted> {
        let OneTimeParts { store, clock, random, .. } = &self.parts;
        let (now, ttl) = (clock.now(), self.ttl(purpose));
        let secret = OneTimeSecret::generate(&**random);
        let code = ticket.map(|ticket| (ticket, ShortCode::generate(&**random)));
        let state = code.as_ref().map(|(ticket, code)| CodeState {
            ticket: *ticket,
            code: code.hash(ticket),
            expires_at: now + CODE_TTL.min(ttl),
            attempts: 0,
        });
        let token = OneTimeToken { code: state, ..self.token(purpose, user, email) };
        store.insert(&token, &secret.hash()).await?;
        Ok(Minted { secret, code: code.map(|(_, code)| code), ttl })
    }

    /// Makes a token by which somebody chooses a first password, who did not ask for it and may read the mail
    /// days later.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub(super) async fn mint_invitation(&self, user: &User) -> Result<Minted> {
        let secret = OneTimeSecret::generate(&*self.parts.random);
        let token = self.token(Purpose::ResetPassword, user, &user.email);
        let token = OneTimeToken { expires_at: token.created_at + INVITATION_TTL, ..token };
        self.parts.store.insert(&token, &secret.hash()).await?;
        Ok(Minted { secret, code: None, ttl: INVITATION_TTL })
    }

    /// Makes a token without a code whose secret nobody knows yet: for a mail that is written later, and
    /// not at all if the token is removed before.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub(super) async fn reserve(
        &self,
        purpose: Purpose,
        user: &User,
        email: &EmailAddress,
    ) -> Result<OneTimeTokenId> {
        let secret = OneTimeSecret::generate(&*self.parts.random);
        let token = self.token(purpose, user, email);
        self.parts.store.insert(&token, &secret.hash()).await?;
        Ok(token.id)
    }

    /// Draws the secret of a token that was reserved; `None` if it is not there any more.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub(super) async fn arm(&self, id: &OneTimeTokenId, purpose: Purpose) -> Result<Option<Minted>> {
        let secret = OneTimeSecret::generate(&*self.parts.random);
        let is_there = self.parts.store.rehash(id, &secret.hash(), self.parts.clock.now()).await?;
        Ok(is_there.then(|| Minted { secret, code: None, ttl: self.ttl(purpose) }))
    }

    fn token(&self, purpose: Purpose, user: &User, email: &EmailAddress) -> OneTimeToken {
        let now = self.parts.clock.now();
        OneTimeToken {
            id: OneTimeTokenId::generate(now, &*self.parts.random),
            purpose,
            user_id: user.id.clone(),
            credential_epoch: user.credential_epoch,
            email: email.clone(),
            code: None,
            created_at: now,
            expires_at: now + self.ttl(purpose),
            used_at: None,
        }
    }

    const fn ttl(&self, purpose: Purpose) -> TimeDelta {
        match purpose {
            Purpose::VerifyEmail | Purpose::ChangeEmail => self.parts.settings.verification_ttl,
            Purpose::ResetPassword => self.parts.settings.reset_ttl,
            Purpose::UndoEmailChange => UNDO_TTL,
        }
    }

    /// The token that a person shows for a purpose. It is not used up by this; a code costs an attempt.
    ///
    /// # Errors
    /// `BadUserInput` without a token, or a code and its ticket; `TokenInvalid` for one that is unknown,
    /// for another purpose, used, or too old, and after five wrong codes; `ServiceUnavailable`.
    pub(super) async fn find(&self, proof: &ProofRequest, purpose: Purpose) -> Result<OneTimeToken> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let begun = Instant::now();
        let found = match read(proof)? {
            Proof::Link(secret) => match secret {
                Some(secret) => store.find(&secret.hash()).await?,
                None => None,
            },
            Proof::Code(None, _) => None,
            Proof::Code(Some(ticket), code) => {
                let ticket = ticket.hash();
                let tried = store.attempt(&ticket, purpose, now, MAX_CODE_ATTEMPTS).await;
                // An attempt is written where there is a token, which is where there is an account.
                tokio::time::sleep_until(begun + ATTEMPT_TIME).await;
                tried?.filter(|token| token.code.as_ref().is_some_and(|state| state.is(&ticket, &code)))
            }
        };
        let found = found.filter(|token| token.purpose == purpose && token.is_good(now));
        found.ok_or_else(|| {
            tracing::info!(purpose = purpose.as_str(), "one-time token refused");
            Error::TokenInvalid
        })
    }

    /// Uses a token up: of many calls one succeeds.
    ///
    /// # Errors
    /// `TokenInvalid` for one that was used meanwhile; `ServiceUnavailable`.
    pub(super) async fn consume(&self, token: &OneTimeToken) -> Result<()> {
        let is_first = self.parts.store.consume(&token.id, self.parts.clock.now()).await?;
        if is_first { Ok(()) } else { Err(Error::TokenInvalid) }
    }

    /// Makes a token usable again that was used for a change which the store did not take.
    pub(super) async fn give_back(&self, token: &OneTimeToken) {
        if let Err(error) = self.parts.store.give_back(&token.id).await {
            tracing::warn!(%error, token = %token.id, "a one-time token was used in vain");
        }
    }

    /// Every token of a person, used or not.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub(super) async fn list_of(&self, user: &UserId) -> Result<Vec<OneTimeToken>> {
        Ok(self.parts.store.list_of(user).await?)
    }

    /// Uses up every token of its holder and purpose that was made after this one.
    ///
    /// # Errors
    /// `ServiceUnavailable`; then some may still be good.
    pub(super) async fn end_later(&self, token: &OneTimeToken) -> Result<()> {
        for later in self.parts.store.list_of(&token.user_id).await? {
            if later.purpose == token.purpose && later.id > token.id && later.used_at.is_none() {
                self.parts.store.consume(&later.id, self.parts.clock.now()).await?;
            }
        }
        Ok(())
    }

    /// Removes every token of a person.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub(super) async fn remove_of(&self, user: &UserId) -> Result<()> {
        Ok(self.parts.store.remove_of(user).await?)
    }

    /// Drops tokens that have ended, and answers how many.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn purge(&self) -> Result<u64> {
        Ok(self.parts.store.purge(self.parts.clock.now()).await?)
    }
}

/// A token that is malformed is as good as unknown; a malformed code is a slip of the keyboard and
/// costs no attempt.
fn read(proof: &ProofRequest) -> Result<Proof> {
    let mut faults = Faults::default();
    match (&proof.token, &proof.ticket, &proof.code) {
        (Some(token), None, None) => return Ok(Proof::Link(OneTimeSecret::parse(token.trim()))),
        (None, Some(ticket), Some(code)) => {
            if let Some(code) = faults.check(ShortCode::parse(code)) {
                return Ok(Proof::Code(Ticket::parse(ticket.trim()), code));
            }
        }
        _ => {
            let message = "must be given, or else `ticket` and `code`";
            faults.check::<()>(Err(Fault::new("token", FaultCode::Required, message)));
        }
    }
    Err(faults.into_error())
}
