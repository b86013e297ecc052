//! Settings of administration and of the audit log.

use std::{net::SocketAddr, time::Duration};

use chrono::TimeDelta;

use super::{Environment, OperationLimits, Source, http, limits, read_is_on, variables};
use crate::domain::accounts::EmailAddress;

const DAY: Duration = Duration::from_hours(24);

/// Settings of administration and of the audit log.
#[derive(Debug, Clone)]
pub struct AdminConfig {
    /// A listener of its own; `None` for that of everybody.
    pub bind: Option<SocketAddr>,
    /// Whether anybody may act for somebody else.
    pub impersonation: bool,
    /// Who becomes the first administrator.
    pub bootstrap: Option<EmailAddress>,
    /// How much one request may ask for.
    pub limits: OperationLimits,
    /// How long events of the audit log are kept.
    pub audit_retention: TimeDelta,
}

pub(super) fn read(source: &mut Source, environment: Environment) -> Option<AdminConfig> {
    let bind = source.parse(&variables::ADMIN_BIND, http::read_own_address);
    let bootstrap = source.parse(&variables::BOOTSTRAP_ADMIN_EMAIL, |text| match text {
        "" => Ok(None),
        text => EmailAddress::parse(text).map(Some).map_err(|fault| fault.message),
    });
    let impersonation = source.parse(&variables::IMPERSONATION, read_is_on);
    let limits = limits::operations(source, &variables::ADMIN_GRAPHQL_LIMITS, environment);
    let retention = source.duration(&variables::AUDIT_RETENTION, DAY..=3650 * DAY);
    Some(AdminConfig {
        bind: bind?,
        impersonation: impersonation?,
        bootstrap: bootstrap?,
        limits,
        audit_retention: TimeDelta::from_std(retention).ok()?,
    })
}
