//! `User`.

use async_graphql::{ID, Object};

use super::DateTime;
use crate::domain::accounts::User;

/// A user as the schema shows it.
pub(crate) struct UserObject(pub(crate) User);

/// A person's account.
#[Object(name = "User")]
impl UserObject {
    /// The id: opaque, unique across all types, never reused.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// The e-mail address as the person wrote it. Unique by its normalised form.
    async fn email(&self) -> &str {
        self.0.email.as_str()
    }

    /// Whether the person has shown that the e-mail address is theirs.
    async fn email_verified(&self) -> bool {
        self.0.email_verified
    }

    /// What the person wants to be called.
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// The names of the roles that the person has.
    async fn roles(&self) -> &[String] {
        &self.0.roles
    }

    /// When the account was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When the account was last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }

    /// Counts the changes of the account. Send it as `expectedVersion` to change what you have read
    /// and nothing newer.
    async fn version(&self) -> i64 {
        self.0.version
    }
}
