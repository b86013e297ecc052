//! How often something may be tried, on both backends: by one address, for one person, and in a row.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, Backend, LOGIN, PASSWORD, REGISTER, TestApp, on_every_backend};

/// The rules as they are, which tests have off otherwise.
const ON: &[(&str, &str)] = &[("RATE_LIMITS", "login.address=60/5m")];

on_every_backend!(super::ON;
    parallel_attempts_get_no_further_than_those_in_a_row,
    failures_in_a_row_wait_ever_longer_and_end_at_a_hundred,
    a_success_forgets_the_failures_before_it,
    nobody_keeps_a_person_from_a_device_of_theirs,
    a_new_password_forgets_the_devices_of_the_old_one,
    nobody_keeps_a_person_from_a_new_password,
    nobody_uses_up_the_resets_of_a_person,
    whoever_has_a_secret_is_not_kept_from_it_by_neighbours,
    right_passwords_have_a_bound_too,
    an_address_has_a_share_of_its_own,
    an_address_tries_one_person_less_often_than_all,
    networks_of_one_customer_are_one_address,
    whoever_has_a_session_tries_its_password_alone,
    every_class_has_its_bound,
    an_unknown_person_is_limited_like_a_known_one,
);

const EMAIL: &str = "ada@example.com";

/// An address that nothing else has.
fn address(number: usize) -> String {
    format!("10.{}.{}.{}", number / 65_536, number / 256 % 256, number % 256)
}

fn count(answers: &[Answer], code: &str) -> usize {
    answers.iter().filter(|answer| answer.code() == code).count()
}

fn wait_of(answer: &Answer) -> u64 {
    assert_eq!(answer.code(), "RATE_LIMITED", "{}", answer.text);
    let wait = answer.error()["retryAfter"].as_u64().unwrap();
    assert_eq!(answer.headers["retry-after"], wait.to_string().as_str());
    wait
}

async fn parallel_attempts_get_no_further_than_those_in_a_row(app: &TestApp) {
    app.user("ada").await;
    let before = app.domain.passwords.load().taken;
    let attempts = (0..500)
        .map(|number| async move { app.login_from(&address(number), EMAIL, "a wrong password").await });
    let answers = join_all(attempts).await;
    assert_eq!(count(&answers, "INVALID_CREDENTIALS"), 10);
    assert_eq!(count(&answers, "RATE_LIMITED"), 490);
    let one_document = (0..1_000).fold(String::new(), |text, n| {
        format!(
            "{text} a{n}: login(input: {{ email: \"x@example.com\", password: \"x\" }}) {{ accessToken }}"
        )
    });
    let refused = app.anonymous(&format!("mutation {{ {one_document} }}"), json!({})).await;
    assert_eq!(refused.code(), "OPERATION_TOO_COMPLEX");
    assert_eq!(app.domain.passwords.load().taken - before, 10, "who is refused costs no hash");
}

async fn failures_in_a_row_wait_ever_longer_and_end_at_a_hundred(app: &TestApp) {
    app.user("ada").await;
    let mut waits = Vec::new();
    let mut failures = 0;
    for number in 0..1_000 {
        let answer = app.login_from(&address(number), EMAIL, "a wrong password").await;
        if answer.code() == "INVALID_CREDENTIALS" {
            failures += 1;
            continue;
        }
        let wait = wait_of(&answer);
        waits.push(wait);
        if wait > 900 {
            break;
        }
        app.advance(TimeDelta::seconds(i64::try_from(wait).unwrap()));
    }
    assert_eq!(failures, 100);
    assert_eq!(waits[..11], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900]);
    // Not even with the right password, until the person has shown otherwise who they are.
    app.advance(TimeDelta::hours(1));
    assert_eq!(app.login_from(&address(5_000), EMAIL, PASSWORD).await.code(), "RATE_LIMITED");
}

async fn a_success_forgets_the_failures_before_it(app: &TestApp) {
    app.user("ada").await;
    for round in 0..5 {
        for number in 0..9 {
            let answer = app.login_from(&address(100 * round + number), EMAIL, "wrong").await;
            assert_eq!(answer.code(), "INVALID_CREDENTIALS");
        }
        app.login_from(&address(100 * round + 99), EMAIL, PASSWORD).await.data("/login");
    }
}

async fn nobody_keeps_a_person_from_a_device_of_theirs(app: &TestApp) {
    app.user("ada").await;
    let login = "mutation($input: LoginInput!) { login(input: $input) { deviceToken } }";
    let input = |password: &str, token: Option<&str>| json!({ "input": { "email": EMAIL, "password": password, "deviceToken": token } });
    let first = app.post_from("192.0.2.1", login, input(PASSWORD, None)).await;
    let token = first.text_at("/login/deviceToken");
    for number in 0..20 {
        app.login_from(&address(number), EMAIL, "a wrong password").await;
    }
    assert_eq!(app.login_from("192.0.2.2", EMAIL, PASSWORD).await.code(), "RATE_LIMITED");
    // Also when others have used up what the address may.
    for number in 0..70 {
        app.login_from("192.0.2.1", &format!("x{number}@example.com"), "wrong").await;
    }
    assert_eq!(app.login_from("192.0.2.1", "y@example.com", "wrong").await.code(), "RATE_LIMITED");
    let again = app.post_from("192.0.2.1", login, input(PASSWORD, Some(&token))).await;
    let renewed = again.text_at("/login/deviceToken");
    // The device has failures of its own.
    for _ in 0..10 {
        let answer = app.post_from("192.0.2.1", login, input("wrong", Some(&renewed))).await;
        assert_eq!(answer.code(), "INVALID_CREDENTIALS");
    }
    wait_of(&app.post_from("192.0.2.1", login, input(PASSWORD, Some(&renewed))).await);
    // It is a device of this person and of nobody else, and for a time.
    let forged = token.replacen(&token[20..21], if &token[20..21] == "A" { "B" } else { "A" }, 1);
    for other in ["", "vdt_", "nonsense", &forged] {
        let answer = app.post_from("192.0.2.3", login, input(PASSWORD, Some(other))).await;
        assert_eq!(answer.code(), "RATE_LIMITED", "{other}");
    }
    let eve = json!({ "input": { "email": "eve@example.com", "password": "x", "deviceToken": token } });
    assert_eq!(app.post_from("192.0.2.1", login, eve).await.code(), "RATE_LIMITED");
    for number in 20..60 {
        let answer = app.login_from(&address(number), EMAIL, "a wrong password").await;
        if answer.code() == "RATE_LIMITED" {
            app.advance(TimeDelta::seconds(i64::try_from(wait_of(&answer)).unwrap()));
        }
    }
    app.login_from(&address(99), EMAIL, "a wrong password").await;
    app.advance(TimeDelta::days(29));
    let later = app.post_from("192.0.2.1", login, input(PASSWORD, Some(&token))).await;
    later.data("/login");
    app.advance(TimeDelta::days(181));
    let old = app.post_from("192.0.2.1", login, input("wrong", Some(&token))).await;
    assert_eq!(old.code(), "INVALID_CREDENTIALS");
}

async fn a_new_password_forgets_the_devices_of_the_old_one(app: &TestApp) {
    let ada = app.user("ada").await;
    let login = "mutation($input: LoginInput!) { login(input: $input) { deviceToken } }";
    let input = |password: &str, token: Option<&str>| json!({ "input": { "email": EMAIL, "password": password, "deviceToken": token } });
    let token = app.post_from("192.0.2.1", login, input(PASSWORD, None)).await.text_at("/login/deviceToken");
    ada.change_password(PASSWORD, "an other horse battery", false).await.data("/changePassword");
    for number in 0..20 {
        app.login_from(&address(number), EMAIL, "a wrong password").await;
    }
    // Whoever knew the old one has no tries of their own at the new one.
    wait_of(&app.post_from("192.0.2.1", login, input("an other horse battery", Some(&token))).await);
}

async fn nobody_keeps_a_person_from_a_new_password(app: &TestApp) {
    app.user("ada").await;
    for number in 0..20 {
        app.login_from(&address(number), EMAIL, "a wrong password").await;
    }
    assert_eq!(app.login_from("192.0.2.1", EMAIL, PASSWORD).await.code(), "RATE_LIMITED");
    let ask = "mutation($email: String!) { requestPasswordReset(input: { email: $email }) { ticket } }";
    let asked = app.post_from("192.0.2.1", ask, json!({ "email": EMAIL })).await;
    asked.data("/requestPasswordReset");
    app.work().await;
    let token = app.sent_token("reset-password").await;
    let reset = "mutation($token: String!) { resetPassword(input: {
        token: $token, newPassword: \"an other horse battery\" }) { success } }";
    app.post_from("192.0.2.1", reset, json!({ "token": token })).await.data("/resetPassword");
    app.login_from("192.0.2.1", EMAIL, "an other horse battery").await.data("/login");
}

async fn nobody_uses_up_the_resets_of_a_person(app: &TestApp) {
    app.user("ada").await;
    let ask = "mutation($email: String!) { requestPasswordReset(input: { email: $email }) { ticket } }";
    for number in 0..30 {
        app.post_from(&address(number), ask, json!({ "email": EMAIL })).await;
    }
    // One of them sent a mail, and the others have cost the person nothing.
    app.advance(TimeDelta::seconds(61));
    app.post_from("192.0.2.1", ask, json!({ "email": EMAIL })).await.data("/requestPasswordReset");
}

async fn whoever_has_a_secret_is_not_kept_from_it_by_neighbours(app: &TestApp) {
    let ada = app.user("ada").await;
    app.work().await;
    let link = app.sent_token("verify-email").await;
    let refresh = "mutation($token: String!) { refresh(input: { refreshToken: $token }) { accessToken } }";
    let verify = "mutation($token: String!) { verifyEmail(input: { token: $token }) { success } }";
    for (query, most) in [(refresh, 600), (verify, 60)] {
        let mut last = String::new();
        for _ in 0..=most {
            last = app.post_from("192.0.2.1", query, json!({ "token": "nonsense" })).await.code();
        }
        assert_eq!(last, "RATE_LIMITED", "{query}");
    }
    app.post_from("192.0.2.1", verify, json!({ "token": link })).await.data("/verifyEmail");
    app.post_from("192.0.2.1", refresh, json!({ "token": ada.refresh_token })).await.data("/refresh");
}

async fn right_passwords_have_a_bound_too(app: &TestApp) {
    let ada = app.user("ada").await;
    let again =
        "mutation($password: String!) { reauthenticate(input: { password: $password }) { session { id } } }";
    for _ in 0..20 {
        ada.post(again, json!({ "password": PASSWORD })).await.data("/reauthenticate");
    }
    wait_of(&ada.post(again, json!({ "password": PASSWORD })).await);
    let login = "mutation($input: LoginInput!) { login(input: $input) { deviceToken } }";
    let input =
        |token: &str| json!({ "input": { "email": EMAIL, "password": PASSWORD, "deviceToken": token } });
    let mut token = app.post_from("192.0.2.1", login, input("")).await.text_at("/login/deviceToken");
    for number in 0..60 {
        let answer = app.post_from(&address(number), login, input(&token)).await;
        token = answer.text_at("/login/deviceToken");
    }
    wait_of(&app.post_from("192.0.2.1", login, input(&token)).await);
    // Somebody without a device waits for none of that.
    app.login_from("192.0.2.9", EMAIL, PASSWORD).await.data("/login");
}

async fn an_address_has_a_share_of_its_own(app: &TestApp) {
    let person = |number: usize| format!("person{number}@example.com");
    for number in 0..60 {
        let answer = app.login_from("192.0.2.1", &person(number), "wrong").await;
        assert_eq!(answer.code(), "INVALID_CREDENTIALS", "{number}");
    }
    assert_eq!(wait_of(&app.login_from("192.0.2.1", &person(60), "wrong").await), 5);
    assert_eq!(app.login_from("192.0.2.2", &person(60), "wrong").await.code(), "INVALID_CREDENTIALS");
    app.advance(TimeDelta::seconds(5));
    assert_eq!(app.login_from("192.0.2.1", &person(60), "wrong").await.code(), "INVALID_CREDENTIALS");
    wait_of(&app.login_from("192.0.2.1", &person(61), "wrong").await);
    // Logins that succeed cost an address nothing: it may be that of a whole office.
    app.advance(TimeDelta::seconds(5));
    for name in ["ada", "bob", "cleo"] {
        app.user(name).await;
        app.login_from("192.0.2.1", &format!("{name}@example.com"), PASSWORD).await.data("/login");
    }
}

async fn an_address_tries_one_person_less_often_than_all(app: &TestApp) {
    app.user("ada").await;
    for _ in 0..20 {
        app.login_from("192.0.2.1", EMAIL, PASSWORD).await.data("/login");
    }
    assert_eq!(wait_of(&app.login_from("192.0.2.1", EMAIL, PASSWORD).await), 15);
    app.login_from("192.0.2.2", EMAIL, PASSWORD).await.data("/login");
}

async fn networks_of_one_customer_are_one_address(app: &TestApp) {
    for number in 0..60 {
        let answer =
            app.login_from(&format!("2001:db8:1:2::{number}"), &format!("p{number}@example.com"), "x").await;
        assert_eq!(answer.code(), "INVALID_CREDENTIALS");
    }
    assert_eq!(app.login_from("2001:db8:1:2:9::9", "p@example.com", "x").await.code(), "RATE_LIMITED");
    assert_eq!(app.login_from("2001:db8:1:3::1", "p@example.com", "x").await.code(), "INVALID_CREDENTIALS");
}

async fn whoever_has_a_session_tries_its_password_alone(app: &TestApp) {
    let thief = app.user("ada").await;
    let owner = app.login_again("ada").await;
    for _ in 0..10 {
        let answer = thief.change_password("a wrong one", "a new horse battery", false).await;
        assert_eq!(answer.code(), "INVALID_CREDENTIALS");
    }
    wait_of(&thief.change_password(PASSWORD, "a new horse battery", false).await);
    let again =
        "mutation($password: String!) { reauthenticate(input: { password: $password }) { session { id } } }";
    wait_of(&thief.post(again, json!({ "password": PASSWORD })).await);
    owner.post(again, json!({ "password": PASSWORD })).await.data("/reauthenticate");
    owner.change_password(PASSWORD, "a new horse battery", false).await.data("/changePassword");
}

async fn every_class_has_its_bound(app: &TestApp) {
    let reset = "mutation($email: String!) { requestPasswordReset(input: { email: $email }) { ticket } }";
    let verify =
        "mutation($email: String!) { requestEmailVerification(input: { email: $email }) { ticket } }";
    let confirm = "mutation($email: String!) { verifyEmail(input: { token: $email }) { success } }";
    let refresh = "mutation($email: String!) { refresh(input: { refreshToken: $email }) { accessToken } }";
    let strength = "query($email: String!) { passwordStrength(input: { password: $email }) { score } }";
    for (query, most) in [(reset, 30), (verify, 30), (confirm, 60), (refresh, 600), (strength, 120)] {
        // Links and refresh tokens pay when they are not good.
        for number in 0..most {
            let email = json!({ "email": format!("p{number}@example.com") });
            let answer = app.post_from("192.0.2.1", query, email).await;
            assert_ne!(answer.json()["errors"][0]["extensions"]["code"], "RATE_LIMITED", "{query} {number}");
        }
        let one_more = app.post_from("192.0.2.1", query, json!({ "email": "p@example.com" })).await;
        wait_of(&one_more);
        let elsewhere = app.post_from("192.0.2.2", query, json!({ "email": "p@example.com" })).await;
        assert_ne!(elsewhere.json()["errors"][0]["extensions"]["code"], "RATE_LIMITED", "{query}");
    }
    // Registrations: of one address for one person first.
    let register = |email: String| async move {
        let input = json!({ "email": email, "password": PASSWORD, "name": "Ada" });
        app.post_from("192.0.2.3", REGISTER, json!({ "input": input })).await
    };
    register("ada@example.com".into()).await.data("/register");
    for _ in 0..4 {
        assert_eq!(register("Ada@Example.com".into()).await.code(), "EMAIL_TAKEN");
    }
    wait_of(&register("ada@example.com".into()).await);
    let ada = app.login_again("ada").await;
    for _ in 0..20 {
        ada.post("mutation { createAvatarUpload { publicId } }", json!({})).await.data("/createAvatarUpload");
    }
    wait_of(&ada.post("mutation { createAvatarUpload { publicId } }", json!({})).await);
    for _ in 0..10 {
        ada.post("mutation { exportMyData { data } }", json!({})).await.data("/exportMyData");
    }
    wait_of(&ada.post("mutation { exportMyData { data } }", json!({})).await);
}

async fn an_unknown_person_is_limited_like_a_known_one(app: &TestApp) {
    app.user("ada").await;
    let mut seen = Vec::new();
    for email in [EMAIL, "nobody@example.com"] {
        let mut codes = Vec::new();
        for number in 0..13 {
            let input = json!({ "email": email, "password": "wrong" });
            let answer = app.post_from(&address(number), LOGIN, json!({ "input": input })).await;
            let error = answer.json()["errors"][0].clone();
            codes.push((
                error["message"].clone(),
                error["extensions"]["code"].clone(),
                error["extensions"]["retryAfter"].clone(),
            ));
        }
        seen.push(codes);
    }
    assert_eq!(seen[0], seen[1]);
}

/// With private registration, whether an address was free when somebody applied for it.
#[tokio::test]
async fn the_count_does_not_tell_of_a_registration() {
    let settings = [ON, &[("REGISTRATION_PRIVACY", "strict")]].concat();
    let app = TestApp::with(Backend::Embedded, &settings).await;
    let apply = async |email: &str| {
        let input = json!({ "email": email, "password": PASSWORD, "name": "Ada" });
        let register =
            "mutation($input: RegisterInput!) { register(input: $input) { emailVerificationRequired } }";
        app.anonymous(register, json!({ "input": input })).await.data("/register");
        app.work().await;
    };
    // One that somebody else has, with another password, and one that nobody has.
    apply("taken@example.com").await;
    apply("free@example.com").await;
    let mut seen = Vec::new();
    for (email, password) in [("taken@example.com", "another password"), ("free@example.com", PASSWORD)] {
        let mut codes = Vec::new();
        for number in 0..15 {
            codes.push(app.login_from(&address(number), email, password).await.code());
        }
        seen.push(codes);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0][14], "RATE_LIMITED");
}

/// Nodes count together, as long as they have a Redis to do it in, and each by itself without.
#[cfg(feature = "server-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_count_together() {
    use crate::support::{config, servers};
    let settings =
        [servers::settings(), vec![("RATE_LIMITS".to_owned(), "login.address=60/5m".to_owned())]].concat();
    let config = config(&settings);
    let (one, other) = (
        TestApp::node(&config, std::sync::Arc::default()).await,
        TestApp::node(&config, std::sync::Arc::default()).await,
    );
    one.user("ada").await;
    let attempts = (0..100).map(|number| {
        let app = if number % 2 == 0 { &one } else { &other };
        let address = address(number);
        async move { app.login_from(&address, EMAIL, "a wrong password").await }
    });
    let answers = join_all(attempts).await;
    assert_eq!(count(&answers, "INVALID_CREDENTIALS"), 10);
}

#[cfg(feature = "server-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_its_redis_counts_by_itself() {
    let settings = [
        ("DATABASE_URL", "sqlite::memory:"),
        ("REDIS_URL", "redis://127.0.0.1:1"),
        ("RATE_LIMITS", "login.address=60/5m"),
    ];
    let app = TestApp::with(Backend::Embedded, &settings).await;
    app.user("ada").await;
    let attempts = (0..50).map(|number| {
        let (app, address) = (&app, address(number));
        async move { app.login_from(&address, EMAIL, "a wrong password").await }
    });
    let answers = join_all(attempts).await;
    assert_eq!(count(&answers, "INVALID_CREDENTIALS"), 10);
}
