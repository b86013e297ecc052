//! Counters of what is tried, shared by all nodes. Each counts by itself as well, and goes by that while Redis
//! does not answer: an outage gives nobody another burst at a node that has seen theirs.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use fred::interfaces::{FredResult, KeysInterface};

use super::{
    connection::Connection,
    scripts::{BEGIN_ATTEMPT, GIVE_BACK, Step, TAKE, UNDO_ATTEMPT},
};
use crate::{
    cache::LocalRates,
    domain::{
        clock::Instant,
        rate_limits::{FAILURES, Quota, RateCounters, Taken},
        sessions::CacheResult,
    },
};

pub(super) struct RedisRates {
    connection: Arc<Connection>,
    prefix: String,
    alone: LocalRates,
}

impl RedisRates {
    pub(super) fn new(connection: Arc<Connection>, prefix: &str) -> Self {
        Self { connection, prefix: format!("{prefix}:rate"), alone: LocalRates::default() }
    }

    fn key(&self, key: &str) -> String {
        format!("{}:{key}", self.prefix)
    }

    async fn run(&self, step: &Step, key: &str, arguments: Vec<String>) -> CacheResult<i64> {
        step.run(&self.connection, vec![self.key(key)], arguments).await
    }
}

fn taken(milliseconds: i64) -> Taken {
    if milliseconds > 0 { Taken::no(TimeDelta::milliseconds(milliseconds)) } else { Taken::Yes }
}

/// Milliseconds with the part that is less than one.
fn milliseconds(time: TimeDelta) -> String {
    let micros = time.num_microseconds().unwrap_or(i64::MAX);
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}

#[async_trait]
impl RateCounters for RedisRates {
    async fn take(&self, key: &str, quota: Quota, now: Instant) -> Taken {
        let times = [quota.interval(), quota.tolerance()].map(milliseconds);
        let arguments = [vec![now.timestamp_millis().to_string()], times.into()].concat();
        let alone = self.alone.take(key, quota, now).await;
        match self.run(&TAKE, key, arguments).await {
            Ok(wait) => taken(wait),
            Err(_) => alone,
        }
    }

    async fn give_back(&self, key: &str, quota: Quota) {
        self.alone.give_back(key, quota).await;
        // What Redis has not heard of ends there by itself.
        let _ = self.run(&GIVE_BACK, key, vec![milliseconds(quota.interval())]).await;
    }

    async fn begin(&self, key: &str, now: Instant) -> Taken {
        let times =
            [FAILURES.first_wait, FAILURES.longest_wait, FAILURES.kept].map(|time| time.num_milliseconds());
        let [first, longest, kept] = times.map(|time| time.to_string());
        let (free, most) = (FAILURES.free.to_string(), FAILURES.most.to_string());
        let arguments = vec![now.timestamp_millis().to_string(), free, first, longest, most, kept];
        let alone = self.alone.begin(key, now).await;
        match self.run(&BEGIN_ATTEMPT, key, arguments).await {
            Ok(0) => Taken::Yes,
            Ok(wait) => {
                if alone == Taken::Yes {
                    self.alone.undo(key, now).await;
                }
                taken(wait)
            }
            Err(_) => alone,
        }
    }

    async fn undo(&self, key: &str, now: Instant) {
        let arguments = vec![now.timestamp_millis().to_string(), FAILURES.free.to_string()];
        self.alone.undo(key, now).await;
        let _ = self.run(&UNDO_ATTEMPT, key, arguments).await;
    }

    async fn forget(&self, key: &str) {
        self.alone.forget(key).await;
        let Ok(client) = self.connection.client() else { return };
        let deleted: FredResult<i64> = client.del(self.key(key)).await;
        let _ = client.judge(deleted);
    }
}
