//! `SessionConnection`.

use async_graphql::{Context, Object, SimpleObject, connection::PageInfo};

use super::SessionObject;
use crate::{
    domain::{Error, actor::Principal, page::Page, sessions::Session},
    graphql::{
        Result,
        context::ContextExt,
        enums::{AccessRule, access},
        page::{cursor, page_info},
    },
};

/// A session in a list.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Owner))]
pub(crate) struct SessionEdge {
    /// The position of the session in the list, for `after` and `before`. Opaque.
    cursor: String,
    /// The session.
    node: SessionObject,
}

/// The sessions of a person, as that person sees them.
pub(crate) struct SessionConnection {
    viewer: Principal,
    page: Page<Session>,
}

impl SessionConnection {
    /// The connection of a page.
    pub(crate) fn new(viewer: &Principal, page: Page<Session>) -> Self {
        Self { viewer: viewer.clone(), page }
    }
}

/// A page of a person's sessions.
#[Object(directive = access::apply(AccessRule::Owner))]
impl SessionConnection {
    /// The sessions of this page.
    async fn edges(&self) -> Vec<SessionEdge> {
        let edge = |session: &Session| SessionEdge {
            cursor: cursor(session.id.as_str()),
            node: SessionObject { session: session.clone(), current: session.id == self.viewer.session.id },
        };
        self.page.items.iter().map(edge).collect()
    }

    /// Where this page stands among the others.
    async fn page_info(&self) -> PageInfo {
        page_info(&self.page, |session| cursor(session.id.as_str()))
    }

    /// How many sessions there are on all pages.
    async fn total_count(&self, context: &Context<'_>) -> Result<i32> {
        let count = context.domain()?.sessions.count_own(&self.viewer).await?;
        Ok(i32::try_from(count).map_err(|_| Error::Internal("more sessions than can be told".into()))?)
    }
}
