//! Settings: read once from the environment (and `.env`), checked together, typed from there on.

mod accounts;
mod admin;
mod documents;
mod http;
mod keys;
mod limits;
mod mail;
mod security;
mod source;
mod stores;
mod traces;
pub mod variables;

use std::{collections::HashMap, ffi::OsString, fmt, path::PathBuf};

use crate::domain::rate_limits::Policy;
pub use accounts::{AccountConfig, AvatarConfig, CloudinaryConfig, PasswordRules};
pub use admin::AdminConfig;
pub use documents::TrustedDocuments;
pub use http::{HttpConfig, Origin, ProxyConfig, ProxyHeader};
pub use limits::OperationLimits;
pub use mail::{MailConfig, MailTransport, SmtpConfig, SmtpTls};
pub use security::{PasswordConfig, TokenConfig};
use source::Given;
pub use source::{Problem, Source};

pub use stores::{CacheConfig, DatabaseConfig, RedisConfig, SqliteFile};
pub use traces::TraceConfig;

/// Where the service runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// At home: everything is convenient.
    Development,
    /// In the open: what is only safe at home is refused.
    Production,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines, one JSON object a line.
    Json,
}

/// What the GraphQL endpoint takes, and shows of itself.
#[derive(Debug, Clone)]
pub struct GraphqlConfig {
    /// Whether the schema can be asked for.
    pub introspection: bool,
    /// Whether browsers get the playground.
    pub playground: bool,
    /// Whether routers of a federation are answered.
    pub federation: bool,
    /// How much one request may ask for.
    pub limits: OperationLimits,
    /// The documents that may be executed, by their SHA-256; `None` for any.
    pub trusted: Option<TrustedDocuments>,
}

/// What is logged, and how; and where traces go.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// The form of a line.
    pub format: LogFormat,
    /// Which lines are written.
    pub filter: String,
    /// Where traces go, if they are collected.
    pub traces: Option<TraceConfig>,
}

/// Every setting of the service.
#[derive(Debug, Clone)]
pub struct Config {
    given: Given,
    /// Where the service runs.
    pub environment: Environment,
    /// The listener and what it believes.
    pub http: HttpConfig,
    /// The durable store.
    pub database: DatabaseConfig,
    /// The cache.
    pub cache: CacheConfig,
    /// Tokens, sessions and the secrets that seal keys.
    pub tokens: TokenConfig,
    /// Password hashing.
    pub passwords: PasswordConfig,
    /// What a new password must be.
    pub rules: PasswordRules,
    /// Accounts.
    pub accounts: AccountConfig,
    /// Administration and the audit log.
    pub admin: AdminConfig,
    /// Where pictures go.
    pub avatars: AvatarConfig,
    /// Mail.
    pub mail: MailConfig,
    /// How often something may be tried; `None` for as often as anybody likes.
    pub rates: Option<Policy>,
    /// What the GraphQL endpoint takes, and shows of itself.
    pub graphql: GraphqlConfig,
    /// Logs.
    pub log: LogConfig,
}

/// All problems of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(pub Vec<Problem>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of the settings cannot be used:", self.0.len())?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl Config {
    /// Reads `.env`, if there is one, and the environment, which wins.
    ///
    /// # Errors
    /// Every problem found.
    pub fn from_environment() -> Result<Self, ConfigError> {
        let unreadable = |_| {
            // The text of a line may be a secret: only the kind of fault is told.
            let message = ".env cannot be read: every line must be NAME=value".to_owned();
            ConfigError(vec![Problem { variable: ".env", message, example: "value" }])
        };
        let mut values: HashMap<OsString, OsString> = match dotenvy::dotenv_iter() {
            Ok(lines) => lines
                .map(|line| line.map(|(name, value)| (name.into(), value.into())))
                .collect::<Result<_, _>>()
                .map_err(unreadable)?,
            Err(error) if error.not_found() => HashMap::new(),
            Err(error) => return Err(unreadable(error)),
        };
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        values.extend(std::env::vars_os());
        Self::from_variables(values)
    }

    /// Files that settings name and that hold secrets.
    pub fn secret_files(&self) -> Vec<PathBuf> {
        self.given.path(variables::SIGNING_KEY_FILE.name).into_iter().collect()
    }

    /// The names of the settings that have other values in another configuration.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let names = variables::ALL.iter().map(|variable| variable.name);
        names.filter(|name| !self.given.is_same(&other.given, name)).collect()
    }

    /// Reads these variables alone.
    ///
    /// # Errors
    /// Every problem found.
    pub fn from_variables(
        values: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut source = Source::new(values);
        let environment =
            source.parse(&variables::APP_ENV, read_environment).unwrap_or(Environment::Production);
        let database = stores::database(&mut source);
        let http = http::read(&mut source, environment);
        let accounts = accounts::read(&mut source);
        let tokens = security::tokens(&mut source, environment, accounts.as_ref());
        let passwords = security::passwords(&mut source, environment);
        let rules = accounts::rules(&mut source);
        let avatars = accounts::avatars(&mut source, environment);
        let mail = mail::read(&mut source, environment, http.as_ref());
        let cache = stores::cache(&mut source, database.as_ref());
        let graphql = graphql(&mut source, environment);
        let admin = admin::read(&mut source, environment);
        let rates = limits::rates(&mut source, environment);
        let log = log(&mut source, environment);
        let is_mute = mail.as_ref().is_some_and(|mail| matches!(mail.transport, MailTransport::Off));
        if is_mute && accounts.as_ref().is_some_and(|accounts| accounts.require_verified_email) {
            source.problem(&variables::SMTP_URL, "sends no mail, so that no address could ever be verified");
        }
        let (problems, given) = source.into_outcome();
        let read = || {
            Some(Self {
                given,
                environment,
                http: http?,
                database: database?,
                cache: cache?,
                tokens: tokens?,
                passwords,
                rules: rules?,
                accounts: accounts?,
                admin: admin?,
                avatars: avatars?,
                mail: mail?,
                rates,
                graphql,
                log,
            })
        };
        if problems.is_empty() { read().ok_or(ConfigError(problems)) } else { Err(ConfigError(problems)) }
    }
}

fn read_environment(text: &str) -> Result<Environment, String> {
    match text {
        "development" => Ok(Environment::Development),
        "production" => Ok(Environment::Production),
        _ => Err("must be development or production".into()),
    }
}

fn read_is_on(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be on or off".into()),
    }
}

/// What a switch says. `public` is `on` that is meant for everybody.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Switch {
    Unset,
    Off,
    On,
    Public,
}

fn read_switch(text: &str) -> Result<Switch, String> {
    match text {
        "" => Ok(Switch::Unset),
        "off" => Ok(Switch::Off),
        "on" => Ok(Switch::On),
        "public" => Ok(Switch::Public),
        _ => Err("must be on, off or public".into()),
    }
}

fn graphql(source: &mut Source, environment: Environment) -> GraphqlConfig {
    let mut is_on = |variable| {
        let switch = source.parse(variable, read_switch).unwrap_or(Switch::Off);
        match (switch, environment) {
            (Switch::On, Environment::Production) => {
                source.problem(variable, "is on in production; if everybody is meant to have it, say public");
                false
            }
            (Switch::Unset, Environment::Development) | (Switch::On | Switch::Public, _) => true,
            (Switch::Unset, Environment::Production) | (Switch::Off, _) => false,
        }
    };
    let (introspection, playground) = (is_on(&variables::INTROSPECTION), is_on(&variables::PLAYGROUND));
    GraphqlConfig {
        introspection,
        playground,
        federation: source.parse(&variables::FEDERATION, read_is_on).unwrap_or_default(),
        limits: limits::operations(source, &variables::GRAPHQL_LIMITS, environment),
        trusted: documents::trusted(source),
    }
}

fn log(source: &mut Source, environment: Environment) -> LogConfig {
    let default = if environment == Environment::Production { LogFormat::Json } else { LogFormat::Pretty };
    let read = |text: &str| match text {
        "" => Ok(default),
        "pretty" => Ok(LogFormat::Pretty),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be pretty or json".to_owned()),
    };
    let format = source.parse(&variables::LOG_FORMAT, read).unwrap_or(default);
    let read_filter = |text: &str| {
        let checked = tracing_subscriber::EnvFilter::try_new(text);
        checked.map(|_| text.to_owned()).map_err(|_| "is not a filter of log lines".to_owned())
    };
    let filter = source.parse(&variables::RUST_LOG, read_filter).unwrap_or_default();
    LogConfig { format, filter, traces: traces::read(source) }
}
