//! What a store of signing keys promises.

use std::sync::Arc;

use vestibule::{
    domain::{
        clock::SystemClock,
        ids::KeyId,
        random::SystemRandom,
        store::{Field, StoreError},
        tokens::{KeyMaterial, KeyPolicy, Sealer, SecretKey, SigningKeys, StoredKey},
    },
    stores::Stores,
};

use super::{now, on_every_store};

on_every_store!(
    keys_are_found_as_they_were,
    one_key_is_active,
    a_removed_key_is_gone,
    processes_that_start_at_once_share_one_key,
    a_key_in_clear_is_replaced_where_it_is_not_accepted,
    a_key_sealed_under_another_secret_is_an_error,
    a_secret_can_be_replaced_by_another,
);

fn key(active: bool, material: KeyMaterial) -> StoredKey {
    StoredKey { id: KeyId::generate(now(), &SystemRandom), material, created_at: now(), active }
}

fn policy(secret: &str, accept_plain: bool) -> KeyPolicy {
    KeyPolicy { sealer: Sealer::new(vec![SecretKey::new(secret.to_owned().into())]), accept_plain }
}

async fn keys_are_found_as_they_were(stores: &Stores) {
    let plain = key(true, KeyMaterial::Plain(vec![0, 1, 255]));
    let sealed = key(false, KeyMaterial::Sealed(vec![2; 60]));
    stores.keys.insert(&plain).await.unwrap();
    stores.keys.insert(&sealed).await.unwrap();
    let mut found = stores.keys.list().await.unwrap();
    found.sort_by_key(|key| !key.active);
    assert_eq!(found, [plain, sealed]);
}

async fn one_key_is_active(stores: &Stores) {
    stores.keys.insert(&key(true, KeyMaterial::Plain(vec![1]))).await.unwrap();
    let second = stores.keys.insert(&key(true, KeyMaterial::Plain(vec![2]))).await;
    assert_eq!(second, Err(StoreError::Conflict(Field::ActiveKey)));
    for _ in 0..2 {
        stores.keys.insert(&key(false, KeyMaterial::Plain(vec![3]))).await.unwrap();
    }
}

async fn a_removed_key_is_gone(stores: &Stores) {
    let removed = key(true, KeyMaterial::Plain(vec![1]));
    stores.keys.insert(&removed).await.unwrap();
    stores.keys.remove(&removed.id).await.unwrap();
    stores.keys.remove(&removed.id).await.unwrap();
    assert_eq!(stores.keys.list().await.unwrap(), []);
}

async fn processes_that_start_at_once_share_one_key(stores: &Stores) {
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let keys = Arc::clone(&stores.keys);
            let policy = policy("a secret", false);
            tokio::spawn(async move {
                SigningKeys::load(&*keys, &policy, &SystemClock, &SystemRandom).await.map(drop)
            })
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
    let plain = KeyPolicy { sealer: Sealer::default(), accept_plain: true };
    SigningKeys::load(&*stores.keys, &plain, &SystemClock, &SystemRandom).await.unwrap();
    let before = stores.keys.list().await.unwrap();
    assert!(matches!(before[0].material, KeyMaterial::Plain(_)));
    SigningKeys::load(&*stores.keys, &policy("a secret", false), &SystemClock, &SystemRandom).await.unwrap();
    let after = stores.keys.list().await.unwrap();
    assert_eq!(after.len(), 1);
    assert_ne!(after[0].id, before[0].id);
    assert!(matches!(after[0].material, KeyMaterial::Sealed(_)));
}

async fn a_key_sealed_under_another_secret_is_an_error(stores: &Stores) {
    SigningKeys::load(&*stores.keys, &policy("a secret", false), &SystemClock, &SystemRandom).await.unwrap();
    let other =
        SigningKeys::load(&*stores.keys, &policy("another", false), &SystemClock, &SystemRandom).await;
    assert!(other.is_err_and(|error| error.to_string().contains("SECRET_KEY")));
    assert_eq!(stores.keys.list().await.unwrap().len(), 1, "the key is not lost");
}

async fn a_secret_can_be_replaced_by_another(stores: &Stores) {
    let load = async |policy: KeyPolicy| {
        SigningKeys::load(&*stores.keys, &policy, &SystemClock, &SystemRandom).await.unwrap();
        stores.keys.list().await.unwrap().remove(0)
    };
    let secret = |text: &str| SecretKey::new(text.to_owned().into());
    let plain = load(KeyPolicy { sealer: Sealer::default(), accept_plain: true }).await;
    let first = load(KeyPolicy { sealer: Sealer::new(vec![secret("first")]), accept_plain: true }).await;
    let both =
        load(KeyPolicy { sealer: Sealer::new(vec![secret("second"), secret("first")]), accept_plain: false })
            .await;
    let second = load(policy("second", false)).await;
    assert!(
        matches!(plain.material, KeyMaterial::Plain(_)) && matches!(first.material, KeyMaterial::Sealed(_))
    );
    assert!(first.material != both.material && both.material == second.material);
    assert!([&first, &both, &second].iter().all(|key| key.id == plain.id), "the key itself stays the same");
}
