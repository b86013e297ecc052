//! Issues and verifies access tokens: JWTs. Keys by `kid`, each with its one algorithm, every claim
//! checked, times by the injected clock, no leeway but the configured one (RFC 8725, ASVS 5.0 V9).

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, Header, Validation, jwk::Jwk};
use moka::sync::Cache;

use super::{
    access::{ActingParty, Claims, TOKEN_TYPE},
    ring::{KeyRing, KeyRingParts},
    seal::Sealer,
};
use crate::domain::{
    accounts::User,
    clock::{Instant, SharedClock},
    error::{AuthenticationFailure, Error, Result},
    ids::{AccessTokenId, KeyId, SessionId},
    metrics::metrics,
    random::SharedRandom,
    sessions::Session,
};

/// A token of ours is about 500 bytes; nothing longer is looked at.
const MAX_TOKEN_BYTES: usize = 4096;
/// Verified tokens that are remembered: about 1 KiB each.
const REMEMBERED_TOKENS: u64 = 10_000;

/// Who issues tokens, for whom, and for how long.
#[derive(Debug, Clone)]
pub struct IssuerSettings {
    /// The `iss` of every token: the public URL of the service.
    pub issuer: String,
    /// The `aud` of every token.
    pub audience: String,
    /// How long a token is valid.
    pub ttl: Duration,
    /// How far the clocks of nodes may be apart.
    pub leeway: TimeDelta,
}

impl IssuerSettings {
    /// What every token must fulfil, but for the times, which the library would read off the system
    /// clock. Each key replaces the algorithm by its own.
    pub fn validation(&self) -> Validation {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = 0;
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        validation
    }
}

/// A token just issued.
pub struct IssuedAccessToken {
    /// The token. A secret.
    pub token: String,
    /// When it expires.
    pub expires_at: Instant,
}

/// Why a token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// It verifies, but is past its expiry.
    Expired,
    /// It is not a token of ours.
    Invalid,
}

impl From<TokenError> for AuthenticationFailure {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::TokenExpired,
            TokenError::Invalid => Self::TokenInvalid,
        }
    }
}

/// The issuer and verifier of access tokens.
pub struct AccessTokens {
    settings: IssuerSettings,
    keys: KeyRing,
    clock: SharedClock,
    random: SharedRandom,
    /// Claims, with the key that signed them, by the SHA-256 of a token whose signature was verified, for
    /// at most its lifetime. An
    /// expired token found here is still refused: expiry is checked on every use.
    verified: Cache<[u8; 32], (KeyId, Arc<Claims>)>,
}

impl AccessTokens {
    /// An issuer with the keys of the store.
    ///
    /// # Errors
    /// As [`KeyRing::open`].
    pub async fn open(settings: IssuerSettings, keys: KeyRingParts) -> Result<Self> {
        let ring = KeyRing::open(keys.clone(), settings.validation()).await?;
        Ok(Self::new(settings, keys, ring))
    }

    /// The same for a command beside a service or without one: it looks at the keys and makes none.
    ///
    /// # Errors
    /// As [`KeyRing::open`].
    pub async fn read(settings: IssuerSettings, keys: KeyRingParts) -> Result<Self> {
        let ring = KeyRing::read(keys.clone(), settings.validation()).await?;
        Ok(Self::new(settings, keys, ring))
    }

    fn new(
        settings: IssuerSettings,
        KeyRingParts { clock, random, .. }: KeyRingParts,
        keys: KeyRing,
    ) -> Self {
        let verified = Cache::builder().max_capacity(REMEMBERED_TOKENS).time_to_live(settings.ttl).build();
        Self { settings, keys, clock, random, verified }
    }

    /// The signing keys.
    pub const fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Who issues the tokens.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Every public key, for verifiers elsewhere.
    pub fn published_keys(&self) -> Vec<Jwk> {
        self.keys.published()
    }

    /// Does to the keys what is due, and learns what other nodes did.
    ///
    /// # Errors
    /// As [`KeyRing::open`].
    pub async fn tend_keys(&self) -> Result<()> {
        self.keys.tend().await
    }

    /// Whether these secrets open every signing key that is stored; not where the store cannot tell.
    pub async fn can_all_be_opened_by(&self, sealer: &Sealer) -> bool {
        self.keys.can_be_opened_by(sealer).await
    }

    /// Issues a token for a session of `user`.
    ///
    /// # Errors
    /// `Internal` when the crypto library refuses to sign.
    pub fn issue(&self, user: &User, session: &SessionId) -> Result<IssuedAccessToken> {
        let ttl = i64::try_from(self.settings.ttl.as_secs()).unwrap_or(i64::MAX);
        self.issue_until(user, session, self.clock.now().timestamp().saturating_add(ttl), None)
    }

    /// Issues a token for a session in which somebody acts for `user`, as long as the session.
    ///
    /// # Errors
    /// `Internal` when the crypto library refuses to sign.
    pub fn issue_for(&self, user: &User, session: &Session) -> Result<IssuedAccessToken> {
        let act = session.impersonation.as_ref().map(|by| ActingParty { sub: by.by.clone() });
        self.issue_until(user, &session.id, session.expires_at().timestamp(), act)
    }

    fn issue_until(
        &self,
        user: &User,
        session: &SessionId,
        exp: i64,
        act: Option<ActingParty>,
    ) -> Result<IssuedAccessToken> {
        let now = self.clock.now();
        let issued_at = now.timestamp();
        let claims = Claims {
            iss: self.settings.issuer.clone(),
            sub: user.id.clone(),
            aud: self.settings.audience.clone(),
            iat: issued_at,
            nbf: issued_at,
            exp,
            jti: AccessTokenId::generate(now, &*self.random),
            sid: session.clone(),
            act,
            roles: user.roles.clone(),
        };
        let keys = self.keys.current();
        let key = keys.signing(now).ok_or_else(|| Error::Internal("there is no signing key".into()))?;
        let mut header = Header::new(key.algorithm.of_library());
        header.typ = Some(TOKEN_TYPE.into());
        header.kid = Some(key.id.to_string());
        let token = jsonwebtoken::encode(&header, &claims, &key.encoding)
            .map_err(|error| Error::Internal(format!("signing: {error}")))?;
        let expires_at = Instant::from_timestamp(claims.exp, 0).unwrap_or(now);
        Ok(IssuedAccessToken { token, expires_at })
    }

    /// The claims of a token that is ours and valid now.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn verify(&self, token: &str) -> std::result::Result<Arc<Claims>, TokenError> {
        let claims = self.verify_signature(token).await?;
        let now = self.clock.now();
        if claims.is_expired(now - self.settings.leeway) {
            return Err(TokenError::Expired);
        }
        if claims.is_premature(now + self.settings.leeway) {
            return Err(TokenError::Invalid);
        }
        Ok(claims)
    }

    /// The claims of a token that is ours, expired or not. For logout alone.
    ///
    /// # Errors
    /// `Invalid`.
    pub async fn verify_signature(&self, token: &str) -> std::result::Result<Arc<Claims>, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        if let Some((key, claims)) = self.verified.get(&fingerprint)
            // The key may have been taken out since.
            && self.keys.current().verifying(key.as_str()).is_some()
        {
            metrics().verified_tokens.note(true);
            return Ok(claims);
        }
        metrics().verified_tokens.note(false);
        let (key, claims) = self.decode(token).await.ok_or(TokenError::Invalid)?;
        let claims = Arc::new(claims);
        self.verified.insert(fingerprint, (key, claims.clone()));
        Ok(claims)
    }

    async fn decode(&self, token: &str) -> Option<(KeyId, Claims)> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        // `jku`, `jwk` and `x5u` are never looked at; an extension that must be understood is not.
        if header.typ.as_deref() != Some(TOKEN_TYPE) || header.crit.is_some() {
            return None;
        }
        // Only what has the form of a key of ours is looked for (RFC 8725 §3.10).
        let id: KeyId = header.kid.as_deref()?.parse().ok()?;
        let mut keys = self.keys.current();
        if keys.verifying(id.as_str()).is_none() {
            // Another node may have made it, and another request may have learnt it meanwhile.
            self.keys.learn().await;
            keys = self.keys.current();
        }
        let key = keys.verifying(id.as_str())?;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key.decoding, &key.validation).ok()?;
        Some((id, decoded.claims))
    }
}
