//! What is counted of one thing, ready to be counted without looking it up.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram};
use tracing::{Instrument, Span};

use super::{
    Times,
    labels::{CallLabels, LookupLabels, SpanLabels},
};
use crate::domain::{
    store::{StoreError, StoreResult},
    traces::trace_part,
};

/// Hits and misses of a cache.
pub struct Lookups {
    hits: Counter,
    misses: Counter,
}

impl Lookups {
    pub(super) fn of(layer: &'static str, all: &Family<LookupLabels, Counter>) -> Self {
        let counter = |outcome| all.get_or_create_owned(&LookupLabels { layer, outcome });
        Self { hits: counter("hit"), misses: counter("miss") }
    }

    /// Counts a look.
    pub fn note(&self, is_hit: bool) {
        let counter = if is_hit { &self.hits } else { &self.misses };
        counter.inc();
    }
}

/// Something that is there until it is dropped, whatever becomes of it.
pub struct Waiting(Gauge);

impl Waiting {
    /// Counts it.
    pub fn begin(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Calls of something outside the process, or of a database in it.
pub struct Calls {
    labels: CallLabels,
    done: Counter,
    refused: Counter,
    failed: Counter,
    seconds: Histogram,
}

impl Calls {
    pub(super) fn of(
        labels: &CallLabels,
        all: &Family<SpanLabels, Counter>,
        times: &Times<CallLabels>,
    ) -> Self {
        let counter = |outcome| {
            let CallLabels { store, kind } = *labels;
            all.get_or_create_owned(&SpanLabels { store, kind, outcome })
        };
        Self {
            labels: labels.clone(),
            done: counter("ok"),
            refused: counter("conflict"),
            failed: counter("failed"),
            seconds: times.get_or_create_owned(labels),
        }
    }

    /// Awaits a call of a store, and counts it.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn store<T>(&self, call: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
        let began = Instant::now();
        let outcome = call.instrument(self.part()).await;
        self.seconds.observe(began.elapsed().as_secs_f64());
        let counter = match &outcome {
            Ok(_) => &self.done,
            Err(StoreError::Conflict(_)) => &self.refused,
            Err(StoreError::Unavailable | StoreError::Corrupt) => &self.failed,
        };
        counter.inc();
        outcome
    }

    /// A span for such a call.
    pub fn part(&self) -> Span {
        // What nobody has asked for is no trace of its own.
        if !tracing::enabled!(target: "vestibule::spans", tracing::Level::TRACE) || Span::current().is_none()
        {
            return Span::none();
        }
        trace_part!(
            "store",
            otel.kind = "client",
            db.system.name = self.labels.store,
            kind = self.labels.kind
        )
    }

    /// Counts a call that could not be made.
    pub fn miss(&self) {
        self.failed.inc();
    }

    /// Counts a call that was made, and how long it took.
    pub fn note(&self, took: Duration, is_done: bool) {
        self.seconds.observe(took.as_secs_f64());
        let counter = if is_done { &self.done } else { &self.failed };
        counter.inc();
    }
}
