//! Tokens of every kind, as clients present them: none but those that were made here is one.
#![no_main]

use std::{ffi::OsString, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use vestibule::{
    app::{self, Ambient},
    config::Config,
    domain::{
        Domain,
        accounts::EmailAddress,
        clock::SystemClock,
        one_time::{OneTimeSecret, ShortCode, Ticket},
        random::SystemRandom,
        rate_limits::DeviceTokens,
        tokens::{RefreshToken, Sealer},
    },
};

struct Service {
    runtime: Runtime,
    domain: Domain,
    devices: DeviceTokens,
    email: EmailAddress,
}

static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let settings = [("DATABASE_URL", "sqlite::memory:"), ("HASH_THREADS", "1")];
    let settings = settings.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let config = Config::from_variables(settings).unwrap();
    let app = runtime.block_on(app::build(&config, Ambient::default()));
    let domain = app.unwrap_or_else(|error| panic!("{error}")).domain;
    let keys = Sealer::default().device_keys(&SystemRandom);
    let devices = DeviceTokens::new(&keys, std::sync::Arc::new(SystemClock), std::sync::Arc::new(SystemRandom));
    Service { runtime, domain, devices, email: EmailAddress::parse("ada@example.com").unwrap() }
});

fuzz_target!(|text: &str| {
    let service = &*SERVICE;
    assert!(service.runtime.block_on(service.domain.tokens.verify(text)).is_err());
    assert!(service.devices.read(text, &service.email).is_none());
    // What is read is what was written.
    if let Some(token) = RefreshToken::parse(text) {
        assert_eq!(token.expose(), text.trim());
    }
    let _ = (OneTimeSecret::parse(text), Ticket::parse(text), ShortCode::parse(text));
});
