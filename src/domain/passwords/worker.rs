//! What is done on the hashing threads: new hashes, and comparisons that take as long whatever is stored.

use aws_lc_rs::constant_time;
use base64::{
    Engine, alphabet,
    engine::general_purpose::{GeneralPurpose, NO_PAD},
};
use bcrypt::HashParts;
use zeroize::Zeroizing;

use super::{
    BCRYPT_COSTS,
    hash::{self, PasswordHash},
    lanes::Lane,
    text::Password,
};
use crate::domain::random::{self, SharedRandom};

/// The bytes of a hash that its text has.
const HASH_BYTES: usize = 23;
/// Where the text of a hash has them.
const HASH_AT: usize = 29;

/// How bcrypt writes bytes.
pub(super) const BASE_64: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);

/// The outcome of a comparison.
#[derive(Debug)]
pub enum Verification {
    /// The password is the stored one.
    Right {
        /// The same password at the cost of today, where the stored hash has a lower one.
        upgraded: Option<PasswordHash>,
    },
    /// It is not, or nothing is stored.
    Wrong,
}

/// What the hashing threads work with.
pub(super) struct Worker {
    cost: u32,
    random: SharedRandom,
}

impl Worker {
    pub(super) const fn new(cost: u32, random: SharedRandom) -> Self {
        Self { cost, random }
    }

    pub(super) async fn hash(&self, lane: &Lane, password: &Password) -> PasswordHash {
        let (scheme, bytes) = hash::prepare(password);
        let salt = random::bytes::<16>(&*self.random);
        let hash = lane.bcrypt(self.cost, salt, &terminated(&bytes)).await;
        let (salt, hash) = (BASE_64.encode(salt), BASE_64.encode(&hash[..HASH_BYTES]));
        PasswordHash::new(scheme, &format!("$2b${:02}${salt}{hash}", self.cost))
    }

    pub(super) async fn verify(
        &self,
        lane: &Lane,
        password: &Password,
        stored: Option<&PasswordHash>,
    ) -> Verification {
        if let Some(foreign) = stored.and_then(PasswordHash::foreign) {
            return self.verify_foreign(lane, password, foreign.matches(password.as_bytes())).await;
        }
        let (scheme, bytes) = hash::prepare(password);
        if let Some((cut, bcrypt)) = stored.and_then(|stored| hash::cut_for(stored, password)) {
            return match matches(lane, cut, bcrypt).await {
                Some(true) => Verification::Right { upgraded: Some(self.hash(lane, password).await) },
                outcome => self.wrong(lane, stored, outcome).await,
            };
        }
        // A hash of the other scheme cannot be of this password: the same work, on a dummy.
        let comparable = stored.and_then(PasswordHash::parts).filter(|(stored, _)| *stored == scheme);
        let Some((_, bcrypt)) = comparable else {
            self.work(lane, self.cost).await;
            return Verification::Wrong;
        };
        let outcome = matches(lane, &terminated(&bytes), bcrypt).await;
        if outcome != Some(true) {
            return self.wrong(lane, stored, outcome).await;
        }
        let outdated = stored.and_then(PasswordHash::cost) < Some(self.cost);
        let upgraded = if outdated { Some(self.hash(lane, password).await) } else { None };
        Verification::Right { upgraded }
    }

    /// After a comparison with a hash of another system, which takes its own time: the first login replaces it.
    async fn verify_foreign(&self, lane: &Lane, password: &Password, is_right: bool) -> Verification {
        if is_right {
            return Verification::Right { upgraded: Some(self.hash(lane, password).await) };
        }
        self.work(lane, self.cost).await;
        Verification::Wrong
    }

    /// After a comparison that was none, or said no: as much work as for anybody else.
    async fn wrong(&self, lane: &Lane, stored: Option<&PasswordHash>, outcome: Option<bool>) -> Verification {
        match outcome {
            Some(_) => self.make_up_for(lane, stored.and_then(PasswordHash::cost)).await,
            None => self.work(lane, self.cost).await,
        }
        Verification::Wrong
    }

    /// After a comparison at a lower cost, the work that one at the cost of today would have taken:
    /// each step doubles it, so the steps from there to here add up to exactly that.
    async fn make_up_for(&self, lane: &Lane, cost: Option<u32>) {
        for cost in cost.unwrap_or(self.cost)..self.cost {
            self.work(lane, cost).await;
        }
    }

    /// The work of a comparison at this cost, whatever comes of it.
    async fn work(&self, lane: &Lane, cost: u32) {
        lane.bcrypt(cost, random::bytes::<16>(&*self.random), &[0]).await;
    }
}

/// The bytes of a password as bcrypt takes them: with a zero byte in the end.
fn terminated(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    key.extend_from_slice(bytes);
    key.push(0);
    key
}

/// Whether a hash in the form of bcrypt is of this key; `None` for one that cannot be read, or has a cost that
/// there is not. Compared in constant time.
async fn matches(lane: &Lane, key: &[u8], bcrypt: &str) -> Option<bool> {
    let parts = bcrypt.parse::<HashParts>().ok().filter(|parts| BCRYPT_COSTS.contains(&parts.get_cost()))?;
    let stored = BASE_64.decode(bcrypt.get(HASH_AT..)?).ok()?;
    let hash = lane.bcrypt(parts.get_cost(), parts.get_salt_raw(), key).await;
    Some(constant_time::verify_slices_are_equal(&stored, &hash[..HASH_BYTES]).is_ok())
}
