//! Every variable the service reads. A setting cannot be read without standing here, and
//! `.env.example` is checked against this table, so the documentation cannot fall behind.

/// One environment variable.
#[derive(Debug)]
pub struct Variable {
    /// The name.
    pub name: &'static str,
    /// The value that holds when it is not set; empty where there is none.
    pub default: &'static str,
    /// A good value, shown when a bad one was found.
    pub example: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
}

macro_rules! variables {
    ($($constant:ident { $default:literal, $example:literal, $summary:literal })+) => {
        $(
            #[doc = concat!("`", stringify!($constant), "`.")]
            pub const $constant: Variable = Variable {
                name: stringify!($constant), default: $default, example: $example, summary: $summary,
            };
        )+

        /// All of them, in the order of the documentation.
        pub const ALL: &[&Variable] = &[$(&$constant,)+];
    };
}

variables! {
    APP_ENV { "development", "production", "`development` or `production`; production refuses settings that are only safe at home." }
    BIND_ADDR { "127.0.0.1:8080", "0.0.0.0:8080", "Address and port to listen on." }
    PUBLIC_URL { "http://localhost:8080", "https://accounts.example.com", "Where clients reach the service; the issuer of tokens. Must be https in production." }
    ALLOWED_ORIGINS { "", "https://app.example.com,https://www.example.com", "Other origins whose pages may call the service, with cookies; exact, separated by commas." }
    TRUSTED_PROXIES { "", "10.0.0.0/8,192.168.1.4", "Addresses or networks of reverse proxies that are believed about whom they forward for, separated by commas." }
    PROXY_HEADER { "x-forwarded-for", "forwarded", "The header in which they tell it, `x-forwarded-for` or `forwarded` (RFC 7239); the other is not looked at." }
    REQUEST_TIMEOUT { "30s", "30s", "How long a request may take, 1s to 10m." }
    SHUTDOWN_TIMEOUT { "30s", "30s", "How long requests in flight may take to finish when the service stops, up to 10m." }
    SHUTDOWN_DELAY { "0s", "5s", "How long the service goes on taking requests after it has said that it is not ready any more, when it stops; up to 5m. Longer than a load balancer takes to notice." }
    METRICS_BIND { "", "127.0.0.1:9090", "Address and port of a listener of its own for operators: /metrics and the health of the parts. Without it only a service in development tells them." }
    REQUIRE_CACHE { "off", "on", "`on`: without Redis the service is not ready. `off`: it works from the store alone, slower." }
    DATABASE_URL { "sqlite://data/vestibule.sqlite", "mongodb://localhost:27017/vestibule", "`sqlite://FILE`, `sqlite::memory:`, `mongodb://…` or `mongodb+srv://…`." }
    REDIS_URL { "", "redis://localhost:6379", "`redis://`, `rediss://` (TLS), `redis-cluster://` or `redis-sentinel://`; without it the cache is in the process." }
    REDIS_CA_FILE { "", "/etc/ssl/redis-ca.pem", "PEM file of the authority that signed the certificate of Redis, if it is not a public one." }
    REDIS_KEY_PREFIX { "vestibule", "accounts", "What every key in Redis starts with: letters, digits, `-` and `_`." }
    CACHE { "", "local", "`local` says that MongoDB without REDIS_URL is meant: one node, cache in the process." }
    SECRET_KEY { "", "at least 32 characters, as from `openssl rand -base64 32`", "Seals the signing keys in the database. Several, separated by commas: the first seals, all open. Required in production." }
    SIGNING_ALGORITHM { "EdDSA", "ES256", "What new signing keys sign access tokens with: `EdDSA`, `ES256` or `RS256`." }
    SIGNING_KEY_FILE { "", "/etc/vestibule/signing.pem", "PEM file (PKCS#8) with a signing key of your own, of Ed25519, P-256 or RSA; without it keys are made and replaced by the service." }
    KEY_ROTATION { "90d", "90d", "After how long in use a signing key is replaced, 1m to 3650d; 0s for never." }
    KEY_PUBLISH_AHEAD { "10m", "10m", "How long a new signing key is published before it signs, 3s to 30d: longer than other services keep the key set." }
    CLOCK_LEEWAY { "0s", "2s", "How far the clocks of the nodes may be apart, 0s to 5m; tokens and grace windows last this much longer." }
    BCRYPT_COST { "12", "12", "Cost of password hashes, 4 to 31; each step doubles the time." }
    HASH_THREADS { "0", "2", "Threads that hash passwords, 1 to 256; 0 means one for each core." }
    HASH_LANES { "0", "2", "Passwords that a thread hashes at the same time, 1 to 4; 1 leaves it to the bcrypt library, 0 means 2, or 1 in a debug build." }
    HASH_QUEUE { "128", "128", "Password hashes that may wait, 1 to 100000; more are refused with OVERLOADED." }
    HASH_MAX_WAIT { "5s", "5s", "How long a password may wait to be hashed, 1s to 1m; one whose turn comes later is refused with OVERLOADED." }
    ACCESS_TOKEN_TTL { "5m", "5m", "How long an access token is valid, 1s to 1h." }
    SESSION_IDLE_TTL { "14d", "14d", "A session ends when it was not used for this long, 1s to 400d." }
    SESSION_ABSOLUTE_TTL { "90d", "90d", "A session ends this long after its login, 1s to 400d, not less than SESSION_IDLE_TTL." }
    REFRESH_GRACE { "10s", "10s", "For how long a refresh token that was just used still gets the current one, 0s to 5m." }
    SMTP_URL { "", "smtp://user:password@mail.example.com:587", "The mail server: `smtp://` (STARTTLS), `smtps://` (TLS at once); `?tls=required`, `opportunistic` or `none` says otherwise; the word `none` sends no mail. Without it mails are shown at /dev/mail. Required in production." }
    SMTP_CA_FILE { "", "/etc/ssl/mail-ca.pem", "PEM file of the authority that signed the certificate of the mail server, if it is not a public one." }
    MAIL_FROM { "Vestibule <no-reply@localhost>", "Example <accounts@example.com>", "Whom mails are from; its name is what the service is called in them." }
    MAIL_TEMPLATES { "", "/etc/vestibule/mail", "Folder with texts (en.json, fr.json) and layouts (layout.html, layout.txt) that take the place of the built-in ones." }
    ACCOUNT_PAGES_URL { "", "https://app.example.com/account/", "Where the pages are that links of mails lead to; without it those of the service, at PUBLIC_URL/account/." }
    REQUIRE_VERIFIED_EMAIL { "off", "on", "`on` lets nobody log in before their e-mail address is verified." }
    REGISTRATION_PRIVACY { "open", "strict", "`open` answers EMAIL_TAKEN for an address that has an account; `strict` does not tell, writes to its owner, and turns REQUIRE_VERIFIED_EMAIL on." }
    VERIFICATION_TTL { "24h", "24h", "How long the link of a mail can be used that verifies an address, 1m to 30d." }
    RESET_TTL { "30m", "10m", "How long the link of a mail can be used that leads to a new password, 1m to 7d." }
    DELETION_GRACE { "14d", "14d", "How long after deleteAccount a login restores the account, up to 365d; 0s for not at all." }
    PASSWORD_MIN_SCORE { "3", "3", "The least strength of new passwords, 0 to 4, as zxcvbn tells it." }
    PASSWORD_BLOCKLIST { "", "/etc/vestibule/passwords.txt", "File with passwords that are not taken, one a line, in any letter case." }
    BREACHED_PASSWORDS_URL { "", "https://api.pwnedpasswords.com/range/", "Where new passwords are compared with leaked ones, by the first 5 digits of their SHA-1." }
    BREACHED_PASSWORDS_FAIL { "open", "closed", "`open` takes passwords while BREACHED_PASSWORDS_URL does not answer, `closed` does not." }
    CLOUDINARY_URL { "", "cloudinary://key:secret@cloud", "Where pictures of people are kept; without it in AVATAR_DIR." }
    CLOUDINARY_API_URL { "https://api.cloudinary.com", "https://api-eu.cloudinary.com", "The API of Cloudinary." }
    CLOUDINARY_FOLDER { "avatars", "myapp/avatars", "The folder for pictures at Cloudinary." }
    AVATAR_DIR { "data/avatars", "/var/lib/vestibule/avatars", "Folder for pictures of people; several nodes must share it, and a SECRET_KEY." }
    MAX_SOCKETS { "4096", "4096", "WebSocket and event-stream connections at once, 1 to 1000000." }
    MAX_SOCKETS_PER_USER { "20", "20", "The same for one person, 1 to 10000." }
    RATE_LIMITS { "", "login.address=60/5m,register.address=off", "Changes of how often something may be tried, as CLASS.SCOPE=COUNT/TIME, separated by commas; see docs/limits.md. `off` limits nothing, which is refused in production." }
    GRAPHQL_LIMITS { "", "depth=10,complexity=3000,batch=5", "Changes of how much one request may ask for, as NAME=VALUE, separated by commas; see docs/limits.md. `off` limits nothing, which is refused in production." }
    ADMIN_BIND { "", "127.0.0.1:8081", "Address and port of a listener of its own for /admin/graphql; without it that of everybody has it." }
    ADMIN_GRAPHQL_LIMITS { "", "depth=10,complexity=10000", "Changes of how much one request at /admin/graphql may ask for, written like GRAPHQL_LIMITS." }
    BOOTSTRAP_ADMIN_EMAIL { "", "ada@example.com", "Whoever has verified this address becomes administrator, while there is none, and chooses a new password by mail." }
    IMPERSONATION { "off", "on", "`on` lets users with the permission act for others, for half an hour at a time." }
    AUDIT_RETENTION { "400d", "400d", "How long events of the audit log are kept, 1d to 3650d." }
    TRUSTED_DOCUMENTS { "", "/etc/vestibule/documents.json", "File with the documents that may be executed, as the tools of clients write it: `{\"HASH\": \"DOCUMENT\"}` or a manifest of Apollo. Without it any may, and clients may send documents by their hash (automatic persisted queries)." }
    INTROSPECTION { "", "off", "`on`, `off` or `public`: whether the schema can be asked for. On in development, off in production, where only `public` turns it on." }
    FEDERATION { "off", "on", "`on` answers the routers of an Apollo Federation: `_entities` and `_service`." }
    CONSOLE { "", "on", "`on` or `off`: whether /console shows the account and administration pages. On in development, off in production." }
    PLAYGROUND { "", "off", "`on`, `off` or `public`: whether browsers get the playground at /graphql. On in development, off in production, where only `public` turns it on." }
    LOG_FORMAT { "", "json", "`pretty` or `json`. Pretty in development, JSON in production." }
    OTEL_EXPORTER_OTLP_ENDPOINT { "", "http://localhost:4318", "Where traces are sent by OTLP over HTTP, without `/v1/traces`; nowhere if it is not set." }
    OTEL_EXPORTER_OTLP_HEADERS { "", "authorization=Bearer%20abc", "Headers of these requests, as `name=value`, separated by commas, with special characters as in a URL." }
    OTEL_SERVICE_NAME { "vestibule", "accounts", "What the service is called in traces." }
    OTEL_TRACES_SAMPLER_ARG { "1", "0.05", "The share of traces that is sent, 0 to 1." }
    RUST_LOG { "info,fred=error", "vestibule=debug,info", "Which log lines are written, in the syntax of tracing's EnvFilter." }
}
