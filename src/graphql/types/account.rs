//! Inputs and payloads of what a person does with an account.

use async_graphql::{ID, InputObject, Json, MaybeUndefined, SimpleObject};
use serde_json::Value;

use super::{DateTime, SessionObject, UserObject};
use crate::{
    domain::{avatars::Confirmation, one_time::ProofRequest, patch::Patch},
    graphql::enums::{AccessRule, access},
};

/// A change of the profile. A field that is left out stays as it is, also one whose variable is not sent;
/// null clears it.
#[derive(InputObject)]
pub(crate) struct UpdateProfileInput {
    /// What the person wants to be called: 1 to 100 characters. Cannot be cleared.
    pub(crate) name: MaybeUndefined<String>,
    /// What others call the person by: 3 to 30 letters and digits of one script, with `.`, `_` or `-`
    /// between them. No other person has one that looks like it.
    pub(crate) username: MaybeUndefined<String>,
    /// The language of mails, as a language tag such as `en` or `pt-BR`.
    pub(crate) locale: MaybeUndefined<String>,
    /// The time zone by its name, such as `Europe/Paris`.
    pub(crate) time_zone: MaybeUndefined<String>,
    /// What applications let the person keep: a JSON object of at most 8 KiB and 8 levels, replaced as a
    /// whole.
    pub(crate) public_metadata: MaybeUndefined<Json<Value>>,
    /// The `version` that you have read. With another stored one the answer is `CONFLICT`.
    pub(crate) expected_version: Option<i64>,
}

/// The patch that a field of an input stands for.
pub(crate) fn patch<T>(field: MaybeUndefined<T>) -> Patch<T> {
    match field {
        MaybeUndefined::Undefined => Patch::Keep,
        MaybeUndefined::Null => Patch::Clear,
        MaybeUndefined::Value(value) => Patch::Set(value),
    }
}

macro_rules! proof_input {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(InputObject)]
        pub(crate) struct $name {
            /// The token of the link.
            pub(crate) token: Option<String>,
            /// The ticket that the request was answered with; together with `code`.
            pub(crate) ticket: Option<String>,
            /// The code of the mail, in any letter case. After five wrong ones it is worth nothing.
            pub(crate) code: Option<String>,
        }

        impl From<$name> for ProofRequest {
            fn from($name { token, ticket, code }: $name) -> Self {
                Self { token, ticket, code }
            }
        }
    };
}

proof_input!(
    /// What shows that a mail was read: the token of its link, or its code with the ticket.
    VerifyEmailInput
);
proof_input!(
    /// What shows that a mail was read: the token of its link, or its code with the ticket.
    ConfirmEmailChangeInput
);

/// What shows that a mail was read.
#[derive(InputObject)]
pub(crate) struct UndoEmailChangeInput {
    /// The token of the link.
    pub(crate) token: String,
}

/// Whose address is to be verified.
#[derive(InputObject, Default)]
pub(crate) struct RequestEmailVerificationInput {
    /// The e-mail address; without it, the caller's own.
    pub(crate) email: Option<String>,
}

/// Whose password is to be reset.
#[derive(InputObject)]
pub(crate) struct RequestPasswordResetInput {
    /// The e-mail address, in any letter case.
    pub(crate) email: String,
}

/// What shows that a mail was read, and the password from now on.
#[derive(InputObject)]
pub(crate) struct ResetPasswordInput {
    /// The token of the link.
    pub(crate) token: Option<String>,
    /// The ticket that the request was answered with; together with `code`.
    pub(crate) ticket: Option<String>,
    /// The code of the mail, in any letter case. After five wrong ones it is worth nothing.
    pub(crate) code: Option<String>,
    /// The password from now on: 8 to 256 characters of any script, not easy to guess.
    pub(crate) new_password: String,
}

/// Where the account is to move.
#[derive(InputObject)]
pub(crate) struct RequestEmailChangeInput {
    /// The new e-mail address, at most 254 bytes.
    pub(crate) new_email: String,
}

/// What shows that it is still the same person.
#[derive(InputObject)]
pub(crate) struct ReauthenticateInput {
    /// The password.
    pub(crate) password: String,
}

/// What the store of pictures has answered to the upload.
#[derive(InputObject)]
pub(crate) struct ConfirmAvatarInput {
    /// Its `public_id`.
    pub(crate) public_id: ID,
    /// Its `version`.
    pub(crate) version: i64,
    /// Its `width`, in pixels.
    pub(crate) width: i32,
    /// Its `height`, in pixels.
    pub(crate) height: i32,
    /// Its `signature`.
    pub(crate) signature: String,
}

impl From<ConfirmAvatarInput> for Confirmation {
    fn from(input: ConfirmAvatarInput) -> Self {
        let ConfirmAvatarInput { public_id, version, width, height, signature } = input;
        let [width, height] = [width, height].map(pixels);
        Self { public_id: public_id.to_string(), version, width, height, signature }
    }
}

/// A password that somebody thinks of.
#[derive(InputObject)]
pub(crate) struct PasswordStrengthInput {
    /// The password.
    pub(crate) password: String,
    /// The e-mail address that it would belong to; without it, the caller's own.
    pub(crate) email: Option<String>,
    /// The name of the person that it would belong to; without it, the caller's own.
    pub(crate) name: Option<String>,
}

/// How good a password is.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct PasswordStrength {
    /// 0 (guessed at once) to 4 (not guessed in ten thousand million tries), as zxcvbn tells it.
    pub(crate) score: i32,
    /// The least score that is taken.
    pub(crate) minimum_score: i32,
    /// Whether it would be taken.
    pub(crate) acceptable: bool,
    /// Why it would not be: the code of a faulty field, `TOO_SHORT`, `TOO_LONG`, `TOO_WEAK` or `BREACHED`.
    pub(crate) fault: Option<String>,
    /// What is wrong with it, in English.
    pub(crate) warning: Option<String>,
    /// What would be better, in English.
    pub(crate) suggestions: Vec<String>,
}

macro_rules! ticket_payload {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
        pub(crate) struct $name {
            /// Makes the code of the mail usable on this device; keep it until the code is entered.
            pub(crate) ticket: String,
        }
    };
}

ticket_payload!(
    /// The request was noted. Whether a mail is sent is not told.
    RequestEmailVerificationPayload
);
ticket_payload!(
    /// The request was noted. Whether a mail is sent is not told.
    RequestPasswordResetPayload
);
ticket_payload!(
    /// The request was noted. Whether a mail is sent is not told.
    RequestEmailChangePayload
);

/// The outcome of a verification.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct VerifyEmailPayload {
    /// Whether the address is verified: true, since everything else is an error.
    pub(crate) success: bool,
    /// The person, if it is the caller.
    pub(crate) user: Option<UserObject>,
}

/// The outcome of a reset. Nobody is logged in by it.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct ResetPasswordPayload {
    /// Whether the password was set: true, since everything else is an error.
    pub(crate) success: bool,
}

/// The outcome of a move.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct ConfirmEmailChangePayload {
    /// Whether the account has moved: true, since everything else is an error.
    pub(crate) success: bool,
    /// The person, if it is the caller.
    pub(crate) user: Option<UserObject>,
}

/// The outcome of a move back.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct UndoEmailChangePayload {
    /// Whether the account has moved back: true, since everything else is an error.
    pub(crate) success: bool,
}

/// The outcome of a reauthentication.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct ReauthenticatePayload {
    /// The session, which is the same one.
    pub(crate) session: SessionObject,
}

/// An upload that may be made.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct CreateAvatarUploadPayload {
    /// Where to post a `multipart/form-data` form.
    pub(crate) url: String,
    /// The fields of the form, before a last one that is called `file`.
    pub(crate) fields: Vec<UploadField>,
    /// What the picture will be called.
    pub(crate) public_id: ID,
    /// When the form is not taken any more.
    pub(crate) expires_at: DateTime,
}

/// A field of a form.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct UploadField {
    /// The name.
    pub(crate) name: String,
    /// The value.
    pub(crate) value: String,
}

/// The outcome of a new picture.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct ConfirmAvatarPayload {
    /// The user as it is now.
    pub(crate) user: UserObject,
}

/// The outcome of the removal of the picture.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct RemoveAvatarPayload {
    /// The user as it is now.
    pub(crate) user: UserObject,
}

/// Everything that is held on the caller.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Owner))]
pub(crate) struct ExportMyDataPayload {
    /// The data, with `formatVersion` 1; `docs/data.md` says what each part means.
    pub(crate) data: Json<Value>,
}

/// The outcome of the request to erase the account.
#[derive(SimpleObject)]
#[graphql(directive = access::apply(AccessRule::Answer))]
pub(crate) struct DeleteAccountPayload {
    /// When the account is erased. A login before restores it.
    pub(crate) deletion_due_at: DateTime,
}

/// No picture has a size below nothing: a signature that is said to be over one is none.
fn pixels(given: i32) -> u32 {
    u32::try_from(given).unwrap_or_default()
}
