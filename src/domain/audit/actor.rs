//! Who does what is written down.

use std::fmt;

/// Who did it. As text `user_…`, `svc_…`, `anonymous`, `operator` or `system`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditActor(String);

impl AuditActor {
    /// Nobody who has said who they are.
    pub fn anonymous() -> Self {
        Self("anonymous".into())
    }

    /// Somebody at the command line of the service.
    pub fn operator() -> Self {
        Self("operator".into())
    }

    /// The service itself.
    pub fn system() -> Self {
        Self("system".into())
    }

    /// A user, or another service by its token.
    pub fn of_id(id: impl fmt::Display) -> Self {
        Self(id.to_string())
    }

    /// An actor as it was stored.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The actor as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
