//! What stores of roles and service tokens promise.

use chrono::TimeDelta;
use vestibule::{
    domain::{
        access::{Permission, Permissions, Role, RoleName, ServiceSecret, ServiceToken},
        audit::{AuditActor, AuditEvent, AuditKind},
        ids::ServiceTokenId,
        random::SystemRandom,
    },
    stores::Stores,
};

use super::{now, on_every_store};

on_every_store!(roles_are_saved_and_removed, service_tokens_are_found_by_their_hash_and_revoked_once);

fn event(kind: AuditKind) -> AuditEvent {
    AuditEvent::new(kind, AuditActor::operator(), now(), &SystemRandom)
}

fn permissions(list: &[Permission]) -> Permissions {
    list.iter().copied().collect()
}

async fn roles_are_saved_and_removed(stores: &Stores) {
    assert_eq!(stores.roles.list_roles().await, Ok(Vec::new()));
    let name = RoleName::parse("name", "support").unwrap();
    for list in [&[Permission::UsersRead][..], &[Permission::UsersRead, Permission::AuditRead]] {
        let role = Role { name: name.clone(), permissions: permissions(list) };
        stores.roles.save_role(&role, &event(AuditKind::RoleSaved)).await.unwrap();
        assert_eq!(stores.roles.list_roles().await, Ok(vec![role]));
    }
    assert_eq!(stores.roles.remove_role(&name, &event(AuditKind::RoleRemoved)).await, Ok(true));
    assert_eq!(stores.roles.remove_role(&name, &event(AuditKind::RoleRemoved)).await, Ok(false));
    assert_eq!(stores.roles.list_roles().await, Ok(Vec::new()));
}

async fn service_tokens_are_found_by_their_hash_and_revoked_once(stores: &Stores) {
    let (secret, other) = (ServiceSecret::generate(&SystemRandom), ServiceSecret::generate(&SystemRandom));
    let token = ServiceToken {
        id: ServiceTokenId::generate(now(), &SystemRandom),
        name: "$billing".into(),
        permissions: permissions(&[Permission::UsersRead]),
        created_by: "operator".into(),
        created_at: now(),
        expires_at: now() + TimeDelta::days(1),
        last_used_at: None,
        revoked_at: None,
    };
    let store = &stores.service_tokens;
    store.insert_service_token(&token, &secret.hash(), &event(AuditKind::ServiceTokenCreated)).await.unwrap();
    assert_eq!(store.find_service_token(&secret.hash()).await, Ok(Some(token.clone())));
    assert_eq!(store.find_service_token(&other.hash()).await, Ok(None));
    let used = now() + TimeDelta::minutes(5);
    store.touch_service_token(&token.id, used).await.unwrap();
    store.touch_service_token(&token.id, now()).await.unwrap();
    let found = store.list_service_tokens().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].last_used_at, Some(used));
    let revoke = async |at| {
        let event = event(AuditKind::ServiceTokenRevoked);
        store.revoke_service_token(&token.id, at, &event).await.unwrap().unwrap().revoked_at
    };
    assert_eq!(revoke(now()).await, Some(now()));
    assert_eq!(revoke(used).await, Some(now()));
    let unknown = ServiceTokenId::generate(now(), &SystemRandom);
    let event = event(AuditKind::ServiceTokenRevoked);
    assert_eq!(store.revoke_service_token(&unknown, now(), &event).await, Ok(None));
}
