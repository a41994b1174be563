//! Event sources, records, users, tokens.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;
use tracardi_model::configuration::Kind;
use tracardi_model::{Context, EventSource, Role, SourceType, User};

use super::samples::at;
use crate::{Configuration, Saved, StoredRecord};

/// All checks of configuration on an empty store.
pub async fn all(store: &dyn Configuration) {
    event_sources(store).await;
    records(store).await;
    users(store).await;
    tokens(store).await;
}

/// A source of this id with a credential in its config.
#[must_use]
pub fn source(id: &str) -> EventSource {
    let mut source = EventSource::new(id, format!("Source {id}"), vec![SourceType::Rest], at(0));
    source.config = Some(json!({"password": "very secret", "static_profile_id": true}).as_object().unwrap().clone());
    source
}

/// A resource of this id with a secret.
#[must_use]
pub fn resource(id: &str, secret: &str) -> StoredRecord {
    let credentials = json!({"production": {"url": "https://example.com", "password": secret}, "test": {}});
    let document = Arc::new(json!({"id": id, "name": "n", "credentials": credentials, "enabled": true}));
    StoredRecord { context: Context::Production, kind: Kind::Resource, id: id.to_owned(), document }
}

/// A user of this id and address.
#[must_use]
pub fn user(id: &str, email: &str) -> User {
    User {
        id: id.to_owned(),
        email: email.to_owned(),
        name: "Somebody".to_owned(),
        password: "$argon2id$".to_owned(),
        roles: vec![Role::Admin],
        enabled: true,
        preference: tracardi_model::Map::new(),
        expiration_timestamp: None,
    }
}

async fn event_sources(store: &dyn Configuration) {
    let mut watch = store.watch();
    let before = watch.borrow_and_update().version;
    let saved = source("a");
    store.save_event_source(Context::Production, &saved).await.unwrap();
    assert!(watch.has_changed().unwrap(), "a change is seen at once");
    let snapshot = watch.borrow_and_update().clone();
    assert!(snapshot.version > before);
    assert_eq!(**snapshot.event_source(Context::Production, "a").unwrap(), saved);
    assert!(snapshot.event_source(Context::Staging, "a").is_none());

    let mut changed = source("a");
    changed.name = "Changed".to_owned();
    changed.config = None;
    store.save_event_source(Context::Production, &changed).await.unwrap();
    store.save_event_source(Context::Staging, &source("b")).await.unwrap();
    let snapshot = watch.borrow_and_update().clone();
    assert_eq!(**snapshot.event_source(Context::Production, "a").unwrap(), changed);
    let staged: Vec<&str> = snapshot.event_sources(Context::Staging).map(|source| source.id.as_str()).collect();
    assert_eq!(staged, ["b"]);

    assert!(!store.delete_event_source(Context::Production, "b").await.unwrap(), "it is in the other context");
    assert!(store.delete_event_source(Context::Staging, "b").await.unwrap());
    assert!(watch.borrow().event_source(Context::Staging, "b").is_none());
}

async fn records(store: &dyn Configuration) {
    let record = |context, kind, id: &str, name: &str| StoredRecord {
        context,
        kind,
        id: id.to_owned(),
        document: Arc::new(json!({"id": id, "name": name})),
    };
    let mut watch = store.watch();
    let before = watch.borrow_and_update().version;
    store.save_record(&record(Context::Production, Kind::Redirect, "b", "old")).await.unwrap();
    assert!(watch.has_changed().unwrap(), "a change is seen at once");
    assert!(watch.borrow_and_update().version > before);
    for saved in [
        record(Context::Production, Kind::Redirect, "b", "new"),
        record(Context::Production, Kind::Redirect, "A", "other"),
        record(Context::Production, Kind::ConsentType, "b", "of another kind"),
        record(Context::Staging, Kind::Redirect, "b", "of the other context"),
    ] {
        store.save_record(&saved).await.unwrap();
    }
    let snapshot = watch.borrow_and_update().clone();
    let listed: Vec<_> = snapshot
        .records(Context::Production, Kind::Redirect)
        .map(|(id, record)| (id, record["name"].clone()))
        .collect();
    assert_eq!(listed, [("A", json!("other")), ("b", json!("new"))]);
    assert_eq!(snapshot.record(Context::Staging, Kind::Redirect, "b").unwrap()["name"], "of the other context");
    assert!(snapshot.record(Context::Production, Kind::Redirect, "a").is_none(), "ids are what they are");
    assert!(snapshot.records(Context::Staging, Kind::ConsentType).next().is_none());

    assert!(!store.delete_record(Context::Staging, Kind::Redirect, "A").await.unwrap(), "it is in the other context");
    assert!(store.delete_record(Context::Production, Kind::Redirect, "b").await.unwrap());
    let snapshot = watch.borrow_and_update().clone();
    assert!(snapshot.record(Context::Production, Kind::Redirect, "b").is_none());
    assert!(snapshot.record(Context::Production, Kind::ConsentType, "b").is_some());
    store.save_record(&resource("r", "s")).await.unwrap();
    let snapshot = watch.borrow_and_update().clone();
    assert_eq!(snapshot.record(Context::Production, Kind::Resource, "r"), Some(&resource("r", "s").document));
    for (context, kind, id) in [
        (Context::Production, Kind::Resource, "r"),
        (Context::Production, Kind::Redirect, "A"),
        (Context::Production, Kind::ConsentType, "b"),
        (Context::Staging, Kind::Redirect, "b"),
    ] {
        assert!(store.delete_record(context, kind, id).await.unwrap());
    }
}

async fn users(store: &dyn Configuration) {
    assert!(!store.installed().await.unwrap());
    assert!(store.save_first_user(&user("1", "admin@example.com")).await.unwrap());
    assert!(!store.save_first_user(&user("2", "other@example.com")).await.unwrap(), "there is one already");
    assert!(store.installed().await.unwrap());
    assert_eq!(store.user("1").await.unwrap(), Some(user("1", "admin@example.com")));
    assert_eq!(store.user("2").await.unwrap(), None);
    assert_eq!(store.user_by_email("ADMIN@example.com").await.unwrap().unwrap().id, "1");
    assert_eq!(store.save_user(&user("2", "Admin@Example.com")).await.unwrap(), Saved::EmailTaken);
    assert_eq!(store.save_user(&user("2", "a@example.com")).await.unwrap(), Saved::Stored);
    let renamed = User { name: "Else".to_owned(), ..user("1", "admin@example.com") };
    assert_eq!(store.save_user(&renamed).await.unwrap(), Saved::Stored);
    let emails: Vec<String> = store.users().await.unwrap().into_iter().map(|user| user.email).collect();
    assert_eq!(emails, ["a@example.com", "admin@example.com"]);
    assert_eq!(store.user("1").await.unwrap().unwrap().name, "Else");
}

async fn tokens(store: &dyn Configuration) {
    let life = SignedDuration::from_secs(100);
    store.create_token("t", "1", at(100)).await.unwrap();
    store.create_token("u", "2", at(100)).await.unwrap();
    let find = async |token: &str, now: i64| store.find_token(token, at(now), life).await.unwrap().map(|user| user.id);
    assert_eq!(find("nonsense", 0).await, None);
    assert_eq!(find("t", 0).await.as_deref(), Some("1"));
    // Use extends the life: valid to 150, then to 220.
    assert_eq!(find("t", 50).await.as_deref(), Some("1"));
    assert_eq!(find("t", 120).await.as_deref(), Some("1"));
    assert_eq!(find("u", 120).await, None, "was not used, has expired");
    assert_eq!(find("t", 219).await.as_deref(), Some("1"));
    store.remove_token("t").await.unwrap();
    store.remove_token("t").await.unwrap();
    assert_eq!(find("t", 219).await, None);
    for token in ["w", "x", "y"] {
        store.create_token(token, "1", at(1000)).await.unwrap();
    }
    store.create_token("v", "2", at(1000)).await.unwrap();
    let one = user("1", "admin@example.com");
    assert_eq!(store.save_user_ending_logins(&user("1", "A@example.com"), None).await.unwrap(), Saved::EmailTaken);
    assert_eq!(find("w", 1).await.as_deref(), Some("1"), "nothing changed");
    assert_eq!(store.save_user_ending_logins(&one, Some("w")).await.unwrap(), Saved::Stored);
    let found = [find("w", 1).await, find("x", 1).await, find("v", 1).await];
    assert_eq!(
        found.each_ref().map(Option::as_deref),
        [Some("1"), None, Some("2")],
        "only the one that is kept, and others' ones"
    );
    assert_eq!(store.save_user_ending_logins(&one, None).await.unwrap(), Saved::Stored);
    assert_eq!(find("w", 1).await, None);
    assert!(store.delete_user("2").await.unwrap());
    assert!(!store.delete_user("2").await.unwrap());
    assert_eq!(find("v", 1).await, None, "tokens go with their user");
}
