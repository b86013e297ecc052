//! Asks `me` so often, warm, without a socket: for a counter of instructions. The difference of two runs is what
//! so many requests cost: `scripts/instructions.sh` does that.
//!
//! `cargo bench --bench instructions -- 100`

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark ends when something is wrong, and prints"
)]

mod common;

use common::{ME, post, start};

fn main() {
    let count = std::env::args().find_map(|argument| argument.parse::<u32>().ok()).unwrap_or(100);
    // One thread: what others do would be counted, too.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bench = start().await;
        let mut answer = String::new();
        // The first ones bring it into every cache.
        for _ in 0..20 + count {
            answer = post(&bench.app.router, Some(&bench.token), ME).await;
        }
        assert!(answer.contains(&bench.user_id), "{answer}");
        assert!(!bench.session_id.is_empty());
        println!("{count} times {} bytes", answer.len());
    });
}
