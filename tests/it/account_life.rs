//! The flows that go through a mail, end to end: a real mail server, and mails read as a person would.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{
    Answer, Backend, Persona,
    mail::{MailApp, mutation, on_every_backend_with_mail},
};

on_every_backend_with_mail!(
    an_address_is_verified_by_its_link,
    an_address_is_verified_by_its_code_on_the_device_that_asked,
    a_password_is_reset_by_mail_and_every_session_ends,
    a_token_is_of_one_purpose_one_use_and_one_time,
    six_wrong_codes_are_one_too_many,
    a_changed_password_or_address_ends_older_tokens,
    an_account_moves_to_an_address_that_is_confirmed,
    a_move_that_the_owner_did_not_want_is_undone,
    a_move_to_a_taken_address_tells_its_owner_alone,
    an_old_address_that_was_never_verified_gets_no_way_back,
    a_thief_who_undoes_first_gains_nothing,
    an_undo_ends_ways_back_that_were_not_written_yet_and_takes_the_address_from_squatters,
    unknown_addresses_get_the_same_answer_and_no_mail,
    a_hundred_requests_for_one_address_are_one_mail,
    with_verification_required_nobody_logs_in_before,
    private_registration_does_not_tell_who_has_an_account,
);

const NEW_PASSWORD: &str = "a brand new bicycle bell";

async fn me(persona: &Persona<'_>) -> Value {
    persona.me().await.data("/me")
}

async fn asked(persona: &Persona<'_>, field: &str, input: Value) -> Answer {
    persona.post(&mutation(field), json!({ "input": input })).await
}

async fn an_address_is_verified_by_its_link(backend: Backend) {
    let app = MailApp::start(backend).await;
    let ada = app.user("ada").await;
    assert_eq!(me(&ada).await["emailVerified"], false);
    let mail = app.mail_to("ada@example.com").await;
    assert_eq!(mail.subject(), "Confirm your e-mail address for Vestibule");
    assert!(
        mail.link().starts_with("http://localhost:8080/account/verify-email#token=vot_"),
        "{}",
        mail.link()
    );
    assert!(mail.field("html").contains("vot_"), "the HTML part has the link as well");
    let answer = asked(&ada, "verifyEmail", json!({ "token": mail.token() })).await;
    assert_eq!(answer.data("/verifyEmail/user/emailVerified"), true);
    assert_eq!(me(&ada).await["emailVerified"], true, "copies are replaced");

    // Nothing more to verify: nothing is sent.
    app.advance(TimeDelta::minutes(2));
    asked(&ada, "requestEmailVerification", json!({})).await.data("/requestEmailVerification/ticket");
    app.work().await;
    assert_eq!(app.smtp.mails().len(), 1);
}

async fn an_address_is_verified_by_its_code_on_the_device_that_asked(backend: Backend) {
    let app = MailApp::start(backend).await;
    let input = json!({ "email": "ada@example.com", "password": "correct horse battery", "name": "Ada" });
    let query = "mutation($input: RegisterInput!) { register(input: $input) { verificationTicket } }";
    let ticket =
        app.anonymous(query, json!({ "input": input })).await.text_at("/register/verificationTicket");
    let code = app.mail_to("ada@example.com").await.code();
    let other = app.mutate("requestPasswordReset", json!({ "email": "ada@example.com" })).await;
    let other = other.text_at("/requestPasswordReset/ticket");
    let elsewhere = app.mutate("verifyEmail", json!({ "ticket": other, "code": code })).await;
    assert_eq!(elsewhere.code(), "TOKEN_INVALID", "a code is worth nothing on another device");
    let typed = format!("{} {}", code[..4].to_lowercase(), &code[4..]);
    let answer = app.mutate("verifyEmail", json!({ "ticket": ticket, "code": typed })).await;
    assert_eq!(answer.data("/verifyEmail"), json!({ "success": true, "user": null }));
    let again = app.mutate("verifyEmail", json!({ "ticket": ticket, "code": code })).await;
    assert_eq!(again.code(), "TOKEN_INVALID", "once");
}

async fn a_password_is_reset_by_mail_and_every_session_ends(backend: Backend) {
    let app = MailApp::start(backend).await;
    let (ada, phone) = (app.user("ada").await, app.login_again("ada").await);
    app.work().await;
    // The mail goes to the address as its owner wrote it, whatever was typed.
    app.mutate("requestPasswordReset", json!({ "email": " ADA@example.com" })).await.data("");
    let mail = app.mail_to("ada@example.com").await;
    assert_eq!(mail.subject(), "Choose a new password for Vestibule");
    assert!(mail.text().contains("30\u{a0}minutes"), "{}", mail.text());
    let input = json!({ "token": mail.token(), "newPassword": NEW_PASSWORD });
    let answer = app.mutate("resetPassword", input.clone()).await;
    assert_eq!(answer.data("/resetPassword"), json!({ "success": true }));
    assert!(answer.cookies().is_empty(), "nobody is logged in by it");
    for session in [&ada, &phone] {
        assert_eq!(session.me().await.reason(), "SESSION_REVOKED");
        assert_eq!(app.refresh(&session.refresh_token).await.reason(), "SESSION_REVOKED");
    }
    assert_eq!(app.login("ada@example.com", "correct horse battery").await.code(), "INVALID_CREDENTIALS");
    let answer = app.login("ada@example.com", NEW_PASSWORD).await;
    let user = Persona::of(&app, &answer, "/login");
    assert_eq!(me(&user).await["emailVerified"], true, "who reads the mail owns the address");
    let notice = app.mail_to("ada@example.com").await;
    assert_eq!(notice.subject(), "Your Vestibule password was changed");
    assert_eq!(app.mutate("resetPassword", input).await.code(), "TOKEN_INVALID");
}

async fn a_token_is_of_one_purpose_one_use_and_one_time(backend: Backend) {
    let app = MailApp::start(backend).await;
    app.user("ada").await;
    let verify = app.mail_to("ada@example.com").await.token();
    let reset = |token: &str| json!({ "token": token, "newPassword": NEW_PASSWORD });
    assert_eq!(app.mutate("resetPassword", reset(&verify)).await.code(), "TOKEN_INVALID", "wrong purpose");
    for bad in ["", "vot_", &verify[..46], &format!("{verify}A"), "vrt_x", "\u{0}", &"x".repeat(10_000)] {
        assert_eq!(app.mutate("verifyEmail", json!({ "token": bad })).await.code(), "TOKEN_INVALID", "{bad}");
    }
    for input in [json!({}), json!({ "code": "ABCDEFGH" }), json!({ "token": verify, "code": "ABCDEFGH" })] {
        let answer = app.mutate("verifyEmail", input).await;
        assert_eq!(answer.faults(), [("input.token".to_owned(), "REQUIRED".to_owned())]);
    }
    let uses = (0..10).map(|_| app.mutate("verifyEmail", json!({ "token": verify })));
    let answers = futures_util::future::join_all(uses).await;
    let won = answers.iter().filter(|answer| answer.json().get("errors").is_none()).count();
    assert_eq!(won, 1, "of concurrent uses one wins");

    app.mutate("requestPasswordReset", json!({ "email": "ada@example.com" })).await.data("");
    let late = app.mail_to("ada@example.com").await.token();
    app.advance(TimeDelta::minutes(30));
    assert_eq!(app.mutate("resetPassword", reset(&late)).await.code(), "TOKEN_INVALID", "expired");
    // An access token or refresh token is no one-time token.
    let ada = app.login_again("ada").await;
    for foreign in [&ada.access_token, &ada.refresh_token] {
        assert_eq!(app.mutate("resetPassword", reset(foreign)).await.code(), "TOKEN_INVALID");
    }
}

async fn six_wrong_codes_are_one_too_many(backend: Backend) {
    let app = MailApp::start(backend).await;
    app.user("ada").await;
    app.work().await;
    let answer = app.mutate("requestPasswordReset", json!({ "email": "ada@example.com" })).await;
    let ticket = answer.text_at("/requestPasswordReset/ticket");
    let mail = app.mail_to("ada@example.com").await;
    let reset = |code: &str| json!({ "ticket": ticket, "code": code, "newPassword": NEW_PASSWORD });
    // Slips of the keyboard and weak passwords cost nothing.
    assert_eq!(app.mutate("resetPassword", reset("short")).await.faults()[0].0, "input.code");
    let weak = json!({ "ticket": ticket, "code": mail.code(), "newPassword": "password1" });
    assert_eq!(app.mutate("resetPassword", weak).await.faults()[0].1, "TOO_WEAK");
    for _ in 0..5 {
        assert_eq!(app.mutate("resetPassword", reset("ABCDEFGH")).await.code(), "TOKEN_INVALID");
    }
    let right = app.mutate("resetPassword", reset(&mail.code())).await;
    assert_eq!(right.code(), "TOKEN_INVALID", "the sixth, although it is right");
    let link = json!({ "token": mail.token(), "newPassword": NEW_PASSWORD });
    app.mutate("resetPassword", link).await.data("/resetPassword/success");
}

async fn a_changed_password_or_address_ends_older_tokens(backend: Backend) {
    let app = MailApp::start(backend).await;
    let ada = app.user("ada").await;
    let verify = app.mail_to("ada@example.com").await.token();
    app.mutate("requestPasswordReset", json!({ "email": "ada@example.com" })).await.data("");
    let reset = app.mail_to("ada@example.com").await.token();
    ada.change_password("correct horse battery", NEW_PASSWORD, true).await.data("/changePassword");
    let input = json!({ "token": reset, "newPassword": "yet another fine day" });
    assert_eq!(app.mutate("resetPassword", input).await.code(), "TOKEN_INVALID");
    assert_eq!(app.mutate("verifyEmail", json!({ "token": verify })).await.code(), "TOKEN_INVALID");
    assert_eq!(app.mail_to("ada@example.com").await.subject(), "Your Vestibule password was changed");
}

/// Verifies the address by the mail that registration has sent.
async fn verified<'a>(app: &'a MailApp, name: &str) -> Persona<'a> {
    let persona = app.user(name).await;
    let token = app.mail_to(&format!("{name}@example.com")).await.token();
    app.mutate("verifyEmail", json!({ "token": token })).await.data("/verifyEmail/success");
    persona
}

async fn an_account_moves_to_an_address_that_is_confirmed(backend: Backend) {
    let app = MailApp::start(backend).await;
    let ada = verified(&app, "ada").await;
    let answer = asked(&ada, "requestEmailChange", json!({ "newEmail": "lovelace@example.org" })).await;
    let ticket = answer.text_at("/requestEmailChange/ticket");
    let mail = app.mail_to("lovelace@example.org").await;
    assert!(mail.link().contains("/account/confirm-email-change#token="), "{}", mail.link());
    assert_eq!(me(&ada).await["email"], "ada@example.com", "not before it is confirmed");
    let answer = asked(&ada, "confirmEmailChange", json!({ "ticket": ticket, "code": mail.code() })).await;
    assert_eq!(answer.data("/confirmEmailChange/user/email"), "lovelace@example.org");
    assert_eq!(me(&ada).await["email"], "lovelace@example.org");
    assert_eq!(app.login("ada@example.com", "correct horse battery").await.code(), "INVALID_CREDENTIALS");
    app.login("Lovelace@example.org", "correct horse battery").await.data("/login");
    app.register("ada@example.com", "correct horse battery", "Eve").await.data("/register");
}

/// Moves an account, a minute after whatever was before.
async fn move_to(app: &MailApp, person: &Persona<'_>, to: &str) {
    app.advance(TimeDelta::minutes(1));
    asked(person, "requestEmailChange", json!({ "newEmail": to })).await.data("/requestEmailChange");
    let token = app.mail_to(to).await.token();
    app.mutate("confirmEmailChange", json!({ "token": token })).await.data("/confirmEmailChange/success");
}

async fn a_move_that_the_owner_did_not_want_is_undone(backend: Backend) {
    let app = MailApp::start(backend).await;
    let thief = verified(&app, "ada").await;
    for (from, to) in [("ada@example.com", "thief@example.org"), ("thief@example.org", "deeper@example.org")]
    {
        move_to(&app, &thief, to).await;
        app.advance(TimeDelta::seconds(10));
        let notice = app.mail_to(from).await;
        assert!(notice.text().contains(to) && notice.text().contains("7\u{a0}days"), "{}", notice.text());
    }
    thief.change_password("correct horse battery", NEW_PASSWORD, false).await.data("/changePassword");
    app.advance(TimeDelta::days(6));
    let undo = app.smtp.to("ada@example.com").pop().unwrap();
    assert!(undo.link().contains("/account/undo-email-change#token="), "{}", undo.link());
    let theirs = app.smtp.to("thief@example.org").pop().unwrap().token();
    app.mutate("undoEmailChange", json!({ "token": undo.token() })).await.data("/undoEmailChange/success");
    let back = app.mutate("undoEmailChange", json!({ "token": theirs })).await;
    assert_eq!(back.code(), "TOKEN_INVALID", "the thief's own way back has ended");
    assert_eq!(app.refresh(&thief.refresh_token).await.reason(), "SESSION_REVOKED");
    for password in [NEW_PASSWORD, "correct horse battery"] {
        assert_eq!(app.login("ada@example.com", password).await.code(), "INVALID_CREDENTIALS");
    }
    app.work().await;
    let mails = app.smtp.to("ada@example.com");
    let reset = mails.iter().find(|mail| mail.text().contains("/account/reset-password#")).unwrap();
    let input = json!({ "token": reset.token(), "newPassword": "mine again for good" });
    app.mutate("resetPassword", input).await.data("/resetPassword/success");
    app.login("ada@example.com", "mine again for good").await.data("/login");
    let again = app.mutate("undoEmailChange", json!({ "token": undo.token() })).await;
    assert_eq!(again.code(), "TOKEN_INVALID");
}

async fn a_move_to_a_taken_address_tells_its_owner_alone(backend: Backend) {
    let app = MailApp::start(backend).await;
    let (ada, _eve) = (verified(&app, "ada").await, verified(&app, "eve").await);
    let answer = asked(&ada, "requestEmailChange", json!({ "newEmail": "EVE@example.com" })).await;
    answer.data("/requestEmailChange/ticket");
    let mail = app.mail_to("eve@example.com").await;
    assert_eq!(mail.subject(), "You already have an account with Vestibule");
    assert!(!mail.text().contains("vot_") && !mail.text().contains("http"), "{}", mail.text());
    // Taken between the mail and its confirmation: by then the reader owns the address.
    let soon = asked(&ada, "requestEmailChange", json!({ "newEmail": "new@example.com" })).await;
    assert_eq!(soon.code(), "RATE_LIMITED", "one person is not to have us write to many");
    app.advance(TimeDelta::minutes(1));
    asked(&ada, "requestEmailChange", json!({ "newEmail": "new@example.com" })).await.data("");
    let token = app.mail_to("new@example.com").await.token();
    app.register("new@example.com", "correct horse battery", "New").await.data("/register");
    let confirm = json!({ "token": token });
    assert_eq!(app.mutate("confirmEmailChange", confirm.clone()).await.code(), "EMAIL_TAKEN");
    assert_eq!(me(&ada).await["email"], "ada@example.com");
    assert_eq!(app.mutate("confirmEmailChange", confirm).await.code(), "EMAIL_TAKEN", "it was not used up");
    let faulty = asked(&ada, "requestEmailChange", json!({ "newEmail": "nonsense" })).await;
    assert_eq!(faulty.faults(), [("input.newEmail".to_owned(), "INVALID_FORMAT".to_owned())]);
}

async fn an_old_address_that_was_never_verified_gets_no_way_back(backend: Backend) {
    let app = MailApp::start(backend).await;
    let ada = app.user("ada").await;
    asked(&ada, "requestEmailChange", json!({ "newEmail": "right@example.com" })).await.data("");
    let token = app.mail_to("right@example.com").await.token();
    app.mutate("confirmEmailChange", json!({ "token": token })).await.data("");
    app.advance(TimeDelta::minutes(1));
    app.work().await;
    assert_eq!(app.smtp.to("ada@example.com").len(), 1, "nothing but the first mail");
}

/// The thief is faster with the way back of his own than the owner with hers, which still works.
async fn a_thief_who_undoes_first_gains_nothing(backend: Backend) {
    let app = MailApp::start(backend).await;
    let thief = verified(&app, "ada").await;
    for (from, to) in [("ada@example.com", "thief@example.org"), ("thief@example.org", "deeper@example.org")]
    {
        move_to(&app, &thief, to).await;
        app.advance(TimeDelta::seconds(10));
        app.mail_to(from).await;
    }
    let (hers, his) =
        (app.smtp.last_to("ada@example.com").token(), app.smtp.last_to("thief@example.org").token());
    app.mutate("undoEmailChange", json!({ "token": his })).await.data("/undoEmailChange/success");
    app.work().await;
    let reset = app.smtp.last_to("thief@example.org").token();
    let input = json!({ "token": reset, "newPassword": "the thief has a password" });
    app.mutate("resetPassword", input).await.data("/resetPassword/success");
    app.mutate("undoEmailChange", json!({ "token": hers })).await.data("/undoEmailChange/success");
    for email in ["thief@example.org", "ada@example.com"] {
        assert_eq!(app.login(email, "the thief has a password").await.code(), "INVALID_CREDENTIALS");
    }
}

async fn an_undo_ends_ways_back_that_were_not_written_yet_and_takes_the_address_from_squatters(
    backend: Backend,
) {
    let app = MailApp::start(backend).await;
    let thief = verified(&app, "ada").await;
    for to in ["thief@example.org", "deeper@example.org"] {
        move_to(&app, &thief, to).await;
    }
    // The first notice has gone out, that of the second move waits; and somebody sits on the address.
    let undo = app.smtp.last_to("ada@example.com").token();
    let squatter = app.user("ada").await;
    app.mutate("undoEmailChange", json!({ "token": undo })).await.data("/undoEmailChange/success");
    assert_eq!(squatter.me().await.reason(), "SESSION_REVOKED");
    app.advance(TimeDelta::minutes(1));
    app.work().await;
    assert_eq!(app.smtp.to("thief@example.org").len(), 1, "no way back for the thief");
    let mails = app.smtp.to("ada@example.com");
    let reset = mails.iter().find(|mail| mail.text().contains("/account/reset-password#")).unwrap();
    assert!(!reset.text().contains("enter this code"), "no device asked: {}", reset.text());
    let input = json!({ "token": reset.token(), "newPassword": NEW_PASSWORD });
    app.mutate("resetPassword", input).await.data("/resetPassword/success");
    let answer = app.login("ada@example.com", NEW_PASSWORD).await;
    assert_eq!(answer.data("/login/user/id"), thief.id, "the account is hers again");
}

async fn unknown_addresses_get_the_same_answer_and_no_mail(backend: Backend) {
    let app = MailApp::start(backend).await;
    verified(&app, "ada").await;
    let before = app.smtp.mails().len();
    for field in ["requestPasswordReset", "requestEmailVerification"] {
        let mut shapes = Vec::new();
        for email in ["ada@example.com", "nobody@example.com"] {
            let answer = app.mutate(field, json!({ "email": email })).await;
            assert_eq!(answer.status, StatusCode::OK);
            let ticket = answer.text_at(&format!("/{field}/ticket"));
            shapes.push((ticket.len(), answer.text.len(), answer.headers.len()));
            let again = app.mutate(field, json!({ "email": email })).await;
            assert_eq!(again.code(), "RATE_LIMITED", "{email}");
            assert_eq!(again.error()["retryAfter"], 60);
        }
        assert_eq!(shapes[0], shapes[1], "{field}");
    }
    app.work().await;
    assert_eq!(app.smtp.mails().len(), before + 1, "one way to a new password, to the one who is known");
}

async fn a_hundred_requests_for_one_address_are_one_mail(backend: Backend) {
    let app = MailApp::start(backend).await;
    verified(&app, "ada").await;
    let before = app.smtp.mails().len();
    let requests = (0..100).map(|number| {
        let email = if number % 2 == 0 { "ada@example.com" } else { "ADA@Example.com" };
        app.mutate("requestPasswordReset", json!({ "email": email }))
    });
    let answers = futures_util::future::join_all(requests).await;
    let limited = answers.iter().filter(|answer| answer.json().get("errors").is_some());
    assert_eq!(limited.map(Answer::code).filter(|code| code == "RATE_LIMITED").count(), 99);
    app.work().await;
    assert_eq!(app.smtp.mails().len(), before + 1);
    app.advance(TimeDelta::minutes(1));
    app.mutate("requestPasswordReset", json!({ "email": "ada@example.com" })).await.data("");
    app.work().await;
    assert_eq!(app.smtp.mails().len(), before + 2);
}

async fn with_verification_required_nobody_logs_in_before(backend: Backend) {
    let app = MailApp::with(backend, &[("REQUIRE_VERIFIED_EMAIL", "on")]).await;
    let answer = app.register("ada@example.com", "correct horse battery", "Ada").await;
    let register = answer.data("/register");
    assert_eq!(register["emailVerificationRequired"], true);
    assert!(register["user"].is_null() && register["accessToken"].is_null(), "{register}");
    assert_eq!(app.register("ada@example.com", "correct horse battery", "Eve").await.code(), "EMAIL_TAKEN");
    let first = app.mail_to("ada@example.com").await;
    app.advance(TimeDelta::minutes(1));
    assert_eq!(app.login("ada@example.com", "correct horse battery").await.code(), "INVALID_CREDENTIALS");
    app.settle().await;
    assert_eq!(app.smtp.to("ada@example.com").len(), 2);
    app.mutate("verifyEmail", json!({ "token": first.token() })).await.data("/verifyEmail/success");
    app.login("ada@example.com", "correct horse battery").await.data("/login");
}

async fn private_registration_does_not_tell_who_has_an_account(backend: Backend) {
    let app = MailApp::with(backend, &[("REGISTRATION_PRIVACY", "strict")]).await;
    let register = async |email: &str, password: &str| {
        let query = "mutation($input: RegisterInput!) { register(input: $input) {
            user { id } session { id } accessToken emailVerificationRequired verificationTicket } }";
        let input = json!({ "email": email, "password": password, "name": "Somebody" });
        let answer = app.anonymous(query, json!({ "input": input })).await;
        let mut payload = answer.data("/register");
        let ticket = payload.as_object_mut().unwrap().remove("verificationTicket").unwrap();
        assert_eq!(ticket.as_str().unwrap().len(), 47);
        payload
    };
    let first = register("ada@example.com", "correct horse battery").await;
    let token = app.mail_to("ada@example.com").await.token();
    app.mutate("verifyEmail", json!({ "token": token })).await.data("");
    let second = register("ADA@example.com", NEW_PASSWORD).await;
    let third = register("ADA@example.com", NEW_PASSWORD).await;
    assert_eq!((&first, &second), (&second, &third), "the same for an address that has an account");
    assert_eq!(app.login("ada@example.com", NEW_PASSWORD).await.code(), "INVALID_CREDENTIALS");
    let mail = app.mail_to("ada@example.com").await;
    assert_eq!(mail.subject(), "You already have an account with Vestibule");
    assert_eq!(app.smtp.mails().len(), 2, "told once");
    app.login("ada@example.com", "correct horse battery").await.data("/login");
    // A login to what is not verified tells nothing either, nor does what can be asked for after it.
    register("eve@example.com", NEW_PASSWORD).await;
    app.work().await;
    assert_eq!(app.login("eve@example.com", NEW_PASSWORD).await.code(), "INVALID_CREDENTIALS");
    app.settle().await;
    for email in ["eve@example.com", "ada@example.com", "nobody@example.com"] {
        app.mutate("requestEmailVerification", json!({ "email": email })).await.data("");
        app.mutate("requestPasswordReset", json!({ "email": email })).await.data("");
    }
}
