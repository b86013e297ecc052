//! Mails: what they say, and that they arrive, whatever happens to the server that takes them.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use crate::support::{
    Backend, config,
    mail::{MailApp, SmtpServer, mutation, on_every_backend_with_mail},
    process::{Process, free_port},
    servers::variable,
};

on_every_backend_with_mail!(
    a_refused_recipient_is_given_up_and_others_get_their_mail,
    a_mail_that_is_put_off_or_cut_off_is_sent_again,
    an_outage_keeps_every_mail_until_it_ends,
    a_mail_that_nobody_takes_for_a_day_is_given_up,
    mails_are_in_the_language_of_the_person,
    a_name_that_carries_a_message_is_left_out,
);

async fn register(app: &MailApp, email: &str) {
    app.register(email, "correct horse battery", "Ada").await.data("/register");
}

async fn summary(app: &MailApp) -> (u64, u64) {
    let summary = app.domain.outbox.summary().await.unwrap();
    (summary.waiting, summary.given_up)
}

async fn a_refused_recipient_is_given_up_and_others_get_their_mail(backend: Backend) {
    let app = MailApp::start(backend).await;
    for email in ["refuse@example.com", "ada@example.com"] {
        register(&app, email).await;
    }
    app.work().await;
    assert_eq!(app.smtp.mails().len(), 1);
    assert_eq!(summary(&app).await, (0, 1));
}

async fn a_mail_that_is_put_off_or_cut_off_is_sent_again(backend: Backend) {
    let app = MailApp::start(backend).await;
    for email in ["later@example.com", "die@example.com", "ada@example.com"] {
        register(&app, email).await;
    }
    for _ in 0..4 {
        app.work().await;
        app.advance(TimeDelta::seconds(30));
    }
    for email in ["later@example.com", "die@example.com", "ada@example.com"] {
        assert_eq!(app.smtp.to(email).len(), 1, "{email}");
    }
    assert_eq!(summary(&app).await, (0, 0));
}

async fn an_outage_keeps_every_mail_until_it_ends(backend: Backend) {
    let port = free_port();
    let url = format!("smtp://127.0.0.1:{port}");
    let app = crate::support::TestApp::with(backend, &[("SMTP_URL", &url)]).await;
    for number in 0..20 {
        let email = format!("person{number}@example.com");
        app.register(&email, "correct horse battery", "Ada").await.data("/register");
    }
    for _ in 0..3 {
        assert_eq!(app.work().await, 0);
        app.advance(TimeDelta::seconds(30));
    }
    let smtp = SmtpServer::with(&["--port", &port.to_string()]);
    app.work().await;
    app.advance(TimeDelta::seconds(30));
    app.work().await;
    let mut recipients: Vec<_> = smtp.mails().iter().map(|mail| mail.recipient().to_owned()).collect();
    recipients.sort();
    recipients.dedup();
    assert_eq!((recipients.len(), smtp.mails().len()), (20, 20), "each once");
}

async fn a_mail_that_nobody_takes_for_a_day_is_given_up(backend: Backend) {
    let app = crate::support::TestApp::with(backend, &[("SMTP_URL", "smtp://127.0.0.1:9")]).await;
    app.register("ada@example.com", "correct horse battery", "Ada").await.data("/register");
    for _ in 0..3 {
        app.work().await;
        app.advance(TimeDelta::hours(8));
    }
    let summary = app.domain.outbox.summary().await.unwrap();
    assert_eq!((summary.waiting, summary.given_up), (1, 0));
    app.work().await;
    let summary = app.domain.outbox.summary().await.unwrap();
    assert_eq!((summary.waiting, summary.given_up), (0, 1));
}

async fn mails_are_in_the_language_of_the_person(backend: Backend) {
    let app = MailApp::start(backend).await;
    let query = "mutation($input: RegisterInput!) { register(input: $input) { user { locale } } }";
    let given = |email: &str, locale: Option<&str>| json!({ "input": { "email": email, "password": "correct horse battery", "name": "Zoé", "locale": locale } });
    let answer = app.anonymous(query, given("zoe@example.com", Some("fr-CA"))).await;
    assert_eq!(answer.data("/register/user/locale"), "fr-CA");
    let french = [("accept-language", "fr;q=0.9, en;q=0.8")];
    let answer = app.post(&french, query, given("browser@example.com", None)).await;
    assert_eq!(answer.data("/register/user/locale"), "fr");
    let answer = app.post(&french, query, given("greek@example.com", Some("el"))).await;
    assert_eq!(answer.data("/register/user/locale"), "el");
    app.work().await;
    for email in ["zoe@example.com", "browser@example.com"] {
        let mail = app.smtp.last_to(email);
        assert_eq!(mail.subject(), "Confirmez votre adresse e-mail pour Vestibule");
        assert_eq!(mail.field("language"), "fr");
        assert!(mail.text().starts_with("Bonjour Zoé,\n"), "{}", mail.text());
        assert!(mail.text().contains("valable 24\u{a0}heures"), "{}", mail.text());
        assert!(mail.field("html").contains("lang=\"fr\""));
        assert!(mail.link().ends_with("&lang=fr"));
    }
    let other = app.smtp.last_to("greek@example.com");
    assert_eq!(other.subject(), "Confirm your e-mail address for Vestibule", "English for all others");
    assert_eq!(other.0["headers"]["Auto-Submitted"], "auto-generated");
    assert_eq!(other.0["content_types"], json!(["multipart/alternative", "text/plain", "text/html"]));
    let faulty = app.anonymous(query, given("x@example.com", Some("french please"))).await;
    assert_eq!(faulty.faults(), [("input.locale".to_owned(), "INVALID_FORMAT".to_owned())]);
}

async fn a_name_that_carries_a_message_is_left_out(backend: Backend) {
    let app = MailApp::start(backend).await;
    let name = "You won! <b>see</b> https://evil.example";
    app.register("victim@example.com", "correct horse battery", name).await.data("/register");
    let mail = app.mail_to("victim@example.com").await;
    assert!(!mail.field("raw").contains("evil") && !mail.field("html").contains("evil"), "{}", mail.text());
    assert!(!mail.text().contains("Hello"), "{}", mail.text());
}

/// The server hangs in the middle of a mail: the request has long been answered, and the mail is tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_holds_up_nobody() {
    let app = MailApp::start(Backend::Embedded).await;
    let started = std::time::Instant::now();
    register(&app, "hang@example.com").await;
    assert!(started.elapsed() < Duration::from_secs(5), "registration waited for the mail");
    app.work().await;
    assert_eq!(summary(&app).await, (1, 0), "it waits for its next attempt");
}

/// A server that never says a word is no fault of the mail, which waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_greets_loses_no_mail() {
    let silent = SmtpServer::with(&["--greeting-hang"]);
    let app = crate::support::TestApp::with(Backend::Embedded, &[("SMTP_URL", &silent.url())]).await;
    app.register("ada@example.com", "correct horse battery", "Ada").await.data("/register");
    app.work().await;
    let summary = app.domain.outbox.summary().await.unwrap();
    assert_eq!((summary.waiting, summary.given_up), (1, 0));
}

/// Addresses that the server cannot take hold up nobody else's mail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_that_a_server_does_not_know_hold_up_nobody() {
    let smtp = SmtpServer::with(&["--no-smtputf8"]);
    let app = crate::support::TestApp::with(Backend::Embedded, &[("SMTP_URL", &smtp.url())]).await;
    for number in 0..40 {
        let email = format!("é{number}@example.com");
        app.register(&email, "correct horse battery", "Eve").await.data("/register");
    }
    for email in ["ada@bücher.example", "eve@example.com"] {
        app.register(email, "correct horse battery", "Ada").await.data("/register");
    }
    app.work().await;
    let mut recipients: Vec<_> = smtp.mails().iter().map(|mail| mail.recipient().to_owned()).collect();
    recipients.sort();
    assert_eq!(recipients, ["ada@xn--bcher-kva.example", "eve@example.com"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_goes_over_tls_to_a_server_that_proves_its_name() {
    let folder = variable("VESTIBULE_TEST_TLS_DIR");
    let file = |name: &str| format!("{folder}/{name}");
    let (cert, key, authority) = (file("server.pem"), file("server.key"), file("ca.pem"));
    for (kind, scheme) in [("starttls", "smtp"), ("implicit", "smtps")] {
        let arguments = ["--tls", kind, "--cert", &cert, "--key", &key, "--auth", "us@er:p:w"];
        let smtp = SmtpServer::with(&arguments);
        let url = |user: &str| format!("{scheme}://{user}127.0.0.1:{}", smtp.port);
        for (user, ca, arrives) in [
            ("us%40er:p%3Aw@", authority.as_str(), true),
            ("us%40er:wrong@", &authority, false),
            ("", &authority, false),
            ("us%40er:p%3Aw@", "", false),
        ] {
            let before = smtp.mails().len();
            let settings = [("SMTP_URL", url(user)), ("SMTP_CA_FILE", ca.to_owned())];
            let mut settings: Vec<(&str, &str)> =
                settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
            settings.retain(|(_, value)| !value.is_empty());
            let app = crate::support::TestApp::with(Backend::Embedded, &settings).await;
            app.register("ada@example.com", "correct horse battery", "Ada").await.data("/register");
            app.work().await;
            assert_eq!(smtp.mails().len() - before, usize::from(arrives), "{kind} {user} {ca}");
            let summary = app.domain.outbox.summary().await.unwrap();
            assert_eq!((summary.waiting, summary.given_up), (u64::from(!arrives), 0), "nothing is lost");
        }
    }
}

/// Down for the whole of 200 registrations; the service is killed; the server comes back.
async fn two_hundred_people_get_their_mail(settings: Vec<(String, String)>) {
    const PEOPLE: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let own = [("SMTP_URL", format!("smtp://127.0.0.1:{port}")), ("BCRYPT_COST", "4".to_owned())];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    let settings = [settings, own.to_vec()].concat();
    let mut service = Process::start(folder.path(), &settings).await;
    let people = (0..PEOPLE).map(|number| format!("person{number}@example.com"));
    for email in people.clone() {
        let answer = service.register(&email).await.expect("no answer");
        assert!(answer.get("errors").is_none(), "{answer}");
    }
    service.kill();
    let smtp = SmtpServer::with(&["--port", &port.to_string()]);
    let _service = Process::start(folder.path(), &settings).await;
    let deadline = std::time::Instant::now() + Duration::from_secs(150);
    while std::time::Instant::now() < deadline && smtp.mails().len() < PEOPLE {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mails = smtp.mails();
    for email in people {
        assert_eq!(mails.iter().filter(|mail| mail.recipient() == email).count(), 1, "{email}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_people_get_their_mail_on_sqlite() {
    let database = ("DATABASE_URL".to_owned(), "sqlite://mail.sqlite".to_owned());
    two_hundred_people_get_their_mail(vec![database]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_people_get_their_mail_on_mongodb() {
    two_hundred_people_get_their_mail(crate::support::servers::settings()).await;
}

fn keys(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            members.iter().for_each(|(name, value)| keys(value, &format!("{path}/{name}"), found));
        }
        // Paragraphs may be more or fewer; lists of words may not.
        serde_json::Value::Array(items) if path.starts_with("/common") => {
            found.push(format!("{path}[{}]", items.len()));
        }
        text => {
            let is_empty = text.as_str() == Some("");
            found.push(format!("{path}{}", if is_empty { " is empty" } else { "" }));
        }
    }
}

/// Both catalogues have the same keys, and every mail can be written in both, in both parts.
#[test]
fn both_languages_have_every_key() {
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let english = read(include_str!("../../assets/mail/en.json"));
    let french = read(include_str!("../../assets/mail/fr.json"));
    let (mut one, mut other) = (Vec::new(), Vec::new());
    keys(&english, "", &mut one);
    keys(&french, "", &mut other);
    assert_eq!(one, other);
    assert_ne!(english, french);
}

/// A folder of one's own takes the place of what it has, and a broken one keeps the service from starting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn templates_can_be_replaced_by_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let texts =
        include_str!("../../assets/mail/en.json").replace("Confirm your e-mail address for", "Hail from");
    std::fs::write(folder.path().join("en.json"), texts).unwrap();
    std::fs::write(folder.path().join("layout.txt"), "{{ subject }} {{ link }}").unwrap();
    let settings = [("MAIL_TEMPLATES", path), ("MAIL_FROM", "Acme <hi@acme.example>")];
    let app = MailApp::with(Backend::Embedded, &settings).await;
    register(&app, "ada@example.com").await;
    let mail = app.mail_to("ada@example.com").await;
    assert_eq!((mail.subject(), mail.field("from")), ("Hail from Acme", "Acme <hi@acme.example>"));
    assert!(mail.text().starts_with("Hail from Acme http"), "{}", mail.text());

    std::fs::write(folder.path().join("layout.html"), "{{ unclosed").unwrap();
    let settings =
        [("DATABASE_URL".into(), "sqlite::memory:".into()), ("MAIL_TEMPLATES".into(), path.into())];
    let error = vestibule::app::build(&config(&settings), vestibule::app::Ambient::default()).await;
    let text = error.err().expect("a broken template was taken").to_string();
    assert!(text.contains("layout.html"), "{text}");
}

/// The pages that links lead to do nothing when they are opened, and no header gives their token away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_a_link_uses_nothing_up() {
    let app = MailApp::start(Backend::Embedded).await;
    register(&app, "ada@example.com").await;
    let mail = app.mail_to("ada@example.com").await;
    let (path, fragment) = mail.link().split_once('#').unwrap();
    let path = path.strip_prefix("http://localhost:8080").unwrap();
    assert!(fragment.starts_with("token="), "a token in the path or query would be logged on the way");
    for _ in 0..3 {
        let request = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let page = app.send(request).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert!(page.header("content-security-policy").contains("script-src 'self'"));
    }
    let answer = app.anonymous(&mutation("verifyEmail"), json!({ "input": { "token": mail.token() } })).await;
    assert_eq!(answer.data("/verifyEmail/success"), true);
}

/// `vestibule doctor` beside nothing at all, with a test message, and with a server that is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_sends_a_test_message_and_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let smtp = SmtpServer::start();
    let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let database = setting("DATABASE_URL", "sqlite://doctor.sqlite");
    let doctor = |mail: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.arg("doctor").args(arguments).current_dir(folder.path()).env_clear();
        command.envs([database.clone(), setting("SMTP_URL", mail)]);
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (is_well, text) = doctor(&smtp.url(), &[]);
    assert!(is_well && text.contains("not there yet") && text.contains("takes mail"), "{text}");
    let _service = Process::start(folder.path(), &[database.clone(), setting("SMTP_URL", &smtp.url())]).await;
    let (is_well, text) = doctor(&smtp.url(), &["--mail-to", "operator@example.com"]);
    assert!(is_well && text.contains("outbox    ok        nothing waiting"), "{text}");
    assert_eq!(smtp.last_to("operator@example.com").subject(), "Test message from Vestibule");
    let (is_well, text) = doctor("smtp://127.0.0.1:9", &["--mail-to", "operator@example.com"]);
    assert!(!is_well && text.contains("mail      FAILED"), "{text}");
    // Without a message it connects all the same; what is wrong comes with what helps.
    let (is_well, text) = doctor("smtp://127.0.0.1:9", &["--json"]);
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mail = rows.iter().find(|row| row["part"] == "mail").unwrap();
    assert!(!is_well && mail["state"] == "failed" && mail["remedy"].is_string(), "{text}");
    std::fs::write(folder.path().join(".env"), "SECRET_KEY=\n").unwrap();
    let (_, text) = doctor(&smtp.url(), &[]);
    assert!(text.contains("doubtful") && text.contains("chmod 600 .env"), "{text}");
}

/// Nothing of a mail is in the log, with everything logged that can be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_of_a_mail_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let smtp = SmtpServer::with(&["--auth", "canary-user:canary-password"]);
    let url = format!("smtp://canary-user:canary-password@127.0.0.1:{}", smtp.port);
    let settings = [("RUST_LOG", "trace"), ("SMTP_URL", &url), ("BCRYPT_COST", "4")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut process = Process::start(folder.path(), &settings).await;
    for email in ["canary@example.com", "refuse-canary@example.com"] {
        process.register(email).await.unwrap();
    }
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while std::time::Instant::now() < deadline
        && (!process.log().contains("given up") || smtp.mails().is_empty())
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mail = smtp.last_to("canary@example.com");
    process.terminate();
    process.wait();
    let log = process.log();
    assert!(log.contains("mail sent") && log.contains("given up"), "{log}");
    for secret in ["canary", &mail.token(), &mail.code(), "vot_", "$2b$"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is in the log: {}", line.unwrap_or_default());
    }
}
