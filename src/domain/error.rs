//! The one error type of the domain and the table of codes that clients see.

use std::time::Duration;

use super::{
    faults::{Fault, FaultCode},
    store::StoreError,
};

/// The outcome of a domain operation.
pub type Result<T> = std::result::Result<T, Error>;

/// How long a client should wait before it tries a store again that did not answer.
const STORE_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why credentials were refused; the `reason` of `UNAUTHENTICATED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthenticationFailure {
    /// The operation needs credentials and none came.
    Missing,
    /// The access token is past its expiry: refresh.
    TokenExpired,
    /// The token is malformed, forged, or of another kind.
    TokenInvalid,
    /// The session was ended by a logout, a password change or a replayed refresh token.
    SessionRevoked,
    /// The session was idle for too long or reached its absolute end.
    SessionExpired,
}

impl AuthenticationFailure {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::Missing, Self::TokenExpired, Self::TokenInvalid, Self::SessionRevoked, Self::SessionExpired];

    /// The reason as it stands in `extensions.reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "MISSING",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::TokenInvalid => "TOKEN_INVALID",
            Self::SessionRevoked => "SESSION_REVOKED",
            Self::SessionExpired => "SESSION_EXPIRED",
        }
    }

    /// The reason for people.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Missing => "You must be logged in.",
            Self::TokenExpired => "The access token has expired.",
            Self::TokenInvalid => "The access token is not valid.",
            Self::SessionRevoked => "The session has been ended.",
            Self::SessionExpired => "The session has expired.",
        }
    }
}

/// A refusal of the domain. What it displays is for logs; what clients see is [`Error::message`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// One or more fields of the input are faulty.
    #[error("bad user input: {0:?}")]
    BadUserInput(Vec<Fault>),
    /// One or more arguments of a query are faulty.
    #[error("bad arguments: {0:?}")]
    BadArguments(Vec<Fault>),
    /// The e-mail address has an account already.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The e-mail address is unknown or the password is wrong; nobody learns which.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// Credentials are missing or were refused.
    #[error("unauthenticated: {0:?}")]
    Unauthenticated(AuthenticationFailure),
    /// The credentials are good and do not allow this; the text says what is missing.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// The account is suspended.
    #[error("the account is suspended")]
    AccountSuspended,
    /// Nobody would be administrator any more.
    #[error("the last administrator")]
    LastAdministrator,
    /// There is no such thing, or the caller may not know of it.
    #[error("not found")]
    NotFound,
    /// The document was changed by somebody else since the client read it.
    #[error("version conflict, current version {current_version}")]
    Conflict {
        /// The version that is stored now.
        current_version: i64,
    },
    /// An idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The request with this idempotency key has no answer yet.
    #[error("the request with this idempotency key is running")]
    StillRunning {
        /// When to ask for the answer.
        retry_after: Duration,
    },
    /// A refresh token is unknown, or a one-time token was used or is too old.
    #[error("the token is not valid")]
    TokenInvalid,
    /// The operation needs a login of the last few minutes.
    #[error("reauthentication required")]
    ReauthenticationRequired,
    /// It was asked for too often.
    #[error("rate limited")]
    RateLimited {
        /// When it may be asked for again.
        retry_after: Duration,
    },
    /// The password hashing queue is full.
    #[error("overloaded")]
    Overloaded {
        /// When the queue is likely to have room again.
        retry_after: Duration,
    },
    /// The store cannot be reached or does not answer in time.
    #[error("the store is unavailable")]
    ServiceUnavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// A cookie-authenticated request that another site may have caused.
    #[error("refused as a cross-site request")]
    CsrfRejected,
    /// A defect. The text is for the log alone and is never shown to a client.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    /// A request that needs credentials and has none.
    pub const MISSING_CREDENTIALS: Self = Self::Unauthenticated(AuthenticationFailure::Missing);

    /// A part that the service needs does not answer.
    pub const fn unavailable() -> Self {
        Self::ServiceUnavailable { retry_after: STORE_RETRY_AFTER }
    }

    /// A single faulty field.
    pub fn bad_field(fault: Fault) -> Self {
        Self::BadUserInput(vec![fault])
    }

    /// The code that clients switch over.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::BadUserInput(_) | Self::BadArguments(_) => ErrorCode::BadUserInput,
            Self::EmailTaken => ErrorCode::EmailTaken,
            Self::InvalidCredentials => ErrorCode::InvalidCredentials,
            Self::Unauthenticated(_) => ErrorCode::Unauthenticated,
            Self::Forbidden(_) | Self::LastAdministrator => ErrorCode::Forbidden,
            Self::AccountSuspended => ErrorCode::AccountSuspended,
            Self::NotFound => ErrorCode::NotFound,
            Self::Conflict { .. } | Self::KeyReused | Self::StillRunning { .. } => ErrorCode::Conflict,
            Self::TokenInvalid => ErrorCode::TokenInvalid,
            Self::ReauthenticationRequired => ErrorCode::ReauthenticationRequired,
            Self::RateLimited { .. } => ErrorCode::RateLimited,
            Self::Overloaded { .. } => ErrorCode::Overloaded,
            Self::ServiceUnavailable { .. } => ErrorCode::ServiceUnavailable,
            Self::CsrfRejected => ErrorCode::CsrfRejected,
            Self::Internal(_) => ErrorCode::InternalServerError,
        }
    }

    /// What people are told, in English.
    pub fn message(&self) -> String {
        match self {
            Self::BadUserInput(faults) | Self::BadArguments(faults) => match faults.as_slice() {
                [only] => format!("The field {} {}.", only.field, only.message),
                several => format!("{} fields of the input are faulty.", several.len()),
            },
            Self::Unauthenticated(reason) => reason.message().into(),
            Self::Forbidden(why) => (*why).into(),
            Self::LastAdministrator => "The last administrator stays one: make another one first.".into(),
            Self::KeyReused => "The Idempotency-Key was used for another request.".into(),
            Self::StillRunning { .. } => "The request with this Idempotency-Key is not answered yet.".into(),
            other => other.code().summary().into(),
        }
    }

    /// The faulty fields, where the refusal is about fields.
    pub fn faults(&self) -> Vec<Fault> {
        match self {
            Self::BadUserInput(faults) | Self::BadArguments(faults) => faults.clone(),
            Self::EmailTaken => {
                vec![Fault::new("email", FaultCode::Taken, "belongs to an account already")]
            }
            _ => Vec::new(),
        }
    }

    /// How long to wait before the next try, where waiting helps.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overloaded { retry_after }
            | Self::RateLimited { retry_after }
            | Self::StillRunning { retry_after }
            | Self::ServiceUnavailable { retry_after } => Some(*retry_after),
            _ => None,
        }
    }
}

impl From<StoreError> for Error {
    /// For calls that expect no conflict; those that do match it before they use `?`.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => Self::unavailable(),
            StoreError::Conflict(field) => Self::Internal(format!("unexpected conflict on {field:?}")),
            StoreError::Corrupt => Self::Internal("the store holds something unreadable".into()),
        }
    }
}

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $status:literal, $summary:literal;)+) => {
        /// Every code that `extensions.code` can have. Codes are never renamed or reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[doc = $doc])+ $variant,)+ }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as it stands in `extensions.code`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The HTTP status that says the same, in `extensions.status`.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// The default message for people.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary,)+ }
            }

            /// When the code is answered, for the documentation.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

error_codes! {
    /// A field of the input is faulty; `fields` names every one of them.
    BadUserInput = "BAD_USER_INPUT", 400, "The input is faulty.";
    /// The e-mail address has an account already.
    EmailTaken = "EMAIL_TAKEN", 409, "The e-mail address belongs to an account already.";
    /// The e-mail address is unknown or the password is wrong; the answer is the same for both.
    InvalidCredentials = "INVALID_CREDENTIALS", 401, "The e-mail address or the password is wrong.";
    /// Credentials are missing or were refused; `reason` says why.
    Unauthenticated = "UNAUTHENTICATED", 401, "You must be logged in.";
    /// The credentials are good, but they do not allow this.
    Forbidden = "FORBIDDEN", 403, "You may not do this.";
    /// There is no such thing, or you may not see it.
    NotFound = "NOT_FOUND", 404, "There is no such thing.";
    /// The thing was changed since you read it; `currentVersion` is the version that is stored now. Or the
    /// `Idempotency-Key` was used for another request, or for this one, which is not answered yet: then
    /// `retryAfter` is there.
    Conflict = "CONFLICT", 409, "It was changed by somebody else in the meantime.";
    /// A refresh token or one-time token is unknown, was used, or is too old.
    TokenInvalid = "TOKEN_INVALID", 401, "The token is not valid.";
    /// The operation needs a login of the last few minutes.
    ReauthenticationRequired = "REAUTHENTICATION_REQUIRED", 401, "Please confirm that it is you.";
    /// The account is suspended.
    AccountSuspended = "ACCOUNT_SUSPENDED", 403, "The account is suspended.";
    /// Too many attempts, or too many lasting connections of one person; `retryAfter`, where it is there,
    /// says when the next attempt counts.
    RateLimited = "RATE_LIMITED", 429, "Too many attempts. Please wait.";
    /// The service has more work than it can do now; `retryAfter` says when to try again.
    Overloaded = "OVERLOADED", 503, "The service is busy. Please try again in a moment.";
    /// A part that the service needs does not answer; `retryAfter` says when to try again.
    ServiceUnavailable = "SERVICE_UNAVAILABLE", 503, "The service is not available. Please try again in a moment.";
    /// A request with cookies that another site may have caused.
    CsrfRejected = "CSRF_REJECTED", 403, "The request was refused because another site may have caused it.";
    /// The document is not GraphQL.
    GraphqlParseFailed = "GRAPHQL_PARSE_FAILED", 400, "The document is not valid GraphQL.";
    /// The document or its variables do not fit the schema.
    GraphqlValidationFailed = "GRAPHQL_VALIDATION_FAILED", 400, "The request does not fit the schema.";
    /// The operation asks for more than a request may; `limitName` says of what, `limit`
    /// the most it may, and `value` how much was found, where counting ended.
    OperationTooComplex = "OPERATION_TOO_COMPLEX", 400, "The operation asks for too much.";
    /// The hash of a persisted query is not known; send the document with it.
    PersistedQueryNotFound = "PERSISTED_QUERY_NOT_FOUND", 404, "The persisted query is not known.";
    /// Only trusted documents are executed, and this is none of them.
    DocumentNotTrusted = "DOCUMENT_NOT_TRUSTED", 403, "The service executes trusted documents alone.";
    /// A defect or fault of the service; the log line with the same `requestId` says more.
    InternalServerError = "INTERNAL_SERVER_ERROR", 500, "Something went wrong on our side.";
}
