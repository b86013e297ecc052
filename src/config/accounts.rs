//! Settings of accounts: what registration demands, what a password must be, where pictures go.

use std::{collections::HashSet, fs, path::PathBuf, time::Duration};

use chrono::TimeDelta;
use secrecy::SecretString;
use url::Url;

use super::{Environment, Source, mail::percent_decoded, read_is_on, variables};
use crate::domain::{
    one_time::OneTimeSettings,
    passwords::{SCORES, blocklist_key},
};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Settings of accounts.
#[derive(Debug, Clone)]
pub struct AccountConfig {
    /// Nobody logs in before their address is verified.
    pub require_verified_email: bool,
    /// Registration does not tell whether an address has an account.
    pub private_registration: bool,
    /// How long after it was asked for an account is erased.
    pub deletion_grace: TimeDelta,
    /// How long the tokens of mails live.
    pub one_time: OneTimeSettings,
}

/// What a new password must be.
#[derive(Debug, Clone)]
pub struct PasswordRules {
    /// The least score.
    pub min_score: u8,
    /// Passwords that are not taken.
    pub blocklist: HashSet<String>,
    /// Where ranges of leaked passwords are asked for.
    pub breaches: Option<Url>,
    /// Whether passwords are refused while that does not answer.
    pub fails_closed: bool,
}

/// An account at Cloudinary.
#[derive(Debug, Clone)]
pub struct CloudinaryConfig {
    /// The name of the cloud.
    pub cloud: String,
    /// The key.
    pub key: String,
    /// The secret.
    pub secret: SecretString,
    /// Where its API is.
    pub api: Url,
    /// The folder that pictures are put into.
    pub folder: String,
}

/// Where pictures go.
#[derive(Debug, Clone)]
pub enum AvatarConfig {
    /// To Cloudinary.
    Cloudinary(CloudinaryConfig),
    /// Into a folder, which several nodes must share.
    Folder(PathBuf),
}

pub(super) fn read(source: &mut Source) -> Option<AccountConfig> {
    let require_verified_email = source.parse(&variables::REQUIRE_VERIFIED_EMAIL, read_is_on)?;
    let private_registration = source.parse(&variables::REGISTRATION_PRIVACY, |text| match text {
        "open" => Ok(false),
        "strict" => Ok(true),
        _ => Err("must be open or strict".to_owned()),
    })?;
    let deletion_grace = source.duration(&variables::DELETION_GRACE, Duration::ZERO..=365 * DAY);
    let verification_ttl = source.duration(&variables::VERIFICATION_TTL, MINUTE..=30 * DAY);
    let reset_ttl = source.duration(&variables::RESET_TTL, MINUTE..=7 * DAY);
    Some(AccountConfig {
        // A login that works before the address is verified would tell what registration does not.
        require_verified_email: require_verified_email || private_registration,
        private_registration,
        deletion_grace: TimeDelta::from_std(deletion_grace).ok()?,
        one_time: OneTimeSettings {
            verification_ttl: TimeDelta::from_std(verification_ttl).ok()?,
            reset_ttl: TimeDelta::from_std(reset_ttl).ok()?,
        },
    })
}

pub(super) fn rules(source: &mut Source) -> Option<PasswordRules> {
    let min_score = source.number(&variables::PASSWORD_MIN_SCORE, SCORES);
    let blocklist = source.parse(&variables::PASSWORD_BLOCKLIST, read_blocklist);
    let breaches = source.parse(&variables::BREACHED_PASSWORDS_URL, |text| {
        if text.is_empty() {
            return Ok(None);
        }
        let url = Url::parse(text).ok().filter(|url| url.path().ends_with('/') && url.query().is_none());
        url.map(Some).ok_or_else(|| "must be a URL that ends with /".to_owned())
    });
    let fails_closed = source.parse(&variables::BREACHED_PASSWORDS_FAIL, |text| match text {
        "open" => Ok(false),
        "closed" => Ok(true),
        _ => Err("must be open or closed".to_owned()),
    });
    Some(PasswordRules { min_score, blocklist: blocklist?, breaches: breaches?, fails_closed: fails_closed? })
}

fn read_blocklist(path: &str) -> Result<HashSet<String>, String> {
    if path.is_empty() {
        return Ok(HashSet::new());
    }
    let text = fs::read_to_string(path).map_err(|error| format!("{path:?} cannot be read: {error}"))?;
    Ok(text.lines().map(blocklist_key).filter(|line| !line.is_empty()).collect())
}

pub(super) fn avatars(source: &mut Source, environment: Environment) -> Option<AvatarConfig> {
    let api = source.parse(&variables::CLOUDINARY_API_URL, |text| {
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.filter(|url| environment == Environment::Development || url.scheme() == "https");
        url.ok_or_else(|| "must be a URL, https in production".to_owned())
    });
    let folder = source.parse(&variables::CLOUDINARY_FOLDER, |text| {
        let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
        let is_good =
            !text.is_empty() && text.chars().all(is_good) && !text.starts_with('/') && !text.ends_with('/');
        if is_good {
            Ok(text.to_owned())
        } else {
            Err("must be letters, digits, `-`, `_` and `/`".to_owned())
        }
    });
    let (api, folder) = (api?, folder?);
    let cloudinary = source.parse(&variables::CLOUDINARY_URL, |text| {
        if text.is_empty() {
            return Ok(None);
        }
        // The value is never repeated: it holds a secret.
        let form = || "must be cloudinary://KEY:SECRET@CLOUD".to_owned();
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "cloudinary").ok_or_else(form)?;
        let (cloud, secret) = (url.host_str().ok_or_else(form)?, url.password().ok_or_else(form)?);
        let decoded = |part: &str| percent_decoded(part).filter(|part| !part.is_empty()).ok_or_else(form);
        Ok(Some(CloudinaryConfig {
            cloud: cloud.to_owned(),
            key: decoded(url.username())?,
            secret: decoded(secret)?.into(),
            api: api.clone(),
            folder: folder.clone(),
        }))
    })?;
    let place = PathBuf::from(source.text(&variables::AVATAR_DIR));
    Some(cloudinary.map_or(AvatarConfig::Folder(place), AvatarConfig::Cloudinary))
}
