//! Logging in and out, and which role may do what.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod http;
mod support;

use http::{Reply, call};
use serde_json::{Value, json};
use support::{Server, scratch};

const ADMIN: &str = "admin%40example.com";
const PASSWORD: &str = "correct-horse-battery-7";

async fn log_in(private: &str, user: &str, password: &str) -> Reply {
    call("POST", format!("{private}/user/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("username={user}&password={password}&grant_type=password"))
        .send()
        .await
}

fn token(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn tokens() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let private = server.url(1);

    let reply = log_in(&private, ADMIN, PASSWORD).await;
    insta::assert_json_snapshot!("login", reply.shape());
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let first = token(&reply);
    let second = token(&log_in(&private, "ADMIN%40Example.com", PASSWORD).await);
    assert_ne!(first, second, "each login has a token of its own");

    let account = |token: String| call("GET", format!("{private}/user-account")).bearer(&token).send();
    insta::assert_json_snapshot!("account", account(first.clone()).await.shape());

    // Logging out ends this login only; nobody is told whether a token was known.
    for _ in 0..2 {
        let out = call("POST", format!("{private}/user/logout")).bearer(&first).send().await;
        assert_eq!((out.status.as_u16(), out.text.as_str()), (200, "null"));
    }
    assert_eq!(account(first).await.status, 401);
    assert_eq!(account(second.clone()).await.status, 200);
    let out = call("POST", format!("{private}/user/logout")).send().await;
    assert_eq!((out.status.as_u16(), out.text.as_str()), (401, r#"{"detail":"No authorization header provided."}"#));

    // The token is nowhere on disk as it is.
    for file in std::fs::read_dir(server.data()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(second.len()).any(|part| part == second.as_bytes()), "{}", path.display());
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn refused_logins() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let private = server.url(1);

    let mut shapes = Vec::new();
    for (user, password) in [(ADMIN, "wrong"), ("nobody%40example.com", PASSWORD), ("", ""), (ADMIN, ""), ("%00", "x")]
    {
        shapes.push(log_in(&private, user, password).await.shape());
    }
    let json =
        call("POST", format!("{private}/user/token")).json(&json!({"username": "a", "password": "b"})).send().await;
    shapes.push(json.shape());
    let grant = call("POST", format!("{private}/user/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("username=a&password=b&grant_type=other")
        .send()
        .await;
    shapes.push(grant.shape());
    insta::assert_json_snapshot!("refused_logins", shapes);

    // Guessing is slowed down, for this account only.
    let mut last = log_in(&private, "guessed%40example.com", "0").await;
    for guess in 1..12 {
        last = log_in(&private, "guessed%40example.com", &guess.to_string()).await;
    }
    assert_eq!(last.status, 429, "{}", last.text);
    assert!(last.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(log_in(&private, ADMIN, PASSWORD).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn roles() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let private = server.url(1);
    server.stop().await;
    // Nobody can take their own role of admin away: the roles of the only account are changed in the store.
    let mut outcomes: Vec<(String, Vec<(&str, u16)>)> = Vec::new();
    for roles in [json!(["admin"]), json!(["developer"]), json!(["marketer"]), json!(["maintainer"]), json!([])] {
        set_roles(&server, &roles).await;
        server.start().await;
        let token = token(&log_in(&private, ADMIN, PASSWORD).await);
        let mut row = Vec::new();
        for path in [
            "/user-account",
            "/event/count",
            "/events/refresh",
            "/event/none",
            "/profile/none",
            "/session/none",
            "/event-sources",
            "/event-source/none",
            "/settings/public-url",
        ] {
            let reply = call("GET", format!("{private}{path}")).bearer(&token).send().await;
            if reply.status == 401 {
                assert_eq!(reply.text, r#"{"detail":"Invalid authentication credentials"}"#);
                assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            }
            row.push((path, reply.status.as_u16()));
        }
        outcomes.push((roles.to_string(), row));
        server.stop().await;
    }
    insta::assert_json_snapshot!("roles", outcomes);
}

async fn set_roles(server: &Server, roles: &Value) {
    use sqlx::ConnectOptions as _;
    let file = server.data().join("tracardi.db");
    let mut store = sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let sql = "UPDATE user SET document = json_set(document, '$.roles', json(?))";
    sqlx::query(sql).bind(roles.to_string()).execute(&mut store).await.unwrap();
}

#[tokio::test]
async fn every_private_path_asks_who_it_is() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let private = server.url(1);
    let range = json!({"minDate": {"delta": {"value": -1, "entity": "day"}}});
    let paths = [
        ("GET", "/user-account"),
        ("POST", "/user-account"),
        ("POST", "/user"),
        ("GET", "/user/a"),
        ("POST", "/user/a"),
        ("DELETE", "/user/a"),
        ("GET", "/users"),
        ("GET", "/users/0/10"),
        ("GET", "/user/preferences"),
        ("GET", "/user/preference/a"),
        ("POST", "/user/preference/a"),
        ("DELETE", "/user/preference/a"),
        ("GET", "/settings/public-url"),
        ("POST", "/event-source"),
        ("GET", "/event-source/a"),
        ("DELETE", "/event-source/a"),
        ("GET", "/event-sources"),
        ("GET", "/event-sources/by_type"),
        ("GET", "/event-sources/entity"),
        ("GET", "/event-sources/refresh"),
        ("GET", "/event-sources/type/name"),
        ("GET", "/bridges"),
        ("GET", "/bridges/entity"),
        ("GET", "/bridge/778ded05-4ff3-4e08-9a86-72c0195fa95d"),
        ("GET", "/event/count"),
        ("GET", "/event/a"),
        ("DELETE", "/event/a"),
        ("DELETE", "/session/a"),
        ("DELETE", "/profile/a"),
        ("GET", "/events/refresh"),
        ("GET", "/events/flush"),
        ("GET", "/events/live"),
        ("GET", "/events/profile/a"),
        ("GET", "/events/session/a/profile/b"),
        ("GET", "/session/count"),
        ("GET", "/session/a"),
        ("GET", "/session/profile/a"),
        ("GET", "/profile/count"),
        ("GET", "/profile/a"),
        ("POST", "/event/select"),
        ("POST", "/event/select/range"),
        ("POST", "/event/select/range/page/0"),
        ("POST", "/event/select/histogram"),
        ("POST", "/tql/validate"),
        ("GET", "/configuration/problems"),
        ("GET", "/event/a/explain"),
        ("GET", "/event/a/changes"),
        ("GET", "/profile/a/changes"),
        ("GET", "/profile/a/merges"),
    ];
    for (method, path) in paths {
        for (authorization, detail) in [
            (None, "Not authenticated"),
            (Some("Basic abc"), "Not authenticated"),
            (Some("Bearer"), "Not authenticated"),
            (Some("Bearer a b"), "Not authenticated"),
            (Some("one two three four"), "Not authenticated"),
            (Some("Bearer 0123456789012345678901234567890123456789"), "Invalid authentication credentials"),
        ] {
            let mut request = call(method, format!("{private}{path}"));
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            if method == "POST" {
                request = request.json(&range);
            }
            let reply = request.send().await;
            let seen = (reply.status.as_u16(), reply.json()["detail"].clone(), reply.header("www-authenticate"));
            assert_eq!(seen, (401, json!(detail), Some("Bearer")), "{method} {path} {authorization:?}");
        }
    }
    // Collecting asks nobody, whatever the header says.
    let track = call("POST", format!("{private}/track"))
        .header("authorization", "rubbish")
        .json(&json!({"source": {"id": "shop"}, "events": []}))
        .send()
        .await;
    assert_eq!((track.status.as_u16(), track.text.as_str()), (200, "null"));
    server.stop().await;
}

#[tokio::test]
async fn the_installation_token_cannot_be_guessed() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let url = format!("{}/install", server.url(1));
    let guess =
        |token: String| call("POST", &url).json(&json!({"username": "a@b.c", "password": "x", "token": token})).send();
    let mut last = guess("0".to_owned()).await;
    assert_eq!(last.status, 403);
    for number in 1..12 {
        last = guess(number.to_string()).await;
    }
    assert_eq!(last.status, 429, "{}", last.text);
    assert!(last.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(log_in(&server.url(1), ADMIN, PASSWORD).await.status, 200, "logins are not affected");
    server.stop().await;
}

#[tokio::test]
async fn the_own_account_can_be_changed() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let private = server.url(1);
    let token = token(&log_in(&private, ADMIN, PASSWORD).await);
    let other = self::token(&log_in(&private, ADMIN, PASSWORD).await);
    let change = |body: Value| call("POST", format!("{private}/user-account")).bearer(&token).json(&body).send();
    let account = |token: String| call("GET", format!("{private}/user-account")).bearer(&token).send();
    assert_eq!(change(json!({"name": "Ada"})).await.status, 200);
    assert_eq!(account(other.clone()).await.status, 200, "a new name ends no login");
    let reply = change(json!({"full_name": "Ada", "password": "another-secret-1"})).await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, r#"{"inserted":1}"#));
    assert_eq!(account(other).await.status, 401, "a new password ends the other logins");
    assert_eq!(account(token.clone()).await.status, 200);
    assert_eq!(log_in(&private, ADMIN, PASSWORD).await.status, 400);
    assert_eq!(log_in(&private, ADMIN, "another-secret-1").await.status, 200);
    for body in [json!({"password": "short"}), json!({"name": 5}), json!({"password": "x".repeat(2000)})] {
        let reply = change(body.clone()).await;
        assert_eq!(reply.status, 422, "{body}: {}", reply.text);
    }
    server.stop().await;
}
