//! How long it takes from sending a request until a query finds its event.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;
use tracardi_simulate::client::Client;

use crate::Effort;
use crate::load::Visitor;
use crate::plot::{Line, Picture};
use crate::support::Private;

/// One event after each pause.
const PAUSE: Duration = Duration::from_millis(100);
/// Events that are measured, with the effort's usual length of two seconds.
const EVENTS: f64 = 150.0;
/// Events that the query shows, the newest: more than come between two refreshes.
const SHOWN: u64 = 50;
/// How long the query rests between two attempts.
const REST: Duration = Duration::from_millis(10);
/// What one event's kind is called; nothing else has it.
const KIND: &str = "searched-for";

/// Gives the line for the picture.
pub(crate) async fn measure(mode: &'static str, public: Client, mut private: Private, effort: &Effort) -> Line {
    let mut visitor = Visitor::new(public, &format!("latency-{mode}"), 1);
    visitor.arrive().await;
    visitor.body["events"][0]["type"] = KIND.into();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hundreds")]
    let events = (EVENTS * effort.seconds.as_secs_f64() / 2.0).max(10.0) as usize;
    let sending = async {
        let mut sent = Vec::with_capacity(events);
        for _ in 0..events {
            let began = Instant::now();
            visitor.send().await;
            sent.push((visitor.body["events"][0]["properties"]["id"].as_str().unwrap().to_owned(), began));
            tokio::time::sleep(PAUSE).await;
        }
        sent
    };
    let wanted = json!({"where": format!("type = \"{KIND}\""), "limit": SHOWN});
    let looking = async {
        let mut seen = BTreeMap::new();
        while seen.len() < events {
            let found = private.post("/event/select", &wanted).await;
            let now = Instant::now();
            for event in found["result"].as_array().unwrap() {
                seen.entry(event["properties"]["id"].as_str().unwrap().to_owned()).or_insert(now);
            }
            tokio::time::sleep(REST).await;
        }
        seen
    };
    let (sent, seen) = tokio::join!(sending, looking);
    let mut latencies: Vec<Duration> = sent.iter().map(|(page, began)| seen[page].duration_since(*began)).collect();
    latencies.sort_unstable();
    let within =
        |percent: usize| latencies[(latencies.len() * percent / 100).min(latencies.len() - 1)].as_secs_f64() * 1e3;
    println!("milliseconds from sending a request until a query shows its event, {events} events, ten a second");
    println!("{:>10} {:>10} {:>10} {:>10}", "p50", "p90", "p99", "most");
    println!("{:>10.0} {:>10.0} {:>10.0} {:>10.0}", within(50), within(90), within(99), within(100));
    let points = [1_u8, 10, 25, 50, 75, 90, 95, 99].map(|percent| (f64::from(percent), within(percent.into())));
    Line { name: mode, points: points.to_vec() }
}

/// The picture of all modes that were measured.
pub(crate) fn draw(effort: &Effort, lines: Vec<Line>) {
    if !lines.is_empty() {
        Picture { title: "From /track until a query shows the event", x: "percent of events", y: "ms", lines }
            .write(&effort.plots, "modes-latency");
    }
}
