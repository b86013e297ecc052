//! The key schedule of bcrypt (N. Provos, D. Mazières, "A Future-Adaptable Password Scheme", 1999), for several
//! computations in one loop.
//!
//! Each look into an S-box needs the outcome of the one before, so a core that computes one hash mostly waits
//! for its first-level cache. Two hashes need nothing of each other: their looks stand side by side in the loop,
//! and the core does the one while it waits for the other. Why this is ours and how it is checked is in ADR 19.

use zeroize::Zeroize;

use super::pi;

/// The most bytes of a key that count.
const MAX_KEY: usize = 72;
/// What is encrypted in the end: `OrpheanBeholderScryDoubt`.
const TEXT: [u32; 6] = [0x4f72_7068, 0x6561_6e42, 0x6568_6f6c, 0x6465_7253, 0x6372_7944, 0x6f75_6274];
/// How often.
const ENCRYPTIONS: u32 = 64;

/// One computation that is under way. Wiped when it is dropped.
pub(super) struct Schedule {
    boxes: [[u32; 256]; 4],
    subkeys: [u32; 18],
    key: [u32; 18],
    salt: [u32; 18],
    /// Expansions that are left: with the key and with the salt in turn.
    left: u64,
}

impl Schedule {
    /// Begins a computation. `key` has 1 to 72 bytes; the zero byte that ends a password is among them. `cost`
    /// is less than 32.
    pub(super) fn new(cost: u32, salt: [u8; 16], key: &[u8]) -> Box<Self> {
        let key = &key[..key.len().min(MAX_KEY)];
        let mut schedule =
            Box::new(Self { boxes: pi::S, subkeys: pi::P, key: [0; 18], salt: [0; 18], left: 2 << cost });
        // In its place, so that there is no other copy.
        cycle(key, &mut schedule.key);
        cycle(&salt, &mut schedule.salt);
        schedule.expand_with_salt();
        schedule
    }

    /// The first expansion, with key and salt at once.
    fn expand_with_salt(&mut self) {
        for (subkey, key) in self.subkeys.iter_mut().zip(&self.key) {
            *subkey ^= *key;
        }
        let (mut left, mut right) = ([0], [0]);
        // The salt has four words, which come round; the first two of them where `pair` is even.
        let mut next = |schedule: &mut Self, pair: usize| {
            let at = pair % 2 * 2;
            left[0] ^= schedule.salt[at];
            right[0] ^= schedule.salt[at + 1];
            encrypt(&[schedule], &mut left, &mut right);
            (left[0], right[0])
        };
        for pair in 0..9 {
            (self.subkeys[2 * pair], self.subkeys[2 * pair + 1]) = next(self, pair);
        }
        for pair in 0..512 {
            let (number, at) = (pair / 128, pair % 128 * 2);
            // After nine pairs the salt goes on with its second half.
            (self.boxes[number][at], self.boxes[number][at + 1]) = next(self, pair + 1);
        }
    }

    /// How many expansions are left.
    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    /// The hash, once nothing is left.
    pub(super) fn finish(self: Box<Self>) -> [u8; 24] {
        let mut text = TEXT;
        for pair in text.as_chunks_mut::<2>().0 {
            let (mut left, mut right) = ([pair[0]], [pair[1]]);
            for _ in 0..ENCRYPTIONS {
                encrypt(&[&*self], &mut left, &mut right);
            }
            *pair = [left[0], right[0]];
        }
        let mut hash = [0; 24];
        for (bytes, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(text) {
            *bytes = word.to_be_bytes();
        }
        hash
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.boxes.zeroize();
        self.subkeys.zeroize();
        self.key.zeroize();
        self.salt.zeroize();
    }
}

/// The bytes as words, from the beginning again when they end.
fn cycle(bytes: &[u8], words: &mut [u32; 18]) {
    let mut bytes = bytes.iter().cycle();
    for word in words {
        for _ in 0..4 {
            *word = *word << 8 | u32::from(bytes.next().copied().unwrap_or_default());
        }
    }
}

/// One more expansion of each, all in one loop. Those of which nothing is left must not be among them.
pub(super) fn step<const N: usize>(mut lanes: [&mut Schedule; N]) {
    for lane in &mut lanes {
        let Schedule { subkeys, key, salt, left, .. } = &mut **lane;
        let with = if *left % 2 == 0 { key } else { salt };
        for (subkey, word) in subkeys.iter_mut().zip(with) {
            *subkey ^= *word;
        }
        *left -= 1;
    }
    let (mut left, mut right) = ([0; N], [0; N]);
    for at in (0..18).step_by(2) {
        encrypt(&lanes, &mut left, &mut right);
        for lane in 0..N {
            (lanes[lane].subkeys[at], lanes[lane].subkeys[at + 1]) = (left[lane], right[lane]);
        }
    }
    for number in 0..4 {
        for at in (0..256).step_by(2) {
            encrypt(&lanes, &mut left, &mut right);
            for lane in 0..N {
                (lanes[lane].boxes[number][at], lanes[lane].boxes[number][at + 1]) =
                    (left[lane], right[lane]);
            }
        }
    }
}

/// Sixteen rounds of Blowfish for each, side by side.
#[expect(clippy::inline_always, reason = "the loops of a step are made of it")]
#[inline(always)]
fn encrypt<const N: usize, L: std::ops::Deref<Target = Schedule>>(
    lanes: &[L; N],
    left: &mut [u32; N],
    right: &mut [u32; N],
) {
    for round in (0..16).step_by(2) {
        for lane in 0..N {
            left[lane] ^= lanes[lane].subkeys[round];
            right[lane] ^= mixed(&lanes[lane].boxes, left[lane]);
        }
        for lane in 0..N {
            right[lane] ^= lanes[lane].subkeys[round + 1];
            left[lane] ^= mixed(&lanes[lane].boxes, right[lane]);
        }
    }
    for lane in 0..N {
        let last = left[lane] ^ lanes[lane].subkeys[16];
        (left[lane], right[lane]) = (right[lane] ^ lanes[lane].subkeys[17], last);
    }
}

/// The function of a round. Shifts and not bytes in some order: that would put a swap into the chain.
#[expect(clippy::inline_always, reason = "it is three instructions")]
#[inline(always)]
fn mixed(boxes: &[[u32; 256]; 4], word: u32) -> u32 {
    let byte = |shift: u32| (word >> shift & 0xff) as usize;
    (boxes[0][byte(24)].wrapping_add(boxes[1][byte(16)]) ^ boxes[2][byte(8)]).wrapping_add(boxes[3][byte(0)])
}
