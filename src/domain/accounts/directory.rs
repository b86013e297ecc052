//! Lists of users. Every one is read from an index, from the place where a page begins, so that a page
//! costs the same however many users there are.

use async_trait::async_trait;
use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

use super::{User, UserPosition, UserWithPassword};
use crate::domain::{
    clock::Instant,
    error::{Error, Result},
    faults::{Fault, FaultCode},
    ids::UserId,
    page::PageRequest,
    store::{Field, StoreResult},
};

/// Above so many users of a kind their number is an estimate.
pub const COUNTED_USERS: u64 = 10_000;
/// The most characters of a prefix that is searched for.
pub const MAX_PREFIX_CHARACTERS: usize = 100;

/// By what a list is in order; users that have the same there are in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserOrder {
    /// When the account was made.
    CreatedAt,
    /// The normalised e-mail address.
    Email,
    /// The name, without regard to letter case.
    Name,
    /// The user name; those who have none are not in the list.
    Username,
    /// When the person was last seen; those who never were come as the longest ago.
    LastSeenAt,
}

impl UserOrder {
    /// Every order.
    pub const ALL: [Self; 5] = [Self::CreatedAt, Self::Email, Self::Name, Self::Username, Self::LastSeenAt];
}

/// In which state an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserStatus {
    /// Nothing is the matter.
    Active,
    /// It is suspended.
    Suspended,
    /// It is going to be erased.
    Deleting,
}

impl UserStatus {
    /// The number by which stores keep the state.
    pub const fn number(self) -> i32 {
        match self {
            Self::Active => 0,
            Self::Suspended => 1,
            Self::Deleting => 2,
        }
    }
}

/// What users have in common; one thing at most, so that an index finds them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum UserSelector {
    /// Nothing.
    #[default]
    All,
    /// The state.
    Status(UserStatus),
    /// Whether the address is verified.
    Verified(bool),
    /// A role.
    Role(String),
}

/// A range of the list, in its own order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum UserRange {
    /// All of it.
    #[default]
    All,
    /// From one time to before another.
    Times(Option<Instant>, Option<Instant>),
    /// What begins so, in normal form.
    Prefix(String),
}

/// A list of users.
#[derive(Debug, Clone)]
pub struct UserQuery {
    /// What they have in common.
    pub of: UserSelector,
    /// Which part of them.
    pub range: UserRange,
    /// By what they are in order.
    pub order: UserOrder,
    /// The highest first.
    pub descending: bool,
}

/// What an administrator asks for.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// The state.
    pub status: Option<UserStatus>,
    /// Whether the address is verified.
    pub verified: Option<bool>,
    /// A role.
    pub role: Option<String>,
    /// When the account was made: from, and before.
    pub created: (Option<Instant>, Option<Instant>),
    /// When the person was last seen: from, and before.
    pub last_seen: (Option<Instant>, Option<Instant>),
    /// How the e-mail address begins.
    pub email_prefix: Option<String>,
    /// How the user name begins.
    pub username_prefix: Option<String>,
    /// How the name begins.
    pub name_prefix: Option<String>,
}

impl UserQuery {
    /// The list that was asked for. A filter that is a range has an order of its own; without one and
    /// without `order` the newest come first.
    ///
    /// # Errors
    /// `BadArguments` for what no index finds, which would read every user: two things in common, two
    /// ranges, a range of another order, or something in common in another order than that of creation.
    pub fn new(filter: UserFilter, order: Option<(UserOrder, bool)>) -> Result<Self> {
        let scan = |field, message: &str| {
            Err(Error::BadArguments(vec![Fault::new(field, FaultCode::InvalidFormat, message)]))
        };
        let mut of = [
            filter.status.map(UserSelector::Status),
            filter.verified.map(UserSelector::Verified),
            filter.role.map(UserSelector::Role),
        ]
        .into_iter()
        .flatten();
        let (first, second) = (of.next(), of.next());
        if second.is_some() {
            return scan("filter", "can have one of status, verified and role: no index finds several");
        }
        let times = |order, (from, to): (Option<Instant>, Option<Instant>)| {
            (from.is_some() || to.is_some()).then_some((order, UserRange::Times(from, to)))
        };
        let prefix = |field, order, text: Option<String>| match text {
            None => Ok(None),
            Some(text) => prefix_key(field, &text).map(|key| Some((order, UserRange::Prefix(key)))),
        };
        let bad = |fault| Error::BadArguments(vec![fault]);
        let ranges = [
            times(UserOrder::CreatedAt, filter.created),
            times(UserOrder::LastSeenAt, filter.last_seen),
            prefix("filter.emailPrefix", UserOrder::Email, filter.email_prefix).map_err(bad)?,
            prefix("filter.usernamePrefix", UserOrder::Username, filter.username_prefix).map_err(bad)?,
            prefix("filter.namePrefix", UserOrder::Name, filter.name_prefix).map_err(bad)?,
        ];
        let mut ranges = ranges.into_iter().flatten();
        let (range, another) = (ranges.next(), ranges.next());
        if another.is_some() {
            return scan("filter", "can have one range or prefix: no index finds several");
        }
        let (order, descending) = match (&range, order) {
            (Some((own, _)), Some((order, _))) if *own != order => {
                return scan("orderBy", "must be that of the range or prefix of the filter");
            }
            (_, Some(order)) => order,
            (Some((own, _)), None) => (*own, *own == UserOrder::LastSeenAt),
            (None, None) => (UserOrder::CreatedAt, true),
        };
        if first.is_some() && order != UserOrder::CreatedAt {
            return scan("orderBy", "must be CREATED_AT with status, verified or role");
        }
        let range = range.map_or(UserRange::All, |(_, range)| range);
        Ok(Self { of: first.unwrap_or_default(), range, order, descending })
    }
}

/// A name as names are in order: without regard to letter case and compatibility forms.
pub fn name_key(name: &str) -> String {
    name.nfkd().default_case_fold().nfkc().collect()
}

/// How keys begin that begin so.
fn prefix_key(field: &'static str, text: &str) -> std::result::Result<String, Fault> {
    if text.len() > MAX_PREFIX_CHARACTERS * 4 || text.chars().count() > MAX_PREFIX_CHARACTERS {
        return Err(Fault::too_long(field, MAX_PREFIX_CHARACTERS, "characters"));
    }
    let key = name_key(text.trim_start());
    if key.is_empty() {
        return Err(Fault::new(field, FaultCode::Required, "must not be empty"));
    }
    Ok(key)
}

/// When a person was last seen, as lists are in order by it.
pub fn last_seen_millis(user: &User) -> i64 {
    user.last_seen_at.map_or(0, |at| at.timestamp_millis())
}

/// What became of one of many users that were to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// It was added.
    Added,
    /// It was there before, or another has what must be unique.
    Conflict(Field),
}

/// Users by the many. Every method fails with `Unavailable` or `Corrupt` as
/// [`crate::domain::store::StoreError`] says.
#[async_trait]
pub trait UserDirectory: Send + Sync {
    /// A page of a list: at most [`PageRequest::to_read`] users, from the end that is asked for, outermost
    /// first. Positions are of the order of the list.
    async fn list_users(&self, query: &UserQuery, page: &PageRequest<UserPosition>)
    -> StoreResult<Vec<User>>;

    /// How many users the list has, counted up to `limit`.
    async fn count_users(&self, query: &UserQuery, limit: u64) -> StoreResult<u64>;

    /// About how many users there are in all, at a cost that does not depend on it.
    async fn estimate_users(&self) -> StoreResult<u64>;

    /// Adds users; each is added or not by itself, in order.
    async fn insert_users(&self, users: &[UserWithPassword]) -> StoreResult<Vec<Insertion>>;

    /// What [`UserDirectory::insert_users`] would answer for each by itself, as far as users tell that are there:
    /// `Email` before `Identity` before `Username`. Adds nobody.
    async fn preview_users(&self, users: &[UserWithPassword]) -> StoreResult<Vec<Insertion>>;

    /// At most `limit` users whose ids sort after this one, in the order of their ids.
    async fn read_users(&self, after: Option<&UserId>, limit: usize) -> StoreResult<Vec<UserWithPassword>>;

    /// At most `limit` users whose suspension has ended by itself.
    async fn expired_suspensions(&self, now: Instant, limit: usize) -> StoreResult<Vec<User>>;

    /// How many accounts have this role and are neither suspended nor going to be erased, counted up to
    /// `limit`.
    async fn count_holders(&self, role: &str, limit: u64) -> StoreResult<u64>;

    /// Notes that a person was seen, where that is later than what is known.
    async fn touch_user(&self, id: &UserId, at: Instant) -> StoreResult<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(filter: UserFilter, order: Option<(UserOrder, bool)>) -> Option<&'static str> {
        match UserQuery::new(filter, order) {
            Err(Error::BadArguments(faults)) => faults.first().map(|fault| fault.field),
            Err(other) => panic!("{other}"),
            Ok(_) => None,
        }
    }

    #[test]
    fn what_no_index_finds_is_refused() {
        let none = UserFilter::default;
        let verified = || UserFilter { verified: Some(true), ..none() };
        assert_eq!(refusal(none(), Some((UserOrder::Name, false))), None);
        assert_eq!(refusal(verified(), None), None);
        assert_eq!(refusal(verified(), Some((UserOrder::Email, false))), Some("orderBy"));
        assert_eq!(refusal(UserFilter { role: Some("admin".into()), ..verified() }, None), Some("filter"));
        let prefixed = |prefix: &str| UserFilter { email_prefix: Some(prefix.into()), ..none() };
        assert_eq!(refusal(prefixed("ada"), None), None);
        assert_eq!(refusal(prefixed(" "), None), Some("filter.emailPrefix"));
        assert_eq!(refusal(prefixed(&"x".repeat(101)), None), Some("filter.emailPrefix"));
        assert_eq!(refusal(prefixed("ada"), Some((UserOrder::Name, false))), Some("orderBy"));
        let both = UserFilter { name_prefix: Some("a".into()), ..prefixed("a") };
        assert_eq!(refusal(both, None), Some("filter"));
    }
}
