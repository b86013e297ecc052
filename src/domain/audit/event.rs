//! What is written down of what happened.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    AuditActor,
    origin::{self, Origin},
};
use crate::domain::{
    actor::Principal,
    clock::Instant,
    ids::{AuditEventId, RequestId, SessionId, UserId},
    random::Random,
    sessions::Session,
};

macro_rules! audit_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// What happened. Names are never changed or used again.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AuditKind { $($(#[doc = $doc])+ $variant,)+ }

        impl AuditKind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The kind as it is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it says, for the documentation.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// The kind of this name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
            }
        }
    };
}

audit_kinds! {
    /// An account was made by its owner.
    Registered = "REGISTERED";
    /// A person logged in, or tried to with a wrong password.
    Login = "LOGIN";
    /// A session was ended.
    SessionEnded = "SESSION_ENDED";
    /// All sessions of a person were ended, but for one that may have been kept.
    SessionsEnded = "SESSIONS_ENDED";
    /// A refresh token was used that had been replaced long ago.
    TokenReused = "TOKEN_REUSED";
    /// The password was changed by its owner.
    PasswordChanged = "PASSWORD_CHANGED";
    /// The password was replaced by whoever has read a mail.
    PasswordReset = "PASSWORD_RESET";
    /// An administrator made the password unusable.
    PasswordResetForced = "PASSWORD_RESET_FORCED";
    /// The e-mail address was verified.
    EmailVerified = "EMAIL_VERIFIED";
    /// The account moved to another e-mail address.
    EmailChanged = "EMAIL_CHANGED";
    /// The account moved back to the address before.
    EmailChangeUndone = "EMAIL_CHANGE_UNDONE";
    /// The profile was changed by its owner.
    ProfileUpdated = "PROFILE_UPDATED";
    /// The personal data were exported.
    DataExported = "DATA_EXPORTED";
    /// An account is to be erased.
    DeletionScheduled = "DELETION_SCHEDULED";
    /// An account is not to be erased after all.
    DeletionCancelled = "DELETION_CANCELLED";
    /// An account was erased.
    UserErased = "USER_ERASED";
    /// An account was made by an administrator.
    UserCreated = "USER_CREATED";
    /// An import of users began, or came to its end.
    UsersImported = "USERS_IMPORTED";
    /// All users were written to a file, with the hashes of their passwords.
    UsersExported = "USERS_EXPORTED";
    /// A person was invited.
    UserInvited = "USER_INVITED";
    /// An account was changed by an administrator.
    UserUpdated = "USER_UPDATED";
    /// A person was given other roles.
    UserRolesChanged = "USER_ROLES_CHANGED";
    /// An account was suspended.
    UserSuspended = "USER_SUSPENDED";
    /// An account is suspended no more.
    UserRestored = "USER_RESTORED";
    /// What applications keep with a person was changed.
    AppMetadataChanged = "APP_METADATA_CHANGED";
    /// An administrator began to act for a person.
    ImpersonationStarted = "IMPERSONATION_STARTED";
    /// A role was made or given other permissions.
    RoleSaved = "ROLE_SAVED";
    /// A role was removed.
    RoleRemoved = "ROLE_REMOVED";
    /// A service token was made.
    ServiceTokenCreated = "SERVICE_TOKEN_CREATED";
    /// A service token was revoked.
    ServiceTokenRevoked = "SERVICE_TOKEN_REVOKED";
    /// A signing key was made.
    KeyRotated = "KEY_ROTATED";
    /// A signing key was taken out.
    KeyRevoked = "KEY_REVOKED";
    /// Somebody asked for what their permissions do not allow.
    AccessDenied = "ACCESS_DENIED";
}

/// Whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was.
    Success,
    /// It was tried, and refused.
    Failure,
}

impl AuditOutcome {
    /// The outcome as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
        }
    }

    /// The outcome of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Success, Self::Failure].into_iter().find(|outcome| outcome.as_str() == name)
    }
}

/// Where something was done from. Forgotten with the person who did it, and with the person it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditClient {
    /// The address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// The `User-Agent` of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// What was done and why. Forgotten with the person it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditDetails {
    /// Why, as whoever did it has written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was changed, without secrets.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub changes: Map<String, Value>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// The id; ids made later sort after those made earlier.
    pub id: AuditEventId,
    /// When.
    pub at: Instant,
    /// What.
    pub kind: AuditKind,
    /// Whether it was done.
    pub outcome: AuditOutcome,
    /// Who did it.
    pub actor: AuditActor,
    /// To whom or what: mostly the id of a user.
    pub subject: Option<String>,
    /// The session by which it was done, or that it was done to.
    pub session_id: Option<SessionId>,
    /// The request by which it was done.
    pub request_id: Option<RequestId>,
    /// What was done and why; `None` once it was forgotten.
    pub details: Option<AuditDetails>,
    /// Where it was done from; `None` once it was forgotten.
    pub client: Option<AuditClient>,
}

impl AuditEvent {
    /// An event of the request that is running, if one is.
    pub fn new(kind: AuditKind, actor: AuditActor, at: Instant, random: &dyn Random) -> Self {
        let Origin { request_id, client } = origin::current();
        let client = AuditClient {
            ip_address: client.ip_address.map(|address| address.to_string()),
            user_agent: client.user_agent,
        };
        Self {
            id: AuditEventId::generate(at, random),
            at,
            kind,
            outcome: AuditOutcome::Success,
            actor,
            subject: None,
            session_id: None,
            request_id,
            details: Some(AuditDetails::default()),
            client: Some(client),
        }
    }

    /// The same of what somebody was refused.
    #[must_use]
    pub const fn failed(mut self) -> Self {
        self.outcome = AuditOutcome::Failure;
        self
    }

    /// The same about this user or thing.
    #[must_use]
    pub fn about(mut self, subject: impl fmt::Display) -> Self {
        self.subject = Some(subject.to_string());
        self
    }

    /// The same about this session, or by it.
    #[must_use]
    pub fn in_session(mut self, session: &SessionId) -> Self {
        self.session_id = Some(session.clone());
        self
    }

    /// The same for this reason.
    #[must_use]
    pub fn because(mut self, reason: Option<String>) -> Self {
        self.details.get_or_insert_default().reason = reason;
        self
    }

    /// The same with something that was changed.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.get_or_insert_default().changes.insert(name.to_owned(), value.into());
        self
    }
}

/// Who acts in a session: its person, or whoever acts for them.
pub(in crate::domain) fn actor_in(session: &Session) -> AuditActor {
    match &session.impersonation {
        None => AuditActor::of_id(&session.user_id),
        Some(impersonation) => AuditActor::of_id(&impersonation.by),
    }
}

/// What somebody does to their own account.
pub(in crate::domain) fn own(
    kind: AuditKind,
    caller: &Principal,
    at: Instant,
    random: &dyn Random,
) -> AuditEvent {
    AuditEvent::new(kind, actor_in(&caller.session), at, random)
        .about(&caller.user.id)
        .in_session(&caller.session.id)
}

/// What a person does who has proven to be this one, without a session.
pub(in crate::domain) fn by_owner(
    kind: AuditKind,
    user: &UserId,
    at: Instant,
    random: &dyn Random,
) -> AuditEvent {
    AuditEvent::new(kind, AuditActor::of_id(user), at, random).about(user)
}

/// What the service does by itself.
pub(in crate::domain) fn by_itself(
    kind: AuditKind,
    user: &UserId,
    at: Instant,
    random: &dyn Random,
) -> AuditEvent {
    AuditEvent::new(kind, AuditActor::system(), at, random).about(user)
}
