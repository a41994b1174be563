//! What the queue of a larger installation gave up: seen, replayed and discarded over the private API, and in the web application.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod browser;
mod http;
mod shared;
mod support;

use std::process::Stdio;
use std::time::Duration;

use browser::day;
use http::{Api, call};
use serde_json::{Value, json};
use shared::{House, Mode};
use support::{SOURCE, free_ports, scratch};

/// What an answer is when it is as it has to be.
async fn until(api: &Api, path: &str, so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..1_200 {
        let reply = api.send("GET", path, None).await;
        if reply.status == 200 && so(&reply.json()) {
            return reply.json();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} stays {}", api.send("GET", path, None).await.text);
}

async fn letters(api: &Api, number: u64) -> Vec<Value> {
    let told = until(api, "/queue/dead-letters", |told| told["total"] == number).await;
    told["result"].as_array().unwrap().clone()
}

async fn send(api: &Api, path: &str, body: String) -> (u16, Value) {
    let sent = call("POST", format!("{}{path}", api.public)).header("content-type", "application/json").body(body);
    let reply = sent.send().await;
    (reply.status.as_u16(), serde_json::from_str(&reply.text).unwrap_or_default())
}

/// Sends events, which must be taken; what is configured is known to every process a moment later.
async fn track(api: &Api, body: String) -> Value {
    loop {
        match send(api, "/track", body.clone()).await {
            (200, answer) => return answer,
            (401, _) => tokio::time::sleep(Duration::from_millis(50)).await,
            (status, answer) => panic!("{status}: {answer}"),
        }
    }
}

/// An order of a session; two of them may claim the same id.
fn order(session: &str, profile: Option<&str>, total: &str) -> String {
    let profile = profile.map(|id| format!(r#""profile":{{"id":"{id}"}},"#)).unwrap_or_default();
    format!(
        r#"{{"source":{{"id":"{SOURCE}"}},"session":{{"id":"{session}"}},{profile}"events":[{{"type":"order","id":"taken-{total}","properties":{{"by":"{session}","total":{total}}}}}]}}"#
    )
}

/// Nobody waits for what becomes of a request: what is refused later is given up.
async fn open(house: &mut House) -> Api {
    house.public_api.stop().await;
    house.public_api.set("TRACARDI_ANSWER_WAIT", "0");
    house.public_api.spawn();
    house.public_api.ready().await;
    let api = Api::open(house.public_url(), house.private_url()).await;
    let source = json!({"id": SOURCE, "name": "Shop", "type": ["rest"], "channel": "Web", "enabled": true,
        "bridge": {"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST API Bridge"}});
    api.save("/event-source", &source).await;
    api
}

async fn seen_replayed_and_discarded(api: &Api) {
    assert_eq!(letters(api, 0).await, Vec::<Value>::new());
    // Only the one who stores it learns that this id is another event's.
    track(api, order("first", None, "1.50")).await;
    until(api, "/event/taken-1.50", |_| true).await;
    let second = order("second", None, "1.50");
    send(api, "/track", second.clone()).await;
    let letter = letters(api, 1).await.remove(0);
    assert!(letter["reason"].as_str().unwrap().contains("belongs to another event"), "{letter}");
    assert_eq!(letter["events"], json!([{"id": "taken-1.50", "type": "order"}]));
    assert_eq!([&letter["context"], &letter["session"]], [&json!("production"), &json!("second")]);
    let told = api.send("GET", "/queue/dead-letters?limit=1", None).await.text;
    assert!(told.contains(&second), "{told}");
    assert_eq!(api.send("GET", "/queue/dead-letters?start=1", None).await.json()["result"], json!([]));

    // As long as that is so, it comes back.
    let path = |letter: &Value| format!("/queue/dead-letter/{}", letter["id"].as_str().unwrap());
    let replayed = api.send("POST", &format!("{}/replay", path(&letter)), None).await;
    assert_eq!((replayed.status.as_u16(), replayed.json()), (200, json!({"replayed": 1})));
    let id = letter["id"].clone();
    let back = until(api, "/queue/dead-letters", |told| told["total"] == 1 && told["result"][0]["id"] != id).await;
    let back = back["result"][0].clone();
    assert_eq!((&back["reason"], &back["sent"]), (&letter["reason"], &letter["sent"]));
    assert_eq!(api.send("POST", &format!("{}/replay", path(&letter)), None).await.status, 404);
    assert_eq!(api.send("DELETE", &path(&back), None).await.json(), json!({"discarded": 1}));
    letters(api, 0).await;
    assert_eq!(api.send("DELETE", &path(&back), None).await.status, 404);
    assert_eq!(api.send("DELETE", "/queue/dead-letter/x%2F%00", None).await.status, 404);

    // A decision of a session that is not there; when it is, the decision counts.
    let profile = track(api, order("third", None, "2.50")).await["profile"]["id"].as_str().unwrap().to_owned();
    until(api, &format!("/profile/{profile}"), |_| true).await;
    let consent = json!({"source": {"id": SOURCE}, "session": {"id": "fourth"}, "profile": {"id": profile}, "consents": {"news": true}});
    send(api, "/customer/consent", consent.to_string()).await;
    let letter = letters(api, 1).await.remove(0);
    assert_eq!([&letter["events"], &letter["profile"]], [&json!([]), &json!(profile)]);
    track(api, order("fourth", Some(&profile), "3.50")).await;
    until(api, "/session/fourth", |session| session["profile"]["id"] == profile.as_str()).await;
    let replayed = api.send("POST", "/queue/dead-letters/replay", None).await;
    assert_eq!((replayed.status.as_u16(), replayed.json()), (200, json!({"replayed": 1})));
    until(api, &format!("/profile/{profile}"), |profile| profile["consents"].get("news").is_some()).await;
    letters(api, 0).await;
    let stranger = call("GET", format!("{}/queue/dead-letters", api.private)).send().await;
    assert_eq!(stranger.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_redis_also_in_the_web_application() {
    let folder = scratch();
    let mut house = House::start(Mode::Open, 1, folder.path()).await;
    let api = open(&mut house).await;
    seen_replayed_and_discarded(&api).await;
    let [port, ..] = free_ports();
    let listen = format!("127.0.0.1:{port}");
    let mut web = tokio::process::Command::new(env!("CARGO_BIN_EXE_tracardi"))
        .args(["gui", "--listen", &listen, "--api-url", &api.private])
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    while tokio::net::TcpStream::connect(&listen).await.is_err() {
        assert!(web.try_wait().unwrap().is_none(), "the web application's listener ended by itself");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    day("letters", &format!("http://{listen}"), &api.public).await;
    web.kill().await.unwrap();
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_pulsar() {
    let folder = scratch();
    let mut house = House::start(Mode::Distributed, 1, folder.path()).await;
    seen_replayed_and_discarded(&open(&mut house).await).await;
    house.stop().await;
}
