//! What a payload's options, its headers and the client's address do: spec/pipeline.md 1.4, 1.5 and 2.5, over HTTP.

mod http;
mod support;

use http::{Reply, call};
use serde_json::{Value, json};
use support::{SOURCE, Server, scratch, stored};

async fn track(server: &Server, body: &Value) -> Reply {
    let reply = call("POST", format!("{}/track", server.url(0))).json(body).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply
}

#[tokio::test]
async fn options_row_by_row() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path()).set("TRACK_DEBUG", "yes");
    server.start().await;
    server.create_source().await;
    // (options, session in the answer, profile in the answer, events listed, stored: sessions, profiles, events)
    let table = [
        (json!({}), true, true, 0, (1, 1, 4)),
        (json!({"debugger": true}), true, true, 4, (1, 1, 4)),
        (
            json!({"debugger": 1, "saveSession": 0, "saveProfile": "false", "saveEvents": null}),
            true,
            true,
            0,
            (1, 1, 4),
        ),
        // Without a session that is kept no visit starts and no session opens.
        (json!({"debugger": true, "saveSession": false}), false, true, 2, (0, 1, 2)),
        (json!({"debugger": true, "saveProfile": false}), true, false, 4, (1, 0, 4)),
        (json!({"debugger": true, "saveEvents": false}), true, true, 0, (1, 1, 0)),
        (json!({"saveSession": false, "saveProfile": false, "saveEvents": false}), false, false, 0, (0, 0, 0)),
        // Words of former versions have no effect.
        (json!({"saveEvent": false, "profile": false, "logs": false}), true, true, 0, (1, 1, 4)),
        // One of the two alone schedules nothing.
        (json!({"scheduledFlowId": "f"}), true, true, 0, (1, 1, 4)),
    ];
    let mut private = server.log_in().await;
    let mut before = (0, 0, 0);
    for (number, (options, session, profile, listed, grown)) in table.into_iter().enumerate() {
        let answer = track(
            &server,
            &json!({
                "source": {"id": SOURCE}, "session": {"id": format!("s{number}")}, "options": options,
                "events": [{"type": "page-view", "options": {"async": false, "source_id": "other"}}]
            }),
        )
        .await
        .json();
        assert_eq!(answer["session"]["id"].is_string(), session, "{options}");
        assert_eq!(answer["profile"]["id"].is_string(), profile, "{options}");
        assert_eq!(answer["events"].as_array().unwrap().len(), listed, "{options}");
        let after = (private.count("session").await, private.count("profile").await, private.count("event").await);
        assert_eq!((after.0 - before.0, after.1 - before.1, after.2 - before.2), grown, "{options}");
        before = after;
    }
    let scheduled = json!({
        "source": {"id": SOURCE}, "options": {"scheduledFlowId": "f", "scheduledNodeId": "n"}, "events": [{"type": "a"}]
    });
    let refused = call("POST", format!("{}/track", server.url(0))).json(&scheduled).send().await;
    assert_eq!((refused.status.as_u16(), &refused.json()["detail"][0]["type"]), (422, &json!("value_error")));
    server.stop().await;
    for event in stored(&server.data(), "event").await.iter().filter(|event| event["type"] == "page-view") {
        assert_eq!(event["config"], json!({"async": false}), "`source_id` is the system's own");
        assert_eq!(event["source"]["id"], SOURCE);
    }
}

#[tokio::test]
async fn headers_and_the_clients_address() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path()).set("USE_X_FORWARDED_IP", "X-Real-Ip");
    server.start().await;
    server.create_source().await;
    let body = |session: &str| {
        json!({"source": {"id": SOURCE}, "session": {"id": session}, "request": {"own": 1, "headers": {"x": "client's"}},
            "events": [{"type": "a"}]})
    };
    let url = format!("{}/track", server.url(0));
    let proxied = call("POST", &url)
        .header("X-Real-Ip", "203.0.113.7")
        .header("X-Forwarded-For", "203.0.113.7, 10.0.0.1")
        .header("Accept-Language", "pl")
        .header("Authorization", "Bearer secret")
        .header("Cookie", "secret=1")
        .header("x-timestamp", "1")
        .json(&body("proxied"));
    assert_eq!(proxied.send().await.status, 200);
    // Credentials that nobody can read do no harm.
    let direct = call("POST", &url).header("Authorization", "one two three").json(&body("direct"));
    assert_eq!(direct.send().await.status, 200);
    server.stop().await;
    let sessions = stored(&server.data(), "session").await;
    let session = |id: &str| sessions.iter().find(|session| session["id"] == id).unwrap();
    assert_eq!(session("proxied")["context"]["ip"], "203.0.113.7");
    assert_eq!(session("proxied")["device"]["ip"], "203.0.113.7, 10.0.0.1", "as it came");
    assert_eq!(session("proxied")["context"]["language_codes"], json!(["pl"]));
    assert_eq!(session("direct")["context"]["ip"], "127.0.0.1");
    let events = stored(&server.data(), "event").await;
    let event = events.iter().find(|event| event["type"] == "a" && event["session"]["id"] == "proxied").unwrap();
    assert_eq!(event["request"]["own"], 1);
    let headers = event["request"]["headers"].as_object().unwrap();
    assert_eq!(headers["x-real-ip"], "203.0.113.7");
    for absent in ["x", "authorization", "cookie"] {
        assert!(!headers.contains_key(absent), "{absent}");
    }
}

#[tokio::test]
async fn visitors_from_another_site() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let off =
        json!({"id": "off", "name": "Off", "type": ["rest"], "enabled": false, "bridge": {"id": "b", "name": "B"}});
    server.log_in().await.post("/event-source", &off).await;
    let visit = |session: &str, profile: Option<&str>, pass: Value| {
        json!({
            "source": {"id": SOURCE}, "session": {"id": session}, "profile": profile.map(|id| json!({"id": id})),
            "context": {"tracardi": {"pass": pass}, "time": {"local": session}}, "events": [{"type": "page-view"}]
        })
    };
    let id = |reply: &Reply| reply.json()["profile"]["id"].as_str().unwrap().to_owned();
    let there = id(&track(&server, &visit("there", None, Value::Null)).await);
    let fresh = track(&server, &visit("fresh", None, json!({"profile": there, "source": SOURCE}))).await;
    assert_eq!((id(&fresh), fresh.json()["warnings"].clone()), (there.clone(), json!([])));
    let here = id(&track(&server, &visit("here", None, Value::Null)).await);
    assert_ne!(here, there);
    let refused = track(&server, &visit("a", Some(&here), json!({"profile": there, "source": "OFF"}))).await;
    assert_eq!(id(&refused), here);
    assert!(refused.json()["warnings"][0].as_str().unwrap().contains("Event source disabled."));
    let unknown = track(&server, &visit("b", Some(&here), json!({"profile": "nobody", "source": SOURCE}))).await;
    assert_eq!((id(&unknown), unknown.json()["warnings"].as_array().unwrap().len()), (here.clone(), 1));
    let joined = track(&server, &visit("c", Some(&here), json!({"profile": there, "source": "not-ours"}))).await;
    assert_eq!(id(&joined), there);
    // Between two groups of requests one profile is made of both; then the former id leads to it.
    let mut private = server.log_in().await;
    let mut tries = 0;
    while private.get(&format!("/profile/{here}")).await["id"] != json!(there) {
        tries += 1;
        assert!(tries < 2_000, "the profiles are not merged");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    server.stop().await;
    assert_eq!(stored(&server.data(), "profile").await.len(), 1);
}
