//! Changes of the profile.

use serde_json::Value;

use super::{
    Accounts, ChangeOutcome, DisplayName, Locale, Metadata, TimeZone, User, UserChange, UserFields, Username,
};
use crate::domain::{
    actor::Principal,
    audit::AuditKind,
    error::{AuthenticationFailure, Error, Result},
    faults::{Fault, FaultCode, Faults},
    patch::Patch,
    store::{Field, StoreError},
};

/// What a change of the profile says.
#[derive(Debug, Default)]
pub struct UpdateProfileRequest {
    /// The name, which everybody has.
    pub name: Patch<String>,
    /// The user name.
    pub username: Patch<String>,
    /// The language.
    pub locale: Patch<String>,
    /// The time zone.
    pub time_zone: Patch<String>,
    /// What applications let the person keep.
    pub public_metadata: Patch<Value>,
    /// The version that the client read.
    pub expected_version: Option<i64>,
}

impl UpdateProfileRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// `BadUserInput` with every faulty one.
    pub(in crate::domain) fn read(self) -> Result<UserFields> {
        let mut faults = Faults::default();
        let name = faults.check(match self.name {
            Patch::Keep => Ok(None),
            Patch::Clear => Err(Fault::new("name", FaultCode::Required, "cannot be cleared")),
            Patch::Set(name) => DisplayName::parse(&name).map(Some),
        });
        let username = faults.check(self.username.try_map(|name| Username::parse(&name)));
        let locale = faults.check(self.locale.try_map(|tag| Locale::parse(&tag)));
        let time_zone = faults.check(self.time_zone.try_map(|name| TimeZone::parse(&name)));
        let metadata =
            faults.check(self.public_metadata.try_map(|value| Metadata::parse("publicMetadata", value)));
        let public_metadata = match metadata {
            Some(Patch::Set(metadata)) => Some(metadata),
            Some(Patch::Clear) => Some(Metadata::default()),
            Some(Patch::Keep) | None => None,
        };
        faults.finish()?;
        Ok(UserFields {
            name: name.flatten(),
            username: username.unwrap_or_default(),
            locale: locale.unwrap_or_default(),
            time_zone: time_zone.unwrap_or_default(),
            public_metadata,
            ..UserFields::default()
        })
    }
}

impl Accounts {
    /// Changes the caller's own profile.
    ///
    /// # Errors
    /// `BadUserInput`, also for a user name that looks like somebody else's; `Conflict` when
    /// `expected_version` is not the stored one; `ServiceUnavailable`.
    pub async fn update_profile(&self, caller: &Principal, request: UpdateProfileRequest) -> Result<User> {
        let expected_version = request.expected_version;
        let set = request.read()?;
        if changed_fields(&set).is_empty() {
            return self.unchanged(caller, expected_version).await;
        }
        let mut change = UserChange::of(&caller.user.id, self.parts.clock.now());
        change.only_if.version = expected_version;
        change.set = set;
        let event = changed_fields(&change.set)
            .into_iter()
            .fold(self.own(AuditKind::ProfileUpdated, caller), |event, field| event.with(field, true));
        let change = change.recorded(event);
        match self.parts.users.change(&change).await {
            Ok(ChangeOutcome::Changed(user)) => {
                self.parts.sessions.announce_user(&user).await;
                Ok(user)
            }
            Ok(ChangeOutcome::Unmet(user)) => Err(Error::Conflict { current_version: user.version }),
            Ok(ChangeOutcome::Missing) => Err(Error::Unauthenticated(AuthenticationFailure::SessionRevoked)),
            Err(StoreError::Conflict(Field::Username)) => {
                let message = "belongs to somebody else, or looks like it";
                Err(Error::bad_field(Fault::new("username", FaultCode::Taken, message)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Nothing is to change: nothing is written, but a stale version is still told.
    async fn unchanged(&self, caller: &Principal, expected_version: Option<i64>) -> Result<User> {
        let stored = self.parts.users.find(&caller.user.id).await?;
        let user = stored.ok_or(Error::Unauthenticated(AuthenticationFailure::SessionRevoked))?;
        match expected_version {
            Some(expected) if expected != user.version => {
                Err(Error::Conflict { current_version: user.version })
            }
            _ => Ok(user),
        }
    }
}

/// The names of what is to be changed, for the audit log: the values are the person's own affair.
pub(in crate::domain) fn changed_fields(set: &UserFields) -> Vec<&'static str> {
    let fields = [
        ("name", set.name.is_some()),
        ("username", set.username.is_change()),
        ("locale", set.locale.is_change()),
        ("timeZone", set.time_zone.is_change()),
        ("publicMetadata", set.public_metadata.is_some()),
    ];
    fields.into_iter().filter(|(_, is_changed)| *is_changed).map(|(field, _)| field).collect()
}
