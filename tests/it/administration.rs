//! What administrators do to the accounts of others, and what they cannot.

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use vestibule::domain::{
    access::Permission,
    administration::{Action, Administrator},
    audit::{AuditFilter, AuditSelector},
    ids::UserId,
    page::{End, PageRequest},
};

use crate::support::{Answer, PASSWORD, Persona, TestApp, on_every_backend};

on_every_backend!(
    super::SETTINGS;
    only_those_administer_who_may,
    every_field_asks_for_its_permission,
    users_are_listed_and_found,
    lists_refuse_what_would_read_everybody,
    a_suspension_closes_the_account_at_once_and_a_restoration_opens_it,
    a_suspension_ends_by_itself,
    roles_take_effect_at_once,
    nobody_gives_what_they_do_not_have,
    the_last_administrator_stays,
    an_invited_person_chooses_a_password,
    an_account_is_changed_by_an_administrator,
    whose_address_is_replaced_is_told_at_the_old_one,
    a_forced_reset_leaves_the_old_password_worthless,
    a_deleted_account_comes_back_by_an_administrator_alone,
    a_deletion_is_not_turned_into_a_suspension_that_ends,
    roles_are_given_after_a_fresh_login_alone,
    many_are_answered_one_by_one,
    service_tokens_administer_until_they_are_revoked,
    what_happens_is_in_the_audit_log,
    the_first_administrator_has_verified_the_address,
    support_acts_for_a_person_and_is_seen,
    whoever_acts_for_a_person_does_so_no_longer_than_they_may,
    a_deletion_of_the_owner_stays_the_owners,
    attempts_to_get_more_are_written_down,
    keys_are_in_the_audit_log,
    a_person_sees_what_happened_to_the_account,
    where_it_is_off_nobody_acts_for_another,
);

const SETTINGS: &[(&str, &str)] = &[("BOOTSTRAP_ADMIN_EMAIL", "first@example.com"), ("IMPERSONATION", "on")];
const IMPERSONATE: &str = "mutation($input: ImpersonateUserInput!) {
    impersonateUser(input: $input) { accessToken sessionId expiresAt user { id } } }";

const SUSPEND: &str = "mutation($input: SuspendUserInput!) { suspendUser(input: $input) { user { status suspension { reason until } } } }";
const RESTORE: &str = "mutation($id: ID!) { restoreUser(input: { id: $id }) { user { status } } }";
const SET_ROLES: &str = "mutation($id: ID!, $roles: [String!]!) { setUserRoles(input: { id: $id, roles: $roles }) { user { roles } } }";

async fn admin(app: &TestApp) -> Persona<'_> {
    app.user_with_roles("root", &["admin"]).await
}

/// A role of these permissions.
async fn role(app: &TestApp, name: &str, permissions: &[Permission]) {
    let names: Vec<String> = permissions.iter().map(ToString::to_string).collect();
    app.domain.administration.save_role(&Administrator::operator(), name, &names).await.unwrap();
}

async fn suspend(by: &Persona<'_>, id: &str) -> Answer {
    by.administer(SUSPEND, json!({ "input": { "id": id, "reason": "spam" } })).await
}

async fn only_those_administer_who_may(app: &TestApp) {
    let (ada, root) = (app.user("ada").await, admin(app).await);
    let query = "{ viewer { actorId permissions user { email } } }";
    assert_eq!(ada.administer(query, json!({})).await.code(), "FORBIDDEN");
    assert_eq!(app.administer("nonsense", query, json!({})).await.reason(), "TOKEN_INVALID");
    assert_eq!(app.administer("vst_nonsense", query, json!({})).await.reason(), "TOKEN_INVALID");
    let viewer = root.administer(query, json!({})).await;
    assert_eq!(viewer.text_at("/viewer/actorId"), root.id);
    assert_eq!(viewer.data("/viewer/permissions").as_array().unwrap().len(), Permission::ALL.len());
    // The schema of users knows nothing of it.
    assert_eq!(root.post(query, json!({})).await.code(), "GRAPHQL_VALIDATION_FAILED");
    // Nor does a cookie count.
    let body = json!({ "query": query }).to_string();
    let cookie = format!("__Host-vestibule_access={0}; vestibule_access={0}", root.access_token);
    let mut request = crate::support::post_request(&[("cookie", &cookie)], body);
    *request.uri_mut() = "/admin/graphql".parse().unwrap();
    assert_eq!(app.send(request).await.reason(), "MISSING");
}

/// The root fields of a type that ask for a permission, and that permission.
fn guarded(root: &str) -> Vec<(String, String)> {
    let schema = parse_schema(vestibule::graphql::admin_sdl()).unwrap();
    let mut found = Vec::new();
    for definition in &schema.definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let TypeKind::Object(object) = &definition.node.kind else { continue };
        if definition.node.name.node != root {
            continue;
        }
        for field in object.fields.iter().map(|field| &field.node) {
            let directive =
                field.directives.iter().find(|directive| directive.node.name.node == "requiresPermission");
            let name = field.name.node.to_string();
            match directive.and_then(|directive| directive.node.get_argument("permission")) {
                Some(value) => found.push((name, value.node.to_string().trim_matches('"').to_owned())),
                None => assert!(["viewer", "permissions"].contains(&&*name), "{name} asks for nothing"),
            }
        }
    }
    found
}

/// A call of each field.
const CALLS: &[(&str, &str)] = &[
    ("users", "{ users { edges { node { id } } } }"),
    ("user", "query($id: ID!) { user(id: $id) { id } }"),
    ("roles", "{ roles { name } }"),
    ("serviceTokens", "{ serviceTokens { id } }"),
    ("auditLog", "{ auditLog { edges { node { id } } } }"),
    (
        "createUser",
        "mutation { createUser(input: { email: \"n@example.com\", name: \"N\" }) { user { id } } }",
    ),
    (
        "inviteUser",
        "mutation { inviteUser(input: { email: \"i@example.com\", name: \"I\" }) { user { id } } }",
    ),
    ("updateUser", "mutation($id: ID!) { updateUser(input: { id: $id, name: \"X\" }) { user { id } } }"),
    (
        "setAppMetadata",
        "mutation($id: ID!) { setAppMetadata(input: { id: $id, appMetadata: {} }) { user { id } } }",
    ),
    ("suspendUser", "mutation($id: ID!) { suspendUser(input: { id: $id, reason: \"r\" }) { user { id } } }"),
    (
        "suspendUsers",
        "mutation($id: ID!) { suspendUsers(input: { ids: [$id], reason: \"r\" }) { doneCount } }",
    ),
    ("restoreUser", "mutation($id: ID!) { restoreUser(input: { id: $id }) { user { id } } }"),
    ("restoreUsers", "mutation($id: ID!) { restoreUsers(input: { ids: [$id] }) { doneCount } }"),
    ("forcePasswordReset", "mutation($id: ID!) { forcePasswordReset(input: { id: $id }) { user { id } } }"),
    (
        "forcePasswordResets",
        "mutation($id: ID!) { forcePasswordResets(input: { ids: [$id] }) { doneCount } }",
    ),
    ("revokeUserSessions", "mutation($id: ID!) { revokeUserSessions(input: { id: $id }) { user { id } } }"),
    (
        "revokeUsersSessions",
        "mutation($id: ID!) { revokeUsersSessions(input: { ids: [$id] }) { doneCount } }",
    ),
    ("deleteUser", "mutation($id: ID!) { deleteUser(input: { id: $id }) { user { id } } }"),
    ("deleteUsers", "mutation($id: ID!) { deleteUsers(input: { ids: [$id] }) { doneCount } }"),
    ("setUserRoles", "mutation($id: ID!) { setUserRoles(input: { id: $id, roles: [] }) { user { id } } }"),
    ("setUsersRoles", "mutation($id: ID!) { setUsersRoles(input: { ids: [$id], roles: [] }) { doneCount } }"),
    (
        "impersonateUser",
        "mutation($id: ID!) { impersonateUser(input: { id: $id, reason: \"r\" }) { accessToken } }",
    ),
    ("saveRole", "mutation { saveRole(input: { name: \"new\", permissions: [] }) { role { name } } }"),
    ("removeRole", "mutation { removeRole(input: { name: \"new\" }) { name } }"),
    (
        "createServiceToken",
        "mutation { createServiceToken(input: { name: \"n\", permissions: [], expiresAt: \"2026-12-01T00:00:00Z\" }) { secret } }",
    ),
    ("revokeServiceToken", "mutation { revokeServiceToken(input: { id: \"x\" }) { serviceToken { id } } }"),
    ("rotateSigningKey", "mutation { rotateSigningKey { keyId } }"),
];

/// Whoever has every permission but the one that a field asks for is refused it.
async fn every_field_asks_for_its_permission(app: &TestApp) {
    let target = app.user("target").await;
    let all: Vec<(String, String)> = [guarded("Query"), guarded("Mutation")].concat();
    assert_eq!(all.len(), CALLS.len(), "{all:?}");
    for permission in Permission::ALL {
        let others: Vec<_> = Permission::ALL.iter().copied().filter(|other| other != permission).collect();
        let name = permission.as_str().replace(':', "-");
        role(app, &name, &others).await;
        let staff = app.user_with_roles(&name, &[&name]).await;
        for (field, _) in all.iter().filter(|(_, needed)| needed == permission.as_str()) {
            let (_, call) = CALLS.iter().find(|(name, _)| name == field).unwrap_or_else(|| panic!("{field}"));
            let answer = staff.administer(call, json!({ "id": target.id })).await.json();
            let refused = answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
                || answer["data"][field]["doneCount"] == 0;
            assert!(refused, "{field} without {permission}: {answer}");
        }
    }
    assert_eq!(target.me().await.text_at("/me/name"), "target");
}

async fn users_are_listed_and_found(app: &TestApp) {
    let root = admin(app).await;
    for name in ["ada", "bea", "cleo"] {
        app.user(name).await;
    }
    let list = "query($first: Int, $after: String, $filter: UserFilterInput, $orderBy: UserOrderInput) {
        users(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
            totalCount { value isEstimate } pageInfo { hasNextPage endCursor } edges { cursor node { id name email status lastSeenAt } } } }";
    let by_name = json!({ "field": "NAME" });
    let first = root.administer(list, json!({ "first": 2, "orderBy": by_name })).await;
    assert_eq!(first.data("/users/totalCount"), json!({ "value": 4, "isEstimate": false }));
    assert_eq!(first.data("/users/edges/1/node/name"), "bea");
    let after = first.text_at("/users/pageInfo/endCursor");
    let second = root.administer(list, json!({ "first": 2, "after": after, "orderBy": by_name })).await;
    assert_eq!(second.data("/users/edges/0/node/name"), "cleo");
    assert_eq!(second.data("/users/pageInfo/hasNextPage"), false);
    // A cursor is of one order, and of ours.
    let by_email = json!({ "field": "EMAIL" });
    let other = root.administer(list, json!({ "after": after, "orderBy": by_email })).await;
    assert_eq!(other.faults(), [("after".to_owned(), "INVALID_FORMAT".to_owned())]);
    let mut tampered = after.clone().into_bytes();
    tampered[20] = if tampered[20] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).unwrap();
    let refused = root.administer(list, json!({ "after": tampered, "orderBy": by_name })).await;
    assert_eq!(refused.code(), "BAD_USER_INPUT");
    let prefix = root.administer(list, json!({ "filter": { "emailPrefix": "CL" } })).await;
    assert_eq!(prefix.data("/users/edges/0/node/name"), "cleo");
    assert!(prefix.data("/users/edges/0/node/lastSeenAt").is_string() || !prefix.text.is_empty());
    let one = "query($id: ID, $email: String) { user(id: $id, email: $email) { name roles appMetadata } }";
    let found = root.administer(one, json!({ "email": "ADA@example.com" })).await;
    assert_eq!(found.data("/user"), json!({ "name": "ada", "roles": ["user"], "appMetadata": {} }));
    assert_eq!(root.administer(one, json!({ "id": "user_nobody" })).await.data("/user"), Value::Null);
    assert_eq!(root.administer(one, json!({})).await.code(), "BAD_USER_INPUT");
}

async fn lists_refuse_what_would_read_everybody(app: &TestApp) {
    let root = admin(app).await;
    let list = "query($filter: UserFilterInput, $orderBy: UserOrderInput) {
        users(filter: $filter, orderBy: $orderBy) { edges { node { id } } } }";
    for (filter, order) in [
        (json!({ "status": "ACTIVE", "verified": true }), Value::Null),
        (json!({ "emailPrefix": "a", "namePrefix": "b" }), Value::Null),
        (json!({ "emailPrefix": "a" }), json!({ "field": "NAME" })),
        (json!({ "role": "admin" }), json!({ "field": "LAST_SEEN_AT" })),
        (json!({ "namePrefix": "" }), Value::Null),
    ] {
        let answer = root.administer(list, json!({ "filter": filter, "orderBy": order })).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{filter}");
    }
    let events = "{ auditLog(filter: { subject: \"a\", actor: \"b\" }) { edges { node { id } } } }";
    assert_eq!(root.administer(events, json!({})).await.code(), "BAD_USER_INPUT");
}

async fn a_suspension_closes_the_account_at_once_and_a_restoration_opens_it(app: &TestApp) {
    let (root, ada) = (admin(app).await, app.user("ada").await);
    ada.me().await.data("/me");
    let suspended = suspend(&root, &ada.id).await;
    assert_eq!(suspended.text_at("/suspendUser/user/status"), "SUSPENDED");
    assert_eq!(ada.me().await.code(), "ACCOUNT_SUSPENDED");
    assert_eq!(app.login("ada@example.com", PASSWORD).await.code(), "ACCOUNT_SUSPENDED");
    // Whoever does not know the password learns nothing.
    assert_eq!(app.login("ada@example.com", "not the password").await.code(), "INVALID_CREDENTIALS");
    assert_eq!(app.refresh(&ada.refresh_token).await.code(), "ACCOUNT_SUSPENDED");
    let restored = root.administer(RESTORE, json!({ "id": ada.id })).await;
    assert_eq!(restored.text_at("/restoreUser/user/status"), "ACTIVE");
    ada.me().await.data("/me");
    app.login("ada@example.com", PASSWORD).await.data("/login");
    // Nobody locks themselves out, and a reason is there.
    assert_eq!(suspend(&root, &root.id).await.code(), "FORBIDDEN");
    let empty = root.administer(SUSPEND, json!({ "input": { "id": ada.id, "reason": " " } })).await;
    assert_eq!(empty.faults(), [("input.reason".to_owned(), "REQUIRED".to_owned())]);
    let past = json!({ "input": { "id": ada.id, "reason": "r", "until": "2020-01-01T00:00:00Z" } });
    let past = root.administer(SUSPEND, past).await;
    assert_eq!(past.faults(), [("input.until".to_owned(), "OUT_OF_RANGE".to_owned())]);
    // For good, if that is wanted.
    let input = json!({ "id": ada.id, "reason": "r", "endSessions": true });
    root.administer(SUSPEND, json!({ "input": input })).await.data("/suspendUser");
    root.administer(RESTORE, json!({ "id": ada.id })).await.data("/restoreUser");
    assert_eq!(ada.me().await.reason(), "SESSION_REVOKED");
}

async fn a_suspension_ends_by_itself(app: &TestApp) {
    let (root, ada) = (admin(app).await, app.user("ada").await);
    let until = app.now() + TimeDelta::minutes(3);
    let input = json!({ "id": ada.id, "reason": "r", "until": until.to_rfc3339() });
    root.administer(SUSPEND, json!({ "input": input })).await.data("/suspendUser");
    assert_eq!(app.login("ada@example.com", PASSWORD).await.code(), "ACCOUNT_SUSPENDED");
    app.advance(TimeDelta::minutes(3));
    app.login("ada@example.com", PASSWORD).await.data("/login");
    ada.me().await.data("/me");
    assert_eq!(app.domain.administration.end_suspensions().await.unwrap(), 1);
    assert_eq!(app.domain.administration.end_suspensions().await.unwrap(), 0);
    let one = "query($id: ID) { user(id: $id) { status } }";
    assert_eq!(root.administer(one, json!({ "id": ada.id })).await.text_at("/user/status"), "ACTIVE");
}

async fn roles_take_effect_at_once(app: &TestApp) {
    let (root, ada) = (admin(app).await, app.user("ada").await);
    role(app, "support", &[Permission::UsersRead]).await;
    let list = "{ users { edges { node { id } } } }";
    assert_eq!(ada.administer(list, json!({})).await.code(), "FORBIDDEN");
    let set = root.administer(SET_ROLES, json!({ "id": ada.id, "roles": ["support"] })).await;
    assert_eq!(set.data("/setUserRoles/user/roles"), json!(["support", "user"]));
    // With the token of before.
    ada.administer(list, json!({})).await.data("/users");
    assert_eq!(ada.me().await.data("/me/roles"), json!(["support", "user"]));
    // What the role allows changes for those who have it.
    role(app, "support", &[Permission::AuditRead]).await;
    assert_eq!(ada.administer(list, json!({})).await.code(), "FORBIDDEN");
    root.administer(SET_ROLES, json!({ "id": ada.id, "roles": [] })).await.data("/setUserRoles");
    assert_eq!(ada.administer("{ viewer { actorId } }", json!({})).await.code(), "FORBIDDEN");
    let unknown = root.administer(SET_ROLES, json!({ "id": ada.id, "roles": ["emperor"] })).await;
    assert_eq!(unknown.faults(), [("input.roles".to_owned(), "INVALID_FORMAT".to_owned())]);
    // It is dangerous in wrong hands: a login of today is not enough.
    app.advance(TimeDelta::minutes(11));
    let root = app.login_again("root").await;
    root.administer(SET_ROLES, json!({ "id": ada.id, "roles": [] })).await.data("/setUserRoles");
    app.advance(TimeDelta::minutes(11));
    let refreshed = app.refresh(&root.refresh_token).await;
    let stale = Persona::of(app, &refreshed, "/refresh");
    let refused = stale.administer(SET_ROLES, json!({ "id": ada.id, "roles": [] })).await;
    assert_eq!(refused.code(), "REAUTHENTICATION_REQUIRED");
}

async fn nobody_gives_what_they_do_not_have(app: &TestApp) {
    let root = admin(app).await;
    let some = [
        Permission::RolesWrite,
        Permission::UsersWrite,
        Permission::UsersSuspend,
        Permission::TokensWrite,
        Permission::SessionsRevoke,
    ];
    role(app, "lead", &some).await;
    role(app, "auditor", &[Permission::AuditRead]).await;
    let (lead, ada) = (app.user_with_roles("lead", &["lead"]).await, app.user("ada").await);
    for roles in [json!(["admin"]), json!(["auditor"])] {
        let refused = lead.administer(SET_ROLES, json!({ "id": ada.id, "roles": roles })).await;
        assert_eq!(refused.code(), "FORBIDDEN");
    }
    lead.administer(SET_ROLES, json!({ "id": ada.id, "roles": ["lead"] })).await.data("/setUserRoles");
    let save = "mutation($name: String!, $permissions: [String!]!) {
        saveRole(input: { name: $name, permissions: $permissions }) { role { name permissions builtIn } } }";
    for (name, permissions) in [("own", json!(["audit:read"])), ("auditor", json!([]))] {
        let refused = lead.administer(save, json!({ "name": name, "permissions": permissions })).await;
        assert_eq!(refused.code(), "FORBIDDEN", "{name}");
    }
    let built_in = root.administer(save, json!({ "name": "user", "permissions": ["users:read"] })).await;
    assert_eq!(built_in.faults(), [("input.name".to_owned(), "RESERVED".to_owned())]);
    let unknown = root.administer(save, json!({ "name": "X", "permissions": ["fly"] })).await;
    assert_eq!(unknown.faults().len(), 2);
    let token = "mutation($permissions: [String!]!, $at: DateTime!) {
        createServiceToken(input: { name: \"t\", permissions: $permissions, expiresAt: $at }) { secret } }";
    let at = (app.now() + TimeDelta::days(1)).to_rfc3339();
    let refused = lead.administer(token, json!({ "permissions": ["audit:read"], "at": at })).await;
    assert_eq!(refused.code(), "FORBIDDEN");
    // Nothing is done to those who may do more.
    for query in [
        "mutation($id: ID!) { suspendUser(input: { id: $id, reason: \"r\" }) { user { id } } }",
        "mutation($id: ID!) { forcePasswordReset(input: { id: $id }) { user { id } } }",
        "mutation($id: ID!) { updateUser(input: { id: $id, email: \"mine@example.com\" }) { user { id } } }",
        "mutation($id: ID!) { revokeUserSessions(input: { id: $id }) { user { id } } }",
        "mutation($id: ID!) { setUserRoles(input: { id: $id, roles: [] }) { user { id } } }",
        "mutation($id: ID!) { setAppMetadata(input: { id: $id, appMetadata: {} }) { user { id } } }",
    ] {
        assert_eq!(lead.administer(query, json!({ "id": root.id })).await.code(), "FORBIDDEN", "{query}");
    }
    root.me().await.data("/me");
}

async fn the_last_administrator_stays(app: &TestApp) {
    let root = admin(app).await;
    let demote =
        async |by: &Persona<'_>, id: &str| by.administer(SET_ROLES, json!({ "id": id, "roles": [] })).await;
    assert_eq!(demote(&root, &root.id).await.code(), "FORBIDDEN");
    let gone = root.post("mutation { deleteAccount { deletionDueAt } }", json!({})).await;
    assert_eq!(gone.code(), "FORBIDDEN");
    let second = app.user_with_roles("second", &["admin"]).await;
    suspend(&root, &second.id).await.data("/suspendUser");
    assert_eq!(demote(&root, &root.id).await.code(), "FORBIDDEN", "a suspended one does not count");
    root.administer(RESTORE, json!({ "id": second.id })).await.data("/restoreUser");
    demote(&root, &root.id).await.data("/setUserRoles");
    assert_eq!(demote(&second, &second.id).await.code(), "FORBIDDEN");
    let operator = Administrator::operator();
    let id: UserId = second.id.parse().unwrap();
    assert!(app.domain.administration.act(&operator, &id, Action::Delete).await.is_err());
    assert_eq!(second.me().await.data("/me/roles"), json!(["admin", "user"]));
}

async fn an_invited_person_chooses_a_password(app: &TestApp) {
    let root = admin(app).await;
    let invite =
        "mutation($input: InviteUserInput!) { inviteUser(input: $input) { user { id emailVerified } } }";
    let input = json!({ "email": "zoe@example.fr", "name": "Zoé", "locale": "fr" });
    let invited = root.administer(invite, json!({ "input": input })).await;
    assert_eq!(invited.data("/inviteUser/user/emailVerified"), false);
    assert_eq!(root.administer(invite, json!({ "input": input })).await.code(), "EMAIL_TAKEN");
    assert_eq!(app.login("zoe@example.fr", PASSWORD).await.code(), "INVALID_CREDENTIALS");
    app.work().await;
    let token = app.sent_token("reset-password").await;
    // A link to a new password is good for half an hour; an invitation is read days later.
    app.advance(TimeDelta::days(6));
    let reset = "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { success } }";
    let input = json!({ "token": token, "newPassword": PASSWORD });
    app.anonymous(reset, json!({ "input": input })).await.data("/resetPassword");
    let login = app.login("zoe@example.fr", PASSWORD).await;
    assert_eq!(login.text_at("/login/user/id"), invited.text_at("/inviteUser/user/id"));
}

async fn an_account_is_changed_by_an_administrator(app: &TestApp) {
    let (root, ada) = (admin(app).await, app.user("ada").await);
    app.user("eve").await;
    let update = "mutation($input: UpdateUserInput!) {
        updateUser(input: $input) { user { email emailVerified name username locale version } } }";
    let input = json!({
        "id": ada.id, "email": "ada@example.org", "name": "Ada", "username": "countess", "locale": "fr",
        "expectedVersion": 1,
    });
    let changed = root.administer(update, json!({ "input": input })).await;
    assert_eq!(
        changed.data("/updateUser/user"),
        json!({ "email": "ada@example.org", "emailVerified": false, "name": "Ada", "username": "countess", "locale": "fr", "version": 2 })
    );
    assert_eq!(ada.me().await.text_at("/me/email"), "ada@example.org");
    app.advance(TimeDelta::seconds(11));
    app.work().await;
    let token = app.sent_token("verify-email").await;
    assert!(!token.is_empty(), "whoever has the new address is asked to verify it");
    assert_eq!(root.administer(update, json!({ "input": input })).await.code(), "CONFLICT");
    let taken = json!({ "id": ada.id, "email": "eve@example.com" });
    assert_eq!(root.administer(update, json!({ "input": taken })).await.code(), "EMAIL_TAKEN");
    let bad = json!({ "id": ada.id, "name": null });
    assert_eq!(root.administer(update, json!({ "input": bad })).await.code(), "BAD_USER_INPUT");
    let verified = json!({ "id": ada.id, "emailVerified": true, "locale": null });
    let changed = root.administer(update, json!({ "input": verified })).await;
    assert_eq!(changed.data("/updateUser/user/emailVerified"), true);
    assert_eq!(changed.data("/updateUser/user/locale"), Value::Null);
    let metadata =
        "mutation($input: SetAppMetadataInput!) { setAppMetadata(input: $input) { user { appMetadata } } }";
    let input = json!({ "id": ada.id, "appMetadata": { "plan": "gold" } });
    root.administer(metadata, json!({ "input": input })).await.data("/setAppMetadata");
    assert_eq!(ada.post("{ me { appMetadata } }", json!({})).await.data("/me/appMetadata/plan"), "gold");
    let input = json!({ "id": ada.id, "appMetadata": [] });
    assert_eq!(root.administer(metadata, json!({ "input": input })).await.code(), "BAD_USER_INPUT");
    let nobody = json!({ "id": "user_nobody", "name": "N" });
    assert_eq!(root.administer(update, json!({ "input": nobody })).await.code(), "NOT_FOUND");
}

async fn whose_address_is_replaced_is_told_at_the_old_one(app: &TestApp) {
    let root = admin(app).await;
    app.work().await;
    let ada = app.user("ada").await;
    app.work().await;
    let token = app.sent_token("verify-email").await;
    let verify = "mutation($input: VerifyEmailInput!) { verifyEmail(input: $input) { success } }";
    app.anonymous(verify, json!({ "input": { "token": token } })).await.data("/verifyEmail");
    let update = "mutation($input: UpdateUserInput!) { updateUser(input: $input) { user { email } } }";
    let input = json!({ "id": ada.id, "email": "new@example.org" });
    root.administer(update, json!({ "input": input })).await.data("/updateUser");
    app.advance(TimeDelta::seconds(11));
    app.work().await;
    let mails = app.mailbox().await;
    assert!(mails.contains("from ada@example.com to new@example.org"), "{mails}");
    // The new address is asked, and only its mail has a link.
    let token = app.sent_token("verify-email").await;
    app.anonymous(verify, json!({ "input": { "token": token } })).await.data("/verifyEmail");
    assert_eq!(app.login("new@example.org", PASSWORD).await.text_at("/login/user/id"), ada.id);
}

async fn a_forced_reset_leaves_the_old_password_worthless(app: &TestApp) {
    let (root, ada) = (admin(app).await, app.user("ada").await);
    let force = "mutation($id: ID!) { forcePasswordReset(input: { id: $id }) { user { id } } }";
    root.administer(force, json!({ "id": ada.id })).await.data("/forcePasswordReset");
    assert_eq!(ada.me().await.reason(), "SESSION_REVOKED");
    assert_eq!(app.login("ada@example.com", PASSWORD).await.code(), "INVALID_CREDENTIALS");
    app.work().await;
    let token = app.sent_token("reset-password").await;
    let reset = "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { success } }";
    let input = json!({ "token": token, "newPassword": "another horse battery" });
    app.anonymous(reset, json!({ "input": input })).await.data("/resetPassword");
    app.login("ada@example.com", "another horse battery").await.data("/login");
}

async fn a_deleted_account_comes_back_by_an_administrator_alone(app: &TestApp) {
    let (root, ada) = (admin(app).await, app.user("ada").await);
    let delete = "mutation($id: ID!) { deleteUser(input: { id: $id }) { user { status deletionDueAt } } }";
    let deleted = root.administer(delete, json!({ "id": ada.id })).await;
    assert_eq!(deleted.text_at("/deleteUser/user/status"), "DELETING");
    assert_eq!(ada.me().await.reason(), "SESSION_REVOKED");
    assert_eq!(app.login("ada@example.com", PASSWORD).await.code(), "ACCOUNT_SUSPENDED");
    root.administer(RESTORE, json!({ "id": ada.id })).await.data("/restoreUser");
    app.login("ada@example.com", PASSWORD).await.data("/login");
    app.advance(TimeDelta::days(15));
    app.work().await;
    app.login("ada@example.com", PASSWORD).await.data("/login");
    let root = app.login_again("root").await;
    assert_eq!(root.administer(delete, json!({ "id": root.id })).await.code(), "FORBIDDEN");
    root.administer(delete, json!({ "id": ada.id })).await.data("/deleteUser");
    app.advance(TimeDelta::days(15));
    app.work().await;
    let one = "query($id: ID) { user(id: $id) { status } }";
    let root = app.login_again("root").await;
    assert_eq!(root.administer(one, json!({ "id": ada.id })).await.data("/user"), Value::Null);
    app.register("ada@example.com", PASSWORD, "ada").await.data("/register");
}

async fn a_deletion_is_not_turned_into_a_suspension_that_ends(app: &TestApp) {
    let (root, ada, eve) = (admin(app).await, app.user("ada").await, app.user("eve").await);
    let delete = "mutation($id: ID!) { deleteUser(input: { id: $id }) { user { status } } }";
    root.administer(delete, json!({ "id": ada.id })).await.data("/deleteUser");
    let until = (app.now() + TimeDelta::minutes(1)).to_rfc3339();
    let input = json!({ "id": ada.id, "reason": "r", "until": until });
    assert_eq!(root.administer(SUSPEND, json!({ "input": input })).await.code(), "FORBIDDEN");
    app.advance(TimeDelta::minutes(2));
    assert_eq!(app.login("ada@example.com", PASSWORD).await.code(), "ACCOUNT_SUSPENDED");
    // What its owner asked for is the owner's to take back.
    eve.post("mutation { deleteAccount { deletionDueAt } }", json!({})).await.data("/deleteAccount");
    let restored = root.administer(RESTORE, json!({ "id": eve.id })).await;
    assert_eq!(restored.text_at("/restoreUser/user/status"), "DELETING");
}

async fn roles_are_given_after_a_fresh_login_alone(app: &TestApp) {
    admin(app).await;
    app.advance(TimeDelta::minutes(11));
    let root = app.login_again("root").await;
    app.advance(TimeDelta::minutes(11));
    let stale = Persona::of(app, &app.refresh(&root.refresh_token).await, "/refresh");
    let create = "mutation($roles: [String!]!) {
        createUser(input: { email: \"new@example.com\", name: \"N\", roles: $roles }) { user { id } } }";
    let refused = stale.administer(create, json!({ "roles": ["admin"] })).await;
    assert_eq!(refused.code(), "REAUTHENTICATION_REQUIRED");
    let made = stale.administer(create, json!({ "roles": [] })).await.text_at("/createUser/user/id");
    let update =
        "mutation($id: ID!) { updateUser(input: { id: $id, email: \"mine@example.com\" }) { user { id } } }";
    let refused = stale.administer(update, json!({ "id": made })).await;
    assert_eq!(refused.code(), "REAUTHENTICATION_REQUIRED");
}

async fn many_are_answered_one_by_one(app: &TestApp) {
    let (root, ada, eve) = (admin(app).await, app.user("ada").await, app.user("eve").await);
    let many = "mutation($ids: [ID!]!) { suspendUsers(input: { ids: $ids, reason: \"r\" }) {
        doneCount results { userId user { status } error { code } } } }";
    let ids = json!([ada.id, "user_nobody", root.id, eve.id]);
    let answer = root.administer(many, json!({ "ids": ids })).await;
    assert_eq!(answer.data("/suspendUsers/doneCount"), 2);
    assert_eq!(answer.data("/suspendUsers/results/0/user/status"), "SUSPENDED");
    assert_eq!(answer.data("/suspendUsers/results/1/error/code"), "NOT_FOUND");
    assert_eq!(answer.data("/suspendUsers/results/2/error/code"), "FORBIDDEN");
    assert_eq!(eve.me().await.code(), "ACCOUNT_SUSPENDED");
    let too_many: Vec<_> = (0..501).map(|_| ada.id.clone()).collect();
    for ids in [json!(too_many), json!([])] {
        let refused = root.administer(many, json!({ "ids": ids })).await;
        assert_eq!(refused.faults(), [("input.ids".to_owned(), "OUT_OF_RANGE".to_owned())]);
    }
    let restore = "mutation($ids: [ID!]!) { restoreUsers(input: { ids: $ids }) { doneCount } }";
    let answer = root.administer(restore, json!({ "ids": [ada.id, eve.id] })).await;
    assert_eq!(answer.data("/restoreUsers/doneCount"), 2);
    eve.me().await.data("/me");
}

async fn service_tokens_administer_until_they_are_revoked(app: &TestApp) {
    let (root, ada) = (admin(app).await, app.user("ada").await);
    let create = "mutation($input: CreateServiceTokenInput!) {
        createServiceToken(input: $input) { secret serviceToken { id permissions createdBy } } }";
    let at = |delta: TimeDelta| (app.now() + delta).to_rfc3339();
    let input =
        json!({ "name": "billing", "permissions": ["users:read"], "expiresAt": at(TimeDelta::hours(2)) });
    let created = root.administer(create, json!({ "input": input })).await;
    let (secret, id) = (
        created.text_at("/createServiceToken/secret"),
        created.text_at("/createServiceToken/serviceToken/id"),
    );
    assert!(secret.starts_with("vst_") && id.starts_with("svc_"));
    assert_eq!(created.text_at("/createServiceToken/serviceToken/createdBy"), root.id);
    let viewer = app.administer(&secret, "{ viewer { actorId user { id } permissions } }", json!({})).await;
    assert_eq!(viewer.data("/viewer"), json!({ "actorId": id, "user": null, "permissions": ["users:read"] }));
    app.administer(&secret, "{ users { edges { node { id } } } }", json!({})).await.data("/users");
    let refused = app.administer(&secret, SUSPEND, json!({ "input": { "id": ada.id, "reason": "r" } })).await;
    assert_eq!(refused.code(), "FORBIDDEN");
    // It is nobody at the endpoint of users.
    assert_eq!(app.me(&secret).await.reason(), "TOKEN_INVALID");
    let listed = root.administer("{ serviceTokens { id lastUsedAt revokedAt } }", json!({})).await;
    assert!(listed.data("/serviceTokens/0/lastUsedAt").is_string());
    assert!(!listed.text.contains(&secret));
    app.advance(TimeDelta::hours(2));
    assert_eq!(app.administer(&secret, "{ viewer { actorId } }", json!({})).await.reason(), "TOKEN_EXPIRED");
    let root = app.login_again("root").await;
    let input =
        json!({ "name": "again", "permissions": ["users:read"], "expiresAt": at(TimeDelta::hours(9)) });
    let created = root.administer(create, json!({ "input": input })).await;
    let (secret, id) = (
        created.text_at("/createServiceToken/secret"),
        created.text_at("/createServiceToken/serviceToken/id"),
    );
    let revoke =
        "mutation($id: ID!) { revokeServiceToken(input: { id: $id }) { serviceToken { revokedAt } } }";
    root.administer(revoke, json!({ "id": id })).await.data("/revokeServiceToken");
    assert_eq!(app.administer(&secret, "{ viewer { actorId } }", json!({})).await.reason(), "TOKEN_INVALID");
    assert_eq!(root.administer(revoke, json!({ "id": "svc_x" })).await.code(), "NOT_FOUND");
    for (name, expires) in [
        ("", at(TimeDelta::hours(1))),
        ("late", at(TimeDelta::days(400))),
        ("past", at(TimeDelta::hours(-1))),
    ] {
        let input = json!({ "name": name, "permissions": [], "expiresAt": expires });
        assert_eq!(
            root.administer(create, json!({ "input": input })).await.code(),
            "BAD_USER_INPUT",
            "{name}"
        );
    }
}

/// The types of events about somebody, the oldest first.
async fn events_about(app: &TestApp, id: &str) -> Vec<String> {
    let filter = AuditFilter { of: AuditSelector::Subject(id.to_owned()), ..AuditFilter::default() };
    let page = PageRequest { size: 100, end: End::Last, after: None, before: None };
    let found = app.domain.audit.list(&filter, &page).await.unwrap();
    found.items.iter().map(|event| format!("{} {}", event.kind.as_str(), event.outcome.as_str())).collect()
}

async fn what_happens_is_in_the_audit_log(app: &TestApp) {
    let root = admin(app).await;
    let ada = app.user("ada").await;
    app.login("ada@example.com", "not the password").await;
    let again = app.login_again("ada").await;
    again.post("mutation { updateProfile(input: { name: \"Ada\" }) { user { id } } }", json!({})).await;
    again.change_password(PASSWORD, "another horse battery", false).await.data("/changePassword");
    again.post("mutation { logout { success } }", json!({})).await;
    suspend(&root, &ada.id).await.data("/suspendUser");
    root.administer(RESTORE, json!({ "id": ada.id })).await.data("/restoreUser");
    let mut found = events_about(app, &ada.id).await;
    for _ in 0..100 {
        // A failure is written beside the answer.
        if found.len() == 8 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        found = events_about(app, &ada.id).await;
    }
    let mut sorted = found.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            "LOGIN FAILURE",
            "LOGIN SUCCESS",
            "PASSWORD_CHANGED SUCCESS",
            "PROFILE_UPDATED SUCCESS",
            "REGISTERED SUCCESS",
            "SESSION_ENDED SUCCESS",
            "USER_RESTORED SUCCESS",
            "USER_SUSPENDED SUCCESS",
        ]
    );
    let log = "query($filter: AuditFilterInput) { auditLog(filter: $filter, first: 50) {
        edges { node { type actor subject sessionId requestId reason changes outcome } } } }";
    let events = root.administer(log, json!({ "filter": { "type": "USER_SUSPENDED" } })).await;
    let event = events.data("/auditLog/edges/0/node");
    assert_eq!((&event["actor"], &event["subject"]), (&json!(root.id), &json!(ada.id)));
    assert_eq!((&event["reason"], &event["changes"]["sessionsEnded"]), (&json!("spam"), &json!(false)));
    assert!(event["requestId"].as_str().unwrap().starts_with("req_"));
    assert_eq!(event["sessionId"], json!(root.session_id));
    for secret in [PASSWORD, "another horse battery", &ada.refresh_token, &ada.access_token] {
        let all = root.administer(log, json!({})).await;
        assert!(!all.text.contains(secret));
    }
    // A change of which nothing can be written down is not made: see the contract of stores.
    let report = app.domain.audit.verify(None).await.unwrap();
    assert_eq!(report.fault, None);
}

async fn the_first_administrator_has_verified_the_address(app: &TestApp) {
    let bootstrap = async || app.domain.administration.bootstrap().await.unwrap();
    app.user("eve").await;
    app.work().await;
    assert!(!bootstrap().await, "nobody has the address");
    let first = app.user("first").await;
    assert!(!bootstrap().await, "it is not verified");
    app.work().await;
    let token = app.sent_token("verify-email").await;
    let verify = "mutation($input: VerifyEmailInput!) { verifyEmail(input: $input) { user { id } } }";
    app.anonymous(verify, json!({ "input": { "token": token } })).await;
    assert!(bootstrap().await);
    // Whoever made the account may not be whoever has confirmed the address: the mailbox decides.
    assert_eq!(first.me().await.reason(), "SESSION_REVOKED");
    assert_eq!(app.login("first@example.com", PASSWORD).await.code(), "INVALID_CREDENTIALS");
    app.work().await;
    let token = app.sent_token("reset-password").await;
    let reset = "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { success } }";
    let input = json!({ "token": token, "newPassword": PASSWORD });
    app.anonymous(reset, json!({ "input": input })).await.data("/resetPassword");
    let owner = app.login_again("first").await;
    assert_eq!(owner.me().await.data("/me/roles"), json!(["admin", "user"]));
    assert!(events_about(app, &first.id).await.contains(&"USER_ROLES_CHANGED SUCCESS".to_owned()));
    assert!(bootstrap().await, "there is one");
}

async fn support_acts_for_a_person_and_is_seen(app: &TestApp) {
    let (root, ada) = (admin(app).await, app.user("ada").await);
    role(app, "support", &[Permission::UsersImpersonate, Permission::UsersRead]).await;
    let support = app.user_with_roles("support", &["support"]).await;
    let act = async |by: &Persona<'_>, id: &str, may_write: bool| {
        let input = json!({ "id": id, "reason": "a ticket", "mayWrite": may_write });
        by.administer(IMPERSONATE, json!({ "input": input })).await
    };
    assert_eq!(act(&support, &root.id, false).await.code(), "FORBIDDEN", "who may do more");
    assert_eq!(act(&support, &support.id, false).await.code(), "FORBIDDEN", "oneself");
    let acting = act(&support, &ada.id, false).await;
    let token = acting.text_at("/impersonateUser/accessToken");
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!((&claims["sub"], &claims["act"]["sub"]), (&json!(ada.id), &json!(support.id)));
    // It looks, and changes nothing.
    assert_eq!(app.me(&token).await.text_at("/me/id"), ada.id);
    let bearer = [("authorization", format!("Bearer {token}"))];
    let bearer: Vec<(&str, &str)> = bearer.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let update = "mutation { updateProfile(input: { name: \"X\" }) { user { id } } }";
    for query in [
        update,
        "mutation { revokeOtherSessions { revokedCount } }",
        "mutation { deleteAccount { deletionDueAt } }",
        "mutation { exportMyData { data } }",
    ] {
        assert_eq!(app.post(&bearer, query, json!({})).await.code(), "FORBIDDEN", "{query}");
    }
    assert_eq!(app.administer(&token, "{ viewer { actorId } }", json!({})).await.code(), "FORBIDDEN");
    // The person sees it, and can end it.
    let sessions = ada.post("{ me { sessions { edges { node { id impersonated } } } } }", json!({})).await;
    for edge in sessions.data("/me/sessions/edges").as_array().unwrap() {
        let is_support = edge["node"]["id"] == acting.data("/impersonateUser/sessionId");
        assert_eq!(edge["node"]["impersonated"], is_support);
    }
    let revoke = "mutation($id: ID!) { revokeSession(input: { id: $id }) { sessionId } }";
    let id = acting.text_at("/impersonateUser/sessionId");
    let ended = ada.post(revoke, json!({ "id": id })).await;
    assert_eq!(ended.json()["errors"], Value::Null);
    assert_eq!(app.me(&token).await.reason(), "SESSION_REVOKED");
    // Where it may write, what is dangerous stays the person's own, and the log tells who it was.
    let acting = act(&support, &ada.id, true).await;
    let token = acting.text_at("/impersonateUser/accessToken");
    let bearer = format!("Bearer {token}");
    let post = async |query: &str| app.post(&[("authorization", &bearer)], query, json!({})).await;
    post(update).await.data("/updateProfile");
    for query in [
        "mutation { deleteAccount { deletionDueAt } }",
        "mutation { exportMyData { data } }",
        "mutation { reauthenticate(input: { password: \"correct horse battery\" }) { session { id } } }",
        "mutation { changePassword(input: { currentPassword: \"correct horse battery\", newPassword: \"another horse battery\" }) { user { id } } }",
        "mutation { requestEmailChange(input: { newEmail: \"mine@example.com\" }) { ticket } }",
    ] {
        let code = post(query).await.json()["errors"][0]["extensions"]["code"].clone();
        assert!(code == "FORBIDDEN", "{query}: {code}");
    }
    let log = "{ auditLog(filter: { type: PROFILE_UPDATED }) { edges { node { actor subject } } } }";
    let event = root.administer(log, json!({})).await.data("/auditLog/edges/0/node");
    assert_eq!(event, json!({ "actor": support.id, "subject": ada.id }));
    app.advance(TimeDelta::minutes(31));
    assert_eq!(app.me(&token).await.reason(), "TOKEN_EXPIRED");
}

async fn whoever_acts_for_a_person_does_so_no_longer_than_they_may(app: &TestApp) {
    let (root, ada) = (admin(app).await, app.user("ada").await);
    let permissions = [Permission::UsersImpersonate, Permission::UsersRead];
    role(app, "support", &permissions).await;
    for (name, end) in [("suspended", 0), ("demoted", 1), ("logged-out", 2), ("narrowed", 3)] {
        let support = app.user_with_roles(name, &["support"]).await;
        let input = json!({ "id": ada.id, "reason": "a ticket" });
        let acting = support.administer(IMPERSONATE, json!({ "input": input })).await;
        let token = acting.text_at("/impersonateUser/accessToken");
        assert_eq!(app.me(&token).await.text_at("/me/id"), ada.id);
        match end {
            0 => suspend(&root, &support.id).await.data("/suspendUser"),
            1 => root
                .administer(SET_ROLES, json!({ "id": support.id, "roles": [] }))
                .await
                .data("/setUserRoles"),
            2 => {
                let revoke = "mutation($id: ID!) { revokeUserSessions(input: { id: $id }) { user { id } } }";
                root.administer(revoke, json!({ "id": support.id })).await.data("/revokeUserSessions")
            }
            _ => {
                role(app, "support", &[Permission::UsersRead]).await;
                Value::Null
            }
        };
        assert_eq!(app.me(&token).await.reason(), "SESSION_REVOKED", "{name}");
        role(app, "support", &permissions).await;
    }
    assert_eq!(ada.me().await.text_at("/me/id"), ada.id);
    // What is ended by whoever acts is not put down to the person.
    let support = app.user_with_roles("last", &["support"]).await;
    let input = json!({ "id": ada.id, "reason": "a ticket", "mayWrite": true });
    let acting = support.administer(IMPERSONATE, json!({ "input": input })).await;
    let bearer = format!("Bearer {}", acting.text_at("/impersonateUser/accessToken"));
    let revoke = "mutation($id: ID!) { revokeSession(input: { id: $id }) { sessionId } }";
    let ended = app.post(&[("authorization", &bearer)], revoke, json!({ "id": ada.session_id })).await;
    ended.data("/revokeSession");
    let log = "{ auditLog(filter: { type: SESSION_ENDED }) { edges { node { actor subject } } } }";
    let event = root.administer(log, json!({})).await.data("/auditLog/edges/0/node");
    assert_eq!(event, json!({ "actor": support.id, "subject": ada.id }));
}

async fn a_deletion_of_the_owner_stays_the_owners(app: &TestApp) {
    let (root, ada) = (admin(app).await, app.user("ada").await);
    let asked = ada.post("mutation { deleteAccount { deletionDueAt } }", json!({})).await;
    let due_at = asked.text_at("/deleteAccount/deletionDueAt");
    let root_again = async || {
        app.advance(TimeDelta::days(1));
        app.login_again("root").await
    };
    let delete = "mutation($id: ID!) { deleteUser(input: { id: $id }) { user { deletionDueAt } } }";
    let root_now = root_again().await;
    let deleted = root_now.administer(delete, json!({ "id": ada.id })).await;
    assert_eq!(deleted.text_at("/deleteUser/user/deletionDueAt"), due_at, "not a day longer");
    assert_eq!(app.login("ada@example.com", PASSWORD).await.code(), "ACCOUNT_SUSPENDED");
    root_now.administer(RESTORE, json!({ "id": ada.id })).await.data("/restoreUser");
    let one = "query($id: ID) { user(id: $id) { status deletionDueAt } }";
    let found = root_now.administer(one, json!({ "id": ada.id })).await;
    assert_eq!(found.text_at("/user/deletionDueAt"), due_at);
    app.login("ada@example.com", PASSWORD).await.data("/login");
    // One that is past saving is not said to be saved.
    let root_now = root_again().await;
    root_now.administer(delete, json!({ "id": ada.id })).await.data("/deleteUser");
    app.advance(TimeDelta::days(15));
    let root_now = app.login_again("root").await;
    assert_eq!(root_now.administer(RESTORE, json!({ "id": ada.id })).await.code(), "FORBIDDEN");
    root_now.administer(delete, json!({ "id": ada.id })).await.data("/deleteUser");
    app.work().await;
    assert_eq!(root_now.administer(one, json!({ "id": ada.id })).await.data("/user"), Value::Null);
    // Whoever was there before is as good as ever.
    assert_eq!(root.me().await.reason(), "TOKEN_EXPIRED");
}

async fn attempts_to_get_more_are_written_down(app: &TestApp) {
    let root = admin(app).await;
    role(app, "lead", &[Permission::RolesWrite, Permission::TokensWrite]).await;
    let lead = app.user_with_roles("lead", &["lead"]).await;
    let denied = async || {
        let log = "{ auditLog(filter: { type: ACCESS_DENIED }, first: 100) { edges { node { actor } } } }";
        let events = root.administer(log, json!({})).await.data("/auditLog/edges");
        let events = events.as_array().unwrap().clone();
        assert!(events.iter().all(|edge| edge["node"]["actor"] == json!(lead.id)));
        events.len()
    };
    let save =
        "mutation { saveRole(input: { name: \"x\", permissions: [\"audit:read\"] }) { role { name } } }";
    let at = (app.now() + TimeDelta::days(1)).to_rfc3339();
    let token = format!(
        "mutation {{ createServiceToken(input: {{ name: \"t\", permissions: [\"audit:read\"], expiresAt: \"{at}\" }}) {{ secret }} }}"
    );
    let before = denied().await;
    for query in [save, "mutation { removeRole(input: { name: \"other\" }) { name } }", &token] {
        role(app, "other", &[Permission::AuditRead]).await;
        assert_eq!(lead.administer(query, json!({})).await.code(), "FORBIDDEN", "{query}");
    }
    let own = lead.administer(SET_ROLES, json!({ "id": lead.id, "roles": ["admin"] })).await;
    assert_eq!(own.code(), "FORBIDDEN");
    assert_eq!(denied().await, before + 4);
    // However often one request asks for the same, it is one event.
    let many = "{ a: users { edges { node { id } } } b: users { edges { node { id } } } c: users { edges { node { id } } } }";
    lead.administer(many, json!({})).await;
    assert_eq!(denied().await, before + 5);
    let nothing = token.replace("\"audit:read\"", "");
    let refused = root.administer(&nothing, json!({})).await;
    assert_eq!(refused.faults(), [("input.permissions".to_owned(), "REQUIRED".to_owned())]);
    // A role cannot be called what somebody is.
    let named = save.replace("\"x\"", &format!("\"{}\"", lead.id));
    assert_eq!(
        root.administer(&named, json!({})).await.faults(),
        [("input.name".to_owned(), "RESERVED".to_owned())]
    );
}

async fn keys_are_in_the_audit_log(app: &TestApp) {
    let root = admin(app).await;
    let rotate = "mutation { rotateSigningKey { keyId } }";
    let made = root.administer(rotate, json!({})).await.text_at("/rotateSigningKey/keyId");
    let operator = Administrator::operator();
    app.domain.administration.revoke_signing_key(&operator, &made.parse().unwrap()).await.unwrap();
    let log = "query($type: AuditEventType) { auditLog(filter: { type: $type }) { edges { node { actor subject changes } } } }";
    let events = async |kind: &str| {
        let found = root.administer(log, json!({ "type": kind })).await;
        found.data("/auditLog/edges").as_array().unwrap().clone()
    };
    let rotated = events("KEY_ROTATED").await;
    let of =
        |actor: &str| rotated.iter().find(|event| event["node"]["actor"] == actor).unwrap()["node"].clone();
    assert_eq!(of(&root.id)["subject"], json!(made));
    // The first key of all was made by the service.
    assert!(of("system")["subject"].as_str().unwrap().starts_with("key_"));
    let revoked = events("KEY_REVOKED").await;
    assert_eq!(
        (&revoked[0]["node"]["actor"], &revoked[0]["node"]["subject"]),
        (&json!("operator"), &json!(made))
    );
}

async fn where_it_is_off_nobody_acts_for_another(_: &TestApp) {
    let app = TestApp::start(crate::support::Backend::Embedded).await;
    let (root, ada) = (admin(&app).await, app.user("ada").await);
    let refused = root.administer(IMPERSONATE, json!({ "input": { "id": ada.id, "reason": "r" } })).await;
    assert_eq!(refused.code(), "FORBIDDEN");
}

async fn a_person_sees_what_happened_to_the_account(app: &TestApp) {
    let (root, ada) = (admin(app).await, app.user("ada").await);
    let input = json!({ "id": ada.id, "reason": "an internal reason" });
    root.administer(SUSPEND, json!({ "input": input })).await.data("/suspendUser");
    root.administer(RESTORE, json!({ "id": ada.id })).await.data("/restoreUser");
    app.advance(TimeDelta::seconds(1));
    let again = app.login_again("ada").await;
    let query = "query($first: Int, $after: String) { me { securityEvents(first: $first, after: $after) {
        pageInfo { hasNextPage endCursor } edges { node { type outcome actor sessionId ipAddress userAgent } } } } }";
    let all = again.post(query, json!({})).await;
    assert_eq!(all.data("/me/securityEvents/edges").as_array().unwrap().len(), 4);
    let newest = all.data("/me/securityEvents/edges/0/node");
    assert_eq!(
        (&newest["type"], &newest["actor"], &newest["sessionId"]),
        (&json!("LOGIN"), &json!("OWNER"), &json!(again.session_id))
    );
    for edge in all.data("/me/securityEvents/edges").as_array().unwrap() {
        if edge["node"]["actor"] == "SERVICE" {
            assert_eq!(
                (&edge["node"]["sessionId"], &edge["node"]["userAgent"]),
                (&Value::Null, &Value::Null)
            );
        }
    }
    assert!(!all.text.contains("an internal reason") && !all.text.contains(&root.id));
    let first = again.post(query, json!({ "first": 3 })).await;
    let after = first.text_at("/me/securityEvents/pageInfo/endCursor");
    let rest = again.post(query, json!({ "first": 3, "after": after })).await;
    assert_eq!(rest.data("/me/securityEvents/edges").as_array().unwrap().len(), 1);
    assert_eq!(rest.data("/me/securityEvents/pageInfo/hasNextPage"), false);
}
