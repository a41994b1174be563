//! Whether a condition is well formed, asked over HTTP.

mod http;
mod support;

use http::{admin_token, call};
use serde_json::json;
use support::{Server, scratch};

#[tokio::test]
async fn conditions_are_checked() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let private = server.url(1);
    let token = admin_token(&private).await;
    let validate = |text: &str| {
        call("POST", format!("{private}/tql/validate")).bearer(&token).body(text.as_bytes().to_vec()).send()
    };

    for text in [
        "event@type = \"page-view\"",
        "profile@data.contact.email.main EXISTS\n  AND event@properties[\"any name\"] BETWEEN 1 AND 2",
        "datetime(event@metadata.time.insert) > now.timezone.offset(\"Europe/Warsaw\", \"-15m\")",
    ] {
        let reply = validate(text).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, "true"), "{text}");
    }
    for (text, detail) in [
        ("", "line 1, column 1: expected a field or a function, for example event@type = \"page-view\"\n\n^"),
        (
            "event@a = 1\n AND b = 2",
            "line 2, column 6: `b` names no document; a field is written event@b (or payload@, session@, profile@, flow@, memory@)\n AND b = 2\n     ^",
        ),
        (
            "event@a = 'x'",
            "line 1, column 11: texts stand in double quotes, for example \"page-view\"\nevent@a = 'x'\n          ^",
        ),
    ] {
        let reply = validate(text).await;
        assert_eq!((reply.status.as_u16(), reply.json()), (400, json!({ "detail": detail })), "{text}");
    }
    let deep = validate(&"(".repeat(10_000)).await;
    assert_eq!(deep.status, 400, "{}", deep.text);
    assert_eq!(validate(&"x".repeat(100_000)).await.status, 413);
    let binary = call("POST", format!("{private}/tql/validate")).bearer(&token).body(vec![0xff]).send().await;
    assert_eq!((binary.status.as_u16(), binary.json()), (400, json!({"detail": "a condition is a text in UTF-8"})));
    assert_eq!(call("POST", format!("{private}/tql/validate")).body("event@a = 1").send().await.status, 401);
    server.stop().await;
}
