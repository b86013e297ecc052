//! What a running service takes over from new settings, and what it cannot.

use std::sync::Arc;

use crate::{
    config::{Config, TrustedDocuments, variables},
    domain::{Domain, avatars::AvatarStore, live::Live, random::SharedRandom, tokens::Sealer},
};

/// The settings that are taken over. All others are read once.
pub const RELOADABLE: [&str; 4] = [
    variables::SECRET_KEY.name,
    variables::RATE_LIMITS.name,
    variables::TRUSTED_DOCUMENTS.name,
    variables::RUST_LOG.name,
];

/// The parts of a service that take new settings.
#[derive(Clone)]
pub struct Reload {
    pub(super) domain: Domain,
    pub(super) avatars: Arc<dyn AvatarStore>,
    pub(super) sealer: Sealer,
    pub(super) trusted: Live<Option<TrustedDocuments>>,
    pub(super) random: SharedRandom,
}

impl Reload {
    /// Takes over what can be. Signing keys are sealed anew when they are looked after next. Answers whether the
    /// secrets were taken over: not where there is none, nor where they do not open the keys that are stored.
    pub async fn apply(&self, config: &Config) -> bool {
        let sealer = &config.tokens.keys.sealer;
        // Without a secret what is signed would have another random key each time.
        let takes_secrets = sealer.can_seal() && self.domain.tokens.can_all_be_opened_by(sealer).await;
        if takes_secrets {
            self.sealer.take_over(sealer);
            self.domain.sessions.take_device_keys(&sealer.device_keys(&*self.random));
            self.avatars.take_form_keys(&sealer.form_keys(&*self.random));
        }
        self.domain.rate_limits.take_policy(config.rates.clone());
        self.trusted.replace(config.graphql.trusted.clone());
        takes_secrets
    }
}
