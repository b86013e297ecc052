//! Leaving: the export of one's data, the deletion of the account, and its erasure.

use chrono::TimeDelta;
use serde_json::{Value, json};
use vestibule::domain::{
    accounts::{EmailAddress, UserChange},
    ids::UserId,
    outbox::Task,
    patch::Patch,
};

use crate::support::{
    Answer, Backend, Persona, TestApp,
    mail::{MailApp, on_every_backend_with_mail},
};

on_every_backend_with_mail!(
    a_login_before_the_end_of_the_grace_restores_the_account,
    after_the_grace_nothing_of_the_person_is_left,
    without_grace_an_account_is_erased_at_once,
    deleting_twice_is_deleting_once,
    a_reset_during_the_grace_does_not_restore_and_a_login_after_it_does,
    an_erasure_that_was_cut_off_is_finished,
    an_erasure_that_has_begun_cannot_be_stopped,
    an_export_has_everything_and_no_secret,
    what_is_dangerous_needs_a_fresh_login,
);

const DELETE: &str = "mutation { deleteAccount { deletionDueAt } }";
const EXPORT: &str = "mutation { exportMyData { data } }";
const REAUTHENTICATE: &str = "mutation($input: ReauthenticateInput!) { reauthenticate(input: $input) { session { id authenticatedAt } } }";

async fn delete(persona: &Persona<'_>) -> Answer {
    persona.post(DELETE, json!({})).await
}

async fn a_login_before_the_end_of_the_grace_restores_the_account(backend: Backend) {
    let app = MailApp::start(backend).await;
    let ada = app.user("ada").await;
    app.work().await;
    assert_eq!(delete(&ada).await.data("/deleteAccount/deletionDueAt"), "2030-01-16T03:04:05.000Z");
    assert_eq!(ada.me().await.reason(), "SESSION_REVOKED");
    let notice = app.mail_to("ada@example.com").await;
    assert_eq!(notice.subject(), "Your Vestibule account will be deleted on 16 January 2030");
    assert_eq!(app.register("ada@example.com", "correct horse battery", "Eve").await.code(), "EMAIL_TAKEN");
    app.advance(TimeDelta::days(14) - TimeDelta::seconds(1));
    let answer = app.login("ada@example.com", "correct horse battery").await;
    let ada = Persona::of(&app, &answer, "/login");
    assert_eq!(app.mail_to("ada@example.com").await.subject(), "Your Vestibule account will not be deleted");
    app.advance(TimeDelta::minutes(1));
    app.work().await;
    ada.me().await.data("/me/id");
    assert_eq!(app.domain.outbox.summary().await.unwrap().waiting, 0, "nothing is left to erase");
}

async fn after_the_grace_nothing_of_the_person_is_left(backend: Backend) {
    let app = MailApp::start(backend).await;
    let ada = app.user("ada").await;
    app.work().await;
    delete(&ada).await.data("/deleteAccount");
    app.advance(TimeDelta::days(14));
    let late = app.login("ada@example.com", "correct horse battery").await;
    assert_eq!(late.code(), "INVALID_CREDENTIALS", "too late, also before the erasure");
    let mail = app.mail_to("ada@example.com").await;
    assert_eq!(mail.subject(), "Your Vestibule account was deleted");
    assert_gone(&app, &ada).await;
    // The address is free.
    app.register("ada@example.com", "correct horse battery", "Ada").await.data("/register");
}

async fn assert_gone(app: &TestApp, person: &Persona<'_>) {
    let id: UserId = person.id.parse().unwrap();
    let stores = app.stores.clone();
    assert_eq!(stores.users.find(&id).await, Ok(None));
    let key = EmailAddress::parse("ada@example.com").unwrap().key();
    assert!(stores.users.find_by_email(&key).await.unwrap().is_none());
    assert_eq!(stores.sessions.list_of(&id).await, Ok(vec![]));
    assert_eq!(stores.one_time.list_of(&id).await, Ok(vec![]));
    assert_eq!(stores.outbox.list_of(&id).await, Ok(vec![]));
    assert_eq!(app.refresh(&person.refresh_token).await.code(), "TOKEN_INVALID");
    assert_eq!(app.login("ada@example.com", "correct horse battery").await.code(), "INVALID_CREDENTIALS");
}

async fn without_grace_an_account_is_erased_at_once(backend: Backend) {
    let app = MailApp::with(backend, &[("DELETION_GRACE", "0s")]).await;
    let ada = app.user("ada").await;
    delete(&ada).await.data("/deleteAccount");
    assert_eq!(app.login("ada@example.com", "correct horse battery").await.code(), "INVALID_CREDENTIALS");
    app.advance(TimeDelta::seconds(10));
    app.work().await;
    assert_gone(&app, &ada).await;
}

async fn deleting_twice_is_deleting_once(backend: Backend) {
    let app = MailApp::start(backend).await;
    let (ada, phone) = (app.user("ada").await, app.login_again("ada").await);
    app.work().await;
    let answers = futures_util::future::join_all([&ada, &phone, &ada, &phone].map(delete)).await;
    for answer in &answers {
        let json = answer.json();
        let is_done = json["data"]["deleteAccount"]["deletionDueAt"] == "2030-01-16T03:04:05.000Z";
        assert!(is_done || answer.reason() == "SESSION_REVOKED", "{json}");
    }
    assert_eq!(delete(&ada).await.reason(), "SESSION_REVOKED");
    app.work().await;
    assert_eq!(app.smtp.to("ada@example.com").len(), 2, "verification and one notice");
    app.advance(TimeDelta::days(14));
    app.work().await;
    assert_gone(&app, &ada).await;
}

async fn a_reset_during_the_grace_does_not_restore_and_a_login_after_it_does(backend: Backend) {
    let app = MailApp::start(backend).await;
    let ada = app.user("ada").await;
    app.work().await;
    delete(&ada).await.data("/deleteAccount");
    app.work().await;
    app.mutate("requestPasswordReset", json!({ "email": "ada@example.com" })).await.data("");
    let token = app.mail_to("ada@example.com").await.token();
    let input = json!({ "token": token, "newPassword": "a brand new bicycle bell" });
    app.mutate("resetPassword", input).await.data("/resetPassword/success");
    let id: UserId = ada.id.parse().unwrap();
    assert!(app.stores.users.find(&id).await.unwrap().unwrap().deletion_due_at.is_some());
    app.login("ada@example.com", "a brand new bicycle bell").await.data("/login");
    assert!(app.stores.users.find(&id).await.unwrap().unwrap().deletion_due_at.is_none());
}

/// The process dies when the erasure has begun: the task is claimed and never finished.
async fn an_erasure_that_was_cut_off_is_finished(backend: Backend) {
    let app = MailApp::start(backend).await;
    let ada = app.user("ada").await;
    app.work().await;
    delete(&ada).await.data("/deleteAccount");
    app.work().await;
    app.advance(TimeDelta::days(14));
    let now = app.now();
    let claimed = app.stores.outbox.claim(now, now + TimeDelta::seconds(90), 10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    // As far as it came: sessions are gone, the person is still there.
    let id: UserId = ada.id.parse().unwrap();
    app.stores.sessions.remove_of(&id).await.unwrap();
    app.work().await;
    assert!(
        app.stores.users.find(&id).await.unwrap().is_some(),
        "it is somebody else's until the lease ends"
    );
    app.advance(TimeDelta::seconds(90));
    app.work().await;
    assert_gone(&app, &ada).await;
    assert_eq!(app.smtp.to("ada@example.com").len(), 3, "verification, notice and farewell, each once");
}

/// The process died after the point of no return.
async fn an_erasure_that_has_begun_cannot_be_stopped(backend: Backend) {
    let app = MailApp::start(backend).await;
    let ada = app.user("ada").await;
    app.work().await;
    delete(&ada).await.data("/deleteAccount");
    app.advance(TimeDelta::days(1));
    let mut begun = UserChange::of(&ada.id.parse().unwrap(), app.now());
    begun.set.deletion_due_at = Patch::Set(chrono::DateTime::UNIX_EPOCH);
    app.stores.users.change(&begun).await.unwrap();
    assert_eq!(app.login("ada@example.com", "correct horse battery").await.code(), "INVALID_CREDENTIALS");
    app.advance(TimeDelta::days(13));
    app.work().await;
    assert_gone(&app, &ada).await;
    // Done once more, as after a crash before it was written down that it is done.
    let task = Task::EraseAccount { user_id: ada.id.parse().unwrap() };
    app.domain.outbox.enqueue(task, None).await.unwrap();
    app.work().await;
    assert_eq!(app.smtp.last_to("ada@example.com").subject(), "Your Vestibule account was deleted");
    assert_eq!(app.smtp.to("ada@example.com").len(), 3);
}

async fn an_export_has_everything_and_no_secret(backend: Backend) {
    let app = MailApp::start(backend).await;
    let ada = app.user("ada").await;
    app.work().await;
    let profile = "mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { user { id } } }";
    let input = json!({ "username": "countess", "locale": "fr", "publicMetadata": { "theme": "dark" } });
    ada.post(profile, json!({ "input": input })).await.data("/updateProfile");
    app.login_again("ada").await;
    let answer = ada.post(EXPORT, json!({})).await;
    let data = answer.data("/exportMyData/data");
    assert_eq!(data["formatVersion"], 1);
    assert_eq!(data["user"]["email"], "ada@example.com");
    assert_eq!((&data["user"]["username"], &data["user"]["locale"]), (&json!("countess"), &json!("fr")));
    assert_eq!(data["user"]["publicMetadata"], json!({ "theme": "dark" }));
    assert_eq!(data["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(data["oneTimeTokens"][0]["purpose"], "verify_email");
    for secret in ["$2b$", "vot_", "vrt_", "password_hash", "refresh"] {
        assert!(!answer.text.contains(secret), "{secret} in {}", answer.text);
    }
}

/// Every field with the directive, found in the schema, refuses a login of ten minutes ago, and works after
/// the password was shown again in the same session.
async fn what_is_dangerous_needs_a_fresh_login(backend: Backend) {
    let app = MailApp::start(backend).await;
    let ada = app.user("ada").await;
    let sdl = include_str!("../../schema.graphql");
    // A field may stand on several lines, its directives on the last one.
    let (mut field, mut guarded) = ("", Vec::new());
    for line in sdl.lines().filter(|line| !line.starts_with("directive")) {
        let text = line.trim();
        if line.strip_prefix('\t').is_some_and(|rest| rest.starts_with(char::is_alphabetic)) {
            field = text.split(['(', ':']).next().unwrap();
        }
        if text.contains(" @requiresFreshAuth") {
            guarded.push(field);
        }
    }
    assert_eq!(guarded, ["deleteAccount", "exportMyData", "requestEmailChange"]);
    let call = async |person: &Persona<'_>, field: &str| match field {
        "requestEmailChange" => {
            let input = json!({ "newEmail": "new@example.com" });
            person.post(&crate::support::mail::mutation(field), json!({ "input": input })).await
        }
        "exportMyData" => person.post(EXPORT, json!({})).await,
        _ => person.post(DELETE, json!({})).await,
    };
    app.advance(TimeDelta::minutes(10));
    let refreshed = app.refresh(&ada.refresh_token).await;
    let ada = Persona::of(&app, &refreshed, "/refresh");
    for field in &guarded {
        assert_eq!(call(&ada, field).await.code(), "REAUTHENTICATION_REQUIRED", "{field}");
    }
    let wrong = ada.post(REAUTHENTICATE, json!({ "input": { "password": "not hers" } })).await;
    assert_eq!(wrong.code(), "INVALID_CREDENTIALS");
    assert_eq!(call(&ada, "exportMyData").await.code(), "REAUTHENTICATION_REQUIRED");
    let right = ada.post(REAUTHENTICATE, json!({ "input": { "password": "correct horse battery" } })).await;
    let session: Value = right.data("/reauthenticate/session");
    assert_eq!(session, json!({ "id": ada.session_id, "authenticatedAt": "2030-01-02T03:14:05.000Z" }));
    // Another session of the same person is as old as it was.
    for field in guarded.iter().rev() {
        call(&ada, field).await.data("");
    }
    assert_eq!(app.anonymous(EXPORT, json!({})).await.reason(), "MISSING");
}
