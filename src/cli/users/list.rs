//! `vestibule users list`.

use std::process::ExitCode;

use serde_json::Value;

use super::{Format, arguments::ListArguments, as_json};
use crate::domain::{
    Domain,
    accounts::{UserFilter, UserPosition, UserQuery},
    administration::Administrator,
    page::{End, MAX_PAGE_SIZE, PageRequest},
};

const COLUMNS: &[&str] = &["id", "email", "name", "roles", "status", "createdAt", "lastSeenAt"];

pub(super) async fn run(
    domain: &Domain,
    operator: &Administrator,
    arguments: ListArguments,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let filter = UserFilter {
        status: arguments.status.map(Into::into),
        verified: arguments.verified,
        role: arguments.role,
        email_prefix: arguments.email,
        username_prefix: arguments.username,
        name_prefix: arguments.name,
        ..UserFilter::default()
    };
    let query = UserQuery::new(filter, arguments.order.map(|order| (order.into(), arguments.descending)))?;
    let limit = if arguments.limit == 0 { usize::MAX } else { arguments.limit };
    let (mut rows, mut after): (Vec<Value>, Option<UserPosition>) = (Vec::new(), None);
    loop {
        let size = MAX_PAGE_SIZE.min(limit - rows.len());
        let page = PageRequest { size, end: End::First, after: after.take(), before: None };
        let found = domain.administration.list_users(operator, &query, &page).await?;
        rows.extend(found.items.iter().map(as_json));
        after = found.items.last().map(|user| UserPosition::of(user, query.order));
        if !found.has_next || rows.len() >= limit {
            return Ok(format.rows(COLUMNS, &rows));
        }
    }
}
