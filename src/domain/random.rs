//! Injected randomness, so that tests can seed it.

use std::sync::Arc;

use aws_lc_rs::rand::SecureRandom;

/// A source of random bytes fit for secrets.
pub trait Random: Send + Sync {
    /// Fills `bytes` with unpredictable values.
    fn fill(&self, bytes: &mut [u8]);
}

/// A shared source of randomness.
pub type SharedRandom = Arc<dyn Random>;

/// The cryptographically secure generator of the crypto library, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws system randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        // The generator aborts the process itself when the system has no entropy; an `Err` is
        // reserved by the signature, and going on with predictable bytes is no option.
        #[expect(clippy::expect_used, reason = "no secret may be made without randomness")]
        aws_lc_rs::rand::SystemRandom::new().fill(bytes).expect("the system has no randomness");
    }
}

/// Draws `N` random bytes.
pub fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut drawn = [0; N];
    random.fill(&mut drawn);
    drawn
}
