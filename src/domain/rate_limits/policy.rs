//! How much of what is allowed.

use std::time::Duration;

use super::Quota;

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A login by password.
    Login,
    /// A registration.
    Register,
    /// A mail with the way to a new password.
    Reset,
    /// A mail to verify an address.
    Verify,
    /// What shows that a mail was read: links and codes.
    Confirm,
    /// A password shown again by somebody who is logged in.
    Password,
    /// A refresh.
    Refresh,
    /// An upload of a picture.
    Upload,
    /// An estimate of the strength of a password.
    Strength,
    /// An export of everything that is held on a person.
    Export,
    /// A request with an `Idempotency-Key`.
    Repeat,
}

/// Who shares a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// An IPv4 address or an IPv6 network of 64 bits.
    Address,
    /// Such an address, for one person.
    Pair,
    /// All addresses, for one person.
    Identifier,
}

impl Class {
    /// Every class, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::Login,
        Self::Register,
        Self::Reset,
        Self::Verify,
        Self::Confirm,
        Self::Password,
        Self::Refresh,
        Self::Upload,
        Self::Strength,
        Self::Export,
        Self::Repeat,
    ];

    /// The name in settings and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Register => "register",
            Self::Reset => "reset",
            Self::Verify => "verify",
            Self::Confirm => "confirm",
            Self::Password => "password",
            Self::Refresh => "refresh",
            Self::Upload => "upload",
            Self::Strength => "strength",
            Self::Export => "export",
            Self::Repeat => "repeat",
        }
    }

    /// Whether what is tried is counted by this.
    pub const fn is_counted_by(self, scope: Scope) -> bool {
        match self {
            Self::Login
            | Self::Password
            | Self::Register
            | Self::Reset
            | Self::Verify
            | Self::Upload
            | Self::Export => true,
            Self::Confirm | Self::Refresh | Self::Strength | Self::Repeat => matches!(scope, Scope::Address),
        }
    }
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Address, Self::Pair, Self::Identifier];

    /// The name in settings and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Pair => "pair",
            Self::Identifier => "identifier",
        }
    }
}

/// The quota of each class and scope that has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy([[Option<Quota>; Scope::ALL.len()]; Class::ALL.len()]);

impl Policy {
    /// The quota of a class and scope; `None` if it has none.
    pub const fn quota(&self, class: Class, scope: Scope) -> Option<Quota> {
        self.0[class as usize][scope as usize]
    }

    /// Replaces a quota, or takes it away.
    pub const fn set(&mut self, class: Class, scope: Scope, quota: Option<Quota>) {
        self.0[class as usize][scope as usize] = quota;
    }
}

/// Much for a person, little for a program; an address may be that of a whole office. Of logins an address
/// pays for those that fail, and a person for those from known devices.
impl Default for Policy {
    fn default() -> Self {
        const fn quota(burst: u32, minutes: u64) -> Quota {
            Quota { burst, period: Duration::from_mins(minutes) }
        }
        Self([
            // Login, for an address, a pair and an identifier; then the other classes in their order.
            [Some(quota(60, 5)), Some(quota(20, 5)), Some(quota(60, 5))],
            [Some(quota(30, 30)), Some(quota(5, 30)), Some(quota(10, 60))],
            [Some(quota(30, 30)), None, Some(quota(10, 60))],
            [Some(quota(30, 30)), None, Some(quota(10, 60))],
            [Some(quota(60, 10)), None, None],
            [Some(quota(60, 10)), Some(quota(20, 5)), Some(quota(60, 10))],
            [Some(quota(600, 10)), None, None],
            [Some(quota(60, 60)), None, Some(quota(20, 60))],
            [Some(quota(120, 1)), None, None],
            [Some(quota(60, 60)), None, Some(quota(10, 60))],
            [Some(quota(300, 10)), None, None],
        ])
    }
}
