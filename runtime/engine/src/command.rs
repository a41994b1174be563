//! A request that was admitted: payload, source and origin, and the ids that follow from them and from the settings of the
//! source's bridge ([`crate::bridge`]).
//!
//! Ids are derived from the content, so that a request that is sent again (the client timed out, a queue delivers twice)
//! finds its own events already stored and changes nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use tracardi_model::canonical::Hasher;
use tracardi_model::entropy::{dated, first_16};
use tracardi_model::source::INTERNAL_PREFIX;
use tracardi_model::{
    Context, Entropy, EventPayload, EventSource, FieldError, Map, Original, SourceType, TrackerPayload,
};

use crate::bridge::{self, Bridged, Named};
use crate::{Fingerprint, Referral, Rejected, Settings};

/// Who sent a request, and how it came in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    /// The way in.
    pub endpoint: SourceType,
    /// Headers, names in lower case, without credentials; [`Origin::new`] sees to it.
    pub headers: Map,
    /// Address of the client.
    pub client_ip: String,
    /// A fresh random number. It goes into the ids of a request that says nothing by which it could be told from another
    /// one: no session, no profile, no time; or that came by a way in where no time can be given.
    pub nonce: u64,
}

/// Headers that are never kept.
const SECRET_HEADERS: [&str; 2] = ["authorization", "cookie"];

impl Origin {
    /// Keeps the headers that may be kept; of a repeated header the last one.
    pub fn new<'h>(headers: impl IntoIterator<Item = (&'h str, &'h str)>, client_ip: impl Into<String>) -> Self {
        let mut kept = Map::new();
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            if !SECRET_HEADERS.contains(&name.as_str()) {
                kept.insert(name, Value::String(value.to_owned()));
            }
        }
        Self { endpoint: SourceType::Rest, headers: kept, client_ip: client_ip.into(), nonce: 0 }
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(Value::as_str)
    }
}

/// A request, ready to be collected.
#[derive(Clone, Debug)]
pub struct Command {
    /// Production or staging.
    pub context: Context,
    /// The stored event source.
    pub source: Arc<EventSource>,
    /// What the client sent.
    pub payload: TrackerPayload,
    /// Address of the client.
    pub client_ip: String,
    /// The way in.
    pub endpoint: SourceType,
    /// Whether no profile is wanted.
    pub profile_less: bool,
    /// The profile that the visitor had on another site, or why it does not count.
    pub(crate) referral: Option<Result<String, Rejected>>,
    keeps_profile_id: bool,
    /// Which setting of the source's bridge has given it its ids.
    pub(crate) named: Option<Named>,
    /// Kept with every event: the payload's `request` with the headers.
    pub(crate) request: Arc<Map>,
    /// The user agent that the body carries; robots are recognised by it before anything else is done.
    pub(crate) body_user_agent: Option<String>,
    /// The body of the request as it was read; empty when it was not that of a payload.
    pub(crate) body: Bytes,
    /// Events on which the program fails, and how it does.
    suspects: HashSet<String>,
    failure: String,
    /// Whether it brings an event out of quarantine once more, and whether it was altered when it went there.
    replay: Option<bool>,
    /// By what the visitor's device may be recognised.
    pub(crate) fingerprint: Option<Fingerprint>,
    event_ids: Vec<String>,
    digest: [u8; 32],
}

impl Command {
    /// Applies the settings of the source's bridge and derives the ids.
    #[must_use]
    pub fn new(
        context: Context,
        source: Arc<EventSource>,
        mut payload: TrackerPayload,
        origin: Origin,
        profile_less: bool,
        settings: &Settings,
    ) -> Self {
        let endpoint = origin.endpoint;
        let Bridged { profile_less, keeps_profile_id, named } =
            bridge::apply(&mut payload, &source, endpoint, profile_less, settings);
        let event_ids = event_ids(context, &source, &payload, &origin);
        let digest = digest(context, &source, &payload, &event_ids, profile_less);
        let mut request = std::mem::take(&mut payload.request);
        let body_user_agent =
            request.get("headers").and_then(|headers| headers.get("user-agent")).and_then(Value::as_str);
        let body_user_agent = body_user_agent.map(str::to_owned);
        request.insert("headers".to_owned(), Value::Object(origin.headers));
        let (request, client_ip) = (Arc::new(request), origin.client_ip);
        let mut command = Self {
            context,
            source,
            payload,
            client_ip,
            endpoint,
            profile_less,
            referral: None,
            keeps_profile_id,
            named,
            request,
            body_user_agent,
            body: Bytes::new(),
            suspects: HashSet::new(),
            failure: String::new(),
            replay: None,
            fingerprint: None,
            event_ids,
            digest,
        };
        if endpoint == SourceType::Rest && !profile_less && !keeps_profile_id {
            command.fingerprint = Fingerprint::of(&command);
        }
        command
    }

    /// An event in quarantine, once more: under its own id, for the session and the profile under which it was collected, at
    /// the time at which it was received. Errors name what is not as a client may send it.
    pub fn replay(
        context: Context,
        source: Arc<EventSource>,
        original: &Original,
        settings: &Settings,
    ) -> Result<Self, Vec<FieldError>> {
        let mut payload = original.payload()?;
        for event in &mut payload.events {
            event.id = Some(original.id.clone());
            event.time.insert.get_or_insert(original.at);
        }
        let (headers, client_ip) = (original.headers.clone(), original.client_ip.clone());
        let origin = Origin { endpoint: original.endpoint, headers, client_ip, nonce: 0 };
        let command = Self::new(context, source, payload, origin, original.profile_less, settings);
        // Whose it was is settled.
        Ok(Self { replay: Some(original.altered), fingerprint: None, ..command })
    }

    /// Whether it brings an event out of quarantine once more.
    #[must_use]
    pub const fn is_replay(&self) -> bool {
        self.replay.is_some()
    }

    /// Whether its event is not as the client sent it, because consents were missing.
    pub(crate) fn is_altered(&self) -> bool {
        self.replay == Some(true)
    }

    /// With the body of the request as it was read: should an event not be taken, its part of it is kept.
    #[must_use]
    pub fn with_body(self, body: Bytes) -> Self {
        Self { body, ..self }
    }

    /// Events on which the program fails: nothing is made of them. Replaces those that were named before.
    pub fn suspect(&mut self, ids: impl IntoIterator<Item = String>, failure: &str) {
        self.suspects = ids.into_iter().collect();
        failure.clone_into(&mut self.failure);
    }

    /// How the program failed on an event.
    pub(crate) fn failure(&self, id: &str) -> Option<&str> {
        (!self.suspects.is_empty() && self.suspects.contains(id)).then_some(self.failure.as_str())
    }

    /// Takes over from where the visitor comes. `source` is what is stored under the referral's source id.
    #[must_use]
    pub fn coming_from(mut self, referral: Referral, source: Option<&EventSource>) -> Self {
        self.referral = Some(referral.admit(source, self.endpoint));
        self
    }

    /// The session that the client names.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.payload.session.as_ref().map(|session| session.id.as_str())
    }

    /// The profile that the client names.
    #[must_use]
    pub fn profile_id(&self) -> Option<&str> {
        self.payload.profile.as_ref().map(|profile| profile.id.as_str())
    }

    /// Ids of the payload's events, in their order.
    #[must_use]
    pub fn event_ids(&self) -> &[String] {
        &self.event_ids
    }

    /// Identifies the request: the same content gives the same digest.
    #[must_use]
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// When the first event took place, if its client says so.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        let time = &self.payload.events.first()?.time;
        time.create.or(time.insert)
    }

    /// An id for what is made for this request. The time stands in front of it, if the client says one: what is new stands
    /// together in every index, and strangers cost the store fewer pages.
    pub(crate) fn new_id(&self, entropy: &mut dyn Entropy) -> String {
        match self.time() {
            Some(time) => dated(Some(time), entropy.bytes()),
            None => entropy.uuid(),
        }
    }

    /// Whether the client's profile id is used as it is, even for a new profile.
    #[must_use]
    pub const fn keeps_profile_id(&self) -> bool {
        self.keeps_profile_id
    }

    /// Whether the client asks for what the request leads to: an event of it is not to be processed later (`options.async` is false,
    /// spec/pipeline.md 6.3).
    #[must_use]
    pub fn asks_for_its_outcome(&self) -> bool {
        self.payload.events.iter().any(|event| event.options.get("async") == Some(&Value::Bool(false)))
    }

    /// The workflow that goes on and the node at which it does, if that is what the request is for: only the system itself asks
    /// for it, with one event through an internal source (spec/pipeline.md 5.9).
    pub(crate) fn goes_on(&self) -> Option<(&str, &str)> {
        let option = |name| self.payload.options.get(name)?.as_str();
        let internal = self.source.id.starts_with(INTERNAL_PREFIX);
        option("scheduledFlowId").zip(option("scheduledNodeId")).filter(|_| internal)
    }

    /// Whether the session is stored and shown.
    #[must_use]
    pub fn save_session(&self) -> bool {
        !self.source.transitional && self.payload.save_session()
    }

    /// Whether the events are stored and shown.
    #[must_use]
    pub fn save_events(&self) -> bool {
        !self.source.transitional && self.payload.save_events()
    }

    /// Whether the profile is stored and shown.
    #[must_use]
    pub fn save_profile(&self) -> bool {
        self.payload.save_profile()
    }

    /// The user agent: that of the body's headers, of the browser's own account, of the request.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        let browser = || self.browser()?.get("userAgent")?.as_str();
        let blank = |text: &&str| !text.trim().is_empty();
        self.body_user_agent
            .as_deref()
            .filter(blank)
            .or_else(|| browser().filter(blank))
            .or_else(|| self.header("user-agent").filter(blank))
    }

    /// The value of a header of the request.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.get("headers")?.get(name)?.as_str()
    }

    /// What the tracker says of the browser (`context.browser.local.browser`).
    pub(crate) fn browser(&self) -> Option<&Value> {
        self.payload.context.get("browser")?.get("local")?.get("browser")
    }
}

/// The type as it is kept: lower case, dashes for blanks.
#[must_use]
pub fn normal_type(kind: &str) -> String {
    kind.to_lowercase().replace(' ', "-")
}

fn event_ids(context: Context, source: &EventSource, payload: &TrackerPayload, origin: &Origin) -> Vec<String> {
    let mut ids = Vec::with_capacity(payload.events.len());
    // Everything that the events have in common is hashed once.
    let mut common = Hasher::new("event");
    common.text(context.as_str());
    common.text(&source.id);
    common.optional(payload.session.as_ref().map(|session| session.id.as_str()));
    if payload.session.is_none() {
        common.optional(payload.profile.as_ref().map(|profile| profile.id.as_str()));
        common.text(&origin.client_ip);
        common.optional(origin.header("user-agent"));
    }
    // A webhook or a link has no place for a time: the same again is another event, not the same one once more.
    let anybody = origin.endpoint != SourceType::Rest
        || payload.session.is_none() && payload.profile.is_none() && !payload.context.contains_key("time");
    common.value(payload.context.get("time").unwrap_or(&Value::Null));
    let mut seen: HashMap<[u8; 32], i64> = HashMap::new();
    for event in &payload.events {
        let id = event.id.clone().unwrap_or_else(|| {
            let timeless = event.time.create.is_none() && event.time.insert.is_none();
            let mut own = common.clone();
            if anybody && timeless {
                // Two visitors behind one address must not become one, nor two clicks of one visitor.
                own.bytes(&origin.nonce.to_le_bytes());
            }
            let key = content(own, event);
            let ordinal = seen.entry(key).or_insert(0);
            let mut hasher = Hasher::new("event id");
            hasher.bytes(&key);
            hasher.number(*ordinal);
            *ordinal += 1;
            dated(event.time.create.or(event.time.insert), first_16(&hasher.finish()))
        });
        ids.push(id);
    }
    ids
}

fn content(mut hasher: Hasher, event: &EventPayload) -> [u8; 32] {
    hasher.text(&normal_type(&event.kind));
    for time in [event.time.insert, event.time.create] {
        match time {
            Some(time) => hasher.number(time.as_microsecond()),
            None => hasher.optional(None),
        }
    }
    match &event.properties {
        Some(properties) => hasher.map(properties),
        None => hasher.optional(None),
    }
    hasher.map(&event.context);
    hasher.map(&event.options);
    for tag in &event.tags {
        hasher.text(tag);
    }
    hasher.finish()
}

fn digest(
    context: Context,
    source: &EventSource,
    payload: &TrackerPayload,
    ids: &[String],
    profile_less: bool,
) -> [u8; 32] {
    let mut hasher = Hasher::new("request");
    hasher.text(context.as_str());
    hasher.text(&source.id);
    hasher.optional(payload.session.as_ref().map(|session| session.id.as_str()));
    hasher.optional(payload.profile.as_ref().map(|profile| profile.id.as_str()));
    hasher.number(i64::from(profile_less));
    hasher.map(&payload.options);
    for (id, event) in ids.iter().zip(&payload.events) {
        hasher.text(id);
        // An id of the client's says nothing of the content.
        if event.id.is_some() {
            hasher.bytes(&content(Hasher::new("event"), event));
        }
    }
    hasher.finish()
}
