//! Profiles of one person become one, over HTTP and through SIGKILL.
//!
//! `MERGE_SEED` repeats the instants of the kills.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at the first surprise and says what it does"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use support::{Private, Server, payload, profile_of, scratch, stored};
use tokio::task::JoinSet;
use tracardi_simulate::client::{Answer, Client};
use tracardi_simulate::rng::Rng;

const PATIENCE: Duration = Duration::from_mins(1);

fn checkout(mark: &str) -> Value {
    json!({"type": "checkout-started", "properties": {"mark": mark, "value": 1}, "time": {"create": "2026-03-01T10:00:00Z"}})
}

fn sign_in(email: &str) -> Value {
    json!({"type": "sign-in", "properties": {"email": {"main": email}}, "time": {"create": "2026-03-01T10:00:00Z"}})
}

async fn track(client: &mut Client, session: &str, profile: Option<&str>, events: &[Value]) -> Answer {
    let answer = client.request("POST", "/track", &[], &payload(session, profile, events)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.detail());
    answer
}

async fn events_of(api: &mut Private, profile: &str) -> Vec<Value> {
    let body = json!({"where": format!("profile.id = \"{profile}\""), "limit": 1000});
    let answer = api.post("/event/select", &body).await;
    answer["result"].as_array().unwrap().clone()
}

#[tokio::test]
async fn two_visitors_who_sign_in_as_one() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let (mut client, mut api) = (server.public(), server.log_in().await);
    let desk = profile_of(&track(&mut client, "desk", None, &[checkout("1")]).await);
    let phone = profile_of(&track(&mut client, "phone", None, &[checkout("2")]).await);
    assert_ne!(desk, phone);
    track(&mut client, "desk", Some(&desk), &[sign_in("ann@example.com")]).await;
    track(&mut client, "phone", Some(&phone), &[sign_in("Ann@example.com")]).await;

    tokio::time::timeout(PATIENCE, async {
        // Two checkouts, two sign-ins, and of the system: profile-created, visit-started, session-opened twice.
        while events_of(&mut api, &desk).await.len() < 10 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the events of both are found under the survivor");
    assert_eq!(api.count("profile").await, 1);
    let profile = api.get(&format!("/profile/{desk}")).await;
    assert_eq!(profile["data"]["metrics"]["ltcosc"], 2);
    assert_eq!(profile["metadata"]["time"]["visit"]["count"], 2);
    assert_eq!(api.get(&format!("/profile/{phone}")).await["id"], *desk, "the former id leads to the survivor");
    let sessions: BTreeSet<_> =
        events_of(&mut api, &desk).await.iter().map(|event| event["session"]["id"].to_string()).collect();
    assert_eq!(sessions.len(), 2);
    assert_eq!(api.get("/session/phone").await["profile"]["id"], *desk);

    // The phone goes on under the id that it knows, and is told the other one.
    let answer = track(&mut client, "phone", Some(&phone), &[checkout("3")]).await;
    assert_eq!(profile_of(&answer), desk);
    let profile = api.get(&format!("/profile/{desk}")).await;
    assert_eq!(
        (&profile["data"]["metrics"]["ltcosc"], &profile["metadata"]["time"]["visit"]["count"]),
        (&json!(3), &json!(2))
    );
    server.stop().await;
}

/// People with many devices; each device buys, signs in, buys again.
const PEOPLE: u64 = 4;
const DEVICES: u64 = 6;

/// Sends the same bytes until they are acknowledged.
async fn device(mut client: Client, person: u64, device: u64) {
    let session = format!("{person}-{device}");
    let mut profile: Option<String> = None;
    for step in 0..6 {
        let event =
            if step == 3 { sign_in(&format!("{person}@example.com")) } else { checkout(&format!("{session}-{step}")) };
        let body = payload(&session, profile.as_deref(), &[event]);
        loop {
            match client.request("POST", "/track", &[("content-type", "application/json")], &body).await {
                Ok(answer) if answer.status == 200 => {
                    profile = Some(profile_of(&answer));
                    break;
                }
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_merging() {
    let seed = std::env::var("MERGE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("MERGE_SEED={seed}");
    let mut rng = Rng::new(seed, 0);
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let mut devices = JoinSet::new();
    for person in 0..PEOPLE {
        for number in 0..DEVICES {
            devices.spawn(device(server.public(), person, number));
        }
    }
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_micros(rng.below(150_000))).await;
        server.kill().await;
        server.start().await;
    }
    devices.join_all().await;
    let mut api = server.log_in().await;
    tokio::time::timeout(PATIENCE, async {
        while api.count("profile").await > PEOPLE || !all_led(&mut api).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("in the end every person is one profile");
    server.stop().await;

    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut checkouts: BTreeMap<String, u64> = BTreeMap::new();
    for event in stored(&server.data(), "event").await {
        let count = checkouts.entry(text(&event["profile"]["id"])).or_default();
        *count += u64::from(event["type"] == "checkout-started");
    }
    let profiles = stored(&server.data(), "profile").await;
    assert_eq!(profiles.len() as u64, PEOPLE);
    for profile in &profiles {
        assert_eq!(profile["data"]["metrics"]["ltcosc"], DEVICES * 5, "every purchase once: {profile}");
        assert_eq!(checkouts[&text(&profile["id"])], DEVICES * 5);
        assert_eq!(profile["metadata"]["time"]["visit"]["count"], DEVICES, "a merge is no visit");
    }
    let owners: BTreeSet<String> = profiles.iter().map(|profile| text(&profile["id"])).collect();
    for session in stored(&server.data(), "session").await {
        assert!(owners.contains(&text(&session["profile"]["id"])));
    }
}

/// Whether every event and every session stands under a profile that exists.
async fn all_led(api: &mut Private) -> bool {
    let page = api.post("/profile/select", &json!({"limit": 1000})).await;
    let mut led = 0;
    for profile in page["result"].as_array().unwrap() {
        led += events_of(api, profile["id"].as_str().unwrap()).await.len() as u64;
    }
    led == api.count("event").await
}
