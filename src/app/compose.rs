//! The domain, put together from settings and adapters.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{AUDIENCE, Ambient, StartError};
use crate::{
    breaches::RangeClient,
    cache::Cache,
    config::Config,
    domain::{
        Domain,
        access::Roles,
        accounts::{AccountParts, AccountSettings, Accounts},
        administration::{Administration, AdministrationParts, AdministrationSettings},
        audit::Audit,
        avatars::AvatarStore,
        idempotency::Answers,
        mail::Mailer,
        one_time::{OneTimeParts, OneTimeTokens},
        outbox::Outbox,
        passwords::{BreachedPasswords, PasswordPolicy, Passwords},
        rate_limits::{DeviceTokens, RateLimits},
        sessions::{SessionParts, Sessions},
        tokens::{AccessTokens, IssuerSettings, KeyRingParts},
    },
    stores::Stores,
};

/// What the domain talks to.
pub(super) struct Adapters<'a> {
    pub(super) stores: &'a Stores,
    pub(super) cache: &'a Cache,
    pub(super) mailer: Arc<dyn Mailer>,
    pub(super) avatars: Arc<dyn AvatarStore>,
}

/// What is asked of new passwords.
fn password_policy(config: &Config) -> Result<PasswordPolicy, StartError> {
    let client = config.rules.breaches.clone().map(RangeClient::new).transpose();
    let client = client.map_err(|error| StartError::Breaches(error.to_string()))?;
    let host = config.http.public_url.host_str().unwrap_or_default();
    let product = config.mail.from.name.clone().unwrap_or_default();
    Ok(PasswordPolicy {
        min_score: config.rules.min_score,
        blocklist: Arc::new(config.rules.blocklist.clone()),
        words: ["vestibule", host, &product].map(str::to_lowercase).into(),
        breaches: client.map(|client| Arc::new(client) as Arc<dyn BreachedPasswords>),
        fails_closed: config.rules.fails_closed,
    })
}

pub(super) fn domain(
    config: &Config,
    adapters: &Adapters<'_>,
    ambient: &Ambient,
    tokens: AccessTokens,
) -> Result<Domain, StartError> {
    let Adapters { stores, cache, .. } = adapters;
    let Ambient { clock, random } = ambient.clone();
    let tokens = Arc::new(tokens);
    let passwords = Passwords::start(config.passwords.pool, password_policy(config)?, &random);
    let passwords = Arc::new(passwords.map_err(StartError::Threads)?);
    let outbox = Arc::new(Outbox::new(stores.outbox.clone(), clock.clone(), random.clone()));
    let one_time = Arc::new(OneTimeTokens::new(OneTimeParts {
        store: stores.one_time.clone(),
        clock: clock.clone(),
        random: random.clone(),
        settings: config.accounts.one_time,
    }));
    let limits = RateLimits::new(cache.rates.clone(), clock.clone(), config.rates.clone());
    let limits = Arc::new(limits);
    let device_keys = config.tokens.keys.sealer.device_keys(&*random);
    let audit = Arc::new(Audit::new(stores.audit.clone(), clock.clone(), config.admin.audit_retention));
    let sessions = Arc::new(Sessions::new(SessionParts {
        users: stores.users.clone(),
        roles: Roles::new(stores.roles.clone()),
        directory: stores.directory.clone(),
        audit: audit.clone(),
        store: stores.sessions.clone(),
        cache: cache.sessions.clone(),
        notes: stores.notes.clone(),
        events: cache.events.clone(),
        tokens: tokens.clone(),
        outbox: outbox.clone(),
        limits: limits.clone(),
        devices: DeviceTokens::new(&device_keys, clock.clone(), random.clone()),
        passwords: passwords.clone(),
        clock: clock.clone(),
        random: random.clone(),
        settings: config.tokens.sessions,
    }));
    let shared = Shared { passwords, limits, sessions, audit, one_time, outbox, tokens };
    let accounts = accounts(config, adapters, ambient, &shared);
    let administration = administration(config, stores, ambient, &shared);
    shared.sessions.follow_notes();
    let time_limit = TimeDelta::from_std(config.http.request_timeout).unwrap_or(TimeDelta::MAX);
    let answers =
        Answers::new(stores.answers.clone(), ambient.clock.clone(), ambient.random.clone(), time_limit);
    let answers = Arc::new(answers);
    let Shared { passwords, limits, sessions, audit, one_time, outbox, tokens } = shared;
    Ok(Domain {
        administration,
        audit,
        answers,
        accounts,
        outbox,
        one_time,
        passwords,
        tokens,
        rate_limits: limits,
        sessions,
    })
}

/// Services that others are made of.
struct Shared {
    passwords: Arc<Passwords>,
    limits: Arc<RateLimits>,
    sessions: Arc<Sessions>,
    audit: Arc<Audit>,
    one_time: Arc<OneTimeTokens>,
    outbox: Arc<Outbox>,
    tokens: Arc<AccessTokens>,
}

fn accounts(config: &Config, adapters: &Adapters<'_>, ambient: &Ambient, shared: &Shared) -> Arc<Accounts> {
    Arc::new(Accounts::new(AccountParts {
        users: adapters.stores.users.clone(),
        passwords: shared.passwords.clone(),
        limits: shared.limits.clone(),
        sessions: shared.sessions.clone(),
        audit: shared.audit.clone(),
        one_time: shared.one_time.clone(),
        outbox: shared.outbox.clone(),
        avatars: adapters.avatars.clone(),
        mailer: adapters.mailer.clone(),
        clock: ambient.clock.clone(),
        random: ambient.random.clone(),
        settings: AccountSettings {
            pages: config.mail.pages.clone(),
            require_verified_email: config.accounts.require_verified_email,
            private_registration: config.accounts.private_registration,
            deletion_grace: config.accounts.deletion_grace,
        },
    }))
}

fn administration(
    config: &Config,
    stores: &Stores,
    ambient: &Ambient,
    shared: &Shared,
) -> Arc<Administration> {
    Arc::new(Administration::new(AdministrationParts {
        users: stores.users.clone(),
        directory: stores.directory.clone(),
        roles: Roles::new(stores.roles.clone()),
        service_tokens: stores.service_tokens.clone(),
        sessions: shared.sessions.clone(),
        audit: shared.audit.clone(),
        outbox: shared.outbox.clone(),
        tokens: shared.tokens.clone(),
        clock: ambient.clock.clone(),
        random: ambient.random.clone(),
        settings: AdministrationSettings {
            deletion_grace: config.accounts.deletion_grace,
            impersonation: config.admin.impersonation,
            bootstrap: config.admin.bootstrap.clone(),
        },
    }))
}

/// Who issues tokens with these settings.
pub(super) fn issuer(config: &Config) -> IssuerSettings {
    IssuerSettings {
        issuer: config.http.public_url.as_str().trim_end_matches('/').to_owned(),
        audience: AUDIENCE.to_owned(),
        ttl: config.tokens.access_ttl,
        leeway: config.tokens.sessions.clock_leeway,
    }
}

/// What the signing keys of these settings are made of.
pub(super) fn key_ring(config: &Config, stores: &Stores, ambient: &Ambient) -> KeyRingParts {
    KeyRingParts {
        store: stores.keys.clone(),
        policy: config.tokens.keys.clone(),
        clock: ambient.clock.clone(),
        random: ambient.random.clone(),
    }
}
