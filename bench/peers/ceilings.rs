//! What nothing that does more can be faster than: a bare axum server, one that asks Redis once, one with
//! async-graphql and a constant `me` behind a checked token, and bcrypt on all cores.
//!
//! `cargo bench --bench ceilings -- http --port 4001`

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends when something is wrong, and prints"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_graphql::{EmptyMutation, EmptySubscription, Object, Request, Schema, SimpleObject};
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::post,
};
use clap::{Parser, Subcommand};
use fred::prelude::{Builder, ClientLike, Config, KeysInterface};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// About what the service answers to `me`.
const ANSWER: &str = r#"{"data":{"me":{"id":"user_01m81hkvy9fypsrvx92zcchh5e","email":"ada@example.com","name":"Ada Lovelace","roles":["user"],"createdAt":"2026-11-22T11:52:41.161Z"}}}"#;
const SECRET: &[u8] = b"a secret of a benchmark and of nothing else";

#[derive(Parser)]
#[command(name = "ceilings")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Cargo says it to every benchmark.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Command {
    /// A constant answer.
    Http {
        #[arg(long)]
        port: u16,
    },
    /// The same after one GET of Redis.
    Redis {
        #[arg(long)]
        port: u16,
        #[arg(long)]
        redis: String,
    },
    /// A constant `me` of a schema, for those with a good token (HS256).
    Graphql {
        #[arg(long)]
        port: u16,
    },
    /// The bcrypt crate on threads of its own.
    Bcrypt {
        #[arg(long)]
        seconds: f64,
        #[arg(long)]
        threads: usize,
        #[arg(long, default_value_t = 10)]
        cost: u32,
    },
}

#[tokio::main]
async fn main() {
    match Arguments::parse().command {
        Command::Http { port } => serve(port, Router::new().route("/graphql", post(constant)), &[]).await,
        Command::Redis { port, redis } => {
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
            let pool = Builder::from_config(Config::from_url(&redis).unwrap()).build_pool(2).unwrap();
            pool.init().await.unwrap();
            let _: () = pool.set("bench:ceiling", "1", None, None, false).await.unwrap();
            serve(port, Router::new().route("/graphql", post(after_redis)).with_state(pool), &[]).await;
        }
        Command::Graphql { port } => {
            let router = Router::new().route("/graphql", post(graphql));
            let schema = Schema::new(Query, EmptyMutation, EmptySubscription);
            let keys = DecodingKey::from_secret(SECRET);
            let claims = Claims { sub: "user_01m81hkvy9fypsrvx92zcchh5e".into(), exp: 4_000_000_000 };
            let token = jsonwebtoken::encode(
                &Header::new(Algorithm::HS256),
                &claims,
                &EncodingKey::from_secret(SECRET),
            );
            let state = Arc::new((schema, keys, Validation::new(Algorithm::HS256)));
            serve(port, router.with_state(state), &[format!("token {}", token.unwrap())]).await;
        }
        Command::Bcrypt { seconds, threads, cost } => hash(seconds, threads, cost),
    }
}

async fn serve(port: u16, router: Router, says: &[String]) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    println!("listening");
    for line in says {
        println!("{line}");
    }
    axum::serve(listener, router).await.unwrap();
}

async fn constant(_body: Bytes) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], ANSWER)
}

async fn after_redis(State(pool): State<fred::clients::Pool>, _body: Bytes) -> impl IntoResponse {
    let found: Option<String> = pool.get("bench:ceiling").await.unwrap();
    assert!(found.is_some());
    ([(header::CONTENT_TYPE, "application/json")], ANSWER)
}

struct Query;

#[derive(SimpleObject)]
struct User {
    id: String,
    email: String,
    name: String,
    roles: Vec<String>,
    created_at: String,
}

#[Object]
impl Query {
    async fn me(&self) -> Option<User> {
        Some(User {
            id: "user_01m81hkvy9fypsrvx92zcchh5e".into(),
            email: "ada@example.com".into(),
            name: "Ada Lovelace".into(),
            roles: vec!["user".into()],
            created_at: "2026-11-22T11:52:41.161Z".into(),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
}

type Shared = Arc<(Schema<Query, EmptyMutation, EmptySubscription>, DecodingKey, Validation)>;

async fn graphql(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> impl IntoResponse {
    let (schema, key, validation) = &*shared;
    let token =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let claims = token.and_then(|token| jsonwebtoken::decode::<Claims>(token, key, validation).ok());
    if claims.is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(schema.execute(request).await).into_response()
}

fn hash(seconds: f64, threads: usize, cost: u32) {
    let (is_over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let workers: Vec<_> = (0..threads)
        .map(|number| {
            let (is_over, count) = (is_over.clone(), count.clone());
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::black_box(bcrypt::bcrypt(
                        cost,
                        [u8::try_from(number).unwrap(); 16],
                        b"correct horse\0",
                    ));
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let started = Instant::now();
    std::thread::sleep(Duration::from_secs_f64(seconds));
    #[expect(clippy::cast_precision_loss, reason = "it is printed")]
    let rate = count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    is_over.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.join().unwrap();
    }
    println!("{{\"hashesPerSecond\":{rate:.2}}}");
}
