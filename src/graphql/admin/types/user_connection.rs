//! `UserConnection`.

use async_graphql::{Context, Object, SimpleObject, connection::PageInfo};

use super::AdminUser;
use crate::{
    domain::{
        accounts::{User, UserPosition, UserQuery},
        page::Page,
    },
    graphql::{Result, context::ContextExt, page::page_info},
};

/// A user in a list.
#[derive(SimpleObject)]
struct UserEdge {
    /// The position of the user in the list, for `after` and `before` in the same order. Opaque.
    cursor: String,
    /// The user.
    node: AdminUser,
}

/// How many users a list has.
#[derive(SimpleObject)]
struct UserCount {
    /// The number.
    value: i64,
    /// Whether that is about how many, or the least that there are, rather than how many: lists of more than
    /// 10,000 are not counted.
    is_estimate: bool,
}

/// A page of users.
pub(in crate::graphql::admin) struct UserConnection {
    query: UserQuery,
    page: Page<User>,
}

impl UserConnection {
    /// The connection of a page.
    pub(in crate::graphql::admin) const fn new(query: UserQuery, page: Page<User>) -> Self {
        Self { query, page }
    }

    fn cursor(&self, user: &User) -> String {
        UserPosition::of(user, self.query.order).to_cursor()
    }
}

/// A page of users.
#[Object]
impl UserConnection {
    /// The users of this page.
    async fn edges(&self) -> Vec<UserEdge> {
        let edge = |user: &User| UserEdge { cursor: self.cursor(user), node: AdminUser(user.clone()) };
        self.page.items.iter().map(edge).collect()
    }

    /// Where this page stands among the others.
    async fn page_info(&self) -> PageInfo {
        page_info(&self.page, |user| self.cursor(user))
    }

    /// How many users there are on all pages.
    async fn total_count(&self, context: &Context<'_>) -> Result<UserCount> {
        let caller = context.administrator().await?;
        let count = context.domain()?.administration.count_users(caller, &self.query).await?;
        let value = i64::try_from(count.value).unwrap_or(i64::MAX);
        Ok(UserCount { value, is_estimate: count.is_estimate })
    }
}
