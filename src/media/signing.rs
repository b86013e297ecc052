//! Names of pictures, which tell their owner to this service and to nobody else, and signatures.

use aws_lc_rs::{constant_time, hmac};
use zeroize::Zeroizing;

use crate::domain::{
    hex,
    ids::UserId,
    live::Live,
    random::{self, Random},
    tokens::signing_keys,
};

/// Random bytes of a name, and bytes of its owner's mark.
const HALF: usize = 12;
/// Hexadecimal digits of a name.
const NAME_DIGITS: usize = 4 * HALF;

/// Signs with its first key and believes all.
pub(super) struct Signer(Live<Vec<hmac::Key>>);

impl Signer {
    pub(super) fn new(keys: &[Zeroizing<[u8; 32]>]) -> Self {
        Self(Live::new(signing_keys(keys)))
    }

    /// Signs and believes with these keys from now on.
    pub(super) fn take_keys(&self, keys: &[Zeroizing<[u8; 32]>]) {
        self.0.replace(signing_keys(keys));
    }

    /// Signs with one secret of any length.
    pub(super) fn of_secret(secret: &str) -> Self {
        Self(Live::new(vec![hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())]))
    }

    /// A new name for a picture of `owner`: no other can be made for them without the key, and it does not
    /// tell whose it is.
    pub(super) fn name(&self, owner: &UserId, random: &dyn Random) -> String {
        let drawn = hex::of(&random::bytes::<HALF>(random));
        let mark = self.0.get().first().map(|key| mark(key, owner, &drawn)).unwrap_or_default();
        format!("{drawn}{mark}")
    }

    /// Whether a name is one that was made for `owner`.
    pub(super) fn is_name_of(&self, owner: &UserId, name: &str) -> bool {
        let Some((drawn, given)) = name.split_at_checked(2 * HALF) else { return false };
        self.0.get().iter().any(|key| is_equal(&mark(key, owner, drawn), given))
    }

    /// The signature of these parts, in hexadecimal digits.
    pub(super) fn sign(&self, parts: &[&str]) -> String {
        self.0.get().first().map(|key| signature(key, parts)).unwrap_or_default()
    }

    /// Whether this is the signature of these parts.
    pub(super) fn is_signature(&self, parts: &[&str], given: &str) -> bool {
        self.0.get().iter().any(|key| is_equal(&signature(key, parts), given))
    }
}

/// Whether a text has the form of a name: nothing else gets near a path.
pub(super) fn is_name(text: &str) -> bool {
    text.len() == NAME_DIGITS
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Compares without telling by its time where texts differ.
pub(super) fn is_equal(expected: &str, given: &str) -> bool {
    constant_time::verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_ok()
}

fn mark(key: &hmac::Key, owner: &UserId, drawn: &str) -> String {
    let mut mark = signature(key, &["avatar", owner.as_str(), drawn]);
    mark.truncate(2 * HALF);
    mark
}

/// Each part with its length, so that no two lists of parts read the same.
fn signature(key: &hmac::Key, parts: &[&str]) -> String {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    hex::of(context.sign().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        clock::{Clock, SystemClock},
        random::SystemRandom,
    };

    #[test]
    fn a_name_is_its_owners_alone() {
        let user = || UserId::generate(SystemClock.now(), &SystemRandom);
        let (owner, other) = (user(), user());
        let (signer, stranger) = (Signer::of_secret("one"), Signer::of_secret("two"));
        let name = signer.name(&owner, &SystemRandom);
        assert!(is_name(&name) && signer.is_name_of(&owner, &name));
        assert!(!signer.is_name_of(&other, &name) && !stranger.is_name_of(&owner, &name));
        for bad in ["", "..", "é", &name[1..], &format!("{name}0"), &name.to_uppercase()] {
            assert!(!signer.is_name_of(&owner, bad), "{bad}");
            assert!(!is_name(bad) || *bad == name, "{bad}");
        }
    }

    #[test]
    fn a_signature_is_of_its_parts_and_their_bounds() {
        let signer = Signer::of_secret("one");
        let signature = signer.sign(&["ab", "c"]);
        assert!(signer.is_signature(&["ab", "c"], &signature));
        assert!(!signer.is_signature(&["a", "bc"], &signature));
        assert!(!signer.is_signature(&["ab", "c"], ""));
    }
}
