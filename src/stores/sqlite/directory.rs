//! Users by the many in SQLite.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params, params_from_iter, types::Value};

use super::{database::Database, error, rows, users};
use crate::domain::{
    accounts::{
        Insertion, User, UserDirectory, UserOrder, UserPosition, UserQuery, UserRange, UserSelector,
        UserWithPassword, Username,
    },
    clock::Instant,
    ids::UserId,
    page::{End, PageRequest},
    store::{Field, StoreError, StoreResult},
};

const READ_FIRST: &str = "SELECT * FROM users ORDER BY id LIMIT ?";
const READ_AFTER: &str = "SELECT * FROM users WHERE id > ?2 ORDER BY id LIMIT ?1";
const EXPIRED: &str = "
SELECT * FROM users WHERE suspended_until IS NOT NULL AND suspended_until <= ? ORDER BY suspended_until LIMIT ?";
const TOUCH: &str = "UPDATE users SET last_seen_at = ?2 WHERE id = ?1 AND last_seen_at < ?2";
/// Rows are numbered as they come, so that the highest number tells about how many there are.
const ESTIMATE: &str = "SELECT coalesce(max(rowid), 0) FROM users";
const PREVIEW: &str = "
SELECT EXISTS (SELECT 1 FROM users WHERE email_key = ?1), EXISTS (SELECT 1 FROM users WHERE id = ?2),
       EXISTS (SELECT 1 FROM users WHERE username_key = ?3)";
const HOLDERS: &str = "
SELECT count(*) FROM (
    SELECT 1 FROM user_roles CROSS JOIN users ON users.id = user_roles.user_id
    WHERE user_roles.role = ? AND users.status = 0 LIMIT ?)";

/// A statement of names that stand here, with values that are bound.
struct Statement {
    from: &'static str,
    /// The columns of the order; the last one is that of ids.
    columns: Vec<&'static str>,
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Statement {
    fn new(query: &UserQuery) -> Self {
        let (key, by_order) = match query.order {
            UserOrder::CreatedAt => (None, "users"),
            UserOrder::Email => (Some("email_key"), "users"),
            UserOrder::Name => (Some("name_key"), "users INDEXED BY users_by_name"),
            UserOrder::Username => (Some("username"), "users INDEXED BY users_by_username"),
            UserOrder::LastSeenAt => (Some("last_seen_at"), "users INDEXED BY users_by_last_seen"),
        };
        let mut statement =
            Self { from: by_order, columns: Vec::new(), conditions: Vec::new(), values: Vec::new() };
        let mut id = "id";
        match &query.of {
            UserSelector::All => {}
            UserSelector::Status(status) => {
                statement.from = "users INDEXED BY users_by_status";
                statement.conditions.push("status = ?".into());
                statement.values.push(status.number().into());
            }
            UserSelector::Verified(verified) => {
                statement.from = "users INDEXED BY users_by_verified";
                statement.conditions.push("email_verified = ?".into());
                statement.values.push((*verified).into());
            }
            UserSelector::Role(role) => {
                statement.from = "user_roles CROSS JOIN users ON users.id = user_roles.user_id";
                statement.conditions.push("role = ?".into());
                statement.values.push(role.clone().into());
                id = "user_id";
            }
        }
        statement.columns.extend(key);
        statement.columns.push(id);
        if query.order == UserOrder::Username {
            statement.conditions.push("username IS NOT NULL".into());
        }
        statement
    }

    /// Keeps to a range. To be said after the positions: of several bounds on one side SQLite seeks by the
    /// first, and reads its way to where the others are met.
    fn limit_to(&mut self, range: &UserRange) {
        let column = self.columns[0];
        match range {
            UserRange::All => {}
            UserRange::Times(from, to) => {
                for (operator, at) in [(">=", from), ("<", to)] {
                    let Some(at) = at else { continue };
                    self.conditions.push(format!("{column} {operator} ?"));
                    self.values.push(match column {
                        "last_seen_at" => at.timestamp_millis().into(),
                        _ => UserId::lowest_at(*at).as_str().to_owned().into(),
                    });
                }
            }
            UserRange::Prefix(prefix) => {
                self.conditions.push(format!("{column} >= ? AND {column} < ?"));
                self.values.push(prefix.clone().into());
                // Nothing that begins so sorts after it.
                self.values.push(format!("{prefix}\u{10ffff}").into());
            }
        }
    }

    /// Goes on beyond a position.
    fn beyond(&mut self, position: &UserPosition, operator: &str) {
        let marks = vec!["?"; self.columns.len()].join(", ");
        self.conditions.push(format!("({}) {operator} ({marks})", self.columns.join(", ")));
        if self.columns.len() > 1 {
            self.values.push(match self.columns[0] {
                "last_seen_at" => position.key.parse::<i64>().unwrap_or_default().into(),
                _ => position.key.clone().into(),
            });
        }
        self.values.push(position.id.as_str().to_owned().into());
    }

    fn text(&self, what: &str) -> String {
        let conditions =
            if self.conditions.is_empty() { "1".to_owned() } else { self.conditions.join(" AND ") };
        format!("SELECT {what} FROM {} WHERE {conditions}", self.from)
    }
}

/// The statement of a page, and what is bound to it.
pub(super) fn page_statement(query: &UserQuery, page: &PageRequest<UserPosition>) -> (String, Vec<Value>) {
    let mut statement = Statement::new(query);
    let (next, previous) = if query.descending { ("<", ">") } else { (">", "<") };
    if let Some(after) = &page.after {
        statement.beyond(after, next);
    }
    if let Some(before) = &page.before {
        statement.beyond(before, previous);
    }
    statement.limit_to(&query.range);
    let is_descending = query.descending != (page.end == End::Last);
    let direction = if is_descending { " DESC" } else { "" };
    let order: Vec<String> = statement.columns.iter().map(|column| format!("{column}{direction}")).collect();
    statement.values.push(i64::try_from(page.to_read()).unwrap_or(i64::MAX).into());
    let text = format!("{} ORDER BY {} LIMIT ?", statement.text("users.*"), order.join(", "));
    (text, statement.values)
}

#[async_trait]
impl UserDirectory for Database {
    async fn list_users(
        &self,
        query: &UserQuery,
        page: &PageRequest<UserPosition>,
    ) -> StoreResult<Vec<User>> {
        let (text, values) = page_statement(query, page);
        self.read(move |connection| {
            connection.prepare_cached(&text)?.query_map(params_from_iter(values), rows::user)?.collect()
        })
        .await
    }

    async fn count_users(&self, query: &UserQuery, limit: u64) -> StoreResult<u64> {
        let mut statement = Statement::new(query);
        statement.limit_to(&query.range);
        statement.values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        let text = format!("SELECT count(*) FROM ({} LIMIT ?)", statement.text("1"));
        let count: i64 = self
            .read(move |connection| {
                let values = params_from_iter(statement.values);
                connection.prepare_cached(&text)?.query_row(values, |row| row.get(0))
            })
            .await?;
        Ok(count.unsigned_abs())
    }

    async fn estimate_users(&self) -> StoreResult<u64> {
        let read = |connection: &rusqlite::Connection| {
            connection.prepare_cached(ESTIMATE)?.query_row([], |row| row.get::<_, i64>(0))
        };
        Ok(self.read(read).await?.unsigned_abs())
    }

    async fn insert_users(&self, accounts: &[UserWithPassword]) -> StoreResult<Vec<Insertion>> {
        let accounts = accounts.to_vec();
        self.write(move |transaction| {
            let insert = |account| match users::insert(transaction, account) {
                Ok(()) => Ok(Insertion::Added),
                Err(failure) => match error::classify(&failure) {
                    StoreError::Conflict(field) => Ok(Insertion::Conflict(field)),
                    StoreError::Unavailable | StoreError::Corrupt => Err(failure),
                },
            };
            accounts.iter().map(insert).collect()
        })
        .await
    }

    async fn preview_users(&self, accounts: &[UserWithPassword]) -> StoreResult<Vec<Insertion>> {
        let accounts = accounts.to_vec();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(PREVIEW)?;
            let mut preview = |account: &UserWithPassword| {
                let User { email, id, username, .. } = &account.user;
                let (email, username) = (email.key(), username.as_ref().map(Username::key));
                let values = params![email.as_str(), id.as_str(), username];
                statement.query_row(values, |row| {
                    Ok(if row.get(0)? {
                        Insertion::Conflict(Field::Email)
                    } else if row.get(1)? {
                        Insertion::Conflict(Field::Identity)
                    } else if row.get(2)? {
                        Insertion::Conflict(Field::Username)
                    } else {
                        Insertion::Added
                    })
                })
            };
            accounts.iter().map(&mut preview).collect()
        })
        .await
    }

    async fn read_users(&self, after: Option<&UserId>, limit: usize) -> StoreResult<Vec<UserWithPassword>> {
        let (after, limit) = (after.cloned(), i64::try_from(limit).unwrap_or(i64::MAX));
        self.read(move |connection| match after {
            None => {
                connection.prepare_cached(READ_FIRST)?.query_map([limit], rows::user_with_password)?.collect()
            }
            Some(after) => connection
                .prepare_cached(READ_AFTER)?
                .query_map(params![limit, after.as_str()], rows::user_with_password)?
                .collect(),
        })
        .await
    }

    async fn expired_suspensions(&self, now: Instant, limit: usize) -> StoreResult<Vec<User>> {
        self.calls().count_as_background();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            let values = params![now.timestamp_millis(), limit];
            connection.prepare_cached(EXPIRED)?.query_map(values, rows::user)?.collect()
        })
        .await
    }

    async fn count_holders(&self, role: &str, limit: u64) -> StoreResult<u64> {
        let (role, limit) = (role.to_owned(), i64::try_from(limit).unwrap_or(i64::MAX));
        let count: Option<i64> = self
            .read(move |connection| {
                let values = params![role, limit];
                connection.prepare_cached(HOLDERS)?.query_row(values, |row| row.get(0)).optional()
            })
            .await?;
        Ok(count.unwrap_or_default().unsigned_abs())
    }

    async fn touch_user(&self, id: &UserId, at: Instant) -> StoreResult<()> {
        self.calls().count_as_background();
        let id = id.clone();
        self.write(move |transaction| {
            transaction.prepare_cached(TOUCH)?.execute(params![id.as_str(), at.timestamp_millis()]).map(drop)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
