//! What a store of signing keys promises.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use vestibule::{
    domain::{
        Error,
        audit::{AuditActor, AuditEvent, AuditFilter, AuditKind},
        clock::SystemClock,
        ids::KeyId,
        page::{End, PageRequest},
        random::SystemRandom,
        store::{Field, StoreError},
        tokens::{
            AccessTokens, IssuerSettings, KeyAlgorithm, KeyMaterial, KeyPolicy, KeyRingParts, KeyStore,
            Sealer, SecretKey, StoredKey,
        },
    },
    stores::Stores,
};

use super::{now, on_every_store};

on_every_store!(
    keys_are_found_as_they_were,
    one_key_has_a_generation,
    a_removed_key_is_gone,
    what_becomes_of_keys_is_written_down,
    processes_that_start_at_once_share_one_key,
    a_key_in_clear_is_replaced_where_it_is_not_accepted,
    a_key_sealed_under_another_secret_is_an_error,
    a_secret_can_be_replaced_by_another,
);

fn key(generation: i64, material: KeyMaterial) -> StoredKey {
    StoredKey {
        id: KeyId::generate(now(), &SystemRandom),
        algorithm: KeyAlgorithm::EdDsa,
        material,
        created_at: now(),
        generation,
        active_from: now() + TimeDelta::seconds(generation),
    }
}

fn with(sealer: Sealer, accept_plain: bool) -> KeyPolicy {
    KeyPolicy {
        sealer,
        accept_plain,
        algorithm: KeyAlgorithm::EdDsa,
        rotation: None,
        publish_ahead: TimeDelta::minutes(10),
        kept_after: TimeDelta::minutes(10),
        own: None,
    }
}

/// Opens the keys as a service does when it starts.
async fn load(store: &Arc<dyn KeyStore>, policy: KeyPolicy) -> Result<AccessTokens, Error> {
    let issuer = IssuerSettings {
        issuer: "http://localhost".into(),
        audience: "tests".into(),
        ttl: Duration::from_mins(5),
        leeway: TimeDelta::zero(),
    };
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    AccessTokens::open(issuer, KeyRingParts { store: store.clone(), policy, clock, random }).await
}

fn policy(secret: &str, accept_plain: bool) -> KeyPolicy {
    with(Sealer::new(vec![SecretKey::new(secret.to_owned().into())]), accept_plain)
}

async fn keys_are_found_as_they_were(stores: &Stores) {
    let plain = key(1, KeyMaterial::Plain(vec![0, 1, 255]));
    let sealed = key(2, KeyMaterial::Sealed(vec![2; 60]));
    stores.keys.insert(&plain, &event()).await.unwrap();
    stores.keys.insert(&sealed, &event()).await.unwrap();
    let mut found = stores.keys.list().await.unwrap();
    found.sort_by_key(|key| key.generation);
    assert_eq!(found, [plain, sealed]);
}

async fn one_key_has_a_generation(stores: &Stores) {
    let first = key(1, KeyMaterial::Plain(vec![1]));
    stores.keys.insert(&first, &event()).await.unwrap();
    let second = stores.keys.insert(&key(1, KeyMaterial::Plain(vec![2])), &event()).await;
    assert_eq!(second, Err(StoreError::Conflict(Field::KeyGeneration)));
    let again = stores.keys.insert(&StoredKey { generation: 2, ..first }, &event()).await;
    assert_eq!(again, Err(StoreError::Conflict(Field::Identity)));
    stores.keys.insert(&key(2, KeyMaterial::Plain(vec![3])), &event()).await.unwrap();
}

fn event() -> AuditEvent {
    AuditEvent::new(AuditKind::KeyRotated, AuditActor::operator(), now(), &SystemRandom)
}

async fn what_becomes_of_keys_is_written_down(stores: &Stores) {
    let made = key(1, KeyMaterial::Plain(vec![1]));
    stores.keys.insert(&made, &event().about("made")).await.unwrap();
    assert!(stores.keys.insert(&made, &event().about("not made")).await.is_err());
    stores.keys.remove(&made.id, &event().about("removed")).await.unwrap();
    stores.keys.remove(&made.id, &event().about("not removed")).await.unwrap();
    let all = PageRequest { size: 10, end: End::First, after: None, before: None };
    let found = stores.audit.list_events(&AuditFilter::default(), &all).await.unwrap();
    let mut subjects: Vec<_> = found.into_iter().filter_map(|event| event.subject).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["made", "removed"]);
}

async fn a_removed_key_is_gone(stores: &Stores) {
    let removed = key(1, KeyMaterial::Plain(vec![1]));
    stores.keys.insert(&removed, &event()).await.unwrap();
    assert_eq!(stores.keys.remove(&removed.id, &event()).await, Ok(true));
    assert_eq!(stores.keys.remove(&removed.id, &event()).await, Ok(false));
    assert_eq!(stores.keys.list().await.unwrap(), []);
}

async fn processes_that_start_at_once_share_one_key(stores: &Stores) {
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let keys = Arc::clone(&stores.keys);
            let policy = policy("a secret", false);
            tokio::spawn(async move { load(&keys, policy).await.map(drop) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let stored = stores.keys.list().await.unwrap();
    assert_eq!(stored.len(), 1);
    assert!(matches!(stored[0].material, KeyMaterial::Sealed(_)));
}

async fn a_key_in_clear_is_replaced_where_it_is_not_accepted(stores: &Stores) {
    let plain = with(Sealer::default(), true);
    load(&stores.keys, plain).await.unwrap();
    let before = stores.keys.list().await.unwrap();
    assert!(matches!(before[0].material, KeyMaterial::Plain(_)));
    load(&stores.keys, policy("a secret", false)).await.unwrap();
    let after = stores.keys.list().await.unwrap();
    assert_eq!(after.len(), 1);
    assert_ne!(after[0].id, before[0].id);
    assert!(matches!(after[0].material, KeyMaterial::Sealed(_)));
}

async fn a_key_sealed_under_another_secret_is_an_error(stores: &Stores) {
    load(&stores.keys, policy("a secret", false)).await.unwrap();
    let other = load(&stores.keys, policy("another", false)).await;
    assert!(other.is_err_and(|error| error.to_string().contains("SECRET_KEY")));
    assert_eq!(stores.keys.list().await.unwrap().len(), 1, "the key is not lost");
}

async fn a_secret_can_be_replaced_by_another(stores: &Stores) {
    let loaded = async |policy: KeyPolicy| {
        load(&stores.keys, policy).await.unwrap();
        stores.keys.list().await.unwrap().remove(0)
    };
    let secret = |text: &str| SecretKey::new(text.to_owned().into());
    let plain = loaded(with(Sealer::default(), true)).await;
    let first = loaded(with(Sealer::new(vec![secret("first")]), true)).await;
    let both = loaded(with(Sealer::new(vec![secret("second"), secret("first")]), false)).await;
    let second = loaded(policy("second", false)).await;
    assert!(
        matches!(plain.material, KeyMaterial::Plain(_)) && matches!(first.material, KeyMaterial::Sealed(_))
    );
    assert!(first.material != both.material && both.material == second.material);
    assert!([&first, &both, &second].iter().all(|key| key.id == plain.id), "the key itself stays the same");
}
