//! How the CPU time of a hot `/track` grows with what it has to do with.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Spread, fit, turn};
use crate::Effort;
use crate::load::{self, Visitor};
use crate::plot::{Line, Picture};
use crate::world::World;

/// Enough for groups to form, few enough for the machine to have a core left for them.
const CLIENTS: usize = 8;

/// With the number of events in a request.
pub(crate) async fn events(effort: &Effort) {
    let world = World::start().await;
    let sizes = [1_u16, 10, 100, 1000];
    let mut all = Vec::new();
    for size in sizes {
        all.push(world.visitors(&format!("events-{size}"), CLIENTS.min(4), size.into()).await);
    }
    let spreads = rounds(&world, effort, &sizes, &mut all).await;
    world.stop().await;
    println!("CPU time per request, in µs, by events in it");
    for (size, spread) in sizes.iter().zip(&spreads) {
        println!("{size:>8} {:>24}  {:>8.1} per event", spread.to_string(), spread.median / f64::from(*size));
    }
    let points: Vec<(f64, f64)> =
        sizes.iter().zip(&spreads).map(|(size, spread)| (f64::from(*size), spread.median)).collect();
    let (slope, _, r) = fit(&points);
    println!("a further event costs {slope:.1} µs; R² of the line {r:.4}");
    let points = points.iter().map(|(size, micros)| (*size, micros / size)).collect();
    let lines = vec![Line { name: "request ÷ events", points }];
    Picture { title: "CPU time per event", x: "events in a request", y: "µs per event", lines }
        .write(&effort.plots, "events");
}

/// With the size of the profile.
pub(crate) async fn profile(effort: &Effort) {
    let mut world = World::start().await;
    // One event fills the profile, 2 kB for each field; each page view changes a field of it, so that it is written.
    let fields = [0_usize, 1, 10, 50];
    let assignments: Vec<Value> = (0..50)
        .map(|n| {
            json!({"event": {"value": format!("properties.t{n}"), "ref": true}, "op": 0,
                "profile": {"value": format!("traits.t{n}"), "ref": true}})
        })
        .collect();
    let record = json!({"id": "fill", "name": "Fill", "event_type": {"id": "fill", "name": "Fill"}, "enabled": true,
        "event_to_profile": assignments});
    world.configure("event-to-profile", &[record, page()]).await;
    let mut all = Vec::new();
    for count in fields {
        let mut visitors = world.visitors(&format!("profile-{count}"), CLIENTS, 1).await;
        for visitor in &mut visitors {
            fill(visitor, count).await;
        }
        all.push(visitors);
    }
    let spreads = rounds(&world, effort, &fields, &mut all).await;
    world.stop().await;
    println!("CPU time per request, in µs, by kB that the profile has besides the usual");
    let mut points = Vec::new();
    for (count, spread) in fields.iter().zip(&spreads) {
        let size = f64::from(u32::try_from(count * 2).unwrap());
        println!("{size:>8} {:>24}", spread.to_string());
        points.push((size, spread.median));
    }
    let (slope, _, r) = fit(&points);
    println!("a further kB costs {slope:.1} µs; R² of the line {r:.4}");
    let lines = vec![Line { name: "/track", points }];
    Picture { title: "CPU time by size of the profile", x: "kB of traits", y: "µs per request", lines }
        .write(&effort.plots, "profile");
}

/// Each page view changes a field of the profile.
fn page() -> Value {
    json!({"id": "page", "name": "Page", "event_type": {"id": "page-view", "name": "Page view"}, "enabled": true,
        "event_to_profile": [{"event": {"value": "properties.id", "ref": true}, "op": 0,
            "profile": {"value": "traits.page", "ref": true}}]})
}

async fn fill(visitor: &mut Visitor, fields: usize) {
    if fields == 0 {
        return;
    }
    let event = visitor.body["events"][0].clone();
    let properties: serde_json::Map<String, Value> =
        (0..fields).map(|n| (format!("t{n}"), Value::from("x".repeat(2000)))).collect();
    visitor.body["events"][0]["type"] = "fill".into();
    visitor.body["events"][0]["properties"] = properties.into();
    visitor.send().await;
    visitor.body["events"][0] = event;
}

const LADDER: [usize; 5] = [0, 10, 100, 1000, 10_000];

/// With the number of segments, of which one in a hundred matches.
pub(crate) async fn segments(effort: &Effort) {
    let record = |n: usize| {
        // The visitors' browsers speak Polish; of a hundred segments one asks for that.
        let condition = match n.rem_euclid(100) {
            0 => "profile@data.media.webpage CONTAINS \"shop\" OR profile@metadata.time.visit.count > 0".to_owned(),
            _ => format!("profile@traits.group = \"g{n}\""),
        };
        json!({"id": format!("s{n}"), "name": format!("Segment {n}"), "eventType": ["page-view"], "enabled": true,
            "condition": condition})
    };
    configured(effort, "segment", "segments", record).await;
}

/// With the number of trigger rules, of which one in a hundred is for the event.
pub(crate) async fn rules(effort: &Effort) {
    let record = |n: usize| {
        let kind = if n.is_multiple_of(100) { "page-view".to_owned() } else { format!("type-{n}") };
        json!({"id": format!("r{n}"), "name": format!("Rule {n}"), "event_type": {"id": kind, "name": kind},
            "type": "event-collect", "flow": {"id": "flow", "name": "Flow"}, "enabled": true,
            "source": {"id": crate::support::SOURCE, "name": "Shop"}})
    };
    configured(effort, "rule", "rules", record).await;
}

async fn configured(effort: &Effort, kind: &str, name: &str, record: impl Fn(usize) -> Value) {
    let mut spreads = Vec::new();
    for count in LADDER {
        let mut world = World::start().await;
        // Segments are looked at when the profile changes.
        world.configure("event-to-profile", &[page()]).await;
        world.configure(kind, &(0..count).map(&record).collect::<Vec<_>>()).await;
        let mut all = vec![world.visitors(name, CLIENTS, 1).await];
        spreads.extend(rounds(&world, effort, &[count], &mut all).await);
        world.stop().await;
    }
    println!("CPU time per request, in µs, by number of {name}, of which 1 % match");
    let none = spreads[0].median;
    let mut points = Vec::new();
    for (count, spread) in LADDER.iter().zip(&spreads) {
        println!("{count:>8} {:>24}  {:>6.2} of none", spread.to_string(), spread.median / none);
        points.push((f64::from(u32::try_from(*count).unwrap()), spread.median / none));
    }
    let title = format!("CPU time by number of {name}");
    let lines = vec![Line { name: "÷ without any", points }];
    Picture { title: &title, x: name, y: "ratio", lines }.write(&effort.plots, name);
}

/// Loads with one set of visitors after the other, in turns.
async fn rounds<T: Clone>(world: &World, effort: &Effort, what: &[T], all: &mut [Vec<Visitor>]) -> Vec<Spread> {
    let mut figures = vec![Vec::new(); what.len()];
    for round in 0..effort.rounds {
        for (index, _) in turn(what, round) {
            let load = load::run(&mut all[index], world.server.pid(), effort.seconds, Duration::ZERO).await;
            figures[index].push(load.cpu_micros());
        }
    }
    figures.into_iter().map(Spread::of).collect()
}
