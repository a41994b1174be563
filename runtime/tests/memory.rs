//! Memory is bounded whatever clients send or ask for. The limits are about twice what was measured; what would happen
//! without bounds is far beyond them.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod http;
mod support;

use std::time::Duration;

use futures::future::join_all;
use http::{Reply, call};
use serde_json::{Value, json};
use support::{Server, scratch};

const PASSWORD_FORM: &str = "username=admin%40example.com&password=correct-horse-battery-7";

/// A line of `/proc/PID/status` in kB.
fn memory(server: &Server, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse().unwrap()
}

async fn start(folder: &std::path::Path) -> (Server, String) {
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder).set("SYSTEM_EVENTS", "no");
    server.start().await;
    server.create_source().await;
    let login = log_in(&server).await;
    let token = login.json()["access_token"].as_str().unwrap().to_owned();
    (server, token)
}

async fn log_in(server: &Server) -> Reply {
    call("POST", format!("{}/user/token", server.url(1)))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(PASSWORD_FORM)
        .send()
        .await
}

async fn track(server: &Server, session: &str, events: &str) -> Reply {
    let body = format!(r#"{{"source":{{"id":"shop"}},"session":{{"id":"{session}"}},"events":[{events}]}}"#);
    call("POST", format!("{}/track", server.url(0))).header("content-type", "application/json").body(body).send().await
}

#[tokio::test]
async fn an_answer_is_bounded_in_bytes_and_can_be_gone_on_with() {
    let folder = scratch();
    let (mut server, token) = start(folder.path()).await;
    let text = "x".repeat(3 << 20);
    for n in 0..8 {
        let event = format!(r#"{{"type":"large","id":"e{n}","properties":{{"text":"{text}"}}}}"#);
        let reply = track(&server, &format!("s{n}"), &event).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    let page = |start: usize| {
        let query = json!({"minDate": {"delta": {"value": -1, "entity": "day"}}, "start": start, "limit": 25});
        call("POST", format!("{}/event/select/range", server.url(1))).bearer(&token).json(&query).send()
    };
    let before = memory(&server, "VmHWM");
    let (mut start, mut seen) = (0, Vec::new());
    loop {
        let reply = page(start).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(reply.text.len() <= (8 << 20) + 1000, "{}", reply.text.len());
        let answer = reply.json();
        assert_eq!((&answer["total"], &answer["buckets"]), (&json!(8), &json!([])));
        let ids = answer["result"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned());
        seen.extend(ids);
        match reply.header("x-next-start") {
            Some(next) => start = next.parse().unwrap(),
            None => break,
        }
        assert_eq!(start, seen.len());
    }
    assert_eq!(seen, (0..8).rev().map(|n| format!("e{n}")).collect::<Vec<_>>());
    // Each would be 24 MB at once.
    for reply in join_all((0..12).map(|_| page(0))).await {
        assert!([200, 503].contains(&reply.status.as_u16()), "{}", reply.text);
    }
    let grown = memory(&server, "VmHWM").saturating_sub(before);
    println!("12 queries for 24 MB each, at once: the process grew by {} MB", grown >> 10);
    assert!(grown < 120 << 10, "the process grew by {grown} kB");
    server.stop().await;
}

#[tokio::test]
async fn small_texts_that_make_large_trees_are_bounded() {
    let folder = scratch();
    let (mut server, _) = start(folder.path()).await;
    let idle = memory(&server, "VmRSS");
    let objects = format!("[{}0]", r#"{"a":1},"#.repeat(45_000));
    let event = format!(r#"{{"type":"many","properties":{{"list":{objects}}}}}"#);
    for wave in 1..=2 {
        let session = |n| format!("{wave}-{n}");
        let replies = join_all((0..24).map(|n| {
            let (server, event) = (&server, &event);
            async move { track(server, &session(n), event).await }
        }))
        .await;
        let stored = replies.iter().filter(|reply| reply.status == 200).count();
        for reply in replies.iter().filter(|reply| reply.status != 200) {
            assert_eq!(reply.status, 503, "{}", reply.text);
            assert!(reply.header("retry-after").is_some());
        }
        assert!(stored > 0);
        let peak = memory(&server, "VmHWM");
        println!("idle {} MB, wave {wave} of 24 at once: {stored} stored, at most {} MB", idle >> 10, peak >> 10);
        // Each takes 30 MB: unbounded, they would need 700.
        assert!(peak < 450 << 10, "at most {peak} kB");
    }
    // Once it is over, the memory goes back to the machine.
    let gone_back = || memory(&server, "VmRSS") < idle + (100 << 10);
    for _ in 0..600 {
        if gone_back() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(gone_back(), "idle {idle} kB, a minute later {} kB", memory(&server, "VmRSS"));
    server.stop().await;
}

#[tokio::test]
async fn logins_at_once_take_the_memory_of_one() {
    let folder = scratch();
    let (mut server, _) = start(folder.path()).await;
    let before = memory(&server, "VmHWM");
    let replies: Vec<Value> = join_all((0..40).map(|_| log_in(&server))).await.iter().map(Reply::json).collect();
    assert!(replies.iter().any(|reply| reply["access_token"].is_string()));
    let grown = memory(&server, "VmHWM").saturating_sub(before);
    println!("40 logins at once: the process grew by {grown} kB");
    assert!(grown < 60 << 10, "the process grew by {grown} kB");
    server.stop().await;
}

/// A small file system of its own; none without root.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(at: std::path::PathBuf) -> Option<Self> {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(&at).stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn without_room_the_process_is_not_ready_before_anything_fails() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    let Some(disk) = SmallDisk::mount(server.data()) else {
        println!("NOT RUN: needs root, to mount a file system of 64 MB");
        return;
    };
    server.start().await;
    let ready = || call("GET", format!("{}/readyz", server.url(3))).send();
    let until = async |status: u16| {
        for _ in 0..300 {
            let reply = ready().await;
            if reply.status == status {
                return reply.text;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never {status}");
    };
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![0_u8; 52 << 20]).unwrap();
    let reason = until(503).await;
    assert!(reason.contains("room: the store is full: ") && reason.contains(disk.0.to_str().unwrap()), "{reason}");
    // What fits is still stored.
    server.create_source().await;
    assert_eq!(track(&server, "s", r#"{"type":"a"}"#).await.status, 200);
    std::fs::remove_file(&ballast).unwrap();
    until(200).await;
    server.stop().await;
}
