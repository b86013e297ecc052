//! A user as a line of a file: what `users export` writes and `users import` reads.

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::keycloak;
use crate::domain::{
    access::RoleBook,
    accounts::{
        DisplayName, EmailAddress, Locale, Metadata, Suspension, TimeZone, USER_ROLE, User, UserMetadata,
        UserWithPassword, Username, parse_reason,
    },
    avatars::Avatar,
    clock::Instant,
    faults::Fault,
    ids::UserId,
    passwords::PasswordHash,
};

/// The most characters of the id and address of a picture.
const MAX_AVATAR_CHARACTERS: usize = 500;

/// A picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AvatarRecord {
    /// What the store of pictures calls it.
    pub public_id: String,
    /// Where it is.
    pub url: String,
    /// Pixels from left to right.
    #[serde(default)]
    pub width: u32,
    /// Pixels from top to bottom.
    #[serde(default)]
    pub height: u32,
}

/// Why and until when an account is closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SuspensionRecord {
    /// Why.
    pub reason: String,
    /// Since when.
    #[serde(default)]
    pub at: Option<Instant>,
    /// Until when; for ever, where it does not say.
    #[serde(default)]
    pub until: Option<Instant>,
}

/// A user. Everything but the e-mail address may be missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserRecord {
    /// The id, where it is one of ours; that of another system is kept in the metadata of applications.
    #[serde(default)]
    pub id: Option<String>,
    /// The e-mail address.
    pub email: String,
    /// Whether it is known to be the person's.
    #[serde(default)]
    pub email_verified: bool,
    /// What the person wants to be called; without one the part of the address before the `@`.
    #[serde(default)]
    pub name: Option<String>,
    /// What others call the person by.
    #[serde(default)]
    pub username: Option<String>,
    /// The language.
    #[serde(default)]
    pub locale: Option<String>,
    /// The time zone.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Names of roles; that of everybody may be left out.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The hash of the password, or a credential of Keycloak. Without one the person asks for a new password.
    #[serde(default)]
    pub password_hash: Option<Value>,
    /// The picture.
    #[serde(default)]
    pub avatar: Option<AvatarRecord>,
    /// What applications let the person keep.
    #[serde(default)]
    pub public_metadata: Option<Map<String, Value>>,
    /// What applications keep with the person.
    #[serde(default)]
    pub app_metadata: Option<Map<String, Value>>,
    /// Why and until when the account is closed.
    #[serde(default)]
    pub suspension: Option<SuspensionRecord>,
    /// When the account is to be erased.
    #[serde(default)]
    pub deletion_due_at: Option<Instant>,
    /// When the account was made.
    #[serde(default)]
    pub created_at: Option<Instant>,
    /// When it was last changed.
    #[serde(default)]
    pub updated_at: Option<Instant>,
    /// When the person was last seen.
    #[serde(default)]
    pub last_seen_at: Option<Instant>,
}

/// How a record is read.
pub(super) struct Reading<'a> {
    pub(super) now: Instant,
    /// The roles that records may have besides that of everybody; `None` for none.
    pub(super) roles: Option<&'a RoleBook>,
}

impl UserRecord {
    /// The record of a user.
    pub(super) fn of(account: UserWithPassword) -> Self {
        let UserWithPassword { user, password_hash, metadata } = account;
        let object = |metadata: Metadata| match metadata.to_value() {
            Value::Object(members) if !members.is_empty() => Some(members),
            _ => None,
        };
        Self {
            id: Some(user.id.to_string()),
            email: user.email.as_str().to_owned(),
            email_verified: user.email_verified,
            name: Some(user.name.as_str().to_owned()),
            username: user.username.map(|name| name.as_str().to_owned()),
            locale: user.locale.map(|locale| locale.as_str().to_owned()),
            time_zone: user.time_zone.map(|zone| zone.as_str().to_owned()),
            roles: user.roles,
            password_hash: Some(password_hash)
                .filter(|hash| *hash != PasswordHash::none())
                .map(|hash| hash.expose().into()),
            avatar: user.avatar.map(|Avatar { public_id, url, width, height }| AvatarRecord {
                public_id,
                url,
                width,
                height,
            }),
            public_metadata: object(metadata.public),
            app_metadata: object(metadata.app),
            suspension: user.suspension.map(|Suspension { reason, at, until }| SuspensionRecord {
                reason,
                at: Some(at),
                until,
            }),
            deletion_due_at: user.deletion_due_at,
            created_at: Some(user.created_at),
            updated_at: Some(user.updated_at),
            last_seen_at: user.last_seen_at,
        }
    }

    /// The user of a record, or everything that is wrong with it.
    pub(super) fn read(mut self, reading: &Reading<'_>) -> Result<UserWithPassword, Vec<String>> {
        let mut faults: Vec<String> = Vec::new();
        let email = keep(&mut faults, EmailAddress::parse(&self.email));
        let local_part = self.email.split('@').next().unwrap_or_default().to_owned();
        let name = keep(&mut faults, DisplayName::parse(self.name.as_deref().unwrap_or(&local_part)));
        let username = keep(&mut faults, optional(self.username.as_deref(), Username::parse));
        let locale = keep(&mut faults, optional(self.locale.as_deref(), Locale::parse));
        let time_zone = keep(&mut faults, optional(self.time_zone.as_deref(), TimeZone::parse));
        let hash = match self.password_hash.take() {
            None | Some(Value::Null) => Ok(PasswordHash::none()),
            Some(given) => {
                let text = given.as_str().map(str::to_owned).or_else(|| keycloak::hash_of(&given));
                text.and_then(|text| PasswordHash::import(&text)).ok_or("passwordHash is of no known form")
            }
        };
        let hash = hash.map_err(|fault| faults.push(fault.to_owned())).ok();
        let roles = self.read_roles(reading, &mut faults);
        let avatar = self.read_avatar(&mut faults);
        let suspension = self.read_suspension(reading.now, &mut faults);
        let (id, foreign_id) = self.read_id(email.as_ref(), reading.now);
        let metadata = self.read_metadata(foreign_id, &mut faults);
        let (Some(email), Some(name), Some(password_hash), true) = (email, name, hash, faults.is_empty())
        else {
            return Err(faults);
        };
        let created_at = self.created_at.unwrap_or(reading.now).min(reading.now);
        let base = User::new(id, email, name, created_at);
        let user = User {
            email_verified: self.email_verified,
            username: username.flatten(),
            locale: locale.flatten(),
            time_zone: time_zone.flatten(),
            roles,
            avatar,
            suspension,
            deletion_due_at: self.deletion_due_at,
            updated_at: self.updated_at.unwrap_or(created_at).clamp(created_at, reading.now),
            last_seen_at: self.last_seen_at.map(|at| at.min(reading.now)),
            ..base
        };
        Ok(UserWithPassword { user, password_hash, metadata })
    }

    fn read_roles(&self, reading: &Reading<'_>, faults: &mut Vec<String>) -> Vec<String> {
        let everybody = vec![USER_ROLE.to_owned()];
        if self.roles.iter().all(|role| role == USER_ROLE) {
            return everybody;
        }
        let Some(book) = reading.roles else {
            faults.push("roles are there; --with-roles takes them over".to_owned());
            return everybody;
        };
        book.read(&self.roles).unwrap_or_else(|error| {
            faults.push(error.message());
            everybody
        })
    }

    fn read_avatar(&self, faults: &mut Vec<String>) -> Option<Avatar> {
        let AvatarRecord { public_id, url, width, height } = self.avatar.clone()?;
        let is_good = public_id.len() <= MAX_AVATAR_CHARACTERS
            && url.len() <= MAX_AVATAR_CHARACTERS
            && url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_good {
            faults.push(
                "avatar must have a url of http or https, and at most 500 characters in each part".into(),
            );
        }
        is_good.then_some(Avatar { public_id, url, width, height })
    }

    fn read_suspension(&self, now: Instant, faults: &mut Vec<String>) -> Option<Suspension> {
        let SuspensionRecord { reason, at, until } = self.suspension.clone()?;
        let reason = keep(faults, parse_reason(&reason))?;
        Some(Suspension { reason, at: at.unwrap_or(now), until })
    }

    /// The id, and that of the other system. The same record has the same id each time, so that an import can
    /// be run again: made of the time of its account and of the other id, or of the address.
    fn read_id(&self, email: Option<&EmailAddress>, now: Instant) -> (UserId, Option<String>) {
        let given = self.id.clone().filter(|id| !id.is_empty());
        if let Some(id) = given.as_deref().and_then(|id| id.parse().ok()) {
            return (id, None);
        }
        let key = email.map(|email| email.key().as_str().to_owned()).unwrap_or_default();
        let seed = format!("vestibule/import/v1:{}:{key}", given.as_deref().unwrap_or_default());
        let digest = digest::digest(&digest::SHA256, seed.as_bytes());
        let mut random = [0; 10];
        random.copy_from_slice(&digest.as_ref()[..10]);
        let at = self.created_at.unwrap_or(now).min(now);
        let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        (UserId::from_bytes(uuid.into_bytes()), given)
    }

    fn read_metadata(&mut self, foreign_id: Option<String>, faults: &mut Vec<String>) -> UserMetadata {
        let read = |field, members: Option<Map<String, Value>>| {
            members.map_or(Ok(Metadata::default()), |members| Metadata::parse(field, Value::Object(members)))
        };
        let mut app = self.app_metadata.take();
        if let Some(id) = foreign_id {
            app.get_or_insert_default().entry("importedId").or_insert(Value::String(id));
        }
        let public = read("publicMetadata", self.public_metadata.take());
        let app = read("appMetadata", app);
        UserMetadata {
            public: keep(faults, public).unwrap_or_default(),
            app: keep(faults, app).unwrap_or_default(),
        }
    }
}

fn optional<T>(text: Option<&str>, parse: impl Fn(&str) -> Result<T, Fault>) -> Result<Option<T>, Fault> {
    text.filter(|text| !text.is_empty()).map(parse).transpose()
}

/// The value, or a fault more.
fn keep<T>(faults: &mut Vec<String>, read: Result<T, Fault>) -> Option<T> {
    read.map_err(|fault| faults.push(format!("{} {}", fault.field, fault.message))).ok()
}
