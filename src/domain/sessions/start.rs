//! The start of a session: what login and registration have in common.

use std::{net::IpAddr, sync::Arc};

use chrono::TimeDelta;

use super::{Session, SessionEventKind, Sessions, device};
use crate::domain::{
    accounts::{User, parse_label},
    actor::{ClientInfo, Principal},
    audit::AuditEvent,
    clock::Instant,
    error::Result,
    faults::Fault,
    ids::SessionId,
    metrics::metrics,
    tokens::{IssuedAccessToken, RefreshToken},
};

/// The most characters a device name may have.
pub const MAX_DEVICE_NAME_CHARACTERS: usize = 100;

/// How often at most it is written that a person was seen.
const SEEN_INTERVAL: TimeDelta = TimeDelta::hours(1);

/// A user who has just been given tokens.
pub struct SignedIn {
    /// The user.
    pub user: Arc<User>,
    /// The session.
    pub session: Arc<Session>,
    /// The access token.
    pub access_token: IssuedAccessToken,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// What the device shows at its next login; with a new session only.
    pub device_token: Option<String>,
}

/// Reads the name that a client gives its device; an empty one is none.
///
/// # Errors
/// A fault on `deviceName` for more than 100 characters or control characters.
pub fn parse_device_name(text: Option<&str>) -> std::result::Result<Option<String>, Fault> {
    text.map_or(Ok(None), |text| parse_label("deviceName", text, MAX_DEVICE_NAME_CHARACTERS))
}

impl Sessions {
    /// Starts a session of a user whose identity was just proven.
    ///
    /// # Errors
    /// `ServiceUnavailable`; then there is no session.
    pub(in crate::domain) async fn start(
        &self,
        user: User,
        device_name: Option<String>,
        client: &ClientInfo,
        event: Option<AuditEvent>,
    ) -> Result<SignedIn> {
        let now = self.parts.clock.now();
        let absolute_expires_at = now + self.parts.settings.absolute_ttl;
        let session = Session {
            id: SessionId::generate(now, &*self.parts.random),
            user_id: user.id.clone(),
            device_name: self.device_name(device_name, client).await,
            user_agent: client.user_agent.clone(),
            ip_address: client.ip_address.as_ref().map(IpAddr::to_string),
            created_at: now,
            authenticated_at: now,
            last_seen_at: now,
            idle_expires_at: (now + self.parts.settings.idle_ttl).min(absolute_expires_at),
            absolute_expires_at,
            ended_at: None,
            session_epoch: user.session_epoch,
            impersonation: None,
            version: 1,
        };
        let refresh_token = RefreshToken::generate(&*self.parts.random);
        let is_login = event.is_some();
        let event = event.map(|event| event.in_session(&session.id));
        let hashes = (&refresh_token.family(), &refresh_token.hash());
        self.parts.store.insert(&session, hashes, event.as_ref()).await?;
        self.note_seen(&user, now);
        tracing::info!(user = %user.id, session = %session.id, "session started");
        metrics().session_started(if is_login { "login" } else { "registration" });
        let mut signed_in = self.sign_in(user, session, refresh_token).await?;
        signed_in.device_token = Some(self.parts.devices.issue(&signed_in.user));
        self.tell(SessionEventKind::Created, &signed_in.user.id, &signed_in.session.id).await;
        Ok(signed_in)
    }

    /// Writes down, to the hour, that a person was seen. Nobody waits longer for it, or fails by it.
    pub(super) fn note_seen(&self, user: &User, now: Instant) {
        if user.last_seen_at.is_some_and(|seen| now - seen < SEEN_INTERVAL) {
            return;
        }
        let (directory, id) = (self.parts.directory.clone(), user.id.clone());
        tokio::spawn(async move {
            if let Err(error) = directory.touch_user(&id, now).await {
                tracing::debug!(%error, user = %id, "that a person was seen is not written");
            }
        });
    }

    /// What the client calls the device or, without that, what its `User-Agent` header says.
    async fn device_name(&self, given: Option<String>, client: &ClientInfo) -> Option<String> {
        match (given, &client.user_agent) {
            (None, Some(user_agent)) => {
                let name = device::name_of(user_agent).await;
                name.and_then(|name| parse_device_name(Some(&name)).ok().flatten())
            }
            (given, _) => given,
        }
    }

    /// Issues an access token for a session and keeps copies of what was read for the requests that
    /// follow.
    pub(super) async fn sign_in(
        &self,
        user: User,
        session: Session,
        refresh_token: RefreshToken,
    ) -> Result<SignedIn> {
        let access_token = self.parts.tokens.issue(&user, &session.id)?;
        let principal = Principal::new(user, session);
        self.copy(self.parts.cache.fill(&principal).await);
        let Principal { user, session } = principal;
        Ok(SignedIn { user, session, access_token, refresh_token, device_token: None })
    }
}
