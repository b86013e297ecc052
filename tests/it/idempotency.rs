//! Requests with an `Idempotency-Key`, on both backends.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, REGISTER, TestApp, on_every_backend};

on_every_backend!(
    a_repeat_gets_the_same_answer_and_does_nothing,
    another_body_is_a_conflict,
    of_many_at_once_one_is_done,
    keys_are_those_of_their_caller,
    a_refusal_that_may_pass_can_be_tried_again,
    cookies_come_again,
    what_another_site_was_refused_is_not_kept,
    an_answer_that_was_made_long_is_not_kept,
    a_key_that_is_none_is_refused,
    what_makes_and_sends_nothing_has_no_memory,
    the_store_alone_tells_nothing,
);

const KEY: &str = "3f2b9d9e-6c1a-4a3e-9d54-0a1c1f5f7f10";

fn registration(email: &str) -> Value {
    json!({ "input": { "email": email, "password": PASSWORD, "name": "Ada" } })
}

async fn send(app: &TestApp, key: &str, query: &str, variables: Value) -> Answer {
    app.post(&[("idempotency-key", key)], query, variables).await
}

fn is_repeated(answer: &Answer) -> bool {
    answer.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
}

async fn a_repeat_gets_the_same_answer_and_does_nothing(app: &TestApp) {
    let first = send(app, KEY, REGISTER, registration("ada@example.com")).await;
    first.data("/register");
    assert!(!is_repeated(&first));
    let mails = app.work().await;
    app.advance(TimeDelta::hours(23));
    let second = send(app, KEY, REGISTER, registration("ada@example.com")).await;
    assert_eq!(second.text, first.text, "to the order of its members");
    assert!(is_repeated(&second));
    assert_eq!((mails, app.work().await), (1, 0));
    // That the address is taken is an answer as well.
    let other = "another key of 16";
    let key = other.replace(' ', "-");
    let taken = send(app, &key, REGISTER, registration("ada@example.com")).await;
    assert_eq!(taken.code(), "EMAIL_TAKEN");
    assert_eq!(send(app, &key, REGISTER, registration("ada@example.com")).await.text, taken.text);
    // After a day the key is forgotten.
    app.advance(TimeDelta::hours(2));
    assert_eq!(send(app, KEY, REGISTER, registration("ada@example.com")).await.code(), "EMAIL_TAKEN");
}

async fn another_body_is_a_conflict(app: &TestApp) {
    send(app, KEY, REGISTER, registration("ada@example.com")).await.data("/register");
    let other = send(app, KEY, REGISTER, registration("bob@example.com")).await;
    assert_eq!(other.code(), "CONFLICT");
    assert!(other.error()["currentVersion"].is_null());
    let reset = "mutation { requestPasswordReset(input: { email: \"ada@example.com\" }) { ticket } }";
    assert_eq!(send(app, KEY, reset, json!({})).await.code(), "CONFLICT");
    assert_eq!(app.login("bob@example.com", PASSWORD).await.code(), "INVALID_CREDENTIALS");
}

async fn of_many_at_once_one_is_done(app: &TestApp) {
    let sends = (0..12).map(|_| send(app, KEY, REGISTER, registration("ada@example.com")));
    let answers = join_all(sends).await;
    let done: Vec<_> =
        answers.iter().filter(|answer| answer.json()["data"]["register"].is_object()).collect();
    assert!(!done.is_empty());
    for answer in &answers {
        if answer.json()["data"]["register"].is_object() {
            assert_eq!(answer.text, done[0].text);
        } else {
            assert_eq!(answer.code(), "CONFLICT");
            assert_eq!(answer.error()["retryAfter"], 1);
        }
    }
    assert_eq!(app.work().await, 1, "one mail");
}

async fn keys_are_those_of_their_caller(app: &TestApp) {
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let change = "mutation($email: String!) { requestEmailChange(input: { newEmail: $email }) { ticket } }";
    let as_person = async |token: &str, email: &str| {
        let headers = [("authorization", &*format!("Bearer {token}")), ("idempotency-key", KEY)];
        app.post(&headers, change, json!({ "email": email })).await
    };
    let first = as_person(&ada.access_token, "new@example.com").await.text_at("/requestEmailChange/ticket");
    let other = as_person(&bob.access_token, "new@example.com").await.text_at("/requestEmailChange/ticket");
    assert_ne!(first, other);
    assert_eq!(
        as_person(&ada.access_token, "new@example.com").await.text_at("/requestEmailChange/ticket"),
        first
    );
    assert_eq!(as_person(&bob.access_token, "b@example.com").await.code(), "CONFLICT");
    // Nobody gets the answer of a person without being that person.
    let anonymous = send(app, KEY, change, json!({ "email": "new@example.com" })).await;
    assert_eq!(anonymous.code(), "UNAUTHENTICATED");
}

async fn a_refusal_that_may_pass_can_be_tried_again(app: &TestApp) {
    let reset = "mutation { requestPasswordReset(input: { email: \"ada@example.com\" }) { ticket } }";
    app.anonymous(reset, json!({})).await.data("/requestPasswordReset");
    assert_eq!(send(app, KEY, reset, json!({})).await.code(), "RATE_LIMITED");
    app.advance(TimeDelta::minutes(2));
    let passed = send(app, KEY, reset, json!({})).await;
    passed.data("/requestPasswordReset");
    assert!(!is_repeated(&passed));
    assert!(is_repeated(&send(app, KEY, reset, json!({})).await));
}

async fn cookies_come_again(app: &TestApp) {
    let variables = json!({ "input": {
        "email": "ada@example.com", "password": PASSWORD, "name": "Ada", "transport": "COOKIE",
    } });
    let cookies = |answer: &Answer| {
        answer
            .headers
            .get_all("set-cookie")
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let first = cookies(&send(app, KEY, REGISTER, variables.clone()).await);
    assert_eq!(first.len(), 3);
    assert_eq!(cookies(&send(app, KEY, REGISTER, variables).await), first);
}

async fn what_another_site_was_refused_is_not_kept(app: &TestApp) {
    let variables = json!({ "input": {
        "email": "ada@example.com", "password": PASSWORD, "name": "Ada", "transport": "COOKIE",
    } });
    let from = async |origin: &str| {
        let headers = [("idempotency-key", KEY), ("origin", origin), ("sec-fetch-site", "same-origin")];
        app.post(&headers, REGISTER, variables.clone()).await
    };
    assert_eq!(from("https://evil.example.com").await.code(), "CSRF_REJECTED");
    from("http://localhost:8080").await.data("/register");
    // Nor does another site get the cookies by a repeat.
    assert_eq!(from("https://evil.example.com").await.code(), "CSRF_REJECTED");
    assert!(is_repeated(&from("http://localhost:8080").await));
}

async fn an_answer_that_was_made_long_is_not_kept(app: &TestApp) {
    let long = "a".repeat(20_000);
    let reset = format!(
        "mutation {{ {long}: requestPasswordReset(input: {{ email: \"ada@example.com\" }}) {{ ticket }} }}"
    );
    send(app, KEY, &reset, json!({})).await.data(&format!("/{long}"));
    app.advance(TimeDelta::minutes(2));
    assert!(!is_repeated(&send(app, KEY, &reset, json!({})).await));
}

async fn a_key_that_is_none_is_refused(app: &TestApp) {
    for key in ["short", "has spaces in it which is none", &"x".repeat(256)] {
        let answer = send(app, key, REGISTER, registration("ada@example.com")).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{key}");
        assert_eq!(answer.faults(), [("Idempotency-Key".to_owned(), "INVALID_FORMAT".to_owned())]);
    }
    assert_eq!(app.login("ada@example.com", PASSWORD).await.code(), "INVALID_CREDENTIALS");
}

async fn what_makes_and_sends_nothing_has_no_memory(app: &TestApp) {
    app.user("ada").await;
    let login = "mutation($input: LoginInput!) { login(input: $input) { accessToken } }";
    let input = json!({ "input": { "email": "ada@example.com", "password": PASSWORD } });
    let first = send(app, KEY, login, input.clone()).await.text_at("/login/accessToken");
    assert_ne!(send(app, KEY, login, input).await.text_at("/login/accessToken"), first);
    // Nor has what does several things, of which one may have been done.
    let two = "mutation { a: logout { success } b: logout { success } }";
    assert!(!is_repeated(&send(app, KEY, two, json!({})).await));
    assert!(!is_repeated(&send(app, KEY, two, json!({})).await));
}

async fn the_store_alone_tells_nothing(app: &TestApp) {
    use vestibule::domain::{
        idempotency::{Begun, Reservation},
        tokens::TokenHash,
    };
    let answer = send(app, KEY, REGISTER, registration("ada@example.com")).await;
    let reservation = Reservation {
        id: TokenHash::of_text(&format!("anonymous\0{KEY}")),
        fingerprint: TokenHash::of_text("unknown"),
        at: app.now(),
    };
    let day = TimeDelta::days(1);
    let found = app.stores.answers.begin(&reservation, app.now() - day, app.now() - day).await.unwrap();
    let Begun::Known(found) = found else { panic!("there is no answer") };
    let sealed = found.sealed.unwrap();
    for secret in ["ada@example.com", "accessToken", &answer.text_at("/register/refreshToken")] {
        assert!(!sealed.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}
