//! What can be written down to be done later. Stored as JSON: fields may be added, with a default, and
//! never renamed. No one-time token is in it: those are made when the mail is.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{
    accounts::{DisplayName, EmailAddress, Locale},
    clock::Instant,
    ids::{OneTimeTokenId, UserId},
    tokens::TokenHash,
};

/// Something to be done later. Its `Debug` tells the kind and nothing of a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// Make an account, if the address has none; in either case write to the address.
    Register(Box<PendingAccount>),
    /// Ask the person with this address to verify it, if there is one who has not.
    VerifyEmail {
        /// The address.
        email: EmailAddress,
        /// The device that asked, if one did.
        ticket: Option<TokenHash>,
    },
    /// Send the person with this address, if there is one, the way to a new password.
    ResetPassword {
        /// The address.
        email: EmailAddress,
        /// The device that asked, if one did.
        ticket: Option<TokenHash>,
    },
    /// Ask the owner of the new address whether the account may move there.
    ChangeEmail {
        /// Whose account.
        user_id: UserId,
        /// The state of password and address when it was asked for.
        credential_epoch: i64,
        /// The new address.
        email: EmailAddress,
        /// The device that asked.
        ticket: TokenHash,
    },
    /// Tell the owner of the old address that the account has moved, and how to undo that.
    EmailChanged {
        /// Whose account.
        user_id: UserId,
        /// The address that it had.
        from: EmailAddress,
        /// The address that it has.
        to: EmailAddress,
        /// The way back, which ends when the account has gone back already.
        token: OneTimeTokenId,
    },
    /// Tell the owner of the old address that an administrator has given the account another one.
    EmailReplaced {
        /// Whose account.
        user_id: UserId,
        /// The address that it had.
        from: EmailAddress,
        /// The address that it has.
        to: EmailAddress,
    },
    /// Tell the owner of an account that somebody else tried to use the address.
    AddressInUse {
        /// The address.
        email: EmailAddress,
    },
    /// Tell a person what has happened to the account.
    Notice {
        /// Whose account.
        user_id: UserId,
        /// What has happened.
        notice: Notice,
    },
    /// Tell a person that the account is no more.
    Farewell {
        /// Where to write.
        email: EmailAddress,
        /// What the person was called.
        name: DisplayName,
        /// The language.
        locale: Option<Locale>,
    },
    /// Remove a picture, unless it is that of the person.
    DropAvatar {
        /// Whose picture it is or was.
        user_id: UserId,
        /// What it is called.
        public_id: String,
    },
    /// Send a person who has been invited the way to a password.
    Invite {
        /// Whose account.
        user_id: UserId,
    },
    /// Erase an account, if its owner still wants that.
    EraseAccount {
        /// Whose account.
        user_id: UserId,
    },
    /// Something that a newer version of the program knows how to do, and this one does not.
    #[serde(other)]
    Unknown,
}

/// What a person is told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Notice {
    /// The password was changed.
    PasswordChanged,
    /// The account is going to be erased.
    DeletionScheduled {
        /// When.
        at: Instant,
    },
    /// It is not, after all.
    AccountRestored,
}

impl Notice {
    /// What it is about.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::PasswordChanged => "password-changed",
            Self::DeletionScheduled { .. } => "deletion-scheduled",
            Self::AccountRestored => "account-restored",
        }
    }
}

/// An account that is to be made if its address is free.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingAccount {
    /// The id that it will have.
    pub user_id: UserId,
    /// The address.
    pub email: EmailAddress,
    /// The name.
    pub name: DisplayName,
    /// The language.
    pub locale: Option<Locale>,
    /// The hash of the password, as stores keep it.
    pub password_hash: String,
    /// The device that asked.
    pub ticket: TokenHash,
}

impl Task {
    /// A task as it was stored. What cannot be read was written by another version of the program, and must
    /// not keep others from being done.
    pub fn from_stored(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_else(|error| {
            tracing::error!(kind = ?error.classify(), "a task of the outbox cannot be read");
            Self::Unknown
        })
    }

    /// What it is, for logs and people.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Register(_) => "register",
            Self::VerifyEmail { .. } => "verify_email",
            Self::ResetPassword { .. } => "reset_password",
            Self::ChangeEmail { .. } => "change_email",
            Self::EmailChanged { .. } => "email_changed",
            Self::EmailReplaced { .. } => "email_replaced",
            Self::AddressInUse { .. } => "address_in_use",
            Self::Notice { .. } => "notice",
            Self::Farewell { .. } => "farewell",
            Self::DropAvatar { .. } => "drop_avatar",
            Self::Invite { .. } => "invite",
            Self::EraseAccount { .. } => "erase_account",
            Self::Unknown => "unknown",
        }
    }

    /// The person whom it is about, where that is known and it is forgotten with them.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::ChangeEmail { user_id, .. }
            | Self::EmailChanged { user_id, .. }
            | Self::EmailReplaced { user_id, .. }
            | Self::Notice { user_id, .. }
            | Self::Invite { user_id }
            | Self::EraseAccount { user_id } => Some(user_id),
            Self::Register(_)
            | Self::VerifyEmail { .. }
            | Self::ResetPassword { .. }
            | Self::AddressInUse { .. }
            | Self::Farewell { .. }
            // It has to outlive the person.
            | Self::DropAvatar { .. }
            | Self::Unknown => None,
        }
    }

    /// Whether it must be done however long it takes.
    pub const fn is_for_ever(&self) -> bool {
        matches!(self, Self::EraseAccount { .. } | Self::DropAvatar { .. } | Self::Unknown)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}
