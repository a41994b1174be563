//! Faults of the queue.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tracardi_model::Tenant;
use tracardi_process::{Endpoint, Supervisor};
use tracardi_queue::{PulsarQueue, PulsarSettings, Queue, Redis, Take, redis};
use tracardi_simulate::client::Client;

use crate::http::Api;
use crate::load::{Load, Visit, client, until};
use crate::shared::House;
use crate::support::{ADMIN, PASSWORD};

/// What the program calls the queue of requests.
const NAME: &str = "collect";
const TAKE: Take = Take { messages: 1_000, bytes: 64 << 20, wait: Duration::from_secs(1) };

/// The queue, past the proxies.
pub(crate) async fn open(house: &House) -> Arc<dyn Queue> {
    let tenant = Tenant::only();
    let Some(pulsar) = &house.pulsar else {
        let endpoint = Endpoint::new(format!("redis://{}", house.redis.address()));
        let settings = redis::Settings { partitions: 4, ..redis::Settings::default() };
        return Arc::new(Redis::new(&endpoint, tenant, NAME, settings, Supervisor::new()).unwrap());
    };
    let admin = format!("http://{}", pulsar.address_of("web").unwrap());
    let broker = Endpoint::new(format!("pulsar://{}", pulsar.address()));
    let settings = PulsarSettings { partitions: 4, ..PulsarSettings::new(broker, Endpoint::new(admin), tenant) };
    Arc::new(PulsarQueue::open(settings, NAME).await.unwrap())
}

/// The collectors leave: from now on requests wait.
async fn nobody_collects(house: &mut House) {
    for process in &mut house.collectors {
        process.stop().await;
    }
}

async fn somebody_collects(house: &mut House) {
    for process in &mut house.collectors {
        process.spawn();
    }
    for process in &mut house.collectors {
        process.ready().await;
    }
}

/// kill -9 of Redis or of Pulsar.
pub(crate) async fn f12_the_queue_is_killed(house: &mut House) {
    let load = Load::start(house);
    for _ in 0..=crate::asked("FAULT_ROUNDS", 1) {
        load.more(200).await;
        let queue = house.pulsar.as_mut().unwrap_or(&mut house.redis);
        queue.kill();
        tokio::time::sleep(Duration::from_millis(500)).await;
        queue.restart().unwrap();
    }
    load.check(house).await;
}

/// Pulsar takes its topics out of the broker's hands again and again, as it does when it spreads them anew: producers and consumers are
/// cut off, and what is under way is sent or given again. One after the other, and all of them at once.
pub(crate) async fn f12_topics_are_unloaded(house: &mut House) {
    let Some(pulsar) = &house.pulsar else {
        println!("  only Pulsar has topics that can be unloaded: nothing is done");
        return;
    };
    let web = format!("http://{}", pulsar.address_of("web").unwrap());
    let unload = async |path: String| {
        let mut client = Client::new(web.parse().unwrap(), Duration::from_mins(2));
        let answer = client.request("PUT", &format!("/admin/v2/{path}/unload"), &[], b"").await.unwrap();
        assert_eq!(answer.status, 204, "{path}: {}", answer.detail());
    };
    let topic = format!("persistent/public/default/{}-{NAME}", Tenant::only());
    let load = Load::start(house);
    load.more(80).await;
    for _ in 0..4 * crate::asked("FAULT_ROUNDS", 1) {
        for partition in 0..4 {
            unload(format!("{topic}-partition-{partition}")).await;
            load.more(5).await;
        }
        unload("namespaces/public/default".to_owned()).await;
        // Again, before all have found their topics.
        unload(topic.clone()).await;
        unload("namespaces/public/default".to_owned()).await;
        load.more(40).await;
    }
    load.check(house).await;
}

/// Each message twice: where it stood, and again behind all others.
pub(crate) async fn f13_the_queue_delivers_twice(house: &mut House) {
    let load = Load::start(house);
    load.more(80).await;
    nobody_collects(house).await;
    load.more(80).await;
    let queue = open(house).await;
    let (mut consumer, producer) = (queue.consumer("test").await.unwrap(), queue.producer().await.unwrap());
    let mut doubled = 0;
    while doubled < 80 {
        for received in consumer.receive(TAKE).await.unwrap() {
            producer.send(received.message).await.unwrap();
            doubled += 1;
        }
    }
    // Nothing was acknowledged: all that was received comes again.
    consumer.leave().await;
    println!("  {doubled} messages doubled");
    somebody_collects(house).await;
    load.check(house).await;
}

/// What was accepted before the erasure and would be carried out after it is dropped: nothing comes back, under whatever id.
pub(crate) async fn f29_a_profile_is_erased_while_events_wait(house: &mut House) {
    let api = Api::open(house.public_url(), house.private_url()).await;
    let (mut client, mut private) = (client(house), house.log_in(ADMIN, PASSWORD).await);
    let (mut erased, mut other) = (Visit::new("f29-erased"), Visit::new("f29-other"));
    for visit in [&mut erased, &mut other] {
        visit.go_on(&mut client).await;
        visit.check(&mut private).await;
    }
    nobody_collects(house).await;
    for visit in [&mut erased, &mut other] {
        visit.go_on(&mut client).await;
    }
    let path = format!("/profile/{}", erased.profile.as_deref().unwrap());
    // Events may be visible before their profiles are.
    private.get("/profiles/refresh").await;
    let profiles = private.count("profile").await;
    assert_eq!(api.send("DELETE", &path, None).await.status, 200);
    assert_eq!(api.send("GET", &path, None).await.status, 404);
    somebody_collects(house).await;
    let mut private = house.log_in(ADMIN, PASSWORD).await;
    // Whoever is not erased is as he would have been.
    other.check(&mut private).await;
    let queue = open(house).await;
    until("nothing waits", async || queue.figures().await.unwrap().waiting == 0).await;
    private.get("/profiles/refresh").await;
    assert_eq!(api.send("GET", &path, None).await.status, 404, "the profile is back");
    assert_eq!(private.count("profile").await, profiles - 1, "another profile has been made");
    let events = json!({"where": "type = \"checkout-completed\" AND session.id = \"f29-erased\"", "limit": 1});
    assert_eq!(private.post("/event/select", &events).await["total"], 1, "an event was stored");
    // Who comes again is a new visitor.
    let former = erased.profile.clone();
    erased.go_on(&mut client).await;
    until("somebody new", async || private.count("profile").await == profiles).await;
    assert_ne!(erased.profile, former);
}
