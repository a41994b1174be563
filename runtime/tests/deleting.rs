//! Deleted documents are gone, from the disk and from the memory of the writer.

mod http;
mod support;

use http::{Reply, admin_token, call};
use serde_json::json;
use support::{Server, payload, profile_of, scratch};

#[tokio::test]
async fn deleted_documents_are_gone() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path()).set("SYSTEM_EVENTS", "no");
    server.start().await;
    server.create_source().await;
    let private = server.url(1);
    let token = admin_token(&private).await;
    let ask = async |method: &str, path: &str| -> Reply {
        call(method, format!("{private}{path}")).bearer(&token).send().await
    };
    let mut public = server.public();
    let mut track = async |id: &str| {
        let body = payload("s", None, &[json!({"type": "page-view", "id": id})]);
        let answer = public.request("POST", "/track", &[("content-type", "application/json")], &body).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.detail());
        profile_of(&answer)
    };

    let first = track("E-1").await;
    let event = ask("DELETE", "/event/E-1").await.json();
    assert_eq!((&event["deleted"], &event["failures"]), (&json!(1), &json!([])));
    assert_eq!(ask("DELETE", "/event/E-1").await.json()["deleted"], 0);
    assert_eq!(ask("GET", "/event/E-1").await.status, 404);

    // The session knows a profile that is gone: it gets another one.
    let path = format!("/profile/{first}");
    assert_eq!(ask("DELETE", &path).await.json()["deleted"], 1);
    for method in ["GET", "DELETE"] {
        let gone = ask(method, &path).await;
        assert_eq!((gone.status.as_u16(), gone.text.as_str()), (404, "null"), "{method}");
    }
    let second = track("e-2").await;
    assert_ne!(first, second);
    assert_eq!(ask("DELETE", "/session/s").await.json()["deleted"], 1);
    assert_eq!(ask("DELETE", "/session/s").await.status, 404);
    let third = track("e-3").await;
    assert_ne!(second, third, "nobody remembers the session");
    assert_eq!(ask("GET", "/event/count").await.json()["count"], 2);
    server.stop().await;
}
