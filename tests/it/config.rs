//! Settings: all problems at once, nothing secret in them, and their documentation.

use std::ffi::OsString;

use secrecy::ExposeSecret;
use vestibule::config::{Config, ConfigError, MailTransport, variables};

fn read(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_variables(settings.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
}

fn problems(settings: &[(&str, &str)]) -> Vec<&'static str> {
    read(settings)
        .map_or_else(|error| error.0.iter().map(|problem| problem.variable).collect(), |_| Vec::new())
}

const SECRET: &str = "k2J9sL0qWmZx7vB4nTc8RyUeHd6GfPa1";
/// What production demands.
const PRODUCTION: [(&str, &str); 4] = [
    ("APP_ENV", "production"),
    ("PUBLIC_URL", "https://a.example.com"),
    ("SECRET_KEY", SECRET),
    ("SMTP_URL", "none"),
];

/// The problems of these settings in production.
fn problems_with(settings: &[(&'static str, &'static str)]) -> Vec<&'static str> {
    problems(&[PRODUCTION.as_slice(), settings].concat())
}

#[test]
fn the_defaults_are_good() {
    assert_eq!(problems(&[]), [""; 0]);
}

#[test]
fn all_problems_are_reported_together_with_an_example() {
    let error = read(&[
        ("BIND_ADDR", "nowhere"),
        ("BCRYPT_COST", "3"),
        ("ACCESS_TOKEN_TTL", "five"),
        ("DATABASE_URL", "postgres://x"),
        ("ALLOWED_ORIGINS", "https://ok.example.com,https://bad.example.com/path"),
        ("LOG_FORMAT", "xml"),
    ])
    .unwrap_err();
    let mut found: Vec<_> = error.0.iter().map(|problem| problem.variable).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        ["ACCESS_TOKEN_TTL", "ALLOWED_ORIGINS", "BCRYPT_COST", "BIND_ADDR", "DATABASE_URL", "LOG_FORMAT"]
    );
    assert!(error.to_string().contains("ACCESS_TOKEN_TTL=5m"), "{error}");
}

#[test]
fn no_secret_is_repeated_or_printed() {
    for (name, value) in [
        ("DATABASE_URL", "mongo://user:hunter2@host"),
        ("REDIS_URL", "http://:hunter2@host"),
        ("SECRET_KEY", "hunter2"),
        ("SMTP_URL", "smtp://user:hunter2@h?tls=x"),
        ("CLOUDINARY_URL", "cloudinary://hunter2@"),
    ] {
        let error = read(&[(name, value)]).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let secret = format!("{SECRET}-hunter2");
    let config = read(&[
        ("DATABASE_URL", "mongodb://user:hunter2@host"),
        ("REDIS_URL", "redis://:hunter2@host"),
        ("SECRET_KEY", &secret),
        ("SMTP_URL", "smtp://user:hunter2@mail.example.com"),
        ("CLOUDINARY_URL", "cloudinary://key:hunter2@cloud"),
    ]);
    assert!(!format!("{:?}", config.unwrap()).contains("hunter2"));
}

#[test]
fn mongodb_without_redis_must_be_meant() {
    assert_eq!(problems(&[("DATABASE_URL", "mongodb://localhost")]), ["REDIS_URL"]);
    assert_eq!(problems(&[("DATABASE_URL", "mongodb://localhost"), ("CACHE", "local")]), [""; 0]);
    assert_eq!(
        problems(&[("DATABASE_URL", "mongodb+srv://h.example.com"), ("REDIS_URL", "rediss://h:6379")]),
        [""; 0]
    );
    assert_eq!(problems(&[("CACHE", "local"), ("REDIS_URL", "redis://h")]), ["CACHE"]);
}

#[test]
fn every_form_of_redis_url_is_known() {
    for url in [
        "redis://h",
        "rediss://default:p@h:6379",
        "redis-cluster://h:1?node=i:2",
        "redis-sentinel://h:1?sentinelServiceName=m",
    ] {
        assert_eq!(problems(&[("REDIS_URL", url)]), [""; 0], "{url}");
    }
    assert_eq!(problems(&[("REDIS_URL", "https://h")]), ["REDIS_URL"]);
}

#[test]
fn production_refuses_what_is_only_safe_at_home() {
    let found = problems(&[("APP_ENV", "production")]);
    assert_eq!(found, ["PUBLIC_URL", "SECRET_KEY", "SMTP_URL"]);
    let good = PRODUCTION;
    assert_eq!(problems(&good), [""; 0]);
    for weak in [
        "short",
        "changeme-changeme-changeme-changeme",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "example-secret-example-secret-1234",
    ] {
        assert_eq!(problems_with(&[("SECRET_KEY", weak)])[..1], ["SECRET_KEY"], "{weak}");
    }
    assert_eq!(problems_with(&[("BCRYPT_COST", "4")]), ["BCRYPT_COST"]);
    assert_eq!(problems_with(&[("ALLOWED_ORIGINS", "http://a.example.com")]), ["ALLOWED_ORIGINS"]);
    assert_eq!(problems_with(&[("ACCOUNT_PAGES_URL", "http://a.example.com/")]), ["ACCOUNT_PAGES_URL"]);
    let config = read(&good).unwrap();
    assert!(!config.graphql.introspection && !config.graphql.playground && config.http.secure_cookies);
}

#[test]
fn introspection_or_playground_is_on_in_production_only_on_purpose() {
    for name in ["INTROSPECTION", "PLAYGROUND"] {
        assert_eq!(problems_with(&[(name, "on")]), [name], "left on by accident");
        assert_eq!(problems_with(&[(name, "public")]), [""; 0], "said on purpose");
        assert_eq!(problems_with(&[(name, "off")]), [""; 0]);
    }
}

#[test]
fn mail_is_protected_on_its_way() {
    let from = ("MAIL_FROM", "Example <accounts@example.com>");
    for (url, faulty) in [
        ("smtp://mail.example.com", None),
        ("smtp://us%40er:p%3Aw@mail.example.com:2525?tls=required", None),
        ("smtps://user:pw@mail.example.com", None),
        ("smtp://127.0.0.1:25", None),
        ("smtp://mail.example.com?tls=none", Some("SMTP_URL")),
        ("smtp://mail.example.com?tls=opportunistic", Some("SMTP_URL")),
        ("smtp://user@mail.example.com", Some("SMTP_URL")),
        ("smtp://", Some("SMTP_URL")),
        ("https://mail.example.com", Some("SMTP_URL")),
        ("mail.example.com:25", Some("SMTP_URL")),
    ] {
        assert_eq!(
            problems_with(&[("SMTP_URL", url), from]),
            faulty.map_or(vec![], |one| vec![one]),
            "{url}"
        );
    }
    assert_eq!(problems_with(&[("SMTP_URL", "smtps://mail.example.com")]), ["MAIL_FROM"]);
    let MailTransport::Smtp(smtp) =
        read(&[("SMTP_URL", "smtp://us%40er:p%3A+w@h:2525?tls=required")]).unwrap().mail.transport
    else {
        panic!("no mail server")
    };
    let (user, password) = smtp.credentials.unwrap();
    assert_eq!((user.as_str(), password.expose_secret(), smtp.port), ("us@er", "p:+w", 2525));
    let text = read(&[("SMTP_URL", "smtp://user:hunter2@h?tls=perhaps")]).unwrap_err().to_string();
    assert!(text.contains("SMTP_URL") && !text.contains("hunter2"), "{text}");
}

#[test]
fn settings_of_accounts_have_bounds() {
    for (name, value) in [
        ("REQUIRE_VERIFIED_EMAIL", "perhaps"),
        ("REGISTRATION_PRIVACY", "some"),
        ("DELETION_GRACE", "400d"),
        ("RESET_TTL", "1s"),
        ("VERIFICATION_TTL", "31d"),
        ("PASSWORD_MIN_SCORE", "5"),
        ("PASSWORD_BLOCKLIST", "/nowhere/to/be/found"),
        ("BREACHED_PASSWORDS_URL", "https://x.example/range"),
        ("BREACHED_PASSWORDS_FAIL", "maybe"),
        ("CLOUDINARY_URL", "cloudinary://key@cloud"),
        ("CLOUDINARY_FOLDER", "../up"),
        ("MAIL_TEMPLATES", "/nowhere/to/be/found"),
        ("MAIL_FROM", "nobody"),
        ("SMTP_CA_FILE", "/nowhere/to/be/found"),
    ] {
        assert_eq!(problems(&[(name, value)]), [name], "{value}");
    }
    let strict = read(&[("REGISTRATION_PRIVACY", "strict")]).unwrap().accounts;
    assert!(strict.private_registration && strict.require_verified_email);
}

#[test]
fn the_example_file_documents_every_variable_with_its_default() {
    let file = include_str!("../../.env.example");
    let documented: Vec<(&str, &str)> = file
        .lines()
        .filter_map(|line| line.strip_prefix('#').filter(|line| !line.starts_with(' '))?.split_once('='))
        .collect();
    let known: Vec<(&str, &str)> =
        variables::ALL.iter().map(|variable| (variable.name, variable.default)).collect();
    assert_eq!(documented, known, "the variables of .env.example and src/config/variables.rs differ");
    for variable in variables::ALL {
        assert!(
            file.contains(&format!("# {}\n", variable.summary)),
            "{} is described differently",
            variable.name
        );
    }
    for line in file.lines() {
        assert!(line.is_empty() || line.starts_with('#'), "{line:?} would set something");
    }
}

#[test]
fn the_readme_lists_every_variable() {
    let readme = include_str!("../../README.md");
    let missing: Vec<_> = variables::ALL
        .iter()
        .filter(|variable| !readme.contains(&format!("| `{}` | ", variable.name)))
        .map(|variable| variable.name)
        .collect();
    assert!(missing.is_empty(), "not in the table of README.md: {missing:?}");
}
