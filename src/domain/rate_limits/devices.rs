//! Devices on which a person has logged in before (OWASP, "Slow down online guessing attacks with device
//! cookies"). A device gets a token at login and shows it at the next; it tells the service, and nobody else,
//! that others' failures are not those of this device. It opens nothing.

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use zeroize::Zeroizing;

use crate::domain::{
    accounts::EmailAddress,
    clock::{Instant, SharedClock},
    hex,
    random::{self, SharedRandom},
};

const PREFIX: &str = "vdt_";
const ID_BYTES: usize = 16;
const TIME_BYTES: usize = 8;
const TAG_BYTES: usize = 32;

/// What a device is counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceId([u8; ID_BYTES]);

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::of(&self.0))
    }
}

/// Makes device tokens and reads them: `vdt_`, then a random id, the time, and a signature over both and the
/// person's address.
pub struct DeviceTokens {
    keys: Vec<hmac::Key>,
    clock: SharedClock,
    random: SharedRandom,
}

impl DeviceTokens {
    /// For how long after its last login a device is known.
    pub const TTL: TimeDelta = TimeDelta::days(180);

    /// Signs with the first key and believes all.
    pub fn new(keys: &[Zeroizing<[u8; 32]>], clock: SharedClock, random: SharedRandom) -> Self {
        let keys = keys.iter().map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.as_slice())).collect();
        Self { keys, clock, random }
    }

    /// A token for a device on which the person with this address has just logged in.
    pub fn issue(&self, email: &EmailAddress) -> String {
        let id = random::bytes::<ID_BYTES>(&*self.random);
        let body = [id.as_slice(), &self.clock.now().timestamp().to_be_bytes()].concat();
        let tag = self.keys.first().map(|key| hmac::sign(key, &signed(&body, email)));
        let tag = tag.as_ref().map(AsRef::as_ref).unwrap_or_default();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&body, tag].concat()))
    }

    /// The device of a token that was made for the person with this address; `None` for any other text.
    pub fn read(&self, token: &str, email: &EmailAddress) -> Option<DeviceId> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (body, tag) = bytes.split_at_checked(ID_BYTES + TIME_BYTES)?;
        if tag.len() != TAG_BYTES {
            return None;
        }
        let message = signed(body, email);
        self.keys.iter().find(|key| hmac::verify(key, &message, tag).is_ok())?;
        let (id, time) = body.split_at(ID_BYTES);
        let issued_at = Instant::from_timestamp(i64::from_be_bytes(time.try_into().ok()?), 0)?;
        (self.clock.now() - issued_at < Self::TTL).then_some(DeviceId(id.try_into().ok()?))
    }
}

fn signed(body: &[u8], email: &EmailAddress) -> Vec<u8> {
    [b"vestibule/device/v1\0", body, email.key().as_str().as_bytes()].concat()
}
