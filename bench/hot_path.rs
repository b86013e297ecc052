//! The parts of a warm `me`: `cargo bench --bench hot_path --features fuzzing`. Prints first how often one
//! allocates.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark ends when something is wrong, and prints"
)]

mod common;

use std::hint::black_box;

use common::{Bench, ME, post, start};
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use vestibule::{
    domain::{
        Error,
        clock::{Clock, SystemClock},
        ids::{RequestId, SessionId, UserId},
        random::SystemRandom,
    },
    graphql,
};

const QUERY: &str = "{ me { id email name roles createdAt } }";

fn allocations(runtime: &Runtime, bench: &Bench) {
    let ask = || runtime.block_on(post(&bench.app.router, Some(&bench.token), ME));
    for _ in 0..100 {
        ask();
    }
    let measured = allocation_counter::measure(|| drop(ask()));
    println!(
        "one warm me: {} allocations, {} bytes in all, {} at most at a time",
        measured.count_total, measured.bytes_total, measured.bytes_max
    );
}

fn parts(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bench = runtime.block_on(start());
    allocations(&runtime, &bench);
    let (domain, cache) = (&bench.app.domain, &bench.app.cache);
    let (user, session): (UserId, SessionId) =
        (bench.user_id.parse().unwrap(), bench.session_id.parse().unwrap());
    let request = RequestId::generate(SystemClock.now(), &SystemRandom);

    criterion.bench_function("token, verified before", |bencher| {
        bencher.iter(|| runtime.block_on(domain.tokens.verify(black_box(&bench.token))).unwrap());
    });
    criterion.bench_function("cache hit", |bencher| {
        bencher.iter(|| runtime.block_on(cache.load(black_box(&user), &session)).unwrap());
    });
    criterion.bench_function("scan, parse, limits", |bencher| {
        bencher.iter(|| graphql::check_limits(black_box(QUERY), "{}"));
    });
    criterion.bench_function("error mapping", |bencher| {
        bencher.iter(|| graphql::refusal(black_box(&Error::InvalidCredentials), &request));
    });
    criterion.bench_function("me, from request to answer", |bencher| {
        bencher.iter(|| runtime.block_on(post(&bench.app.router, Some(&bench.token), ME)));
    });
}

criterion_group!(benches, parts);
criterion_main!(benches);
