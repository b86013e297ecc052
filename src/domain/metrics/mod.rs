//! What is counted, for those who watch the service; once for the process. No label has a value that clients choose, so
//! that there are as many series as there are names in the schema and kinds of outcome.

mod counters;
mod labels;
mod process;

use std::{sync::LazyLock, time::Duration};

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

pub use counters::{Calls, Lookups, Waiting};
pub use labels::{CallLabels, OperationLabels, OutcomeLabels, SpanLabels};

use self::{
    labels::{CodeLabel, LookupLabels, PoolLabels, RefusalLabels, StatusLabel, TaskLabels, WhyLabel},
    process::Process,
};
use super::{error::ErrorCode, outbox::OutboxSummary, passwords::HashingLoad};

/// Upper bounds of the buckets of times, in seconds.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

type Times<L> = Family<L, Histogram, fn() -> Histogram>;

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

fn times<L: Clone + std::hash::Hash + Eq>() -> Times<L> {
    Family::new_with_constructor(seconds)
}

/// What is counted.
pub struct Metrics {
    registry: Registry,
    process: Registry,
    /// Requests that are being answered.
    pub requests_in_progress: Gauge,
    /// Open connections of the listeners.
    pub connections: Gauge,
    /// Open sockets and event streams.
    pub sockets: Gauge,
    /// Subscriptions that run.
    pub subscriptions: Gauge,
    /// How long a password waits for a hashing thread.
    pub hashing_wait: Histogram,
    /// How long a thread works on it.
    pub hashing: Histogram,
    /// Passwords that were refused, since too many waited.
    pub hashing_refused: Counter,
    /// Looks for an access token that was verified before.
    pub verified_tokens: Lookups,
    /// Looks for a session and its user in this process.
    pub near_copies: Lookups,
    /// The same in Redis.
    pub far_copies: Lookups,
    /// Looks for a document that was read before.
    pub known_documents: Lookups,
    /// Calls of SQLite that only read.
    pub sqlite_reads: Calls,
    /// Calls of SQLite that write.
    pub sqlite_writes: Calls,
    /// Calls of MongoDB.
    pub mongodb: Calls,
    /// Commands to Redis.
    pub redis: Calls,
    /// Connections to MongoDB that are in use.
    pub mongodb_in_use: Gauge,
    /// Connections to MongoDB that are open.
    pub mongodb_open: Gauge,
    /// Reads of SQLite that wait for a thread.
    pub sqlite_waiting_reads: Gauge,
    /// Writes of SQLite that wait for theirs.
    pub sqlite_waiting_writes: Gauge,
    families: Families,
    sampled: Sampled,
}

/// What is counted by labels.
struct Families {
    requests: Family<StatusLabel, Counter>,
    operations: Family<OutcomeLabels, Counter>,
    errors: Family<CodeLabel, Counter>,
    started: Family<WhyLabel, Counter>,
    ended: Family<WhyLabel, Counter>,
    refreshes: Family<WhyLabel, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    tasks: Family<TaskLabels, Counter>,
    operation_times: Times<OperationLabels>,
}

impl Default for Families {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            operations: Family::default(),
            errors: Family::default(),
            started: Family::default(),
            ended: Family::default(),
            refreshes: Family::default(),
            refusals: Family::default(),
            tasks: Family::default(),
            operation_times: times(),
        }
    }
}

/// What others count and is looked at when somebody asks.
#[derive(Default)]
struct Sampled {
    hashing_waiting: Gauge,
    outbox_waiting: Gauge,
    outbox_given_up: Gauge,
    outbox_oldest: Gauge,
}

/// What is counted of this process.
pub fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);
    &METRICS
}

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("vestibule");
        let mut process = Registry::default();
        process.register_collector(Box::new(Process::starting_now()));
        let lookups = Family::<LookupLabels, Counter>::default();
        let calls = Family::<SpanLabels, Counter>::default();
        let call_times = times::<CallLabels>();
        let pool = Family::<PoolLabels, Gauge>::default();
        let call = |store, kind| Calls::of(&CallLabels { store, kind }, &calls, &call_times);
        let connections = |state| pool.get_or_create_owned(&PoolLabels { store: "mongodb", state });
        let waiting = Family::<CallLabels, Gauge>::default();
        let queue = |kind| waiting.get_or_create_owned(&CallLabels { store: "sqlite", kind });
        let this = Self {
            requests_in_progress: Gauge::default(),
            connections: Gauge::default(),
            sockets: Gauge::default(),
            subscriptions: Gauge::default(),
            hashing_wait: seconds(),
            hashing: seconds(),
            hashing_refused: Counter::default(),
            verified_tokens: Lookups::of("verified_token", &lookups),
            near_copies: Lookups::of("near_copy", &lookups),
            far_copies: Lookups::of("redis", &lookups),
            known_documents: Lookups::of("document", &lookups),
            sqlite_reads: call("sqlite", "read"),
            sqlite_writes: call("sqlite", "write"),
            mongodb: call("mongodb", "call"),
            redis: call("redis", "command"),
            mongodb_in_use: connections("in_use"),
            mongodb_open: connections("open"),
            sqlite_waiting_reads: queue("read"),
            sqlite_waiting_writes: queue("write"),
            families: Families::default(),
            sampled: Sampled::default(),
            registry: Registry::default(),
            process,
        };
        let build = vec![("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "The version that runs", Info::new(build));
        registry.register("cache_lookups", "Looks into caches, by layer and outcome", lookups);
        registry.register("store_calls", "Calls of stores and of Redis, by outcome", calls);
        let unit = Unit::Seconds;
        registry.register_with_unit("store_call_duration", "How long they took", unit, call_times);
        registry.register("store_connections", "Connections of the pool", pool);
        registry.register("store_waiting", "Calls that wait for a thread of the embedded store", waiting);
        // Rare and bad: there from the start, so that the first time is a rise.
        for outcome in ["rotated", "replayed", "reused"] {
            drop(this.families.refreshes.get_or_create(&WhyLabel { by: outcome }));
        }
        drop(
            this.families.errors.get_or_create(&CodeLabel { code: ErrorCode::InternalServerError.as_str() }),
        );
        this.register(&mut registry);
        Self { registry, ..this }
    }

    fn register(&self, registry: &mut Registry) {
        let one = |gauge: &Gauge| gauge.clone();
        registry.register(
            "http_requests_in_progress",
            "Requests that are being answered",
            one(&self.requests_in_progress),
        );
        registry.register("http_connections", "Open connections of the listeners", one(&self.connections));
        registry.register("sockets", "Open WebSockets and event streams", one(&self.sockets));
        registry.register("subscriptions", "Subscriptions that run", one(&self.subscriptions));
        let Families {
            requests,
            operations,
            errors,
            started,
            ended,
            refreshes,
            refusals,
            tasks,
            operation_times,
        } = &self.families;
        registry.register("http_requests", "Requests that were answered, by status", requests.clone());
        registry.register("operations", "GraphQL operations, by field and outcome", operations.clone());
        let help = "How long GraphQL operations took";
        registry.register_with_unit("operation_duration", help, Unit::Seconds, operation_times.clone());
        registry.register("graphql_errors", "Errors in answers, by code", errors.clone());
        registry.register("sessions_started", "Sessions that were started, by what", started.clone());
        registry.register("sessions_ended", "Sessions that were ended, by what", ended.clone());
        registry.register("refreshes", "Refresh tokens that were shown, by outcome", refreshes.clone());
        registry.register("rate_limit_refusals", "Attempts too many, by class and scope", refusals.clone());
        registry.register("outbox_tasks", "Tasks of the outbox that were tried, by outcome", tasks.clone());
        let unit = Unit::Seconds;
        let help = "How long passwords waited for a hashing thread";
        registry.register_with_unit("hashing_wait", help, unit.clone(), self.hashing_wait.clone());
        let help = "How long hashing threads worked on one";
        registry.register_with_unit("hashing_duration", help, unit.clone(), self.hashing.clone());
        let sampled = &self.sampled;
        registry.register(
            "hashing_waiting",
            "Passwords that wait for a hashing thread",
            one(&sampled.hashing_waiting),
        );
        registry.register("hashing_refused", "Passwords that were refused", self.hashing_refused.clone());
        registry.register("outbox_waiting", "Tasks that are still to be done", one(&sampled.outbox_waiting));
        registry.register("outbox_given_up", "Tasks that were given up", one(&sampled.outbox_given_up));
        let help = "For how long the oldest task has been due";
        registry.register_with_unit("outbox_oldest", help, unit, one(&sampled.outbox_oldest));
    }

    /// Counts a request that was answered.
    pub fn request(&self, status: u16) {
        self.families.requests.get_or_create(&StatusLabel { status }).inc();
    }

    /// Counts a GraphQL operation, and how long it took.
    pub fn operation(&self, labels: &OutcomeLabels, took: Duration) {
        self.families.operations.get_or_create(labels).inc();
        self.families.operation_times.get_or_create(&labels.operation).observe(took.as_secs_f64());
    }

    /// Counts an operation that goes on.
    pub fn begun(&self, labels: &OutcomeLabels) {
        self.families.operations.get_or_create(labels).inc();
    }

    /// Counts an error of an answer.
    pub fn error(&self, code: &'static str) {
        self.families.errors.get_or_create(&CodeLabel { code }).inc();
    }

    /// Counts a session that was started.
    pub fn session_started(&self, by: &'static str) {
        self.families.started.get_or_create(&WhyLabel { by }).inc();
    }

    /// Counts sessions that were ended.
    pub fn sessions_ended(&self, by: &'static str, count: u64) {
        self.families.ended.get_or_create(&WhyLabel { by }).inc_by(count);
    }

    /// Counts a refresh token that was shown.
    pub fn refresh(&self, outcome: &'static str) {
        self.families.refreshes.get_or_create(&WhyLabel { by: outcome }).inc();
    }

    /// Counts an attempt too many.
    pub fn refusal(&self, class: &'static str, scope: &'static str) {
        self.families.refusals.get_or_create(&RefusalLabels { class, scope }).inc();
    }

    /// Counts an attempt at a task of the outbox.
    pub fn task(&self, kind: &'static str, outcome: &'static str) {
        self.families.tasks.get_or_create(&TaskLabels { kind, outcome }).inc();
    }

    /// Takes what others count.
    pub fn sample(&self, hashing: HashingLoad, outbox: Option<(OutboxSummary, Duration)>) {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.sampled.hashing_waiting.set(number(hashing.waiting));
        if let Some((outbox, age)) = outbox {
            self.sampled.outbox_waiting.set(number(outbox.waiting));
            self.sampled.outbox_given_up.set(number(outbox.given_up));
            self.sampled.outbox_oldest.set(number(age.as_secs()));
        }
    }

    /// Everything in the text format of `OpenMetrics`.
    pub fn render(&self) -> String {
        let mut rendered = String::new();
        let _ = text::encode_registry(&mut rendered, &self.process)
            .and_then(|()| text::encode_registry(&mut rendered, &self.registry))
            .and_then(|()| text::encode_eof(&mut rendered));
        rendered
    }
}
