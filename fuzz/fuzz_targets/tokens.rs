//! Tokens of every kind, as clients present them: none but those that were made here is one.
#![no_main]

use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use vestibule::domain::{
    accounts::EmailAddress,
    audit::AuditEvent,
    clock::SystemClock,
    ids::KeyId,
    one_time::{OneTimeSecret, ShortCode, Ticket},
    random::SystemRandom,
    rate_limits::DeviceTokens,
    store::StoreResult,
    tokens::{
        AccessTokens, IssuerSettings, KeyAlgorithm, KeyMaterial, KeyPolicy, KeyRingParts, KeyStore, RefreshToken,
        Sealer, StoredKey,
    },
};

/// Keys in memory.
#[derive(Default)]
struct Keys(Mutex<Vec<StoredKey>>);

#[async_trait]
impl KeyStore for Keys {
    async fn list(&self) -> StoreResult<Vec<StoredKey>> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn insert(&self, key: &StoredKey, _: &AuditEvent) -> StoreResult<()> {
        self.0.lock().unwrap().push(key.clone());
        Ok(())
    }

    async fn replace_material(&self, _: &KeyId, _: &KeyMaterial, _: &KeyMaterial) -> StoreResult<()> {
        Ok(())
    }

    async fn remove(&self, _: &KeyId, _: &AuditEvent) -> StoreResult<bool> {
        Ok(false)
    }
}

struct Service {
    runtime: Runtime,
    tokens: AccessTokens,
    devices: DeviceTokens,
    email: EmailAddress,
}

static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let settings = IssuerSettings {
        issuer: "http://localhost:8080".into(),
        audience: "vestibule".into(),
        ttl: std::time::Duration::from_secs(300),
        leeway: TimeDelta::zero(),
    };
    let keys = KeyRingParts {
        store: Arc::new(Keys::default()),
        policy: KeyPolicy {
            sealer: Sealer::default(),
            accept_plain: true,
            algorithm: KeyAlgorithm::EdDsa,
            rotation: None,
            publish_ahead: TimeDelta::minutes(10),
            kept_after: TimeDelta::minutes(10),
            own: None,
        },
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    };
    let tokens = runtime.block_on(AccessTokens::open(settings, keys)).unwrap();
    let keys = Sealer::default().device_keys(&SystemRandom);
    let devices = DeviceTokens::new(&keys, Arc::new(SystemClock), Arc::new(SystemRandom));
    Service { runtime, tokens, devices, email: EmailAddress::parse("ada@example.com").unwrap() }
});

fuzz_target!(|text: &str| {
    let service = &*SERVICE;
    assert!(service.runtime.block_on(service.tokens.verify(text)).is_err());
    assert!(service.devices.read(text, &service.email).is_none());
    // What is read is what was written.
    if let Some(token) = RefreshToken::parse(text) {
        assert_eq!(token.expose(), text);
    }
    let _ = (OneTimeSecret::parse(text), Ticket::parse(text), ShortCode::parse(text));
});
