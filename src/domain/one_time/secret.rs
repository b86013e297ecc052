//! Secrets of mails. Plain only at birth and on the way; stores see hashes.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::CodeState;
use crate::domain::{
    faults::{Fault, FaultCode},
    random::{self, Random},
    secret::opaque_secret,
    tokens::TokenHash,
};

/// Characters of a short code.
pub const CODE_CHARACTERS: usize = 8;
/// What a short code is made of: no two of these look alike, since `0`, `1`, `I` and `O` are missing.
pub const CODE_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const CODE_BITS: usize = 5;
const CODE_CONTEXT: &[u8] = b"vestibule/code/v1";

opaque_secret!(
    /// The token of a link, `vot_…`.
    OneTimeSecret, "vot_"
);
opaque_secret!(
    /// What the device keeps that asked for a mail, `vtk_…`; without it the code of the mail is worth
    /// nothing.
    Ticket, "vtk_"
);

/// The short code of a mail: 8 characters, 40 random bits.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ShortCode([u8; CODE_CHARACTERS]);

impl ShortCode {
    /// Draws a new one.
    pub fn generate(random: &dyn Random) -> Self {
        Self(
            random::bytes::<CODE_CHARACTERS>(random)
                .map(|byte| CODE_ALPHABET[usize::from(byte) >> (8 - CODE_BITS)]),
        )
    }

    /// Reads a code as a person typed it: in any letter case, with spaces and hyphens.
    ///
    /// # Errors
    /// A fault on `code` for anything that cannot be one.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let typed = text.chars().take(10 * CODE_CHARACTERS).filter(|c| !c.is_whitespace() && *c != '-');
        let typed: Option<Vec<u8>> = typed
            .map(|c| u8::try_from(c.to_ascii_uppercase()).ok().filter(|byte| CODE_ALPHABET.contains(byte)))
            .collect();
        let code = typed.and_then(|typed| typed.try_into().ok()).map(Self);
        code.ok_or_else(|| {
            Fault::new("code", FaultCode::InvalidFormat, "must be the 8 characters of the mail")
        })
    }

    /// The text that goes out.
    pub fn expose(&self) -> String {
        self.0.iter().copied().map(char::from).collect()
    }

    /// What stores keep of it, together with its ticket: whoever reads the store and finds the code has
    /// no ticket to use it with.
    pub fn hash(&self, ticket: &TokenHash) -> TokenHash {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(CODE_CONTEXT);
        context.update(ticket.as_bytes());
        context.update(&self.0);
        TokenHash::of_digest(&context.finish())
    }
}

impl fmt::Debug for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl CodeState {
    /// Whether this is the code. Takes the same time for every wrong one.
    pub(super) fn is(&self, ticket: &TokenHash, code: &ShortCode) -> bool {
        let given = code.hash(ticket);
        constant_time::verify_slices_are_equal(self.code.as_bytes(), given.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::SystemRandom;

    #[test]
    fn secrets_read_back_and_are_of_one_kind() {
        let secret = OneTimeSecret::generate(&SystemRandom);
        let text = secret.expose();
        assert_eq!(text.len(), 47);
        assert_eq!(OneTimeSecret::parse(&text).unwrap().hash(), secret.hash());
        assert!(Ticket::parse(&text).is_none());
        for bad in ["", "vot_", &text[..46], &format!("{text}A"), &text.replacen("vot", "VOT", 1)] {
            assert!(OneTimeSecret::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{secret:?}"), "[redacted]");
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = ShortCode::generate(&SystemRandom);
        let text = code.expose();
        let typed = format!(" {}-{} ", text[..4].to_lowercase(), &text[4..]);
        assert_eq!(ShortCode::parse(&typed).unwrap(), code);
        for bad in ["", "ABCDEFG", "ABCDEFGHJ", "ABCDEFG0", "ABCDEFGI", "ABCDEFGé", &"A".repeat(1000)] {
            assert!(ShortCode::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_code_is_worth_nothing_with_another_ticket() {
        let (one, other) = (Ticket::generate(&SystemRandom).hash(), Ticket::generate(&SystemRandom).hash());
        let code = ShortCode::generate(&SystemRandom);
        assert_ne!(code.hash(&one), code.hash(&other));
    }
}
