//! Pages of every origin may call both APIs: what browsers are told about it, and the headers of every answer.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod http;
mod support;

use http::{Reply, call};
use support::{Server, scratch};

fn cors(reply: &Reply) -> Vec<(String, String)> {
    let mut headers: Vec<_> = reply
        .headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("access-control-") || name.as_str() == "vary")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    headers
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn browsers_may_call_from_everywhere() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let (public, private) = (server.url(0), server.url(1));

    // A page asks first.
    for (base, path) in [(&public, "/track"), (&private, "/event-source"), (&private, "/nowhere")] {
        let asked = call("OPTIONS", format!("{base}{path}"))
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,x-timestamp")
            .send()
            .await;
        assert_eq!((asked.status.as_u16(), asked.text.as_str()), (200, "OK"), "{path}");
        let expected = [
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-headers", "content-type,x-timestamp"),
            ("access-control-allow-methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
            ("access-control-allow-origin", "https://shop.example"),
            ("access-control-max-age", "600"),
            ("vary", "Origin"),
        ];
        assert_eq!(cors(&asked), pairs(&expected), "{path}");
    }

    // Answers of every kind may be read.
    let any = [("access-control-allow-credentials", "true"), ("access-control-allow-origin", "*")];
    for (method, url) in [
        ("GET", format!("{public}/info/version")),
        ("POST", format!("{public}/track")),
        ("GET", format!("{public}/nowhere")),
        ("DELETE", format!("{public}/track")),
        ("GET", format!("{private}/event/count")),
    ] {
        let reply = call(method, &url).header("origin", "https://shop.example").send().await;
        assert_eq!(cors(&reply), pairs(&any), "{method} {url}: {}", reply.status);
        assert!(reply.header("x-process-time").unwrap().parse::<f64>().unwrap() >= 0.0);
    }
    let with_cookie = call("GET", format!("{public}/info/version"))
        .header("origin", "https://shop.example")
        .header("cookie", "a=b")
        .send()
        .await;
    let named = [
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-origin", "https://shop.example"),
        ("vary", "Origin"),
    ];
    assert_eq!(cors(&with_cookie), pairs(&named));

    // No page asks like this: it is a method like any other.
    let bare = call("OPTIONS", format!("{public}/track")).send().await;
    assert_eq!(bare.status, 405);
    server.stop().await;
}

#[tokio::test]
async fn answers_that_the_router_makes_itself() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let (public, private) = (server.url(0), server.url(1));

    let wrong_method = call("DELETE", format!("{public}/track")).send().await;
    assert_eq!(wrong_method.status, 405);
    assert_eq!(wrong_method.text, r#"{"detail":"Method Not Allowed"}"#);
    let mut allowed: Vec<_> = wrong_method.header("allow").unwrap().split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["POST", "PUT"]);

    let nowhere = call("GET", format!("{private}/nowhere")).header("x-context", "whatever").send().await;
    assert_eq!((nowhere.status.as_u16(), nowhere.text.as_str()), (404, r#"{"detail":"Not Found"}"#));
    assert_eq!(nowhere.header("x-context"), Some("whatever"), "the context is echoed as it came");

    let slash = call("GET", format!("{private}/event/count/?a=b")).send().await;
    assert_eq!((slash.status.as_u16(), slash.header("location")), (307, Some("/event/count?a=b")));
    let elsewhere = call("GET", format!("{private}//evil.example/")).send().await;
    assert_eq!(elsewhere.header("location"), Some("/evil.example"));

    // The private API's paths do not exist on the public port.
    for path in ["/user/token", "/event-sources", "/event/count", "/install", "/events/live", "/event/select/range"] {
        let reply = call("GET", format!("{public}{path}")).send().await;
        assert_eq!(reply.status, 404, "{path}");
    }
    server.stop().await;
}
