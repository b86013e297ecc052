//! Hashes that other systems have made: enough of each to tell whether a password is the one. Whoever logs in
//! with one gets a hash of ours in its place.
//!
//! What a hash may ask for is bounded: an export of somebody else decides over it.

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::{
    cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    constant_time,
    iv::FixedLength,
    pbkdf2,
};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use md5::{Digest, Md5};

/// The most memory that one hash may take, in kibibytes.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_ARGON2_PASSES: u32 = 50;
const MAX_LANES: u32 = 64;
/// The most work of one hash of Argon2, in passes over a kibibyte, and of scrypt, in rounds of r over N and p:
/// some seconds of a core.
const MAX_ARGON2_WORK: u64 = 4 * 1024 * 1024;
const MAX_SCRYPT_WORK: u64 = 1 << 23;
/// The most bytes of a hash.
const MAX_HASH: usize = 128;
const MAX_PBKDF2_ITERATIONS: u32 = 10_000_000;
const MAX_PHPASS_LOG2: u32 = 24;
const MAX_TEXT: usize = 1_024;
const PHPASS_ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A hash of another system.
pub(super) enum ForeignHash {
    /// Argon2 in the form of the Password Hashing Competition.
    Argon2 { algorithm: Algorithm, version: Version, params: Params, salt: Vec<u8>, hash: Vec<u8> },
    /// scrypt in the same form.
    Scrypt { params: scrypt::Params, salt: Vec<u8>, hash: Vec<u8> },
    /// Firebase's scrypt, whose output is the key under which that of the project is encrypted.
    Firebase { params: scrypt::Params, salt: Vec<u8>, signer_key: Vec<u8>, hash: Vec<u8> },
    /// PBKDF2, as Django, Keycloak and passlib write it.
    Pbkdf2 { algorithm: pbkdf2::Algorithm, iterations: NonZeroU32, salt: Vec<u8>, hash: Vec<u8> },
    /// `PHPass`, as `WordPress` and phpBB use it.
    PhPass { log2: u32, salt: [u8; 8], hash: String },
}

impl ForeignHash {
    /// Reads a hash; `None` for a form that is not known, and for one that asks for more than is given.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        if let Some(rest) = text.strip_prefix("argon2$") {
            return Self::parse_argon2(rest);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2_") {
            return parse_django(rest);
        }
        let (name, rest) = text.strip_prefix('$')?.split_once('$')?;
        match name {
            "argon2id" | "argon2i" | "argon2d" => Self::parse_argon2(text.strip_prefix('$')?),
            "scrypt" => parse_scrypt(rest),
            "fbscrypt" => parse_firebase(rest),
            "pbkdf2" | "pbkdf2-sha1" => parse_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA1, rest),
            "pbkdf2-sha256" => parse_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA256, rest),
            "pbkdf2-sha512" => parse_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA512, rest),
            "P" | "H" => parse_phpass(rest),
            _ => None,
        }
    }

    /// `argon2id$v=19$m=65536,t=3,p=4$salt$hash`.
    fn parse_argon2(text: &str) -> Option<Self> {
        let mut parts = text.split('$');
        let algorithm = parts.next()?.parse::<Algorithm>().ok()?;
        let (mut part, mut version) = (parts.next()?, Version::V0x10);
        if let Some(number) = part.strip_prefix("v=") {
            version = Version::try_from(number.parse::<u32>().ok()?).ok()?;
            part = parts.next()?;
        }
        let (memory, passes, lanes) = (number(part, "m")?, number(part, "t")?, number(part, "p")?);
        let (salt, hash) = (decode(parts.next()?)?, decode(parts.next()?)?);
        let is_bounded = memory <= MAX_MEMORY_KIB
            && passes <= MAX_ARGON2_PASSES
            && lanes <= MAX_LANES
            && u64::from(memory) * u64::from(passes) <= MAX_ARGON2_WORK;
        let params = Params::new(memory, passes, lanes, Some(hash.len())).ok().filter(|_| is_bounded)?;
        parts.next().is_none().then_some(Self::Argon2 { algorithm, version, params, salt, hash })
    }

    /// Whether the password is the one.
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        match self {
            Self::Argon2 { algorithm, version, params, salt, hash } => {
                let mut derived = vec![0; hash.len()];
                let argon2 = Argon2::new(*algorithm, *version, params.clone());
                argon2.hash_password_into(password, salt, &mut derived).is_ok() && is_equal(&derived, hash)
            }
            Self::Scrypt { params, salt, hash } => {
                let mut derived = vec![0; hash.len()];
                scrypt::scrypt(password, salt, params, &mut derived).is_ok() && is_equal(&derived, hash)
            }
            Self::Firebase { params, salt, signer_key, hash } => {
                let mut derived = [0; 64];
                scrypt::scrypt(password, salt, params, &mut derived).is_ok()
                    && encrypt(&derived[..32], signer_key).is_some_and(|made| is_equal(&made, hash))
            }
            Self::Pbkdf2 { algorithm, iterations, salt, hash } => {
                pbkdf2::verify(*algorithm, *iterations, salt, password, hash).is_ok()
            }
            Self::PhPass { log2, salt, hash } => {
                is_equal(phpass(*log2, salt, password).as_bytes(), hash.as_bytes())
            }
        }
    }
}

fn is_equal(made: &[u8], stored: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(made, stored).is_ok()
}

/// A parameter by its name, of a list such as `m=65536,t=3,p=4`.
fn parameter<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    list.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

fn number(list: &str, name: &str) -> Option<u32> {
    parameter(list, name)?.parse().ok()
}

/// Base 64 with or without padding, in the alphabet of everybody or with `.` for `+` or `-` and `_`.
fn decode(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let usual: String = text
        .chars()
        .map(|character| match character {
            '.' | '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    let decoded = GeneralPurpose::new(&alphabet::STANDARD, config).decode(usual).ok()?;
    Some(decoded).filter(|bytes| (1..=MAX_HASH).contains(&bytes.len()))
}

/// The parameters of scrypt, where they take no more memory than is given, 128 · r · (N + p) bytes, and no more
/// work.
fn scrypt_params(log_n: u32, block: u32, lanes: u32, length: usize) -> Option<scrypt::Params> {
    let (cost, block_size) = (1_u64.checked_shl(log_n)?, u64::from(block));
    let kibibytes = cost.checked_add(u64::from(lanes))?.checked_mul(block_size)? / 8;
    let work = cost.checked_mul(block_size)?.checked_mul(u64::from(lanes))?;
    let is_bounded = kibibytes <= u64::from(MAX_MEMORY_KIB) && lanes <= MAX_LANES && work <= MAX_SCRYPT_WORK;
    scrypt::Params::new(u8::try_from(log_n).ok()?, block, lanes, length).ok().filter(|_| is_bounded)
}

/// `ln=15,r=8,p=1$salt$hash`.
fn parse_scrypt(rest: &str) -> Option<ForeignHash> {
    let [parameters, salt, hash] = three(rest)?;
    let (salt, hash) = (decode(salt)?, decode(hash)?);
    let (log_n, block, lanes) =
        (number(parameters, "ln")?, number(parameters, "r")?, number(parameters, "p")?);
    Some(ForeignHash::Scrypt { params: scrypt_params(log_n, block, lanes, hash.len())?, salt, hash })
}

/// `v=1,n=14,r=8,p=1,ss=…,sk=…$salt$hash`, the separator and the key of the project among the parameters.
fn parse_firebase(rest: &str) -> Option<ForeignHash> {
    let [parameters, salt, hash] = three(rest)?;
    let (mut salt, hash) = (decode(salt)?, decode(hash)?);
    salt.extend(decode(parameter(parameters, "ss")?)?);
    let signer_key = decode(parameter(parameters, "sk")?)?;
    let (log_n, block, lanes) =
        (number(parameters, "n")?, number(parameters, "r")?, number(parameters, "p")?);
    let params = scrypt_params(log_n, block, lanes, 64)?;
    Some(ForeignHash::Firebase { params, salt, signer_key, hash })
}

/// `sha256$600000$salt$hash`; the salt is its own text.
fn parse_django(rest: &str) -> Option<ForeignHash> {
    let (name, rest) = rest.split_once('$')?;
    let algorithm = match name {
        "sha1" => pbkdf2::PBKDF2_HMAC_SHA1,
        "sha256" => pbkdf2::PBKDF2_HMAC_SHA256,
        "sha512" => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return None,
    };
    let [iterations, salt, hash] = three(rest)?;
    with_iterations(algorithm, iterations, salt.as_bytes().to_vec(), decode(hash)?)
}

/// `i=27500,l=32$salt$hash`, or the number of iterations alone.
fn parse_pbkdf2(algorithm: pbkdf2::Algorithm, rest: &str) -> Option<ForeignHash> {
    let [parameters, salt, hash] = three(rest)?;
    let iterations = parameter(parameters, "i").unwrap_or(parameters);
    with_iterations(algorithm, iterations, decode(salt)?, decode(hash)?)
}

fn with_iterations(
    algorithm: pbkdf2::Algorithm,
    iterations: &str,
    salt: Vec<u8>,
    hash: Vec<u8>,
) -> Option<ForeignHash> {
    let iterations: NonZeroU32 = iterations.parse().ok()?;
    // Each block of the digest's length takes all iterations; that of SHA-1 is the shortest.
    let blocks = hash.len().div_ceil(20);
    let work = u64::from(iterations.get()) * blocks as u64;
    let is_bounded = work <= u64::from(MAX_PBKDF2_ITERATIONS) && hash.len() >= 16;
    is_bounded.then_some(ForeignHash::Pbkdf2 { algorithm, iterations, salt, hash })
}

/// `B` for the number of rounds, 8 characters of salt, 22 of hash.
fn parse_phpass(rest: &str) -> Option<ForeignHash> {
    let (first, hash) = (rest.as_bytes().first()?, rest.get(9..)?);
    let log2 = u32::try_from(PHPASS_ALPHABET.iter().position(|known| known == first)?).ok()?;
    let salt: [u8; 8] = rest.as_bytes().get(1..9)?.try_into().ok()?;
    let is_good = (7..=MAX_PHPASS_LOG2).contains(&log2) && hash.len() == 22;
    is_good.then(|| ForeignHash::PhPass { log2, salt, hash: hash.to_owned() })
}

/// Exactly three parts between `$`.
fn three(text: &str) -> Option<[&str; 3]> {
    text.split('$').collect::<Vec<_>>().try_into().ok()
}

/// AES-256 in counter mode from zero.
fn encrypt(key: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, key).ok()?).ok()?;
    let mut text = plain.to_vec();
    key.less_safe_encrypt(&mut text, EncryptionContext::Iv128(FixedLength::from([0; 16]))).ok()?;
    Some(text)
}

/// MD5 of salt and password, then again and again of that and the password.
fn phpass(log2: u32, salt: &[u8], password: &[u8]) -> String {
    let mut digest = Md5::new().chain_update(salt).chain_update(password).finalize();
    for _ in 0..1_u32 << log2 {
        digest = Md5::new().chain_update(digest).chain_update(password).finalize();
    }
    let mut text = String::with_capacity(22);
    for chunk in digest.chunks(3) {
        let value = chunk.iter().rev().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
        for position in 0..=chunk.len() {
            text.push(char::from(PHPASS_ALPHABET[(value >> (6 * position) & 63) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_for_too_much_or_is_no_hash_is_refused() {
        for text in [
            "",
            "$",
            "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ",
            "$argon2id$v=19$m=4194304,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$argon2id$v=19$m=64,t=999999,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$argon3$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$scrypt$ln=60,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$scrypt$ln=24,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$scrypt$ln=1,r=1048576,p=64$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$scrypt$ln=18,r=8,p=64$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$fbscrypt$v=1,n=1,r=1048576,p=64,ss=Bw==,sk=Bw==$c2FsdA$aGFzaGhhc2hoYXNoaGFzaA",
            "$argon2id$v=19$m=262144,t=50,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "pbkdf2_sha1$9000000$salt$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g=",
            "pbkdf2_sha256$0$salt$aGFzaGhhc2hoYXNoaGFzaA==",
            "pbkdf2_sha256$99999999999$salt$aGFzaGhhc2hoYXNoaGFzaA==",
            "pbkdf2_md5$1$salt$aGFzaGhhc2hoYXNoaGFzaA==",
            "$pbkdf2-sha256$1$c2FsdA$aGFzaA",
            "$P$",
            "$P$zabcdefgh0123456789012345678901",
            "$P$9IQRaTwmfé",
            "5f4dcc3b5aa765d61d8327deb882cf99",
        ] {
            assert!(ForeignHash::parse(text).is_none(), "{text}");
        }
        assert!(ForeignHash::parse(&format!("$P${}", "x".repeat(2_000))).is_none());
        let long = "aGFz".repeat(50);
        assert!(ForeignHash::parse(&format!("pbkdf2_sha256$1$salt${long}")).is_none());
        assert!(ForeignHash::parse("$scrypt$ln=17,r=8,p=3$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA").is_some());
    }
}
