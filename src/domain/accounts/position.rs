//! Places in lists of users, as clients keep them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{User, UserOrder, Username, last_seen_millis, name_key};
use crate::domain::{ids::UserId, tokens::TokenHash};

/// Bytes of the checksum of a cursor.
const CHECK_BYTES: usize = 6;

impl UserOrder {
    const fn tag(self) -> u8 {
        match self {
            Self::CreatedAt => b'c',
            Self::Email => b'e',
            Self::Name => b'n',
            Self::Username => b'u',
            Self::LastSeenAt => b'l',
        }
    }
}

/// Where a user stands in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPosition {
    /// By what the list is in order.
    pub order: UserOrder,
    /// What the user has there; empty for the order of creation, which is that of ids.
    pub key: String,
    /// The user.
    pub id: UserId,
}

impl UserPosition {
    /// Where this user stands in a list of this order.
    pub fn of(user: &User, order: UserOrder) -> Self {
        let key = match order {
            UserOrder::CreatedAt => String::new(),
            UserOrder::Email => user.email.key().as_str().to_owned(),
            UserOrder::Name => name_key(user.name.as_str()),
            UserOrder::Username => user.username.as_ref().map(Username::as_str).unwrap_or_default().into(),
            UserOrder::LastSeenAt => last_seen_millis(user).to_string(),
        };
        Self { order, key, id: user.id.clone() }
    }

    /// The position as text for clients.
    pub fn to_cursor(&self) -> String {
        let mut bytes = vec![self.order.tag()];
        bytes.extend(self.id.as_str().as_bytes());
        bytes.extend(self.key.as_bytes());
        let check = TokenHash::of(&bytes);
        bytes.extend(&check.as_bytes()[..CHECK_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position that a list of this order has told; `None` for any other text.
    pub fn from_cursor(text: &str, order: UserOrder) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (content, check) = bytes.split_at(bytes.len().checked_sub(CHECK_BYTES)?);
        if TokenHash::of(content).as_bytes()[..CHECK_BYTES] != *check || *content.first()? != order.tag() {
            return None;
        }
        let text = std::str::from_utf8(&content[1..]).ok()?;
        let (id, key) = text.split_at_checked(UserId::PREFIX.len() + 26)?;
        let is_time = order != UserOrder::LastSeenAt || key.parse::<i64>().is_ok();
        is_time.then_some(Self { order, key: key.to_owned(), id: id.parse().ok()? })
    }
}
