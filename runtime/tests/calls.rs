//! What is configured is asked of the store when something changes, never for a request of a visitor.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed check panics: that is its answer")]

mod app;
mod http;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app::{app, keys, serve};
use async_trait::async_trait;
use http::call;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::watch;
use tracardi_engine::Settings;
use tracardi_model::configuration::Kind;
use tracardi_model::{Context, EventSource, SourceType, User};
use tracardi_process::Supervisor;
use tracardi_store::{Configuration, ConfigurationSnapshot, Saved, Sqlite, StoreError, StoredRecord};

/// A store that counts how often it is asked for configuration.
#[derive(Debug)]
struct Counting {
    store: Sqlite,
    asked: AtomicUsize,
}

impl Counting {
    /// How often since the last time.
    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }

    fn count(&self) -> &Sqlite {
        self.asked.fetch_add(1, Ordering::SeqCst);
        &self.store
    }
}

type Answer<T> = Result<T, StoreError>;

#[async_trait]
impl Configuration for Counting {
    async fn save_event_source(&self, context: Context, source: &EventSource) -> Answer<()> {
        self.count().save_event_source(context, source).await
    }

    async fn delete_event_source(&self, context: Context, id: &str) -> Answer<bool> {
        self.count().delete_event_source(context, id).await
    }

    async fn save_record(&self, record: &StoredRecord) -> Answer<()> {
        self.count().save_record(record).await
    }

    async fn delete_record(&self, context: Context, kind: Kind, id: &str) -> Answer<bool> {
        self.count().delete_record(context, kind, id).await
    }

    async fn save_user(&self, user: &User) -> Answer<Saved> {
        self.count().save_user(user).await
    }

    async fn save_user_ending_logins(&self, user: &User, kept: Option<&str>) -> Answer<Saved> {
        self.count().save_user_ending_logins(user, kept).await
    }

    async fn save_first_user(&self, user: &User) -> Answer<bool> {
        self.count().save_first_user(user).await
    }

    async fn user(&self, id: &str) -> Answer<Option<User>> {
        self.count().user(id).await
    }

    async fn user_by_email(&self, email: &str) -> Answer<Option<User>> {
        self.count().user_by_email(email).await
    }

    async fn users(&self) -> Answer<Vec<User>> {
        self.count().users().await
    }

    async fn delete_user(&self, id: &str) -> Answer<bool> {
        self.count().delete_user(id).await
    }

    async fn create_token(&self, token: &str, user_id: &str, expires: Timestamp) -> Answer<()> {
        self.count().create_token(token, user_id, expires).await
    }

    async fn find_token(&self, token: &str, now: Timestamp, life: SignedDuration) -> Answer<Option<User>> {
        self.count().find_token(token, now, life).await
    }

    async fn remove_token(&self, token: &str) -> Answer<()> {
        self.count().remove_token(token).await
    }

    async fn installed(&self) -> Answer<bool> {
        self.count().installed().await
    }

    /// Nothing is asked for it: the snapshot is in memory.
    fn watch(&self) -> watch::Receiver<Arc<ConfigurationSnapshot>> {
        self.store.watch()
    }
}

#[tokio::test]
async fn no_request_of_a_visitor_asks_for_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path(), keys()).await.unwrap();
    let counting = Arc::new(Counting { store: store.clone(), asked: AtomicUsize::new(0) });
    let supervisor = Supervisor::new();
    let app = app(&supervisor, &store, counting.clone(), &Settings::new("test").unwrap());
    let (public, private) = serve(&supervisor, &app).await;
    let track = format!("{public}/track");
    let (collect, redirect) = (format!("{public}/collect/paid/shop"), format!("{public}/redirect/link"));
    let asking = format!("{private}/event-sources");

    let kinds = vec![SourceType::Rest, SourceType::Webhook, SourceType::Redirect];
    let source = EventSource::new("shop", "Shop", kinds, Timestamp::UNIX_EPOCH);
    counting.save_event_source(Context::Production, &source).await.unwrap();
    let value = |path: &str| json!({"value": path, "ref": true});
    for (kind, document) in [
        (
            Kind::EventToProfile,
            json!({"id": "a", "name": "n", "enabled": true, "event_type": "seen",
            "event_to_profile": [{"event": value("properties.n"), "op": 0, "profile": value("traits.n")}]}),
        ),
        (Kind::Segment, json!({"id": "b", "name": "n", "eventType": [], "condition": "profile@traits.n = \"x\""})),
        (
            Kind::Redirect,
            json!({"id": "link", "name": "n", "url": "https://shop.example/", "event_type": "clicked",
            "source": {"id": "shop", "name": ""}, "props": {}}),
        ),
    ] {
        let id = document["id"].as_str().unwrap().to_owned();
        let record = StoredRecord { context: Context::Production, kind, id, document: Arc::new(document) };
        counting.save_record(&record).await.unwrap();
    }
    app.in_force().await;
    assert_eq!(counting.asked(), 4, "what was saved above");

    for n in 0..20 {
        // New sessions, known ones, repeated requests, and a source that nobody knows.
        let session = format!("s{}", n % 7);
        let source = if n % 5 == 4 { "nobody" } else { "shop" };
        let body = json!({"source": {"id": source}, "session": {"id": session}, "events": [{"type": "seen", "properties": {"n": "x"}}]});
        let answer = call("POST", &track).json(&body).send().await;
        assert_eq!(answer.status, if source == "shop" { 200 } else { 401 }, "{}", answer.text);
        assert_eq!(call("POST", &collect).json(&json!({ "n": n })).send().await.status, 200);
        assert_eq!(call("GET", &redirect).send().await.status, 307);
    }
    assert_eq!(counting.asked(), 0);
    // Who works with the installation is asked for by the token.
    assert_eq!(call("GET", &asking).bearer("no-such-token").send().await.status, 401);
    assert_eq!(counting.asked(), 1);
    supervisor.run_until(async {}).await.unwrap();
}
