//! Devices on which a person has logged in before (OWASP, "Slow down online guessing attacks with device
//! cookies"). A device gets a token at login and shows it at the next; it tells the service, and nobody else,
//! that others' failures are not those of this device. It opens nothing.

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use zeroize::Zeroizing;

use crate::domain::{
    accounts::{EmailAddress, User},
    clock::{Instant, SharedClock},
    hex,
    live::Live,
    random::{self, SharedRandom},
    tokens::signing_keys,
};

const PREFIX: &str = "vdt_";
const ID_BYTES: usize = 16;
/// Of the time, and of the count of changes of password and address.
const NUMBER_BYTES: usize = 8;
const BODY_BYTES: usize = ID_BYTES + 2 * NUMBER_BYTES;
const TAG_BYTES: usize = 32;

/// What a device is counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceId([u8; ID_BYTES]);

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::of(&self.0))
    }
}

/// A device that shows a good token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// What it is counted by.
    pub id: DeviceId,
    /// The count of changes of password and address at the login. After another one nothing is left of it.
    pub credential_epoch: i64,
}

/// Makes device tokens and reads them: `vdt_`, then a random id, the time, the count of changes of password
/// and address, and a signature over all that and the person's address.
pub struct DeviceTokens {
    keys: Live<Vec<hmac::Key>>,
    clock: SharedClock,
    random: SharedRandom,
}

impl DeviceTokens {
    /// For how long after its last login a device is known.
    pub const TTL: TimeDelta = TimeDelta::days(180);

    /// Signs with the first key and believes all.
    pub fn new(keys: &[Zeroizing<[u8; 32]>], clock: SharedClock, random: SharedRandom) -> Self {
        Self { keys: Live::new(signing_keys(keys)), clock, random }
    }

    /// Signs and believes with these keys from now on.
    pub fn take_keys(&self, keys: &[Zeroizing<[u8; 32]>]) {
        self.keys.replace(signing_keys(keys));
    }

    /// A token for a device on which this person has just logged in for the first time.
    pub fn issue(&self, user: &User) -> String {
        self.renew(&DeviceId(random::bytes::<ID_BYTES>(&*self.random)), user)
    }

    /// A token for a device that is known already.
    pub fn renew(&self, device: &DeviceId, user: &User) -> String {
        let numbers = [self.clock.now().timestamp(), user.credential_epoch].map(i64::to_be_bytes);
        let body = [device.0.as_slice(), numbers.as_flattened()].concat();
        let tag = self.keys.get().first().map(|key| hmac::sign(key, &signed(&body, &user.email)));
        let tag = tag.as_ref().map(AsRef::as_ref).unwrap_or_default();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&body, tag].concat()))
    }

    /// The device of a token that was made for the person with this address; `None` for any other text.
    pub fn read(&self, token: &str, email: &EmailAddress) -> Option<KnownDevice> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (body, tag) = bytes.split_at_checked(BODY_BYTES)?;
        if tag.len() != TAG_BYTES {
            return None;
        }
        let message = signed(body, email);
        self.keys.get().iter().find(|key| hmac::verify(key, &message, tag).is_ok())?;
        let (id, numbers) = body.split_at(ID_BYTES);
        let (time, epoch) = numbers.split_at(NUMBER_BYTES);
        let number = |bytes: &[u8]| bytes.try_into().ok().map(i64::from_be_bytes);
        let issued_at = Instant::from_timestamp(number(time)?, 0)?;
        let is_recent = self.clock.now() - issued_at < Self::TTL;
        let known = KnownDevice { id: DeviceId(id.try_into().ok()?), credential_epoch: number(epoch)? };
        is_recent.then_some(known)
    }
}

fn signed(body: &[u8], email: &EmailAddress) -> Vec<u8> {
    [b"vestibule/device/v1\0", body, email.key().as_str().as_bytes()].concat()
}
