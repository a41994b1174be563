//! Pages of documents and counts over time.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod http;
mod support;

use http::{Reply, admin_token, call};
use serde_json::{Value, json};
use support::{Server, scratch};

struct Api {
    private: String,
    token: String,
}

impl Api {
    async fn post(&self, path: &str, body: &Value) -> Reply {
        call("POST", format!("{}{path}", self.private)).bearer(&self.token).json(body).send().await
    }

    async fn ok(&self, path: &str, body: &Value) -> Value {
        let reply = self.post(path, body).await;
        assert_eq!(reply.status, 200, "{path} {body}: {}", reply.text);
        reply.json()
    }
}

/// 60 events of the past: one a minute from 10:00 on the first of March 2026, every third of them a search.
async fn start(folder: &std::path::Path) -> (Server, Api) {
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder).set("SYSTEM_EVENTS", "no");
    server.start().await;
    server.create_source().await;
    let events: Vec<Value> = (0..60)
        .map(|minute| {
            let time = format!("2026-03-01T10:{minute:02}:00Z");
            let kind = if minute % 3 == 0 { "search" } else { "page-view" };
            json!({"type": kind, "id": format!("e{minute:02}"), "time": {"insert": time, "create": time}, "properties": {"query": format!("Boots {minute}"), "n": minute}})
        })
        .collect();
    let payload = json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": events});
    let tracked = call("POST", format!("{}/track", server.url(0))).json(&payload).send().await;
    assert_eq!(tracked.status, 200, "{}", tracked.text);
    let private = server.url(1);
    let token = admin_token(&private).await;
    (server, Api { private, token })
}

fn at(hour: u32, minute: u32) -> Value {
    json!({"absolute": {"year": "2026", "month": "03", "date": "01", "hour": hour, "minute": minute, "second": 0, "meridiem": "AM", "timeZone": 0}, "delta": null})
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["result"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn ranges() {
    let folder = scratch();
    let (mut server, api) = start(folder.path()).await;
    let hour = |extra: Value| {
        let mut body = json!({"minDate": at(10, 0), "maxDate": at(11, 0)});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let all = api.ok("/event/select/range", &hour(json!({}))).await;
    assert_eq!((&all["total"], &all["buckets"], ids(&all).len()), (&json!(60), &json!([]), 20));
    assert_eq!(ids(&all)[..2], ["e59", "e58"], "newest first");
    let some = api.ok("/event/select/range", &hour(json!({"start": "58", "limit": "30"}))).await;
    assert_eq!(ids(&some), ["e01", "e00"]);

    // Pages of 25 rows, whatever the body says; the page after the last is empty.
    let mut seen = Vec::new();
    for page in 0..4 {
        let answer = api.ok(&format!("/event/select/range/page/{page}"), &hour(json!({"start": 7, "limit": 1}))).await;
        assert_eq!(answer["total"], 60);
        seen.push(ids(&answer).len());
    }
    assert_eq!(seen, [25, 25, 10, 0]);
    let by_query = api.ok("/event/select/range?page=2", &hour(json!({}))).await;
    assert_eq!(ids(&by_query).len(), 10);

    // Relative to the other end; both ends are included.
    let tail = json!({"minDate": {"delta": {"value": -10, "entity": "minute"}}, "maxDate": at(10, 59)});
    assert_eq!(api.ok("/event/select/range", &tail).await["total"], 11);

    let table = [
        (r#"type="search""#, 20),
        (r#"type="search" AND properties.n >= 30"#, 10),
        (r#"type="nothing""#, 0),
        (r#"properties.query = "Boots 1*""#, 11),
        ("properties.n BETWEEN 5 AND 7", 3),
        ("session.id EXISTS", 60),
        ("traits.x EXISTS", 0),
        // No condition: words that occur somewhere.
        ("boots search", 20),
        (r#"type="search" AND ("#, 0),
    ];
    for (filter, total) in table {
        let answer = api.ok("/event/select/range", &hour(json!({"where": filter}))).await;
        assert_eq!(answer["total"], total, "{filter}");
    }
    for index in ["session", "profile"] {
        let lately = json!({"minDate": {"delta": {"value": -1, "entity": "hour"}}, "maxDate": {"delta": {"value": 1, "entity": "minute"}}});
        assert_eq!(api.ok(&format!("/{index}/select/range"), &lately).await["total"], 1, "{index}");
    }

    // Without a range.
    let everything = call("POST", format!("{}/event/select", api.private)).bearer(&api.token).send().await.json();
    assert_eq!((&everything["total"], ids(&everything).len(), everything.get("buckets")), (&json!(60), 20, None));
    let few = api.ok("/event/select", &json!({"where": "type=\"search\"", "limit": 3})).await;
    assert_eq!((&few["total"], ids(&few).len()), (&json!(20), 3));

    for (path, body, place) in [
        ("/event/select/range", json!({}), "minDate"),
        ("/event/select/range", json!({"minDate": at(11, 0), "maxDate": at(10, 0)}), "minDate"),
        ("/event/select/range", json!({"minDate": {"delta": {"value": null, "entity": null}}}), "value"),
        ("/event/select/range/page/x", hour(json!({})), "page"),
        ("/event/select/range/page/-1", hour(json!({})), "page"),
        ("/rule/select/range", hour(json!({})), "index"),
        ("/event/select", json!({"where": "type="}), "where"),
        ("/event/select", json!({"limit": -1}), "limit"),
        ("/event/select/histogram?group_by=a..b", hour(json!({})), "group_by"),
    ] {
        let reply = api.post(path, &body).await;
        assert_eq!(reply.status, 422, "{path} {body}: {}", reply.text);
        assert!(reply.json()["detail"][0]["loc"].to_string().contains(place), "{path} {body}: {}", reply.text);
    }

    // Parameters of path and query.
    for (path, place) in [
        ("/events/profile/a?limit=many", r#"["query","limit"]"#),
        ("/events/profile/a?limit=-1", r#"["query","limit"]"#),
        ("/session/profile/a?n=x", r#"["query","n"]"#),
        ("/event/%ff", r#"["path"]"#),
        ("/profile/%c3%28", r#"["path"]"#),
        ("/tracker/%ff", r#"["path"]"#),
    ] {
        let reply = call("GET", format!("{}{path}", api.private)).bearer(&api.token).send().await;
        assert_eq!(reply.status, 422, "{path}: {}", reply.text);
        assert_eq!(reply.json()["detail"][0]["loc"].to_string(), place, "{path}: {}", reply.text);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    // Events are stored under lower-case ids, and found by them in whatever case.
    let event = call("GET", format!("{}/event/%20E01", api.private)).bearer(&api.token).send().await.json();
    assert_eq!((&event["event"]["id"], &event["_metadata"]["id"]), (&json!("e01"), &json!("e01")));
    // Ids of every kind are looked for as they are.
    for id in ["a%2fb", "%27%3B--", "%25", "%F0%9F%98%80", "a%0Ab"] {
        for index in ["event", "session", "profile"] {
            let reply = call("GET", format!("{}/{index}/{id}", api.private)).bearer(&api.token).send().await;
            assert_eq!((reply.status.as_u16(), reply.text.as_str()), (404, "null"), "/{index}/{id}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn histograms() {
    let folder = scratch();
    let (mut server, api) = start(folder.path()).await;
    let quarter = json!({"minDate": at(10, 0), "maxDate": at(10, 4), "timeZone": "Europe/Warsaw"});
    insta::assert_json_snapshot!("histogram", api.ok("/event/select/histogram", &quarter).await);
    insta::assert_json_snapshot!("histogram_grouped", api.ok("/event/select/histogram?group_by=type", &quarter).await);

    // The width of the bars follows the span.
    for (hours, interval, bars) in [(1, "+1m", 61), (24 * 3, "+1h", 73), (24 * 30, "+1d", 31), (24 * 100, "+2d", 51)] {
        let body = json!({"minDate": at(10, 0), "maxDate": {"delta": {"value": hours, "entity": "hour"}}});
        let answer = api.ok("/event/select/histogram", &body).await;
        let rows = answer["result"].as_array().unwrap();
        assert_eq!((rows[0]["interval"].as_str().unwrap(), rows.len()), (interval, bars), "{hours} h");
        let sum: u64 = rows.iter().map(|row| row["count"].as_u64().unwrap()).sum();
        assert_eq!((sum, &answer["total"]), (60, &json!(60)), "{hours} h");
    }
    // Any year that can be told can be asked for.
    for (min, max) in [(1, 9998), (9000, 9999), (-9000, 5)] {
        let year = |year: i32| json!({"absolute": {"year": year, "month": 1, "date": 1}});
        let body = json!({"minDate": year(min), "maxDate": year(max), "timeZone": "Asia/Tokyo"});
        assert!(api.ok("/event/select/histogram", &body).await["result"].is_array(), "{min} to {max}");
    }
    // At most five values; those that no document has are none.
    let grouped = api
        .ok("/event/select/histogram?group_by=properties.n", &json!({"minDate": at(10, 0), "maxDate": at(11, 0)}))
        .await;
    assert_eq!(grouped["buckets"].as_array().unwrap().len(), 5);
    let keyword = api
        .ok("/event/select/histogram?group_by=type.keyword", &json!({"minDate": at(10, 0), "maxDate": at(11, 0)}))
        .await;
    assert_eq!(keyword["buckets"], json!(["page-view", "search"]));
    let nothing = api
        .ok("/event/select/histogram?group_by=traits.none", &json!({"minDate": at(10, 0), "maxDate": at(11, 0)}))
        .await;
    assert_eq!(nothing["buckets"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn writing_a_search_is_helped() {
    let folder = scratch();
    let (mut server, api) = start(folder.path()).await;
    let get = async |path: &str| {
        let reply = call("GET", format!("{}{path}", api.private)).bearer(&api.token).send().await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()
    };
    let offered = async |query: &str| {
        let query = query.replace(' ', "%20").replace('"', "%22").replace('=', "%3D");
        let answer = get(&format!("/event/query/autocomplete?query={query}")).await;
        let values = answer["next"].as_array().unwrap().iter().map(|next| next["value"].as_str().unwrap().to_owned());
        (answer["current"].clone(), values.collect::<Vec<_>>())
    };
    let (current, fields) = offered("quer").await;
    assert_eq!(current, json!({"token": "FIELD", "value": "quer"}));
    assert_eq!(fields, ["hit.query", "properties.query"], "known by shape and by the newest events");
    let (current, operators) = offered("type ").await;
    assert_eq!((&current["token"], operators[0].as_str()), (&json!("OP"), "="));
    let (_, values) = offered("type = \"sear").await;
    assert!(values.contains(&"search\"".to_owned()), "{values:?}");
    assert!(values.iter().all(|value| value.contains("sear")), "{values:?}");
    let (_, values) = offered("source.id = ").await;
    assert_eq!(values, ["\"", "\"shop\""]);
    let (_, joins) = offered("properties.n = 5 ").await;
    assert_eq!(joins, ["AND", "OR"]);
    assert_eq!(offered("= 5 ").await.1, Vec::<String>::new());

    let types = get("/events/metadata/type?query=search").await;
    let ids: Vec<&str> = types["result"].as_array().unwrap().iter().map(|kind| kind["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"search") && ids.contains(&"product-search-result"), "{ids:?}");
    let own = json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": [{"type": "My Own"}]});
    assert_eq!(call("POST", format!("{}/track", server.url(0))).json(&own).send().await.status, 200);
    assert_eq!(get("/events/metadata/type?query=my-").await["result"], json!([{"id": "my-own", "name": "My Own"}]));

    let predefined = get("/event-type/build-in/page-view").await;
    assert_eq!(predefined["copy"], json!({"hit.id": "properties.id", "hit.category": "properties.category"}));
    assert_eq!(get("/event-type/build-in/my-own").await, Value::Null);
    let listed = get("/event-types/build-in/by_type?query=sign-").await;
    assert_eq!((&listed["total"], listed["grouped"]["Build In"].as_array().unwrap().len()), (&json!(65), 2));
    let mapping = json!({"name": "Mine", "event_type": "page-view", "enabled": true, "index_schema": {"traits.x": "properties.x"}});
    api.ok("/event-type/mapping", &mapping).await;
    let both = get("/event-type/mappings/Page%20View").await;
    let names: Vec<&str> = both["result"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!((&both["total"], names), (&json!(2), vec!["Build in mapping", "Mine"]));
    server.stop().await;
}
