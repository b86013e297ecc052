//! Type-prefixed ids ([TypeID](https://github.com/jetify-com/typeid) 0.3): a prefix that names the
//! type, then a version 7 UUID in 26 characters of Crockford's base 32. The same text is the id in
//! the database, in tokens, in logs and in GraphQL.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    clock::Instant,
    random::{self, Random},
};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_LENGTH: u32 = 26;
const BITS_PER_CHARACTER: u32 = 5;

/// The text is not an id of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the expected type")]
pub struct InvalidId;

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// What every id of this type starts with.
            pub const PREFIX: &str = $prefix;

            /// Makes a new id; ids made later sort after those made earlier (by the millisecond).
            pub fn generate(now: Instant, random: &dyn Random) -> Self {
                Self(generate(Self::PREFIX, now, random).into())
            }

            /// The lowest id that can be made at this time.
            pub fn lowest_at(at: Instant) -> Self {
                let mut text = String::from(Self::PREFIX);
                let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
                encode(Uuid::from_u128(u128::from(millis) << 80), &mut text);
                Self(text.into())
            }

            /// The id of these bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                let mut text = String::from(Self::PREFIX);
                encode(Uuid::from_bytes(bytes), &mut text);
                Self(text.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                check(Self::PREFIX, text)?;
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

typed_id!(
    /// A user, `user_…`.
    UserId, "user_"
);
typed_id!(
    /// A session, `sess_…`.
    SessionId, "sess_"
);
typed_id!(
    /// A signing key, `key_…`; the `kid` of tokens signed with it.
    KeyId, "key_"
);
typed_id!(
    /// An access token, `tok_…`; its `jti`.
    AccessTokenId, "tok_"
);
typed_id!(
    /// A note for other nodes, `note_…`.
    NoteId, "note_"
);
typed_id!(
    /// A one-time token, `ott_…`.
    OneTimeTokenId, "ott_"
);
typed_id!(
    /// Something to be done later, `task_…`.
    TaskId, "task_"
);
typed_id!(
    /// An event of the audit log, `evt_…`.
    AuditEventId, "evt_"
);
typed_id!(
    /// A token of another service, `svc_…`.
    ServiceTokenId, "svc_"
);
typed_id!(
    /// One HTTP request, `req_…`; errors and log lines carry it.
    RequestId, "req_"
);

fn generate(prefix: &str, now: Instant, random: &dyn Random) -> String {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random::bytes::<10>(random));
    let mut text = String::with_capacity(prefix.len() + SUFFIX_LENGTH as usize);
    text.push_str(prefix);
    encode(uuid.into_uuid(), &mut text);
    text
}

fn encode(uuid: Uuid, text: &mut String) {
    let value = uuid.as_u128();
    for position in (0..SUFFIX_LENGTH).rev() {
        let digit = (value >> (position * BITS_PER_CHARACTER)) & 31;
        text.push(char::from(ALPHABET[digit as usize]));
    }
}

fn check(prefix: &str, text: &str) -> Result<(), InvalidId> {
    let suffix = text.strip_prefix(prefix).ok_or(InvalidId)?.as_bytes();
    // 26 characters hold 130 bits; the first one may only use its lower three.
    let fits = suffix.len() == SUFFIX_LENGTH as usize
        && suffix[0] <= b'7'
        && suffix.iter().all(|byte| ALPHABET.contains(byte));
    fits.then_some(()).ok_or(InvalidId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        clock::{Clock, SystemClock},
        random::SystemRandom,
    };

    #[test]
    fn the_encoding_is_that_of_the_type_id_specification() {
        let uuid = Uuid::parse_str("01890a5d-ac96-774b-bcce-b302099a8057").unwrap();
        let mut text = String::from("prefix_");
        encode(uuid, &mut text);
        assert_eq!(text, "prefix_01h455vb4pex5vsknk084sn02q");
    }

    #[test]
    fn a_generated_id_reads_back_and_no_other_type_takes_it() {
        let id = UserId::generate(SystemClock.now(), &SystemRandom);
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert_eq!(id.as_str().parse::<SessionId>(), Err(InvalidId));
    }

    #[test]
    fn text_that_is_no_id_is_refused() {
        for text in [
            "",
            "user_",
            "user_01h455vb4pex5vsknk084sn02",
            "user_81h455vb4pex5vsknk084sn02q",
            "user_01h455vb4pex5vsknk084sn02u",
            "user_01H455VB4PEX5VSKNK084SN02Q",
            "user_01h455vb4pex5vsknk084sn0é",
        ] {
            assert_eq!(text.parse::<UserId>(), Err(InvalidId), "{text}");
        }
    }
}
