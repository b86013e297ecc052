//! Documents of users.

use mongodb::bson;
use serde::{Deserialize, Serialize};

use super::documents::{date, instant};
use crate::domain::{
    accounts::{
        DisplayName, EmailAddress, Locale, Metadata, Suspension, TimeZone, User, UserMetadata,
        UserWithPassword, Username, last_seen_millis, name_key,
    },
    avatars::Avatar,
    ids::UserId,
    passwords::PasswordHash,
    store::{StoreError, StoreResult},
};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct UserDocument {
    #[serde(rename = "_id")]
    id: UserId,
    email: EmailAddress,
    email_key: String,
    email_verified: bool,
    name: DisplayName,
    #[serde(default)]
    name_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<Username>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locale: Option<Locale>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_zone: Option<TimeZone>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    avatar: Option<AvatarDocument>,
    roles: Vec<String>,
    password_hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_metadata: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app_metadata: Option<String>,
    created_at: bson::DateTime,
    updated_at: bson::DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deletion_due_at: Option<bson::DateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suspension_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suspended_at: Option<bson::DateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suspended_until: Option<bson::DateTime>,
    /// 1970 for a person who was never seen.
    #[serde(default = "never")]
    last_seen_at: bson::DateTime,
    #[serde(default)]
    status: i32,
    version: i64,
    session_epoch: i64,
    /// Documents of the first versions have none.
    #[serde(default = "first_epoch")]
    credential_epoch: i64,
}

fn never() -> bson::DateTime {
    bson::DateTime::from_millis(0)
}

const fn first_epoch() -> i64 {
    1
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AvatarDocument {
    public_id: String,
    url: String,
    width: i64,
    height: i64,
}

impl From<Avatar> for AvatarDocument {
    fn from(avatar: Avatar) -> Self {
        let Avatar { public_id, url, width, height } = avatar;
        Self { public_id, url, width: width.into(), height: height.into() }
    }
}

impl From<AvatarDocument> for bson::Bson {
    fn from(avatar: AvatarDocument) -> Self {
        let AvatarDocument { public_id, url, width, height } = avatar;
        bson::doc! { "public_id": public_id, "url": url, "width": width, "height": height }.into()
    }
}

impl TryFrom<AvatarDocument> for Avatar {
    type Error = StoreError;

    fn try_from(document: AvatarDocument) -> StoreResult<Self> {
        let pixels = |count: i64| u32::try_from(count).map_err(|_| StoreError::Corrupt);
        let (width, height) = (pixels(document.width)?, pixels(document.height)?);
        Ok(Self { public_id: document.public_id, url: document.url, width, height })
    }
}

impl From<&UserWithPassword> for UserDocument {
    fn from(account: &UserWithPassword) -> Self {
        let UserWithPassword { user, password_hash, metadata } = account;
        let suspension = user.suspension.as_ref();
        Self {
            id: user.id.clone(),
            email: user.email.clone(),
            email_key: user.email.key().as_str().to_owned(),
            email_verified: user.email_verified,
            name: user.name.clone(),
            name_key: name_key(user.name.as_str()),
            username: user.username.clone(),
            username_key: user.username.as_ref().map(Username::key),
            locale: user.locale.clone(),
            time_zone: user.time_zone.clone(),
            avatar: user.avatar.clone().map(Into::into),
            roles: user.roles.clone(),
            password_hash: password_hash.expose().to_owned(),
            public_metadata: Some(metadata.public.to_json()),
            app_metadata: Some(metadata.app.to_json()),
            created_at: date(user.created_at),
            updated_at: date(user.updated_at),
            deletion_due_at: user.deletion_due_at.map(date),
            suspension_reason: suspension.map(|suspension| suspension.reason.clone()),
            suspended_at: suspension.map(|suspension| date(suspension.at)),
            suspended_until: suspension.and_then(|suspension| suspension.until).map(date),
            last_seen_at: bson::DateTime::from_millis(last_seen_millis(user)),
            status: user.status().number(),
            version: user.version,
            session_epoch: user.session_epoch,
            credential_epoch: user.credential_epoch,
        }
    }
}

impl TryFrom<UserDocument> for UserWithPassword {
    type Error = StoreError;

    fn try_from(document: UserDocument) -> StoreResult<Self> {
        let suspension = match document.suspended_at {
            None => None,
            Some(at) => Some(Suspension {
                reason: document.suspension_reason.unwrap_or_default(),
                at: instant(at)?,
                until: document.suspended_until.map(instant).transpose()?,
            }),
        };
        let user = User {
            id: document.id,
            email: document.email,
            email_verified: document.email_verified,
            name: document.name,
            username: document.username,
            locale: document.locale,
            time_zone: document.time_zone,
            avatar: document.avatar.map(TryInto::try_into).transpose()?,
            roles: document.roles,
            created_at: instant(document.created_at)?,
            updated_at: instant(document.updated_at)?,
            deletion_due_at: document.deletion_due_at.map(instant).transpose()?,
            suspension,
            last_seen_at: (document.last_seen_at > never())
                .then(|| instant(document.last_seen_at))
                .transpose()?,
            version: document.version,
            session_epoch: document.session_epoch,
            credential_epoch: document.credential_epoch,
        };
        let metadata = UserMetadata {
            public: metadata(document.public_metadata)?,
            app: metadata(document.app_metadata)?,
        };
        Ok(Self { user, password_hash: PasswordHash::from_stored(document.password_hash), metadata })
    }
}

fn metadata(json: Option<String>) -> StoreResult<Metadata> {
    json.map_or(Ok(Metadata::default()), |json| Metadata::from_stored(&json).ok_or(StoreError::Corrupt))
}
