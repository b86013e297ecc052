//! Sealing of small secrets: AES-256-GCM under keys derived by HKDF-SHA-256, one key per purpose.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
    hmac,
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::domain::{
    live::Live,
    random::{self, Random},
};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const SALT: &[u8] = b"vestibule/seal/v1";

/// What a derived key is for; a key of one purpose opens nothing of another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// Signing keys in the store.
    SigningKey,
    /// The successor of a retired refresh token.
    Successor,
    /// Forms that clients post back to this service.
    Form,
    /// Tokens of devices on which somebody has logged in before.
    Device,
    /// Answers that are given again.
    Answer,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::SigningKey => b"signing-key",
            Self::Successor => b"refresh-successor",
            Self::Form => b"form",
            Self::Device => b"device",
            Self::Answer => b"answer",
        }
    }
}

struct KeyLength;

impl KeyType for KeyLength {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}

pub(super) type DerivedKey = Zeroizing<[u8; KEY_BYTES]>;

/// Derives the key of a purpose from a secret that nobody can guess.
pub(super) fn derive_key(secret: &[u8], purpose: Purpose) -> DerivedKey {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let info = [purpose.label()];
    let extracted = Salt::new(HKDF_SHA256, SALT).extract(secret);
    // Both fail only for lengths over 255 digests; the length here is one.
    if let Ok(output) = extracted.expand(&info, KeyLength) {
        let _ = output.fill(&mut *key);
    }
    key
}

/// Derived keys, ready to sign with HMAC-SHA-256.
pub fn signing_keys(keys: &[Zeroizing<[u8; KEY_BYTES]>]) -> Vec<hmac::Key> {
    keys.iter().map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.as_slice())).collect()
}

/// Seals `plain`: a random nonce, then the ciphertext with its tag. `None` only if the crypto
/// library refuses, which it does not for texts this short.
pub(super) fn seal(key: &DerivedKey, plain: &[u8], random: &dyn Random) -> Option<Vec<u8>> {
    let nonce = random::bytes::<NONCE_BYTES>(random);
    let mut text = plain.to_vec();
    cipher(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
        .ok()?;
    Some([nonce.as_slice(), &text].concat())
}

/// Opens what [`seal`] made under the same key; `None` for anything else.
pub(super) fn open(key: &DerivedKey, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, text) = sealed.split_at_checked(NONCE_BYTES)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = Zeroizing::new(text.to_vec());
    let length = cipher(key)?.open_in_place(nonce, Aad::empty(), &mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}

fn cipher(key: &DerivedKey) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.as_slice()).ok().map(LessSafeKey::new)
}

/// Seals an answer under what its client has sent, which nobody keeps.
pub(in crate::domain) fn seal_answer(secret: &[u8], plain: &[u8], random: &dyn Random) -> Option<Vec<u8>> {
    seal(&derive_key(secret, Purpose::Answer), plain, random)
}

/// Opens what [`seal_answer`] made.
pub(in crate::domain) fn open_answer(secret: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    open(&derive_key(secret, Purpose::Answer), sealed).map(|plain| plain.to_vec())
}

/// One value of `SECRET_KEY`: at least 32 characters of which the operator keeps the only copy.
#[derive(Debug, Clone)]
pub struct SecretKey(SecretString);

impl SecretKey {
    /// Wraps a secret that configuration has checked.
    pub const fn new(secret: SecretString) -> Self {
        Self(secret)
    }
}

/// Seals signing keys under the secrets of the operator: the first one seals, all of them open, so
/// that a secret can be replaced without a break. Without secrets nothing is sealed.
#[derive(Debug, Clone, Default)]
pub struct Sealer(Live<Vec<SecretKey>>);

impl Sealer {
    /// A sealer with these secrets, the current one first.
    pub fn new(secrets: Vec<SecretKey>) -> Self {
        Self(Live::new(secrets))
    }

    /// Takes the secrets of another from now on, here and wherever this one is shared.
    pub fn take_over(&self, other: &Self) {
        self.0.replace((*other.0.get()).clone());
    }

    /// Keys that sign what clients post back, the current one first; one that nobody else has where there
    /// is no secret.
    pub fn form_keys(&self, random: &dyn Random) -> Vec<Zeroizing<[u8; KEY_BYTES]>> {
        self.keys_for(Purpose::Form, random)
    }

    /// Keys that sign the tokens of devices, likewise.
    pub fn device_keys(&self, random: &dyn Random) -> Vec<Zeroizing<[u8; KEY_BYTES]>> {
        self.keys_for(Purpose::Device, random)
    }

    fn keys_for(&self, purpose: Purpose, random: &dyn Random) -> Vec<Zeroizing<[u8; KEY_BYTES]>> {
        let derive = |secret: &SecretKey| derive_key(secret.0.expose_secret().as_bytes(), purpose);
        let keys: Vec<_> = self.0.get().iter().map(derive).collect();
        if keys.is_empty() { vec![Zeroizing::new(random::bytes(random))] } else { keys }
    }

    /// Whether there is a secret to seal with.
    pub fn can_seal(&self) -> bool {
        !self.0.get().is_empty()
    }

    pub(super) fn seal(&self, plain: &[u8], random: &dyn Random) -> Option<Vec<u8>> {
        seal(&Self::key(self.0.get().first()?), plain, random)
    }

    pub(super) fn open(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.get().iter().find_map(|secret| open(&Self::key(secret), sealed))
    }

    /// Whether the current secret opens it, so that it would not have to be sealed anew.
    pub(super) fn is_current(&self, sealed: &[u8]) -> bool {
        self.0.get().first().is_some_and(|secret| open(&Self::key(secret), sealed).is_some())
    }

    fn key(secret: &SecretKey) -> DerivedKey {
        derive_key(secret.0.expose_secret().as_bytes(), Purpose::SigningKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::SystemRandom;

    #[test]
    fn what_was_sealed_opens_under_its_key_alone_and_unchanged() {
        let key = derive_key(&[1; 32], Purpose::SigningKey);
        let sealed = seal(&key, b"secret", &SystemRandom).unwrap();
        assert_eq!(open(&key, &sealed).unwrap().as_slice(), b"secret");
        assert!(open(&derive_key(&[1; 32], Purpose::Successor), &sealed).is_none());
        assert!(open(&derive_key(&[2; 32], Purpose::SigningKey), &sealed).is_none());
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert!(open(&key, &changed).is_none(), "byte {position}");
            assert!(open(&key, &sealed[..position]).is_none(), "cut at {position}");
        }
    }

    #[test]
    fn an_earlier_secret_still_opens_after_a_change() {
        let secret = |text: &str| SecretKey::new(SecretString::from(text.to_owned()));
        let before = Sealer::new(vec![secret("old")]);
        let after = Sealer::new(vec![secret("new"), secret("old")]);
        let sealed = before.seal(b"key", &SystemRandom).unwrap();
        assert_eq!(after.open(&sealed).unwrap().as_slice(), b"key");
        assert!(before.open(&after.seal(b"key", &SystemRandom).unwrap()).is_none());
    }
}
