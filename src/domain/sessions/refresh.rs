//! Refresh: rotation of the refresh token with a grace window for answers that got lost.

use super::{
    RetiredToken, Rotation, RotationOutcome, Session, SessionEventKind, SessionSelector, Sessions, SignedIn,
};
use crate::domain::{
    error::{AuthenticationFailure, Error, Result},
    metrics::metrics,
    tokens::RefreshToken,
};

impl Sessions {
    /// Exchanges a refresh token for a new pair of tokens.
    ///
    /// A repeat of a token within the grace window after its retirement gets the token that is current
    /// now, so that a lost answer or two tabs sign nobody out and no second chain starts. A later
    /// repeat means that somebody has a copy: the
    /// session is ended (RFC 9700 §4.14.2).
    ///
    /// # Errors
    /// `TokenInvalid` for a token that is no refresh token of ours, `Unauthenticated` for a session
    /// that has ended or expired, `ServiceUnavailable`.
    pub async fn refresh(&self, token: &str) -> Result<SignedIn> {
        let presented = RefreshToken::parse(token).ok_or(Error::TokenInvalid)?;
        let successor = presented.successor(&*self.parts.random);
        let rotation = self.rotation(&presented, &successor)?;
        let outcome = self.parts.store.rotate(&rotation).await?;
        metrics().refresh(name_of(&outcome));
        match outcome {
            RotationOutcome::Rotated(session) => self.continue_session(session, successor).await,
            RotationOutcome::Replayed { session, retired } => {
                let current = current_of(presented, &retired).ok_or(Error::TokenInvalid)?;
                self.continue_session(session, current).await
            }
            RotationOutcome::Reused(session) => {
                tracing::warn!(
                    user = %session.user_id, session = %session.id,
                    "a retired refresh token was used again; the session is ended"
                );
                self.end(&SessionSelector::Id(session.id), SessionEventKind::ReuseDetected, None).await?;
                Err(Error::Unauthenticated(AuthenticationFailure::SessionRevoked))
            }
            RotationOutcome::Ended(session) => {
                if session.ended_at.is_some() {
                    // In case it could not be announced when it was ended.
                    self.announce_end(&session.user_id, &session.id).await?;
                }
                let reason = session.check_alone(rotation.at).err();
                Err(Error::Unauthenticated(reason.unwrap_or(AuthenticationFailure::SessionRevoked)))
            }
            RotationOutcome::Unknown => Err(Error::TokenInvalid),
        }
    }

    fn rotation(&self, presented: &RefreshToken, successor: &RefreshToken) -> Result<Rotation> {
        let sealed_successor = successor
            .seal_for(presented, &*self.parts.random)
            .ok_or_else(|| Error::Internal("sealing a refresh token failed".into()))?;
        Ok(Rotation {
            family: presented.family(),
            presented: presented.hash(),
            successor: successor.hash(),
            sealed_successor,
            at: self.parts.clock.now(),
            grace: self.parts.settings.refresh_grace + self.parts.settings.clock_leeway,
            idle_ttl: self.parts.settings.idle_ttl,
        })
    }

    async fn continue_session(&self, session: Session, refresh_token: RefreshToken) -> Result<SignedIn> {
        let user = self.parts.users.find(&session.user_id).await?;
        let revoked = Error::Unauthenticated(AuthenticationFailure::SessionRevoked);
        let Some(user) = user else { return Err(revoked) };
        let now = self.parts.clock.now();
        session.check(&user, now).map_err(Error::Unauthenticated)?;
        if user.is_suspended(now) {
            return Err(Error::AccountSuspended);
        }
        self.note_seen(&user, now);
        self.sign_in(user, session, refresh_token).await
    }
}

/// What is counted of it.
const fn name_of(outcome: &RotationOutcome) -> &'static str {
    match outcome {
        RotationOutcome::Rotated(_) => "rotated",
        RotationOutcome::Replayed { .. } => "replayed",
        RotationOutcome::Reused(_) => "reused",
        RotationOutcome::Ended(_) => "ended",
        RotationOutcome::Unknown => "unknown",
    }
}

/// Follows the chain of successors from a retired token to the one that is current.
fn current_of(presented: RefreshToken, retired: &[RetiredToken]) -> Option<RefreshToken> {
    let mut token = presented;
    // Each step leads to another token, so there are no more steps than tokens.
    for _ in retired {
        let hash = token.hash();
        let Some(step) = retired.iter().find(|step| step.hash == hash) else { break };
        token = token.open_successor(&step.sealed_successor)?;
    }
    Some(token)
}
