//! Users by the many in MongoDB.

use std::collections::HashSet;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::{
    bson::{self, Bson, Document, doc},
    error::ErrorKind,
    options::Hint,
};

use super::{MongoStore, documents::date, error, indexes, user_documents::UserDocument};
use crate::domain::{
    accounts::{
        Insertion, User, UserDirectory, UserOrder, UserPosition, UserQuery, UserRange, UserSelector,
        UserStatus, UserWithPassword, Username,
    },
    clock::Instant,
    ids::UserId,
    page::{End, PageRequest},
    store::{Field, StoreError, StoreResult},
};

/// The field that a list is in order by, before the id.
const fn order_field(order: UserOrder) -> Option<&'static str> {
    match order {
        UserOrder::CreatedAt => None,
        UserOrder::Email => Some("email_key"),
        UserOrder::Name => Some("name_key"),
        UserOrder::Username => Some("username"),
        UserOrder::LastSeenAt => Some("last_seen_at"),
    }
}

/// What is common to a list, and the index that it is read from.
fn common(query: &UserQuery) -> (Document, &'static str) {
    match (&query.of, query.order) {
        (UserSelector::Status(status), _) => (doc! { "status": status.number() }, indexes::USERS_BY_STATUS),
        (UserSelector::Verified(verified), _) => {
            (doc! { "email_verified": verified }, indexes::USERS_BY_VERIFIED)
        }
        (UserSelector::Role(role), _) => (doc! { "roles": role }, indexes::USERS_BY_ROLE),
        (UserSelector::All, UserOrder::CreatedAt) => (Document::new(), "_id_"),
        (UserSelector::All, UserOrder::Email) => (Document::new(), indexes::UNIQUE_EMAIL),
        (UserSelector::All, UserOrder::Name) => (Document::new(), indexes::USERS_BY_NAME),
        (UserSelector::All, UserOrder::Username) => {
            (doc! { "username": { "$gte": "" } }, indexes::USERS_BY_USERNAME)
        }
        (UserSelector::All, UserOrder::LastSeenAt) => (Document::new(), indexes::USERS_BY_LAST_SEEN),
    }
}

/// The bounds of a range on its field.
fn range_bounds(query: &UserQuery) -> Document {
    let mut bounds = Document::new();
    match &query.range {
        UserRange::All => {}
        UserRange::Times(from, to) => {
            let bound = |at: Instant| match query.order {
                UserOrder::LastSeenAt => Bson::from(date(at)),
                _ => Bson::from(UserId::lowest_at(at).as_str()),
            };
            for (operator, at) in [("$gte", from), ("$lt", to)] {
                if let Some(at) = at {
                    bounds.insert(operator, bound(*at));
                }
            }
        }
        UserRange::Prefix(prefix) => {
            // Nothing that begins so sorts after it.
            bounds.insert("$gte", prefix);
            bounds.insert("$lt", format!("{prefix}\u{10ffff}"));
        }
    }
    bounds
}

/// What stands beyond a position: first a bound for the index, then, of those with the same key, the id.
fn beyond(position: &UserPosition, field: Option<&str>, operator: &str) -> Vec<Document> {
    let id = position.id.as_str();
    let Some(field) = field else { return vec![doc! { "_id": { operator: id } }] };
    let key = match position.order {
        UserOrder::LastSeenAt => {
            Bson::from(bson::DateTime::from_millis(position.key.parse().unwrap_or_default()))
        }
        _ => Bson::from(position.key.as_str()),
    };
    let inclusive = format!("{operator}e");
    vec![
        doc! { field: { inclusive: key.clone() } },
        doc! { "$or": [{ field: { operator: key.clone() } }, { field: key, "_id": { operator: id } }] },
    ]
}

/// The filter and the index of a list.
fn list_filter(query: &UserQuery) -> (Vec<Document>, &'static str) {
    let (common, hint) = common(query);
    let mut conditions = Vec::new();
    if !common.is_empty() {
        conditions.push(common);
    }
    let bounds = range_bounds(query);
    if !bounds.is_empty() {
        conditions.push(doc! { order_field(query.order).unwrap_or("_id"): bounds });
    }
    (conditions, hint)
}

fn all_of(conditions: Vec<Document>) -> Document {
    if conditions.is_empty() {
        Document::new()
    } else {
        doc! { "$and": conditions }
    }
}

/// The filter, order and index of a page.
pub(super) fn page_parts(
    query: &UserQuery,
    page: &PageRequest<UserPosition>,
) -> (Document, Document, &'static str) {
    let (mut conditions, hint) = list_filter(query);
    let field = order_field(query.order);
    let (next, previous) = if query.descending { ("$lt", "$gt") } else { ("$gt", "$lt") };
    if let Some(after) = &page.after {
        conditions.extend(beyond(after, field, next));
    }
    if let Some(before) = &page.before {
        conditions.extend(beyond(before, field, previous));
    }
    let direction = if query.descending == (page.end == End::Last) { 1 } else { -1 };
    let mut sort = Document::new();
    if let Some(field) = field {
        sort.insert(field, direction);
    }
    // No two have the same address, and its index has nothing else.
    if query.order != UserOrder::Email {
        sort.insert("_id", direction);
    }
    (all_of(conditions), sort, hint)
}

/// The command that reads a page, as it can be explained.
pub fn find_command(query: &UserQuery, page: &PageRequest<UserPosition>) -> Document {
    let (filter, sort, hint) = page_parts(query, page);
    let limit = i64::try_from(page.to_read()).unwrap_or(i64::MAX);
    doc! { "find": indexes::USERS, "filter": filter, "sort": sort, "limit": limit, "hint": hint }
}

impl MongoStore {
    async fn find_users(
        &self,
        (filter, sort, hint): (Document, Document, &'static str),
        limit: usize,
    ) -> StoreResult<Vec<UserWithPassword>> {
        let (users, limit) = (self.users.clone(), i64::try_from(limit).unwrap_or(i64::MAX));
        let found: Vec<UserDocument> = self
            .bounded(async move {
                let hint = Hint::Name(hint.to_owned());
                users.find(filter).sort(sort).limit(limit).hint(hint).await?.try_collect().await
            })
            .await?;
        found.into_iter().map(TryInto::try_into).collect()
    }

    async fn count(&self, filter: Document, limit: u64, hint: &'static str) -> StoreResult<u64> {
        let users = self.users.clone();
        self.bounded(async move {
            users.count_documents(filter).limit(limit).hint(Hint::Name(hint.to_owned())).await
        })
        .await
    }
}

/// What a user has of something that nobody else may have.
fn unique_key(user: &User, field: Field) -> Option<String> {
    match field {
        Field::Email => Some(user.email.key().as_str().to_owned()),
        Field::Username => user.username.as_ref().map(Username::key),
        Field::Identity | Field::KeyGeneration => Some(user.id.to_string()),
    }
}

fn only_users(found: Vec<UserWithPassword>) -> Vec<User> {
    found.into_iter().map(|found| found.user).collect()
}

#[async_trait]
impl UserDirectory for MongoStore {
    async fn list_users(
        &self,
        query: &UserQuery,
        page: &PageRequest<UserPosition>,
    ) -> StoreResult<Vec<User>> {
        self.find_users(page_parts(query, page), page.to_read()).await.map(only_users)
    }

    async fn count_users(&self, query: &UserQuery, limit: u64) -> StoreResult<u64> {
        let (conditions, hint) = list_filter(query);
        self.count(all_of(conditions), limit, hint).await
    }

    async fn estimate_users(&self) -> StoreResult<u64> {
        let users = self.users.clone();
        self.bounded(async move { users.estimated_document_count().await }).await
    }

    async fn insert_users(&self, accounts: &[UserWithPassword]) -> StoreResult<Vec<Insertion>> {
        // The driver refuses to insert nothing.
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let (users, count) = (self.users.clone(), accounts.len());
        let documents: Vec<UserDocument> = accounts.iter().map(UserDocument::from).collect();
        let inserted = self.bounded(async move {
            match users.insert_many(documents).ordered(false).await {
                Ok(_) => Ok(Vec::new()),
                Err(error) => match &*error.kind {
                    ErrorKind::InsertMany(failures) if failures.write_concern_error.is_none() => {
                        Ok(failures.write_errors.clone().unwrap_or_default())
                    }
                    _ => Err(error),
                },
            }
        });
        let mut outcomes = vec![Insertion::Added; count];
        for failure in inserted.await? {
            match error::by_code(failure.code, &failure.message) {
                StoreError::Conflict(field) => {
                    if let Some(outcome) = outcomes.get_mut(failure.index) {
                        *outcome = Insertion::Conflict(field);
                    }
                }
                error => return Err(error),
            }
        }
        Ok(outcomes)
    }

    async fn preview_users(&self, accounts: &[UserWithPassword]) -> StoreResult<Vec<Insertion>> {
        const FIELDS: [(Field, &str); 3] =
            [(Field::Email, "email_key"), (Field::Identity, "_id"), (Field::Username, "username_key")];
        let keys = |users: &[UserWithPassword], field| -> HashSet<String> {
            users.iter().filter_map(|account| unique_key(&account.user, field)).collect()
        };
        let any: Vec<Document> = FIELDS
            .iter()
            .map(|(field, name)| doc! { *name: { "$in": Vec::from_iter(keys(accounts, *field)) } })
            .collect();
        let users = self.users.clone();
        let found: Vec<UserDocument> =
            self.bounded(async move { users.find(doc! { "$or": any }).await?.try_collect().await }).await?;
        let found: Vec<UserWithPassword> =
            found.into_iter().map(TryInto::try_into).collect::<StoreResult<_>>()?;
        let taken = FIELDS.map(|(field, _)| (field, keys(&found, field)));
        let preview = |account: &UserWithPassword| {
            let conflict = taken.iter().find(|(field, taken)| {
                unique_key(&account.user, *field).is_some_and(|key| taken.contains(&key))
            });
            conflict.map_or(Insertion::Added, |(field, _)| Insertion::Conflict(*field))
        };
        Ok(accounts.iter().map(preview).collect())
    }

    async fn read_users(&self, after: Option<&UserId>, limit: usize) -> StoreResult<Vec<UserWithPassword>> {
        let filter = after.map_or_else(Document::new, |after| doc! { "_id": { "$gt": after.as_str() } });
        self.find_users((filter, doc! { "_id": 1 }, "_id_"), limit).await
    }

    async fn expired_suspensions(&self, now: Instant, limit: usize) -> StoreResult<Vec<User>> {
        self.calls.count_as_background();
        let filter = doc! { "suspended_until": { "$lte": date(now) } };
        let sort = doc! { "suspended_until": 1 };
        self.find_users((filter, sort, indexes::USERS_BY_SUSPENSION_END), limit).await.map(only_users)
    }

    async fn count_holders(&self, role: &str, limit: u64) -> StoreResult<u64> {
        let filter = doc! { "roles": role, "status": UserStatus::Active.number() };
        self.count(filter, limit, indexes::USERS_BY_ROLE).await
    }

    async fn touch_user(&self, id: &UserId, at: Instant) -> StoreResult<()> {
        self.calls.count_as_background();
        let (users, filter) = (self.users.clone(), doc! { "_id": id.as_str() });
        let seen = doc! { "$max": { "last_seen_at": date(at) } };
        self.bounded(async move { users.update_one(filter, seen).await }).await.map(drop)
    }
}
