//! Settings of signing keys.

use std::{fs, time::Duration};

use chrono::TimeDelta;
use zeroize::Zeroizing;

use super::{Environment, Source, variables};
use crate::domain::tokens::{KeyAlgorithm, KeyPolicy, PrivateKey, Sealer};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
/// The most that an access token can be valid, whatever it is now and was before.
const LONGEST_TOKEN: Duration = HOUR;
const LONGEST_ROTATION: Duration = Duration::from_hours(3650 * 24);
/// How much longer than its tokens a key that was replaced is kept.
const MARGIN: Duration = Duration::from_mins(5);

/// Reads them; `leeway` is how far the clocks of nodes may be apart.
pub(super) fn read(
    source: &mut Source,
    environment: Environment,
    sealer: Sealer,
    leeway: Duration,
) -> Option<KeyPolicy> {
    let read_algorithm =
        |name: &str| KeyAlgorithm::parse(name).ok_or_else(|| "must be EdDSA, ES256 or RS256".to_owned());
    let algorithm = source.parse(&variables::SIGNING_ALGORITHM, read_algorithm);
    let own = source.parse(&variables::SIGNING_KEY_FILE, read_own_key);
    let rotation = source.duration(&variables::KEY_ROTATION, Duration::ZERO..=LONGEST_ROTATION);
    if !rotation.is_zero() && rotation < MINUTE {
        source.problem(&variables::KEY_ROTATION, "must be at least 1m, or 0s for never");
    }
    let publish_ahead = source.duration(&variables::KEY_PUBLISH_AHEAD, 3 * SECOND..=30 * 24 * HOUR);
    Some(KeyPolicy {
        sealer,
        accept_plain: environment == Environment::Development,
        algorithm: algorithm?,
        rotation: Some(TimeDelta::from_std(rotation).ok()?).filter(|rotation| !rotation.is_zero()),
        publish_ahead: TimeDelta::from_std(publish_ahead).ok()?,
        kept_after: TimeDelta::from_std(LONGEST_TOKEN + leeway + MARGIN).ok()?,
        own: own?,
    })
}

/// The file is read here so that a bad one is a problem of the settings.
fn read_own_key(path: &str) -> Result<Option<PrivateKey>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    let pem =
        fs::read(path).map(Zeroizing::new).map_err(|error| format!("{path:?} cannot be read: {error}"))?;
    PrivateKey::from_pem(&pem).map(Some).map_err(|reason| format!("{path:?} {reason}"))
}
