//! Accounts: who may make, change and delete them, and what becomes of their logins.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod http;
mod support;

use http::{Reply, call};
use serde_json::{Value, json};
use support::{Server, scratch};

const PASSWORD: &str = "correct-horse-battery-7";

struct Api {
    private: String,
    token: String,
}

impl Api {
    async fn log_in(private: &str, email: &str, password: &str) -> Reply {
        call("POST", format!("{private}/user/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("username={}&password={password}", email.replace('@', "%40")))
            .send()
            .await
    }

    async fn of(private: &str, email: &str, password: &str) -> Self {
        let reply = Self::log_in(private, email, password).await;
        assert_eq!(reply.status, 200, "{email}: {}", reply.text);
        Self { private: private.to_owned(), token: reply.json()["access_token"].as_str().unwrap().to_owned() }
    }

    async fn ask(&self, method: &str, path: &str) -> Reply {
        call(method, format!("{}{path}", self.private)).bearer(&self.token).send().await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        call("POST", format!("{}{path}", self.private)).bearer(&self.token).json(&body).send().await
    }

    async fn is_in(&self) -> bool {
        self.ask("GET", "/user-account").await.status == 200
    }
}

fn refused(reply: &Reply, status: u16, text: &str) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert!(reply.json()["detail"].to_string().contains(text), "{}", reply.text);
}

fn ada() -> Value {
    json!({"name": "Ada", "email": "Ada@Example.com", "password": "ada-secret-1", "roles": ["developer"]})
}

#[tokio::test]
async fn accounts() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let private = server.url(1);
    let admin = Api::of(&private, "admin@example.com", PASSWORD).await;

    let made = admin.post("/user", ada()).await.json();
    let id = made["ids"][0].as_str().unwrap().to_owned();
    assert_eq!(made, json!({"saved": 1, "errors": [], "ids": [id]}));
    refused(&admin.post("/user", ada()).await, 409, "User with email 'ada@example.com' already exists.");
    let shown = admin.ask("GET", &format!("/user/{id}")).await;
    let account = shown.json();
    assert_eq!((&account["email"], &account["full_name"]), (&json!("ada@example.com"), &json!("Ada")));
    assert_eq!((&account["enabled"], &account["roles"]), (&json!(true), &json!(["developer"])));
    for path in [format!("/user/{id}"), "/users/0/100".to_owned(), "/users".to_owned()] {
        assert!(!admin.ask("GET", &path).await.text.contains("argon2"), "{path} shows a hash");
    }
    let all = admin.ask("GET", "/users/0/100").await.json();
    assert_eq!((all.as_array().unwrap().len(), &all[0]["expired"]), (2, &json!(false)));
    let found = admin.ask("GET", "/users/0/100?query=ADA").await.json();
    assert_eq!((found.as_array().unwrap().len(), &found[0]["id"]), (1, &json!(id)));
    assert_eq!(admin.ask("GET", "/users?limit=1").await.json()["grouped"]["Users"].as_array().unwrap().len(), 1);

    // Another password, and switching off, end the logins; other changes do not.
    let user = Api::of(&private, "ada@example.com", "ada-secret-1").await;
    let path = format!("/user/{id}");
    let renamed = json!({"full_name": "Ada L.", "email": "ada@example.com", "password": "", "roles": ["marketer"]});
    assert_eq!(admin.post(&path, renamed).await.text, r#"{"inserted":1}"#);
    let seen = user.ask("GET", "/user-account").await.json();
    assert_eq!((&seen["name"], &seen["roles"]), (&json!("Ada L."), &json!(["marketer"])));
    assert_eq!(admin.post(&path, json!({"password": "ada-secret-2"})).await.status, 200);
    assert!(!user.is_in().await);
    let user = Api::of(&private, "ada@example.com", "ada-secret-2").await;
    assert_eq!(admin.post(&path, json!({"disabled": true})).await.status, 200);
    assert!(!user.is_in().await && Api::log_in(&private, "ada@example.com", "ada-secret-2").await.status == 400);
    assert_eq!(admin.post(&path, json!({"enabled": true})).await.status, 200);
    assert!(!user.is_in().await, "a login that was ended does not come back");
    let user = Api::of(&private, "ada@example.com", "ada-secret-2").await;
    assert_eq!(admin.ask("DELETE", &path).await.text, r#"{"deleted":1}"#);
    assert!(!user.is_in().await);
    for (method, path) in [("GET", &path), ("DELETE", &path)] {
        refused(&admin.ask(method, path).await, 404, "not found");
    }
    refused(&admin.post(&path, ada()).await, 404, "does not exist");
    server.stop().await;
}

#[tokio::test]
async fn what_is_refused() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let private = server.url(1);
    let admin = Api::of(&private, "admin@example.com", PASSWORD).await;
    let own = admin.ask("GET", "/user-account").await.json()["id"].as_str().unwrap().to_owned();
    let own = format!("/user/{own}");

    refused(&admin.ask("DELETE", &own).await, 403, "You cannot delete your own account");
    refused(&admin.post(&own, json!({"roles": ["developer"]})).await, 403, "role of admin");
    refused(&admin.post(&own, json!({"enabled": false})).await, 403, "last administrator");
    refused(&admin.post(&own, json!({"expiration_date": "2001-01-01"})).await, 403, "last administrator");
    refused(&admin.post(&own, json!({"expiration_date": "2101-01-01"})).await, 403, "last administrator");
    refused(&admin.post(&own, json!([])).await, 422, "valid dictionary");
    for (field, value, place) in [
        ("password", json!("short"), "password"),
        ("email", json!("nobody"), "Given e-mail is invalid"),
        ("roles", json!(["owner"]), "roles"),
        ("roles", json!(null), "roles"),
        ("enabled", json!("perhaps"), "enabled"),
        ("expiration_date", json!("soon"), "YYYY-MM-DD"),
        ("name", json!(5), "name"),
    ] {
        let mut body = ada();
        body[field] = value;
        refused(&admin.post("/user", body).await, 422, place);
    }

    // Only administrators.
    let mut body = ada();
    body["roles"] = json!(["developer", "marketer", "maintainer"]);
    body["expiration_date"] = json!("2101-01-01");
    assert_eq!(admin.post("/user", body).await.status, 200);
    let other = Api::of(&private, "ada@example.com", "ada-secret-1").await;
    for (method, path) in [
        ("GET", "/users"),
        ("GET", "/users/0/10"),
        ("GET", own.as_str()),
        ("DELETE", own.as_str()),
        ("GET", "/user/preferences"),
    ] {
        assert_eq!(other.ask(method, path).await.status, 401, "{method} {path}");
        assert_eq!(call(method, format!("{private}{path}")).send().await.status, 401, "{method} {path}");
    }
    assert_eq!(other.post("/user", ada()).await.status, 401);
    assert_eq!(other.post(&own, ada()).await.status, 401);

    // With a second administrator the first may go.
    let second = json!({"name": "B", "email": "b@example.com", "password": "second-secret", "roles": ["admin"]});
    assert_eq!(admin.post("/user", second).await.status, 200);
    assert_eq!(admin.post(&own, json!({"enabled": false})).await.status, 200);
    assert!(!admin.is_in().await);
    server.stop().await;
}

#[tokio::test]
async fn preferences() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let admin = Api::of(&server.url(1), "admin@example.com", PASSWORD).await;
    assert_eq!(admin.ask("GET", "/user/preference/theme").await.text, "null");
    for value in [json!("dark"), json!({"a": [1]}), json!(7)] {
        assert_eq!(admin.post("/user/preference/theme", value.clone()).await.json()["saved"], 1);
        assert_eq!(admin.ask("GET", "/user/preference/theme").await.json(), value);
    }
    assert_eq!(admin.ask("GET", "/user/preferences").await.json(), json!({"theme": 7}));
    refused(&admin.post("/user/preference/big", json!("x".repeat(100_000))).await, 422, "bytes");
    assert_eq!(admin.ask("DELETE", "/user/preference/theme").await.status, 200);
    refused(&admin.ask("DELETE", "/user/preference/theme").await, 404, "Preference theme not found");
    server.stop().await;
}
