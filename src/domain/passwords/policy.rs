//! What a new password must withstand: guesses by people and programs, the lists that they use, and the
//! lists of what has leaked elsewhere.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use aws_lc_rs::digest;
use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;
use zxcvbn::zxcvbn;

use super::{Password, Passwords};
use crate::domain::{
    error::{Error, Result},
    faults::{Fault, FaultCode},
    hex,
};

/// The scores of strength: from 0, guessed within a thousand tries, to 4, not within ten thousand million.
pub const SCORES: std::ops::RangeInclusive<u8> = 0..=4;
/// Hexadecimal digits of the SHA-1 of a password that a breach check is asked with.
const PREFIX_DIGITS: usize = 5;
/// Characters that are looked at: the work grows with their cube, and by then a password is strong.
const ESTIMATED: usize = 48;
/// The most words of a person that count as easy to guess.
const MAX_WORDS: usize = 20;

/// What a breach check cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the breach check does not answer")]
pub struct BreachCheckUnavailable;

/// Lists of passwords that have leaked, asked by range: the list never learns the password, nor its whole
/// hash (k-anonymity).
#[async_trait]
pub trait BreachedPasswords: Send + Sync {
    /// The remaining 35 upper-case hexadecimal digits of every SHA-1 that starts with these 5.
    ///
    /// # Errors
    /// [`BreachCheckUnavailable`] when no answer comes in time.
    async fn range(&self, prefix: &str) -> std::result::Result<Arc<HashSet<String>>, BreachCheckUnavailable>;
}

/// What is asked of new passwords.
#[derive(Clone)]
pub struct PasswordPolicy {
    /// The least score of [`SCORES`].
    pub min_score: u8,
    /// Passwords that are refused whatever their score, in the form of [`blocklist_key`].
    pub blocklist: Arc<HashSet<String>>,
    /// Words that are easy to guess here, such as the name of the service.
    pub words: Vec<String>,
    /// Lists of what has leaked, if they are asked.
    pub breaches: Option<Arc<dyn BreachedPasswords>>,
    /// Whether passwords are refused while the lists do not answer.
    pub fails_closed: bool,
}

/// How good a password is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strength {
    /// One of [`SCORES`].
    pub score: u8,
    /// Whether it would be taken.
    pub fault: Option<Fault>,
    /// What is wrong with it, in English.
    pub warning: Option<String>,
    /// What would be better, in English.
    pub suggestions: Vec<String>,
}

/// The form in which blocked passwords are compared: in one letter case and compatibility-normalised.
pub fn blocklist_key(text: &str) -> String {
    text.trim().nfkd().default_case_fold().nfkc().collect()
}

impl Passwords {
    /// Succeeds for a password that is strong enough for a person of whom these words are known.
    ///
    /// # Errors
    /// `BadUserInput` with `TOO_WEAK` or `BREACHED` on `field`, `Overloaded`, and `ServiceUnavailable`
    /// when the lists of leaked passwords do not answer and are configured to be waited for.
    pub async fn check_strength(
        &self,
        field: &'static str,
        password: &Password,
        words: &[&str],
    ) -> Result<()> {
        let strength = self.strength(field, password, words).await?;
        strength.fault.map_or(Ok(()), |fault| Err(Error::bad_field(fault)))
    }

    /// How good a password is for a person of whom these words are known. What [`Self::check_strength`]
    /// says is decided here.
    ///
    /// # Errors
    /// As there, but for the refusal itself.
    pub async fn strength(
        &self,
        field: &'static str,
        password: &Password,
        words: &[&str],
    ) -> Result<Strength> {
        let words = words.iter().flat_map(|word| parts_of(word)).take(MAX_WORDS);
        let words: Vec<String> = self.policy.words.iter().cloned().chain(words).collect();
        let guessed = password.clone();
        let mut strength = self.pool.run(move |_, _| async move { estimate(&guessed, &words) }).await?;
        let policy = &self.policy;
        if policy.blocklist.contains(&blocklist_key(password.expose())) {
            strength.fault =
                Some(Fault::new(field, FaultCode::TooWeak, "is on the list of passwords that are not taken"));
        } else if strength.score < policy.min_score {
            let reason = strength.warning.as_deref().unwrap_or("Longer ones are stronger.");
            let message = format!("is too easy to guess. {reason}").trim_end_matches('.').to_owned();
            let fault = Fault::new(field, FaultCode::TooWeak, message);
            strength.fault = Some(Fault { limit: Some(policy.min_score.into()), ..fault });
        } else if self.is_breached(password).await? {
            strength.fault =
                Some(Fault::new(field, FaultCode::Breached, "has leaked elsewhere and is known to others"));
        }
        Ok(strength)
    }

    /// How good a text would be as a password, for a form: one that can be no password has the score 0
    /// and its fault.
    ///
    /// # Errors
    /// As [`Self::strength`].
    pub async fn estimate(&self, text: &str, words: &[&str]) -> Result<Strength> {
        match Password::parse_new("password", text) {
            Ok(password) => self.strength("password", &password, words).await,
            Err(fault) => {
                Ok(Strength { score: 0, fault: Some(fault), warning: None, suggestions: Vec::new() })
            }
        }
    }

    /// The least score that is taken.
    pub const fn min_score(&self) -> u8 {
        self.policy.min_score
    }

    async fn is_breached(&self, password: &Password) -> Result<bool> {
        let Some(breaches) = &self.policy.breaches else { return Ok(false) };
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let digits = hex::of(digest.as_ref()).to_ascii_uppercase();
        let (prefix, rest) = digits.split_at(PREFIX_DIGITS);
        match breaches.range(prefix).await {
            Ok(known) => Ok(known.contains(rest)),
            Err(BreachCheckUnavailable) if self.policy.fails_closed => Err(Error::unavailable()),
            Err(BreachCheckUnavailable) => {
                tracing::warn!("a password is taken that could not be compared with those that have leaked");
                Ok(false)
            }
        }
    }
}

/// The word and its parts: of an address, both sides and what dots separate.
fn parts_of(word: &str) -> impl Iterator<Item = String> {
    let parts = word.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() > 2);
    std::iter::once(word).chain(parts).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// Takes some milliseconds.
fn estimate(password: &Password, words: &[String]) -> Strength {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let begin: String = password.expose().chars().take(ESTIMATED).collect();
    let entropy = zxcvbn(&Zeroizing::new(begin), &words);
    let feedback = entropy.feedback();
    Strength {
        score: entropy.score().into(),
        fault: None,
        warning: feedback.and_then(zxcvbn::feedback::Feedback::warning).map(|warning| warning.to_string()),
        suggestions: feedback
            .map(|feedback| feedback.suggestions().iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
    }
}
