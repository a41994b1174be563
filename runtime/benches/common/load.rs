//! Visitors that send one request after the other for a while, and what that costs the server.

#![allow(dead_code, reason = "each benchmark uses a part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tracardi_simulate::client::{Answer, Client};

use crate::support::{self, profile_of};

/// Ticks of the CPU times in `/proc`; Linux shows them in hundredths of a second on every platform.
const TICK: Duration = Duration::from_millis(10);

/// One visitor with a connection, a session and a profile that the server knows.
pub(crate) struct Visitor {
    client: Client,
    pub(crate) body: Value,
    number: usize,
}

impl Visitor {
    /// A visitor who sends so many page views in a request.
    pub(crate) fn new(client: Client, name: &str, events: usize) -> Self {
        let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
        let event = json!({
            "type": "page-view",
            "time": {"create": ""},
            "properties": {"id": "", "category": "shoes"},
            "options": {},
            "context": {"page": {
                "url": "https://shop.example/shoes/sh-1001", "path": "/shoes/sh-1001", "title": "Trail Runner Fell",
                "referer": {"host": "www.google.com", "query": ""}, "history": {"length": 3}
            }}
        });
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
            "events": vec![event; events]
        });
        Self { client, body, number: 0 }
    }

    /// The next page views: other events, hence other bytes; they take place now, as a browser says it.
    pub(crate) async fn send(&mut self) -> Answer {
        self.number += 1;
        let now = Value::from(tracardi_process::SystemClock::shared().now().to_string());
        for (index, event) in self.body["events"].as_array_mut().unwrap().iter_mut().enumerate() {
            event["properties"]["id"] = format!("page-{}-{index}", self.number).into();
            event["time"]["create"] = now.clone();
        }
        let body = self.body.to_string();
        let answer = self.client.request("POST", "/track", &[("content-type", "application/json")], body.as_bytes());
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.detail());
        answer
    }

    /// Leaves the connection: whoever waited for others to be measured may have lost it, because the server closes idle ones.
    fn reconnect(&mut self) {
        self.client = Client::new(self.client.target().clone(), Duration::from_secs(20));
    }

    /// Becomes known: session and profile exist afterwards, and the visitor names them.
    pub(crate) async fn arrive(&mut self) {
        let answer = self.send().await;
        if tracardi_simulate::journal::profile_id(&answer.body).is_some() {
            self.body["profile"] = json!({ "id": profile_of(&answer) });
        }
        for _ in 0..2 {
            self.send().await;
        }
    }

    /// A visitor whom nobody knows, on the same connection.
    pub(crate) fn become_a_stranger(&mut self, name: &str) {
        self.body["session"] = json!({ "id": format!("session-{name}") });
        self.body["profile"] = Value::Null;
    }
}

/// What a load came to.
pub(crate) struct Load {
    pub(crate) requests: usize,
    pub(crate) time: Duration,
    /// User and system time of the server's process.
    pub(crate) cpu: Duration,
    /// Of each request; sorted.
    pub(crate) latencies: Vec<Duration>,
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
impl Load {
    /// Microseconds of CPU time per request.
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.requests as f64
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.time.as_secs_f64()
    }

    /// Milliseconds within which so many percent of the requests were answered.
    pub(crate) fn within(&self, percent: usize) -> f64 {
        let index = (self.latencies.len() * percent / 100).min(self.latencies.len() - 1);
        self.latencies[index].as_secs_f64() * 1e3
    }
}

/// All visitors send for so long, each the next request when the last one is answered, after a pause.
pub(crate) async fn run(visitors: &mut Vec<Visitor>, pid: u32, time: Duration, pause: Duration) -> Load {
    let (began, before) = (Instant::now(), cpu_time(pid));
    let mut tasks = JoinSet::new();
    for mut visitor in std::mem::take(visitors) {
        visitor.reconnect();
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed() < time {
                let sent = Instant::now();
                visitor.send().await;
                latencies.push(sent.elapsed());
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
            }
            (visitor, latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(task) = tasks.join_next().await {
        let (visitor, own) = task.unwrap();
        visitors.push(visitor);
        latencies.extend(own);
    }
    latencies.sort_unstable();
    let cpu = cpu_time(pid).saturating_sub(before);
    Load { requests: latencies.len(), time: began.elapsed(), cpu, latencies }
}

/// Visitors who keep sending, each after a pause, until they are told to stop.
pub(crate) struct Steady {
    tasks: JoinSet<Visitor>,
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicU64>,
}

impl Steady {
    pub(crate) fn begin(visitors: Vec<Visitor>, pause: Duration) -> Self {
        let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        for mut visitor in visitors {
            let (stop, accepted) = (stop.clone(), accepted.clone());
            tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    visitor.send().await;
                    accepted.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(pause).await;
                }
                visitor
            });
        }
        Self { tasks, stop, accepted }
    }

    /// Requests that were acknowledged so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    pub(crate) async fn end(self) -> Vec<Visitor> {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await
    }
}

/// User and system time of a process, all its threads together.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in brackets may contain anything; the fields behind it are numbered from 3 in proc(5).
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u32 = fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap();
    TICK * ticks
}

/// A line of `/proc/PID/status`, in MiB.
pub(crate) fn memory(pid: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let kib: f64 = line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse().unwrap();
    kib / 1024.0
}

/// Files, connections and whatever else a process has open; None when it is gone.
pub(crate) fn open_files(pid: u32) -> Option<usize> {
    Some(std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

/// Bytes of all files in a directory.
pub(crate) fn disk(directory: &std::path::Path) -> f64 {
    let sizes = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    crate::figures::count(sizes.sum())
}
