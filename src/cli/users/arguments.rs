//! What the commands on users take.

use clap::{Args, ValueEnum};

use crate::domain::accounts::{UserOrder, UserStatus};

/// A user.
#[derive(Debug, Args)]
pub(in crate::cli) struct Who {
    /// The id, `user_…`, or the e-mail address.
    pub(super) user: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Status {
    Active,
    Suspended,
    Deleting,
}

impl From<Status> for UserStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Suspended => Self::Suspended,
            Status::Deleting => Self::Deleting,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Order {
    Created,
    Email,
    Name,
    Username,
    LastSeen,
}

impl From<Order> for UserOrder {
    fn from(order: Order) -> Self {
        match order {
            Order::Created => Self::CreatedAt,
            Order::Email => Self::Email,
            Order::Name => Self::Name,
            Order::Username => Self::Username,
            Order::LastSeen => Self::LastSeenAt,
        }
    }
}

/// Which users, and how many.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArguments {
    /// Those in this state.
    #[arg(long)]
    pub(super) status: Option<Status>,
    /// Those with (true) or without (false) a verified address.
    #[arg(long)]
    pub(super) verified: Option<bool>,
    /// Those with this role.
    #[arg(long)]
    pub(super) role: Option<String>,
    /// Those whose e-mail address begins so.
    #[arg(long, value_name = "PREFIX")]
    pub(super) email: Option<String>,
    /// Those whose user name begins so.
    #[arg(long, value_name = "PREFIX")]
    pub(super) username: Option<String>,
    /// Those whose name begins so.
    #[arg(long, value_name = "PREFIX")]
    pub(super) name: Option<String>,
    /// By what they are in order, the lowest first.
    #[arg(long)]
    pub(super) order: Option<Order>,
    /// The highest first.
    #[arg(long, requires = "order")]
    pub(super) descending: bool,
    /// How many at most; 0 for all.
    #[arg(long, default_value_t = 50)]
    pub(super) limit: usize,
}

/// An account that is to be made.
#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArguments {
    /// The e-mail address, which counts as verified.
    #[arg(long)]
    pub(super) email: String,
    /// What the person is called.
    #[arg(long)]
    pub(super) name: String,
    /// The user name.
    #[arg(long)]
    pub(super) username: Option<String>,
    /// The language of mails, as a language tag.
    #[arg(long)]
    pub(super) locale: Option<String>,
    /// A role; may be given several times.
    #[arg(long)]
    pub(super) role: Vec<String>,
    /// Read the password from the first line of the standard input.
    #[arg(long, conflicts_with = "invite")]
    pub(super) password_stdin: bool,
    /// Write to the person, who chooses a password.
    #[arg(long)]
    pub(super) invite: bool,
}

/// Whom to suspend.
#[derive(Debug, Args)]
pub(in crate::cli) struct SuspendArguments {
    #[command(flatten)]
    pub(super) who: Who,
    /// Why.
    #[arg(long)]
    pub(super) reason: String,
    /// For how long, such as 30d; for ever without it.
    #[arg(long = "for", value_name = "DURATION")]
    pub(super) duration: Option<humantime::Duration>,
    /// End the sessions for good.
    #[arg(long)]
    pub(super) end_sessions: bool,
}
