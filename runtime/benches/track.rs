//! What a tracked event costs: CPU against an empty handler, and durable events a second against the disk's own speed.
//!
//! `cargo bench -p tracardi-runtime --bench track [-- --requests N --clients N]`. Everything is measured in one run on one machine, so
//! that the ratios hold where the figures do not:
//!
//! - the CPU time (user and system) that the server's process spends on a request, for an axum handler that parses the
//!   same payload into types and answers without doing anything, and for `/track` of a session and a profile that the
//!   server knows; same payloads, same connections, same listener;
//! - acknowledged, hence durable, events a second from 1, 16 and 128 clients, against how often a file in the same
//!   directory can be extended by 4 kB and synchronised.
//!
//! Nothing is asserted about time.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise and prints")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use support::{Server, profile_of, scratch};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::task::JoinSet;
use tracardi_process::Supervisor;
use tracardi_process::listen::{self, Limits};
use tracardi_simulate::client::Client;

/// Argument with which this program starts itself as the empty server; it ends when its input does.
const EMPTY: &str = "--serve-empty-handler";
/// Ticks of the CPU times in `/proc`; Linux shows them in hundredths of a second on every platform.
const TICK: Duration = Duration::from_millis(10);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut requests = 20_000;
    let mut clients = vec![1, 16, 128];
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            EMPTY => return runtime().block_on(serve_empty()),
            "--requests" => requests = arguments.next().unwrap().parse().unwrap(),
            "--clients" => clients = vec![arguments.next().unwrap().parse().unwrap()],
            // `cargo bench` says so to every benchmark.
            _ => {}
        }
    }
    runtime().block_on(measure(requests, &clients));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

/// A payload as a typed handler would take it.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is parsed and nothing else")]
struct Payload {
    source: Entity,
    session: Option<Entity>,
    profile: Option<Entity>,
    context: Map<String, Value>,
    events: Vec<Event>,
    options: Map<String, Value>,
}

#[derive(Deserialize, Serialize)]
struct Entity {
    id: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is parsed and nothing else")]
struct Event {
    r#type: String,
    time: Map<String, Value>,
    properties: Map<String, Value>,
    context: Map<String, Value>,
    options: Map<String, Value>,
}

/// What `/track` answers.
#[derive(Serialize)]
struct Answer {
    task: &'static str,
    ux: [(); 0],
    response: Map<String, Value>,
    events: [(); 0],
    profile: Option<Entity>,
    session: Option<Entity>,
    errors: [(); 0],
    warnings: [(); 0],
}

async fn empty(axum::Json(payload): axum::Json<Payload>) -> axum::Json<Answer> {
    axum::Json(Answer {
        task: "00000000-0000-4000-8000-000000000000",
        ux: [],
        response: Map::new(),
        events: [],
        profile: payload.profile,
        session: payload.session,
        errors: [],
        warnings: [],
    })
}

/// The child: prints its address and serves.
async fn serve_empty() {
    let supervisor = Supervisor::new();
    let bound = listen::bind("empty server", "127.0.0.1:0").await.unwrap();
    println!("{}", bound.address());
    let router = axum::Router::new().route("/track", axum::routing::post(empty));
    listen::serve(&supervisor, bound, router, Limits::default());
    std::thread::spawn(|| {
        // The input ends with the parent, however that ends.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0)
    });
    supervisor.run_until(std::future::pending()).await.unwrap();
}

/// One client's session, with the payload of which each request is a variation.
struct Visitor {
    client: Client,
    body: Value,
    number: usize,
}

impl Visitor {
    fn new(client: Client, name: &str) -> Self {
        let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
        let body = json!({
            "source": {"id": support::SOURCE},
            "session": {"id": format!("session-{name}")},
            "profile": null,
            "context": {
                "time": {"local": "2026-03-01T10:00:00.000Z", "tz": "Europe/Warsaw"},
                "browser": {"local": {
                    "browser": {"name": "Chrome", "engine": "Gecko", "userAgent": agent, "language": "pl-PL", "cookieEnabled": true},
                    "device": {"platform": "Win32"}
                }},
                "screen": {"local": {"width": 1920, "height": 1080, "colorDepth": 24, "orientation": "landscape-primary"}}
            },
            "options": {},
            "events": [{
                "type": "page-view",
                "time": {"create": "2026-03-01T10:00:00.000Z"},
                "properties": {"id": "", "category": "shoes"},
                "options": {},
                "context": {"page": {
                    "url": "https://shop.example/shoes/sh-1001", "path": "/shoes/sh-1001", "title": "Trail Runner Fell",
                    "referer": {"host": "www.google.com", "query": ""}, "history": {"length": 3}
                }}
            }]
        });
        Self { client, body, number: 0 }
    }

    /// The next page view: another event, hence other bytes.
    async fn send(&mut self) -> tracardi_simulate::client::Answer {
        self.number += 1;
        self.body["events"][0]["properties"]["id"] = format!("page-{}", self.number).into();
        // As a browser says it: now.
        self.body["events"][0]["time"]["create"] = jiff::Timestamp::now().to_string().into();
        let body = self.body.to_string();
        let answer =
            self.client.request("POST", "/track", &[("content-type", "application/json")], body.as_bytes()).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.detail());
        answer
    }
}

/// Sends `requests` from `clients` connections, after a first request of each that makes session and profile. Gives the
/// time from the first to the last answer, and the CPU time of the process `pid` in it.
async fn load(
    connect: impl Fn() -> Client,
    pid: u32,
    clients: usize,
    requests: usize,
    name: &str,
) -> (Duration, Duration) {
    let mut visitors = Vec::new();
    for number in 0..clients {
        let mut visitor = Visitor::new(connect(), &format!("{name}-{number}"));
        if name != "empty" {
            let profile = profile_of(&visitor.send().await);
            visitor.body["profile"] = json!({ "id": profile });
        }
        // The second request finds everything in place.
        for _ in 0..2 {
            visitor.send().await;
        }
        visitors.push(visitor);
    }
    let (began, cpu) = (Instant::now(), cpu_time(pid));
    let mut tasks = JoinSet::new();
    for mut visitor in visitors {
        tasks.spawn(async move {
            for _ in 0..requests / clients {
                visitor.send().await;
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    (began.elapsed(), cpu_time(pid).saturating_sub(cpu))
}

/// User and system time of a process, all its threads together.
fn cpu_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in brackets may contain anything; the fields behind it are numbered from 3 in proc(5).
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u32 = fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap();
    TICK * ticks
}

/// How often a second a file can be extended by 4 kB and synchronised.
fn syncs_per_second(directory: &Path) -> f64 {
    let path = directory.join("syncs");
    let mut file = std::fs::File::create(&path).unwrap();
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < Duration::from_secs(2) && count < 50_000 {
        file.write_all(&[count.to_le_bytes()[0]; 4096]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    let rate = f64::from(count) / began.elapsed().as_secs_f64();
    std::fs::remove_file(path).unwrap();
    rate
}

fn micros(time: Duration, requests: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let requests = requests as f64;
    time.as_secs_f64() * 1e6 / requests
}

async fn measure(requests: usize, clients: &[usize]) {
    let directory = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), directory.path());
    let ready = server.start().await;
    server.create_source().await;
    let busy = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let busy = busy.split(' ').next().unwrap_or_default();
    println!("ready after {ready:.0?}; {requests} requests each; load average of the machine before: {busy}");

    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .arg(EMPTY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).await.unwrap();
    let address = format!("http://{}", address.trim());
    let empty = || Client::new(address.parse().unwrap(), Duration::from_secs(20));

    println!("\nCPU time of the server per request");
    println!("{:>8} {:>16} {:>12} {:>8}", "clients", "empty handler", "/track", "ratio");
    for &clients in clients {
        let (_, nothing) = load(empty, child.id().unwrap(), clients, requests, "empty").await;
        let (_, track) = load(|| server.public(), server.pid(), clients, requests, &format!("cpu-{clients}")).await;
        let (nothing, track) = (micros(nothing, requests), micros(track, requests));
        println!("{clients:>8} {nothing:>13.1} µs {track:>9.1} µs {:>8.1}", track / nothing);
    }

    println!("\nDurable events a second, and how often the disk can do 4 kB and fdatasync just before");
    println!("{:>8} {:>12} {:>10} {:>16} {:>14}", "clients", "events/s", "syncs/s", "events per sync", "ms per answer");
    for &clients in clients {
        let syncs = syncs_per_second(&server.data());
        let (time, _) = load(|| server.public(), server.pid(), clients, requests, &format!("durable-{clients}")).await;
        let rate = 1e6 / micros(time, requests);
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let latency = clients as f64 * 1000.0 / rate;
        println!("{clients:>8} {rate:>12.0} {syncs:>10.0} {:>16.2} {latency:>14.2}", rate / syncs);
    }
    child.kill().await.unwrap();
    server.stop().await;
}
