//! A store in memory with the semantics of the real one: what an outcome asks to keep is kept, profiles are found by every id.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tracardi_model::configuration::Kind;
use tracardi_model::record::Node;
use tracardi_model::{
    Context, Event, EventSource, Limits, Path, Profile, SeededEntropy, Session, SourceType, TrackAnswer, TrackerPayload,
};

use crate::{
    Command, Configuration, Origin, Outcome, Referral, Rejected, Seen, Settings, State, asked_key, collect,
    fingerprint_of, namesake_key, profile_key, referral_key,
};

pub(super) const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
pub(super) const BOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// The tables are read once for all tests.
static SETTINGS: LazyLock<Settings> =
    LazyLock::new(|| Settings { track_debug: true, ..Settings::new("instance-1").unwrap() });

#[derive(Clone)]
pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) source: Arc<EventSource>,
    /// That of the site from which visitors come.
    pub(super) other_source: Option<EventSource>,
    pub(super) origin: Origin,
    pub(super) profile_less: bool,
    pub(super) now: Timestamp,
    pub(super) sessions: BTreeMap<String, Arc<Session>>,
    pub(super) profiles: BTreeMap<String, Arc<Profile>>,
    pub(super) events: BTreeMap<String, Event>,
    /// By the keys of fingerprints.
    pub(super) devices: BTreeMap<[u8; 16], Seen>,
}

impl World {
    pub(super) fn new() -> Self {
        let now = Timestamp::constant(1_709_287_200, 0);
        let mut source = EventSource::new("src-1", "Shop", vec![SourceType::Rest], now);
        source.channel = "Web".to_owned();
        Self {
            settings: SETTINGS.clone(),
            source: Arc::new(source),
            other_source: None,
            origin: Origin::new(
                [("User-Agent", PHONE), ("Cookie", "secret"), ("Accept-Language", "pl,en;q=0.8")],
                "10.0.0.1",
            ),
            profile_less: false,
            now,
            sessions: BTreeMap::new(),
            profiles: BTreeMap::new(),
            events: BTreeMap::new(),
            devices: BTreeMap::new(),
        }
    }

    /// The configuration consists of these records, with ids `r0`, `r1`, …; all of them compile.
    pub(super) fn configure(&mut self, records: &[(Kind, Value)]) {
        let mut documents = records.to_vec();
        for (index, (_, document)) in documents.iter_mut().enumerate() {
            let document = document.as_object_mut().unwrap();
            document.insert("id".to_owned(), json!(format!("r{index}")));
            document.insert("name".to_owned(), json!("A record"));
            document.insert("enabled".to_owned(), json!(true));
        }
        let configuration = Configuration::compile(documents.iter().map(|(kind, document)| (*kind, "r", document)));
        assert_eq!(configuration.problems(), []);
        self.settings.configurations[Context::Production] = Arc::new(configuration);
    }

    pub(super) fn source(&mut self, change: impl FnOnce(&mut EventSource)) {
        change(Arc::make_mut(&mut self.source));
    }

    pub(super) fn command(&self, body: &Value) -> Command {
        let payload = TrackerPayload::parse(body.to_string().as_bytes(), &Limits::default()).unwrap();
        let (source, origin) = (Arc::clone(&self.source), self.origin.clone());
        let referral = Referral::of(&payload);
        let command = Command::new(Context::Production, source, payload, origin, self.profile_less, &self.settings);
        match referral {
            Some(referral) => command.coming_from(referral, self.other_source.as_ref()),
            None => command,
        }
    }

    pub(super) fn state(&self, command: &Command) -> State {
        let session = command.session_id().and_then(|id| self.sessions.get(id)).cloned();
        let profile = profile_key(command, session.as_deref(), &self.settings).and_then(|id| self.find(&id));
        let stored = command.event_ids().iter().filter_map(|id| self.events.get(id)).map(Event::stored).collect();
        let referred = referral_key(command).and_then(|id| self.find(id));
        let recognised = fingerprint_of(command, session.as_deref())
            .and_then(|fingerprint| self.devices.get(&fingerprint.key)?.profile(self.now))
            .and_then(|id| self.find(id));
        let namesake = namesake_key(command, session.as_deref(), &self.settings).and_then(|id| self.find(&id));
        let asked = asked_key(command, session.as_deref(), &self.settings).and_then(|id| self.find(&id));
        State { session, profile, referred, recognised, namesake, asked, stored }
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Profile>> {
        self.profiles.values().find(|profile| profile.ids().iter().any(|known| known == id)).cloned()
    }

    /// Collects one request and keeps what it leads to. Documents go through JSON, as in every store.
    pub(super) fn track(&mut self, body: &Value) -> Result<Outcome, Rejected> {
        let command = self.command(body);
        let mut entropy = SeededEntropy::new(command.digest());
        let outcome = collect(&command, self.state(&command), &self.settings, self.now, &mut entropy)?;
        self.keep(&outcome);
        self.now = self.now.checked_add(SignedDuration::from_secs(10)).unwrap();
        Ok(outcome)
    }

    pub(super) fn keep(&mut self, outcome: &Outcome) {
        if outcome.store_session {
            let session = outcome.session.as_deref().unwrap();
            let read: Session = serde_json::from_str(&serde_json::to_string(session).unwrap()).unwrap();
            assert_eq!(read, *session);
            self.sessions.insert(session.id.clone(), Arc::new(read));
        }
        if outcome.store_profile {
            let profile = outcome.profile.as_deref().unwrap();
            let read: Profile = serde_json::from_str(&serde_json::to_string(profile).unwrap()).unwrap();
            assert_eq!(read, *profile);
            assert!(profile.ids().contains(&profile.id));
            self.profiles.insert(profile.id.clone(), Arc::new(read));
        }
        if let (Some(sighting), Some(profile)) = (outcome.sighting, &outcome.profile) {
            let seen = Seen::after(self.devices.get(&sighting.key), sighting, profile, self.now);
            self.devices.insert(sighting.key, seen);
        }
        for event in &outcome.events {
            let read: Event = serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap();
            assert_eq!(read, *event);
            assert!(self.events.insert(event.id.clone(), read).is_none(), "no event is stored twice");
        }
    }

    /// A request with these events in session `v`.
    pub(super) fn events(&mut self, events: Value) -> Outcome {
        self.track(&json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "events": events, "options": {"debugger": true}})).unwrap()
    }

    /// A request with one event in session `v`; gives the event as stored.
    pub(super) fn event(&mut self, kind: &str, properties: Value) -> Event {
        let time = self.now.as_second();
        let outcome = self.events(json!([{"type": kind, "properties": properties, "time": {"create": time}}]));
        outcome.events.into_iter().next().unwrap()
    }

    /// The profile of session `v`.
    pub(super) fn profile(&self) -> Arc<Profile> {
        let id = self.sessions["v"].profile_id().unwrap();
        self.find(id).unwrap()
    }

    /// A value of the profile with this id.
    pub(super) fn value_of(&self, id: &str, path: &str) -> Value {
        self.find(id).unwrap().get(Path::parse(path).unwrap().segments()).unwrap_or(Value::Null)
    }

    /// How many profiles and sessions there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.profiles.len(), self.sessions.len())
    }

    /// A value of that profile.
    pub(super) fn value(&self, path: &str) -> Value {
        self.profile().get(Path::parse(path).unwrap().segments()).unwrap_or(Value::Null)
    }
}

pub(super) fn kinds(outcome: &Outcome) -> Vec<&str> {
    outcome.events.iter().map(Event::kind).collect()
}

pub(super) fn ids(answer: &TrackAnswer) -> (Option<&str>, Option<&str>) {
    (answer.profile.id.as_deref(), answer.session.id.as_deref())
}
