//! A load generator for one operation at a time: HTTP/1.1 over loopback, so lean that it is not what is
//! measured. Closed loop by default: each connection sends its next request when it has the answer. With
//! `--rate` open loop: requests are sent when their time has come, and latency counts from then, so that a
//! server that stalls cannot hide it.
//!
//! `cargo bench --bench load -- --help`

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark ends when something is wrong, and prints"
)]

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The most requests of one run, whatever else is said.
const MOST: u64 = 50_000_000;
const LONGEST: f64 = 600.0;

#[derive(Parser, Clone)]
#[command(name = "load")]
struct Arguments {
    /// Where to, on a loopback address.
    #[arg(long)]
    url: String,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How long to measure.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How long to send before that.
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// Requests a second over all connections; as many as there can be without it.
    #[arg(long)]
    rate: Option<f64>,
    /// No more requests than this.
    #[arg(long, default_value_t = MOST)]
    max_requests: u64,
    /// The body; `{n}` is a number that counts up, `{token}` the refresh token of the chain.
    #[arg(long)]
    body: String,
    /// The first number.
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// A bearer token.
    #[arg(long)]
    token: Option<String>,
    /// A file with bearer tokens, one a line, used in turn.
    #[arg(long)]
    tokens: Option<PathBuf>,
    /// A Cookie header.
    #[arg(long)]
    cookie: Option<String>,
    /// What every answer must contain.
    #[arg(long, default_value = "\"data\"")]
    expect: String,
    /// Takes the refresh token of each answer for the next request of its connection.
    #[arg(long)]
    chain: bool,
    /// A file with the first refresh token of each connection.
    #[arg(long)]
    refresh_tokens: Option<PathBuf>,
    /// A file for the members of answers that `--keep` names, one a line.
    #[arg(long)]
    keep_to: Option<PathBuf>,
    /// A member of the answers, such as accessToken.
    #[arg(long, default_value = "accessToken")]
    keep: String,
    /// Cargo says it to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

struct Shared {
    arguments: Arguments,
    address: SocketAddr,
    path: String,
    tokens: Vec<String>,
    refresh_tokens: Vec<String>,
    next: AtomicU64,
    is_measuring: AtomicBool,
    is_over: AtomicBool,
    first_error: Mutex<Option<String>>,
    kept: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Tally {
    micros: Vec<u32>,
    errors: u64,
}

fn lines(path: Option<&PathBuf>) -> Vec<String> {
    let text = path.map(|path| std::fs::read_to_string(path).expect("the file cannot be read"));
    text.unwrap_or_default().lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn main() {
    let arguments = Arguments::parse();
    let rest = arguments.url.strip_prefix("http://").expect("the URL must begin with http://");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address: SocketAddr = host.replace("localhost", "127.0.0.1").parse().expect("an address and a port");
    assert!(address.ip().is_loopback(), "only this machine is a target");
    assert!(arguments.seconds + arguments.warmup <= LONGEST, "too long");
    let shared = Arc::new(Shared {
        address,
        path: format!("/{path}"),
        tokens: lines(arguments.tokens.as_ref()),
        refresh_tokens: lines(arguments.refresh_tokens.as_ref()),
        next: AtomicU64::new(0),
        is_measuring: AtomicBool::new(false),
        is_over: AtomicBool::new(false),
        first_error: Mutex::new(None),
        kept: Mutex::new(Vec::new()),
        arguments,
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(&shared));
}

async fn run(shared: &Arc<Shared>) {
    let arguments = &shared.arguments;
    let began = Instant::now();
    let workers: Vec<_> = (0..arguments.connections)
        .map(|number| tokio::spawn(connection(shared.clone(), number, began)))
        .collect();
    tokio::time::sleep(Duration::from_secs_f64(arguments.warmup)).await;
    shared.is_measuring.store(true, Ordering::Relaxed);
    let (started, cpu) = (Instant::now(), cpu_seconds());
    while started.elapsed().as_secs_f64() < arguments.seconds && !shared.is_over.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    shared.is_over.store(true, Ordering::Relaxed);
    let (mut micros, mut errors) = (Vec::new(), 0);
    for worker in workers {
        // What has not been answered yet is left.
        #[expect(clippy::disallowed_methods, reason = "no call of a store")]
        if let Ok(Ok(tally)) = tokio::time::timeout(Duration::from_secs(20), worker).await {
            micros.extend(tally.micros);
            errors += tally.errors;
        }
    }
    micros.sort_unstable();
    if let Some(path) = &arguments.keep_to {
        std::fs::write(path, shared.kept.lock().unwrap().join("\n")).unwrap();
    }
    #[expect(clippy::cast_precision_loss, reason = "it is printed")]
    let rps = micros.len() as f64 / seconds;
    let at = |share: usize| micros.get((micros.len() * share / 1_000).min(micros.len().saturating_sub(1)));
    println!(
        "{}",
        json!({
            "requests": micros.len(), "errors": errors, "seconds": seconds, "rps": rps,
            "p50": at(500), "p99": at(990), "p999": at(999), "max": micros.last(), "cpuSeconds": cpu,
            "firstError": *shared.first_error.lock().unwrap(),
        })
    );
}

/// One connection: sends, reads, and again.
async fn connection(shared: Arc<Shared>, number: usize, began: Instant) -> Tally {
    let arguments = &shared.arguments;
    let mut tally = Tally::default();
    let mut stream: Option<TcpStream> = None;
    let mut refresh_token = shared.refresh_tokens.get(number).cloned();
    let mut buffer = Vec::with_capacity(64 * 1024);
    // Over all connections so many a second: each takes its turn.
    let connections = u32::try_from(arguments.connections).expect("fewer connections");
    let pace = arguments.rate.map(|rate| Duration::from_secs_f64(f64::from(connections) / rate));
    let offset = pace.map(|pace| pace * u32::try_from(number).unwrap_or_default() / connections);
    let mut turn = 0_u32;
    while !shared.is_over.load(Ordering::Relaxed) {
        let mut planned = Instant::now();
        if let (Some(pace), Some(offset)) = (pace, offset) {
            planned = began + offset + pace * turn;
            turn += 1;
            tokio::time::sleep_until(planned.into()).await;
        }
        let count = shared.next.fetch_add(1, Ordering::Relaxed);
        if count >= arguments.max_requests {
            shared.is_over.store(true, Ordering::Relaxed);
            break;
        }
        let request = request(&shared, count, refresh_token.as_deref());
        let answered = exchange(&shared, &mut stream, &request, &mut buffer).await;
        let took = planned.elapsed();
        let is_measured =
            shared.is_measuring.load(Ordering::Relaxed) && !shared.is_over.load(Ordering::Relaxed);
        match answered {
            Ok(body) if body.contains(&arguments.expect) => {
                if is_measured {
                    tally.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
                }
                if arguments.chain {
                    refresh_token = member(body, "refreshToken");
                }
                if arguments.keep_to.is_some() {
                    shared.kept.lock().unwrap().extend(member(body, &arguments.keep));
                }
            }
            Ok(body) => {
                tally.errors += 1;
                shared.first_error.lock().unwrap().get_or_insert_with(|| body.chars().take(400).collect());
            }
            Err(error) => {
                tally.errors += 1;
                stream = None;
                shared.first_error.lock().unwrap().get_or_insert_with(|| error.to_string());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    tally
}

fn request(shared: &Shared, count: u64, refresh_token: Option<&str>) -> String {
    let arguments = &shared.arguments;
    let mut body = arguments.body.replace("{n}", &(arguments.start + count).to_string());
    if let Some(token) = refresh_token {
        body = body.replace("{token}", token);
    }
    let listed = (!shared.tokens.is_empty()).then(|| {
        let at = usize::try_from(count).unwrap_or_default() % shared.tokens.len();
        &shared.tokens[at]
    });
    let token = listed.or(arguments.token.as_ref());
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let cookie = arguments.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
    format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: application/json\r\n{authorization}{cookie}Content-Length: {}\r\n\r\n{body}",
        shared.path,
        shared.address,
        body.len()
    )
}

/// Sends a request and reads the whole answer; the body of it.
async fn exchange<'a>(
    shared: &Shared,
    stream: &mut Option<TcpStream>,
    request: &str,
    buffer: &'a mut Vec<u8>,
) -> std::io::Result<&'a str> {
    if stream.is_none() {
        let connected = TcpStream::connect(shared.address).await?;
        connected.set_nodelay(true)?;
        *stream = Some(connected);
    }
    let open = stream.as_mut().expect("it was just opened");
    open.write_all(request.as_bytes()).await?;
    buffer.clear();
    let broken = |what: &str| std::io::Error::other(what.to_owned());
    loop {
        if open.read_buf(buffer).await? == 0 {
            return Err(broken("the connection was closed"));
        }
        let Some(head) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head]).map_err(std::io::Error::other)?;
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let length = length.ok_or_else(|| broken("no Content-Length"))?;
        let closes = text.to_ascii_lowercase().contains("connection: close");
        while buffer.len() < head + 4 + length {
            if open.read_buf(buffer).await? == 0 {
                return Err(broken("the answer was cut off"));
            }
        }
        if closes {
            *stream = None;
        }
        return std::str::from_utf8(&buffer[head + 4..head + 4 + length]).map_err(std::io::Error::other);
    }
}

/// A member that is a string, of JSON without spaces.
fn member(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("\"{name}\":\""))?;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}

/// What this process has used of the processor.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    // The kernel counts in hundredths of a second.
    (ticks(11) + ticks(12)) / 100.0
}
