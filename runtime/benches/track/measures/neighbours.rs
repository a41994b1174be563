//! What nine destinations get while the tenth hangs, against what they get while all answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::post;
use serde_json::json;
use tracardi_model::configuration::HTTP_CONNECTOR;
use tracardi_process::Supervisor;
use tracardi_process::listen::{self, Limits};

use super::Spread;
use crate::Effort;
use crate::load;
use crate::support::SOURCE;
use crate::world::World;

const DESTINATIONS: usize = 10;

/// Receivers in this process: they count, and the first of them hangs when it is told to.
#[derive(Default)]
struct Receivers {
    hanging: AtomicBool,
    healthy: AtomicU64,
}

pub(crate) async fn measure(effort: &Effort) {
    let receivers = Arc::new(Receivers::default());
    let supervisor = Supervisor::new();
    let url = receive(&supervisor, receivers.clone()).await;
    let world = World::start_with("TRACARDI_OUTBOUND_ALLOW", "127.0.0.0/8").await;
    let mut api = world.server.log_in().await;
    for n in 0..DESTINATIONS {
        let resource = json!({"id": format!("r{n}"), "name": format!("Receiver {n}"), "type": "api",
            "credentials": {"production": {"url": format!("{url}/{n}")}}});
        api.post("/resource", &resource).await;
        let destination = json!({"id": format!("d{n}"), "name": format!("Destination {n}"), "enabled": true,
            "on_profile_change_only": false, "event_type": {"id": "page-view", "name": "Page view"},
            "source": {"id": SOURCE, "name": "Shop"}, "resource": {"id": format!("r{n}")},
            "mapping": {"page": "event@properties.id"},
            "destination": {"package": HTTP_CONNECTOR, "init": {"method": "post", "timeout": 30}}});
        api.post("/destination", &destination).await;
    }
    let (mut all, mut nine) = (Vec::new(), Vec::new());
    let mut visitors = world.visitors("neighbour", 4, 1).await;
    for round in 0..effort.rounds * 2 {
        let hangs = round % 4 == 1 || round % 4 == 2;
        receivers.hanging.store(hangs, Ordering::SeqCst);
        receivers.healthy.store(0, Ordering::SeqCst);
        let load = load::run(&mut visitors, world.server.pid(), effort.seconds, Duration::from_millis(20)).await;
        // What was acknowledged arrives within moments; what is counted late counts for nobody.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let arrived = f64::from(u32::try_from(receivers.healthy.load(Ordering::SeqCst)).unwrap());
        let sent = f64::from(u32::try_from(load.requests * (DESTINATIONS - 1)).unwrap());
        if hangs { &mut nine } else { &mut all }.push(arrived / sent);
    }
    let (all, nine) = (Spread::of(all), Spread::of(nine));
    println!("share of what nine destinations are to get that has arrived 0.3 s after the last event");
    println!("{:>28} {:>8.3}", "all ten answer", all.median);
    println!("{:>28} {:>8.3}", "the tenth hangs", nine.median);
    println!("goodput of the nine: {:.3} of what it is otherwise", nine.median / all.median);
    receivers.hanging.store(false, Ordering::SeqCst);
    world.stop().await;
}

async fn receive(supervisor: &Supervisor, receivers: Arc<Receivers>) -> String {
    let handle = move |Path(number): Path<usize>| {
        let receivers = receivers.clone();
        async move {
            if number > 0 {
                receivers.healthy.fetch_add(1, Ordering::SeqCst);
            } else if receivers.hanging.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_mins(1)).await;
            }
        }
    };
    let bound = listen::bind("receivers", "127.0.0.1:0").await.unwrap();
    let address = bound.address();
    listen::serve(supervisor, bound, Router::new().route("/{number}", post(handle)), Limits::default());
    format!("http://{address}")
}
