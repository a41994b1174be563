//! What an event of a shop's traffic costs: processor time and memory of each process, bytes in each store.
//!
//! The visitors are those of `tracardi simulate`: most are new, some say who they are, some buy. Counted are the events that clients send;
//! what follows from them (sessions, profiles, events of the system) is in their price.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use tracardi_process::SystemClock;
use tracardi_simulate::cli::{Arguments, send};

use super::queue::{pulsar_stats, stream};
use super::storage::kind;
use crate::figures::count;
use crate::installation::Installation;
use crate::load::{cpu_time, memory};
use crate::support::{SOURCE, Server};

/// How long nothing is sent, to see what that costs.
const IDLE: Duration = Duration::from_secs(10);
/// How long the writers may go on with what nobody waits for, after the queue is empty.
const AFTERWARDS: Duration = Duration::from_secs(2);
/// People who come; ten of them make some 120 events.
const STEADY_VISITORS: u64 = 100;
const MANY_VISITORS: u64 = 1_500;
/// So many seconds of the shop pass in one: its hour takes 20 s.
const STEADY_SPEED: &str = "180";
const BYTES_PER_MIB: f64 = 1_048_576.0;

/// The processes by name; None: it does not run.
type Processes = Vec<(&'static str, Option<u32>)>;

/// What the processes have used so far.
struct Usage {
    at: Instant,
    cpu: BTreeMap<&'static str, Duration>,
}

impl Usage {
    fn of(processes: &Processes) -> Self {
        let cpu = processes.iter().map(|(name, pid)| (*name, pid.map_or(Duration::ZERO, cpu_time))).collect();
        Self { at: Instant::now(), cpu }
    }

    /// Seconds of processor time since then, by process.
    fn since(&self, processes: &Processes) -> BTreeMap<&'static str, f64> {
        let now = Self::of(processes);
        now.cpu.into_iter().map(|(name, cpu)| (name, cpu.saturating_sub(self.cpu[name]).as_secs_f64())).collect()
    }
}

/// A load: events, time, and processor time beyond that of idling.
struct Cost {
    events: f64,
    seconds: f64,
    cpu: BTreeMap<&'static str, f64>,
}

/// Sends a shop's hour as fast as `pace` says (as `--speed` of `tracardi simulate`), other people with each seed; the number of events.
pub(super) async fn shop(url: &str, seed: u64, visitors: u64, pace: &str) -> f64 {
    let arguments = Arguments {
        url: url.parse().unwrap(),
        source: SOURCE.to_owned(),
        seed,
        visitors,
        hours: "1".parse().unwrap(),
        speed: pace.parse().unwrap(),
        concurrency: 16,
        start: None,
    };
    let (journal, _) = send(&arguments, &SystemClock::shared(), |_| ()).await.unwrap();
    assert_eq!((journal.refused.count, journal.lost.count), (0, 0), "{:?} {:?}", journal.refused, journal.lost);
    count(journal.event_count())
}

pub(crate) async fn standalone(server: &mut Server) {
    let (pid, url) = (server.pid(), server.url(0));
    let processes = vec![("standalone", Some(pid))];
    let resting = resident(&processes);
    let idle = idle(&processes).await;
    let mut costs = Vec::new();
    let before = crate::load::disk(&server.data());
    let mut events = 0.0;
    for (seed, visitors, pace) in [(1, STEADY_VISITORS, STEADY_SPEED), (2, MANY_VISITORS, "max")] {
        let usage = Usage::of(&processes);
        let sent = shop(&url, seed, visitors, pace).await;
        tokio::time::sleep(AFTERWARDS).await;
        costs.push(cost(&usage, &processes, &idle, sent));
        events += sent;
    }
    tell(&processes, &idle, &costs, &resting);
    // Leaving brings the log into the file.
    server.stop().await;
    println!("{:.0} bytes on disk per event", (crate::load::disk(&server.data()) - before) / events);
    server.start().await;
}

pub(crate) async fn measure(installation: &mut Installation) {
    let processes = all(installation);
    let resting = resident(&processes);
    let idle = idle(&processes).await;
    let url = installation.house.public_url();
    let before = Stores::of(installation).await;
    let usage = Usage::of(&processes);
    let steady = shop(&url, 1, STEADY_VISITORS, STEADY_SPEED).await;
    installation.drained().await;
    tokio::time::sleep(AFTERWARDS).await;
    let mut costs = vec![cost(&usage, &processes, &idle, steady)];

    // As much as comes, first into the queue alone, then out of it: so it can be seen how much waiting takes.
    installation.stop_collector().await;
    let (empty, usage) = (Queue::of(installation).await, Usage::of(&all(installation)));
    let many = shop(&url, 2, MANY_VISITORS, "max").await;
    let waiting = Queue::of(installation).await;
    installation.drain(async |all| all.waiting().await.unwrap_or_default()).await;
    tokio::time::sleep(AFTERWARDS).await;
    let processes = all(installation);
    costs.push(cost(&usage, &processes, &idle, many));
    tell(&processes, &idle, &costs, &resting);
    waiting.tell(&empty, many);
    Stores::of(installation).await.tell(&before, steady + many);
}

fn all(installation: &mut Installation) -> Processes {
    installation.services().into_iter().chain(installation.servers()).collect()
}

/// Seconds of processor time in a second in which nobody wants anything, by process.
async fn idle(processes: &Processes) -> BTreeMap<&'static str, f64> {
    let usage = Usage::of(processes);
    tokio::time::sleep(IDLE).await;
    let seconds = usage.at.elapsed().as_secs_f64();
    usage.since(processes).into_iter().map(|(name, cpu)| (name, cpu / seconds)).collect()
}

fn cost(usage: &Usage, processes: &Processes, idle: &BTreeMap<&'static str, f64>, events: f64) -> Cost {
    let seconds = usage.at.elapsed().as_secs_f64();
    let cpu = usage.since(processes).into_iter().map(|(name, cpu)| (name, (cpu - idle[name] * seconds).max(0.0)));
    Cost { events, seconds, cpu: cpu.collect() }
}

/// Resident memory in MiB, by process.
fn resident(processes: &Processes) -> BTreeMap<&'static str, f64> {
    processes.iter().map(|(name, pid)| (*name, pid.map_or(0.0, |pid| memory(pid, "VmRSS")))).collect()
}

fn tell(processes: &Processes, idle: &BTreeMap<&str, f64>, costs: &[Cost], resting: &BTreeMap<&str, f64>) {
    let now = resident(processes);
    for (name, cost) in ["steadily", "as fast as it goes"].iter().zip(costs) {
        println!("{name}: {:.0} events in {:.1} s, until all is stored", cost.events, cost.seconds);
    }
    println!(
        "{:>12} {:>14} {:>14} {:>16} {:>22} {:>22}",
        "", "MiB at rest", "MiB after", "CPU at rest", "CPU s/M, steadily", "CPU s/M, fast"
    );
    for (name, _) in processes {
        let per_million = |cost: &Cost| cost.cpu[name] / cost.events * 1e6;
        println!(
            "{name:>12} {:>14.0} {:>14.0} {:>15.2}% {:>22.0} {:>22.0}",
            resting[name],
            now[name],
            idle[name] * 100.0,
            per_million(&costs[0]),
            per_million(&costs[1])
        );
    }
}

/// What the queue's server holds.
enum Queue {
    /// Bytes in memory and in the file of what was written.
    Redis { memory: f64, file: f64, waiting: f64 },
    /// Bytes on disk.
    Pulsar { backlog: f64, waiting: f64 },
}

impl Queue {
    async fn of(installation: &Installation) -> Self {
        let waiting = count(installation.waiting().await.unwrap());
        if let Some(pulsar) = &installation.house.pulsar {
            let stats = pulsar_stats(pulsar).await;
            return Self::Pulsar { backlog: stats["backlogSize"].as_f64().unwrap_or_default(), waiting };
        }
        let mut connection = installation.redis().await;
        let mut memory = 0.0;
        for partition in 0..4 {
            let mut usage = redis::cmd("MEMORY");
            usage.arg("USAGE").arg(stream(partition)).arg("SAMPLES").arg(0);
            let bytes: Option<u64> = usage.query_async(&mut connection).await.unwrap();
            memory += count(bytes.unwrap_or_default());
        }
        Self::Redis { memory, file: info(installation, "aof_current_size").await, waiting }
    }

    fn tell(&self, empty: &Self, events: f64) {
        match (self, empty) {
            (Self::Redis { memory, file, waiting }, Self::Redis { memory: before, file: short, .. }) => println!(
                "{waiting:.0} requests with {events:.0} events wait in Redis: {:.0} bytes of memory per event, {:.0} bytes of its file",
                (memory - before) / events,
                (file - short) / events
            ),
            (Self::Pulsar { backlog, waiting }, Self::Pulsar { backlog: before, .. }) => println!(
                "{waiting:.0} requests with {events:.0} events wait in Pulsar: {:.0} bytes on disk per event",
                (backlog - before) / events
            ),
            _ => {}
        }
    }
}

/// A figure of Redis's `INFO`.
async fn info(installation: &Installation, name: &str) -> f64 {
    let text: String = redis::cmd("INFO").query_async(&mut installation.redis().await).await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|figure| figure.trim().parse().ok()).unwrap_or_default()
}

/// What the stores hold.
struct Stores {
    /// Bytes of OpenSearch's indices on disk, by kind; primaries only.
    indices: BTreeMap<String, f64>,
    /// Rows and bytes of the database.
    rows: f64,
    database: f64,
    /// Bytes that Redis has in memory, and that went in and out of it.
    memory: f64,
    network: [f64; 2],
}

impl Stores {
    async fn of(installation: &Installation) -> Self {
        for what in ["_refresh", "_flush"] {
            installation.search("POST", &format!("/tracardi-default-*/{what}"), "").await;
        }
        let path = "/tracardi-default-*/_stats/store?filter_path=indices.*.primaries.store.size_in_bytes";
        let answer = installation.search("GET", path, "").await;
        let bytes = |stats: &Value| stats["primaries"]["store"]["size_in_bytes"].as_f64().unwrap_or_default();
        let indices = answer["indices"].as_object().into_iter().flatten();
        let indices = indices.map(|(index, stats)| (kind(index), bytes(stats))).collect();
        let (rows, database) = tables(installation).await;
        let network =
            [info(installation, "total_net_input_bytes").await, info(installation, "total_net_output_bytes").await];
        Self { indices, rows, database, memory: info(installation, "used_memory").await, network }
    }

    fn tell(&self, before: &Self, events: f64) {
        let per_event = |kind: &str, bytes: f64| (bytes - before.indices.get(kind).unwrap_or(&0.0)) / events;
        let indices = self.indices.iter().map(|(kind, bytes)| (kind, per_event(kind, *bytes)));
        let parts: Vec<String> = indices
            .clone()
            .filter(|(_, bytes)| *bytes >= 1.0)
            .map(|(kind, bytes)| format!("{kind} {bytes:.0}"))
            .collect();
        let sum: f64 = indices.map(|(_, bytes)| bytes).sum();
        println!(
            "OpenSearch: {sum:.0} bytes on disk per event and copy, right after they were written: {}",
            parts.join(", ")
        );
        println!(
            "MariaDB: {:.4} rows and {:.1} bytes per event without destinations",
            (self.rows - before.rows) / events,
            (self.database - before.database) / events
        );
        let [sent, got] = [0, 1].map(|way| (self.network[way] - before.network[way]) / events);
        println!(
            "Redis, nothing waiting: {:.1} MiB, {:.0} bytes per event in between; network per event: {sent:.0} bytes in, {got:.0} out",
            self.memory / BYTES_PER_MIB,
            (self.memory - before.memory) / events
        );
    }
}

/// Rows of all tables, and the bytes that they take.
async fn tables(installation: &Installation) -> (f64, f64) {
    use sqlx::{ConnectOptions as _, Row as _};
    let url = format!("mysql://root@{}/tracardi", installation.house.database.address());
    let options: sqlx::mysql::MySqlConnectOptions = url.parse().unwrap();
    let mut connection = options.connect().await.unwrap();
    let tables = "SELECT CAST(table_name AS CHAR), CAST(data_length + index_length AS UNSIGNED) \
                  FROM information_schema.tables WHERE table_schema = 'tracardi'";
    let (mut rows, mut bytes) = (0, 0);
    for table in sqlx::query(tables).fetch_all(&mut connection).await.unwrap() {
        bytes += table.get::<u64, _>(1);
        let counted = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM `{}`", table.get::<String, _>(0)));
        rows += sqlx::query_scalar::<_, i64>(counted).fetch_one(&mut connection).await.unwrap();
    }
    (count(rows.cast_unsigned()), count(bytes))
}
