//! The algorithms that sign access tokens, and key pairs in the form each of them needs.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, jwk::Jwk};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use zeroize::Zeroizing;

use crate::domain::{
    error::{Error, Result},
    random::{self, Random},
};

const ED25519_SEED_BYTES: usize = 32;
/// The least that an RSA modulus may have (RFC 7518 §3.3).
const MIN_RSA_MODULUS_BITS: usize = 2048;

/// How access tokens are signed. One key has one algorithm (RFC 8725 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3), for verifiers that know nothing newer.
    Rs256,
}

impl KeyAlgorithm {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// The name as `alg` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    pub(super) const fn of_library(self) -> Algorithm {
        match self {
            Self::EdDsa => Algorithm::EdDSA,
            Self::Es256 => Algorithm::ES256,
            Self::Rs256 => Algorithm::RS256,
        }
    }
}

/// A private key in PKCS#8 (RFC 5958), in clear. Wiped from memory when dropped, never printed.
#[derive(Clone)]
pub struct PrivateKey {
    algorithm: KeyAlgorithm,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} [redacted]", self.algorithm)
    }
}

impl PrivateKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// `Internal` when the crypto library refuses.
    pub fn generate(algorithm: KeyAlgorithm, random: &dyn Random) -> Result<Self> {
        let pkcs8 = match algorithm {
            KeyAlgorithm::EdDsa => {
                let seed = Zeroizing::new(random::bytes::<ED25519_SEED_BYTES>(random));
                return Self::from_stored(algorithm, seed.as_slice());
            }
            KeyAlgorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(crypto)?;
                pair.to_pkcs8v1().map_err(crypto)?.as_ref().to_vec()
            }
            KeyAlgorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(crypto)?;
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(crypto)?;
                der.as_ref().to_vec()
            }
        };
        Ok(Self { algorithm, pkcs8: Zeroizing::new(pkcs8) })
    }

    /// Reads a key of the operator: one PEM block with a PKCS#8 key of Ed25519, P-256 or RSA from 2048
    /// bits.
    ///
    /// # Errors
    /// A text that says what is wrong and repeats nothing of the key.
    pub fn from_pem(pem: &[u8]) -> std::result::Result<Self, String> {
        let mut blocks = PrivatePkcs8KeyDer::pem_slice_iter(pem);
        let (Some(Ok(der)), None) = (blocks.next(), blocks.next()) else {
            return Err("must hold one PEM block \"PRIVATE KEY\" (PKCS#8, not encrypted)".into());
        };
        let der = der.secret_pkcs8_der();
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            let document = pair.to_pkcs8v1().map_err(|_| "cannot be used".to_owned())?;
            return Ok(Self::new(KeyAlgorithm::EdDsa, document.as_ref()));
        }
        if EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).is_ok() {
            return Ok(Self::new(KeyAlgorithm::Es256, der));
        }
        let is_strong = |pair: RsaKeyPair| pair.public_modulus_len() * 8 >= MIN_RSA_MODULUS_BITS;
        // The library itself refuses what is shorter.
        if RsaKeyPair::from_pkcs8(der).is_ok_and(is_strong) {
            return Ok(Self::new(KeyAlgorithm::Rs256, der));
        }
        Err(format!(
            "must be a key of Ed25519, P-256 or RSA, and RSA must have at least {MIN_RSA_MODULUS_BITS} bits"
        ))
    }

    fn new(algorithm: KeyAlgorithm, pkcs8: &[u8]) -> Self {
        Self { algorithm, pkcs8: Zeroizing::new(pkcs8.to_vec()) }
    }

    /// A key as a store keeps it. Ed25519 keys were stored as their seed alone by the first version.
    ///
    /// # Errors
    /// `Internal` for a seed that the crypto library refuses.
    pub(super) fn from_stored(algorithm: KeyAlgorithm, bytes: &[u8]) -> Result<Self> {
        if algorithm == KeyAlgorithm::EdDsa && bytes.len() == ED25519_SEED_BYTES {
            let pair = Ed25519KeyPair::from_seed_unchecked(bytes).map_err(crypto)?;
            return Ok(Self::new(algorithm, pair.to_pkcs8v1().map_err(crypto)?.as_ref()));
        }
        Ok(Self::new(algorithm, bytes))
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The bytes to store, sealed where they can be.
    pub(super) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The key as the token library signs with it.
    ///
    /// # Errors
    /// `Internal` for bytes that are no key of the algorithm.
    pub(super) fn encoding(&self) -> Result<EncodingKey> {
        match self.algorithm {
            KeyAlgorithm::EdDsa => Ok(EncodingKey::from_ed_der(&self.pkcs8)),
            KeyAlgorithm::Es256 => Ok(EncodingKey::from_ec_der(&self.pkcs8)),
            KeyAlgorithm::Rs256 => {
                let body = Zeroizing::new(STANDARD.encode(&*self.pkcs8));
                let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", *body);
                EncodingKey::from_rsa_pem(Zeroizing::new(pem).as_bytes()).map_err(crypto)
            }
        }
    }

    /// The public half, as verifiers get it.
    ///
    /// # Errors
    /// `Internal` for bytes that are no key of the algorithm.
    pub(super) fn public(&self) -> Result<(Jwk, DecodingKey)> {
        let jwk = Jwk::from_encoding_key(&self.encoding()?, self.algorithm.of_library()).map_err(crypto)?;
        let decoding = DecodingKey::from_jwk(&jwk).map_err(crypto)?;
        Ok((jwk, decoding))
    }
}

fn crypto(error: impl fmt::Display) -> Error {
    Error::Internal(format!("signing key: {error}"))
}
