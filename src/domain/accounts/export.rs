//! Everything that is held on a person.

use serde_json::{Value, json};

use super::{Accounts, UserWithPassword};
use crate::domain::{
    actor::Principal,
    audit::AuditKind,
    avatars::Avatar,
    clock::Instant,
    error::{AuthenticationFailure, Error, Result},
    one_time::OneTimeToken,
    outbox::Entry,
    sessions::Session,
};

/// The form of an export; raised when a field changes its meaning or goes.
const EXPORT_VERSION: u32 = 1;

impl Accounts {
    /// Everything that is held on the caller, as JSON for people and programs; `docs/data.md` says what
    /// each part means. Secrets are left out, hashed ones too.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn export(&self, caller: &Principal) -> Result<Value> {
        let id = &caller.user.id;
        let stored = self.parts.users.find_with_password(id).await?;
        let stored = stored.ok_or(Error::Unauthenticated(AuthenticationFailure::SessionRevoked))?;
        let sessions = self.parts.sessions.list_all(id).await?;
        let tokens = self.parts.one_time.list_of(id).await?;
        let pending = self.parts.outbox.list_of(id).await?;
        self.parts.audit.append(&self.own(AuditKind::DataExported, caller)).await?;
        tracing::info!(user = %id, "personal data exported");
        Ok(json!({
            "formatVersion": EXPORT_VERSION,
            "exportedAt": time(self.parts.clock.now()),
            "user": user(&stored),
            "sessions": sessions.iter().map(session).collect::<Vec<_>>(),
            "oneTimeTokens": tokens.iter().map(token).collect::<Vec<_>>(),
            "pendingTasks": pending.iter().map(task).collect::<Vec<_>>(),
        }))
    }
}

fn time(instant: Instant) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn user(stored: &UserWithPassword) -> Value {
    let UserWithPassword { user, metadata, .. } = stored;
    json!({
        "id": user.id,
        "email": user.email,
        "emailVerified": user.email_verified,
        "name": user.name,
        "username": user.username,
        "locale": user.locale,
        "timeZone": user.time_zone,
        "avatar": user.avatar.as_ref().map(avatar),
        "roles": user.roles,
        "publicMetadata": metadata.public.to_value(),
        "appMetadata": metadata.app.to_value(),
        "createdAt": time(user.created_at),
        "updatedAt": time(user.updated_at),
        "version": user.version,
    })
}

fn avatar(avatar: &Avatar) -> Value {
    let Avatar { public_id, url, width, height } = avatar;
    json!({ "publicId": public_id, "url": url, "width": width, "height": height })
}

fn session(session: &Session) -> Value {
    json!({
        "id": session.id,
        "deviceName": session.device_name,
        "userAgent": session.user_agent,
        "ipAddress": session.ip_address,
        "createdAt": time(session.created_at),
        "authenticatedAt": time(session.authenticated_at),
        "lastSeenAt": time(session.last_seen_at),
        "expiresAt": time(session.expires_at()),
        "endedAt": session.ended_at.map(time),
    })
}

fn token(token: &OneTimeToken) -> Value {
    json!({
        "purpose": token.purpose.as_str(),
        "email": token.email,
        "createdAt": time(token.created_at),
        "expiresAt": time(token.expires_at),
        "usedAt": token.used_at.map(time),
    })
}

fn task(entry: &Entry) -> Value {
    json!({ "kind": entry.task.kind(), "createdAt": time(entry.created_at), "dueAt": time(entry.due_at) })
}
