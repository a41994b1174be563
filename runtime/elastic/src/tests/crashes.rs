//! Processes that die between any two requests, or several at once: nothing is lost, nothing counts twice.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tracardi_model::{Context, Delayed, Delivery, Map, Profile, Session};
use tracardi_servers::Kind;
use tracardi_store::conformance::samples::{at, batch, document, event_with, profile, session};
use tracardi_store::{Batch, Committed, Document, Documents, Gone, Index, Merge, StoreError, Version, Wanted};

use super::house::House;

const PRODUCTION: Context = Context::Production;

fn key(id: &str) -> (Context, String) {
    (PRODUCTION, id.to_owned())
}

/// What somebody's event does: it counts in the profile and in the session, is delivered, and something is to happen later.
fn effects(
    id: &str,
    (mut profile, profile_seen): (Profile, Option<Version>),
    (mut session, session_seen): (Session, Option<Version>),
) -> Batch {
    profile.stats.visits += 1;
    let count = session.properties.get("events").and_then(Value::as_i64).unwrap_or(0);
    session.properties.insert("events".to_owned(), (count + 1).into());
    let (own, session_id) = (profile.id.clone(), session.id.clone());
    let references = json!({"profile": {"id": own}, "session": {"id": session_id, "start": "2026-05-28T20:26:40Z"}});
    let delayed = Delayed {
        id: format!("{id}-later"),
        due: at(5),
        flow: "f".to_owned(),
        node: "n".to_owned(),
        event: id.to_owned(),
        event_type: None,
        properties: Map::new(),
        source: "s".to_owned(),
        session: None,
        profile: Some(own.clone()),
        at: at(0),
    };
    let delivery = Delivery {
        id: format!("{id}-out"),
        destination: "crm".to_owned(),
        event_id: Some(id.to_owned()),
        profile_id: Some(own),
        debug: false,
        body: serde_json::value::to_raw_value("x").unwrap(),
        at: Timestamp::UNIX_EPOCH,
    };
    let mut batch = batch(vec![event_with(id, "x", 1, &references)], vec![], vec![]);
    batch.sessions.push((PRODUCTION, Document::replacing(session_seen, Arc::new(session)).unwrap()));
    batch.profiles.push((PRODUCTION, Document::replacing(profile_seen, Arc::new(profile)).unwrap()));
    batch.deliveries.push((PRODUCTION, delivery));
    batch.delayed.push((PRODUCTION, document(delayed)));
    batch
}

/// Somebody with a profile, another id of it, and a session.
pub(super) struct Visitor {
    pub(super) own: String,
    pub(super) alias: String,
    pub(super) session: String,
    /// Whether requests name the profile.
    named: bool,
}

impl Visitor {
    pub(super) fn new(number: i64, named: bool) -> Self {
        Self { own: format!("p{number}"), alias: format!("h{number}"), session: format!("s{number}"), named }
    }

    /// Is known from now on, with a session.
    pub(super) async fn settle_in(&self, store: &House) {
        let Self { own, alias, session: visit, .. } = self;
        let profiles = vec![(PRODUCTION, document(profile(&[own, alias])))];
        let sessions = vec![(PRODUCTION, document(session(visit, Some(own))))];
        store.commit(Batch { profiles, sessions, ..Batch::default() }).await.unwrap();
    }

    /// What a worker does about an event, until it is stored.
    pub(super) async fn collect(&self, store: &House, id: &str) -> Result<(), StoreError> {
        let Self { own, alias, session: visit, named } = self;
        for _ in 0..100 {
            let profiles = if *named { vec![(PRODUCTION, own.as_str())] } else { vec![] };
            let wanted = Wanted { sessions: vec![(PRODUCTION, visit)], profiles, events: vec![(PRODUCTION, id)] };
            let found = store.load(&wanted).await?;
            if found.events.contains_key(&key(id)) {
                return Ok(());
            }
            // What was accepted before an erasure is dropped.
            if !found.erased.is_empty() {
                return Ok(());
            }
            let known = found.profiles.values().next();
            let known = known.map_or_else(|| (profile(&[own, alias]), None), |p| ((*p.value).clone(), p.version));
            let seen = found.sessions.get(&key(visit));
            let seen = seen.map_or_else(|| (session(visit, Some(own)), None), |s| ((*s.value).clone(), s.version));
            match store.commit(effects(id, known, seen)).await {
                Ok(Committed::Stored(_)) => return Ok(()),
                Ok(Committed::EventExists) | Err(StoreError::Stale) => {}
                Err(error) => return Err(error),
            }
        }
        panic!("{id} is never stored")
    }

    /// All that these events have done was done once. They are the last of `all`.
    async fn check(&self, store: &House, events: &[String], all: u64) {
        store.refresh().await.unwrap();
        let read = async |index, id: &str| -> Value {
            let text = store.get(PRODUCTION, index, id).await.unwrap().unwrap_or_else(|| panic!("{id} is missing"));
            serde_json::from_str(text.get()).unwrap()
        };
        let count = events.len() as u64;
        assert_eq!(read(Index::Profile, &self.own).await["stats"]["visits"], count, "{events:?}");
        assert_eq!(read(Index::Profile, &self.alias).await["id"], self.own);
        assert_eq!(read(Index::Session, &self.session).await["properties"]["events"], count, "{events:?}");
        for id in events {
            read(Index::Event, id).await;
        }
        assert_eq!(store.count(PRODUCTION, Index::Event).await.unwrap(), all);
        assert_eq!(store.delayed(PRODUCTION, 0, 1).await.unwrap().total, all);
        assert_eq!(store.outbox.look(|disk| disk.deliveries(PRODUCTION).count()) as u64, all);
    }
}

/// A process dies at each of its requests: before it is sent, or (`sent`) before the answer arrives.
async fn dies_anywhere(kind: Kind, sent: bool, named: bool) {
    let (mut requests, mut all, mut visitors) = (0, 0, 0);
    let store = House::new(kind).await;
    for first in [true, false] {
        for number in 0.. {
            assert!(number < 30, "it never ends");
            visitors += 1;
            let visitor = Visitor::new(visitors, named);
            let of = |what: &str| format!("{what}{visitors}");
            let mut events = Vec::new();
            if !first {
                events.push(of("before"));
                visitor.collect(&store, &of("before")).await.unwrap();
            }
            let doomed = store.again().await;
            doomed.elastic.0.client.fuse.burn_at(number, sent);
            let died = visitor.collect(&doomed, &of("e")).await.is_err();
            // Another worker has it again; sometimes after an event that came later.
            let heir = store.again().await;
            events.push(of("e"));
            if number % 2 == 1 && !first {
                events.push(of("after"));
                visitor.collect(&heir, &of("after")).await.unwrap();
            }
            visitor.collect(&heir, &of("e")).await.unwrap();
            all += events.len() as u64;
            visitor.check(&heir, &events, all).await;
            if !died {
                requests += number;
                break;
            }
        }
    }
    assert!(requests >= 6, "{requests}: there was something to die at");
}

#[tokio::test]
async fn before_a_request() {
    dies_anywhere(Kind::OpenSearch, false, true).await;
}

#[tokio::test]
async fn before_an_answer() {
    dies_anywhere(Kind::OpenSearch, true, true).await;
}

#[tokio::test]
async fn of_a_visitor_whom_nobody_names() {
    dies_anywhere(Kind::OpenSearch, false, false).await;
}

#[tokio::test]
async fn on_the_other_product() {
    dies_anywhere(Kind::Elasticsearch, true, false).await;
}

/// A worker that was stopped between two requests and goes on when another one has done its work.
#[tokio::test]
async fn a_worker_that_comes_back_late_changes_nothing() {
    let store = House::new(Kind::OpenSearch).await;
    for number in 0..6 {
        let visitor = Visitor::new(number, true);
        let events = ["e", "next"].map(|what| format!("{what}{number}"));
        let zombie = store.again().await;
        let fuse = &zombie.elastic.0.client.fuse;
        fuse.hold_before(number);
        let late = async {
            visitor.collect(&zombie, &events[0]).await.unwrap();
            fuse.let_go();
        };
        let meanwhile = async {
            fuse.is_held().await;
            for id in &events {
                visitor.collect(&store, id).await.unwrap();
            }
            fuse.let_go();
        };
        tokio::join!(late, meanwhile);
        visitor.check(&store, &events, 2 * (number.unsigned_abs() + 1)).await;
    }
}

#[tokio::test]
async fn workers_that_race_for_a_profile_count_exactly() {
    let store = House::new(Kind::OpenSearch).await;
    let visitor = Visitor::new(1, true);
    let worker = async |name: &str| {
        let own = store.again().await;
        for number in 0..15 {
            visitor.collect(&own, &format!("{name}-{number}")).await.unwrap();
            // Each of these comes to both.
            visitor.collect(&own, &format!("both-{number}")).await.unwrap();
        }
    };
    tokio::join!(worker("a"), worker("b"));
    let of = |name: &str| (0..15).map(|number| format!("{name}-{number}")).collect::<Vec<_>>();
    visitor.check(&store, &[of("a"), of("b"), of("both")].concat(), 45).await;
}

/// Two profiles with a session each, merged by a process that dies; then somebody else does it.
#[tokio::test]
async fn a_merge_that_is_cut_off_is_made_true_by_the_next() {
    let store = House::new(Kind::OpenSearch).await;
    let mut pairs = 0;
    for sent in [true, false] {
        for number in 0.. {
            assert!(number < 40, "it never ends");
            pairs += 1;
            // The one that goes has the number of its visitor.
            let (stays, goes) = (Visitor::new(-pairs, true), Visitor::new(pairs, true));
            stays.settle_in(&store).await;
            goes.settle_in(&store).await;
            let doomed = store.again().await;
            doomed.elastic.0.client.fuse.burn_at(number, sent);
            let died = become_one(&doomed, &stays, &goes).await.is_err();
            let heir = store.again().await;
            // An event of the one that goes, in between.
            let event = format!("e{pairs}");
            goes.collect(&heir, &event).await.unwrap();
            become_one(&heir, &stays, &goes).await.unwrap();
            while heir.repoint(10).await.unwrap().unfinished {}
            let read = async |index, id: &str| -> Value {
                serde_json::from_str(heir.get(PRODUCTION, index, id).await.unwrap().unwrap().get()).unwrap()
            };
            for id in [&stays.own, &stays.alias, &goes.own, &goes.alias] {
                let found = read(Index::Profile, id).await;
                assert_eq!((&found["id"], &found["stats"]["visits"]), (&json!(stays.own), &json!(1)), "{id}, {number}");
            }
            for (index, id) in [(Index::Session, &goes.session), (Index::Event, &event)] {
                assert_eq!(read(index, id).await["profile"]["id"], stays.own, "{id}, {number}");
            }
            heir.refresh().await.unwrap();
            assert_eq!(heir.count(PRODUCTION, Index::Profile).await.unwrap(), pairs.unsigned_abs());
            if !died {
                break;
            }
        }
    }
}

/// As a collector does: what the ids lead to now becomes one.
pub(super) async fn become_one(store: &House, stays: &Visitor, goes: &Visitor) -> Result<(), StoreError> {
    let profiles = vec![(PRODUCTION, stays.own.as_str()), (PRODUCTION, goes.own.as_str())];
    let found = store.load(&Wanted { profiles, ..Wanted::default() }).await?;
    let of = |visitor: &Visitor| found.profiles.get(&key(&visitor.own));
    let (Some(a), Some(b)) = (of(stays), of(goes)) else { return Ok(()) };
    if a.value.id() == b.value.id() {
        return Ok(());
    }
    let mut survivor = (*a.value).clone();
    survivor.stats.visits += b.value.stats.visits;
    survivor.ids.0.extend(b.value.ids().iter().cloned());
    let ids = survivor.ids().to_vec();
    let gone = vec![Gone { id: goes.own.clone(), version: b.version, keys: vec![goes.alias.clone()] }];
    let survivor = Document::replacing(a.version, Arc::new(survivor)).unwrap();
    store.merge(Merge { context: PRODUCTION, survivor, gone, ids, at: at(9) }).await.map(drop)
}

#[tokio::test]
async fn few_requests_are_made() {
    let store = House::new(Kind::OpenSearch).await;
    Visitor { own: "p".to_owned(), alias: "h".to_owned(), session: "s".to_owned(), named: true }
        .collect(&store, "first")
        .await
        .unwrap();
    let load = async || {
        let wanted = Wanted {
            sessions: vec![(PRODUCTION, "s")],
            profiles: vec![(PRODUCTION, "p")],
            events: vec![(PRODUCTION, "second")],
        };
        store.load(&wanted).await.unwrap()
    };
    let before = store.elastic.requests();
    let found = load().await;
    assert!(store.elastic.requests() - before <= 2, "a load");
    let (p, s) = (&found.profiles[&key("p")], &found.sessions[&key("s")]);
    let next = effects("second", ((*p.value).clone(), p.version), ((*s.value).clone(), s.version));
    let before = store.elastic.requests();
    assert!(store.commit(next).await.unwrap().is_stored());
    assert_eq!(store.elastic.requests() - before, 3, "a commit");
    // However many are in a group.
    let group = (0..50).map(|number| {
        let (own, visit) = (format!("p{number}"), format!("s{number}"));
        effects(&format!("e{number}"), (profile(&[&own]), None), (session(&visit, Some(&own)), None))
    });
    let mut all = Batch::default();
    for mut one in group {
        all.events.append(&mut one.events);
        all.sessions.append(&mut one.sessions);
        all.profiles.append(&mut one.profiles);
        all.deliveries.append(&mut one.deliveries);
        all.delayed.append(&mut one.delayed);
    }
    let before = store.elastic.requests();
    assert!(store.commit(all).await.unwrap().is_stored());
    assert_eq!(store.elastic.requests() - before, 3, "a group");
}

/// What a batch only looks at must be as it was seen; finding that out costs no request.
#[tokio::test]
async fn what_is_only_looked_at_is_compared() {
    let store = House::new(Kind::OpenSearch).await;
    let visitor = Visitor::new(1, true);
    visitor.collect(&store, "first").await.unwrap();
    let wanted = Wanted {
        sessions: vec![(PRODUCTION, &visitor.session)],
        profiles: vec![(PRODUCTION, &visitor.own)],
        ..Wanted::default()
    };
    for (index, place) in [(Index::Session, &visitor.session), (Index::Profile, &visitor.own)] {
        let found = store.load(&wanted).await.unwrap();
        let seen = |id: &str| {
            let session = json!({"id": visitor.session, "start": "2026-05-28T20:26:40Z"});
            let references = json!({"profile": {"id": visitor.own}, "session": session});
            let mut batch = batch(vec![event_with(id, "x", 1, &references)], vec![], vec![]);
            if index == Index::Session {
                let version = found.sessions[&key(place)].version.unwrap();
                batch.seen_sessions.push((PRODUCTION, place.clone(), version));
            } else {
                let version = found.profiles[&key(place)].version.unwrap();
                batch.seen_profiles.push((PRODUCTION, place.clone(), version));
            }
            batch
        };
        let (before, [kept, late]) = (store.elastic.requests(), ["kept", "late"].map(|id| format!("{id} {index:?}")));
        assert!(store.commit(seen(&kept)).await.unwrap().is_stored());
        assert_eq!(store.elastic.requests() - before, 2, "{index:?}");
        assert!(store.delete(PRODUCTION, index, place).await.unwrap());
        let stale = store.commit(seen(&late)).await;
        assert!(matches!(stale, Err(StoreError::Stale)), "{index:?}: {stale:?}");
        assert!(store.get(PRODUCTION, Index::Event, &late).await.unwrap().is_none());
    }
}
