//! A request that was admitted, as it came: everything from which its [`Command`] follows. It can be written down, sent to another
//! process and carried out there; what comes out is the same, wherever and however often that happens.
//!
//! Written down it is JSON. What the client sent stands in it byte for byte, when the client sent a payload: the payload is
//! then read from it once more, so that it need not be sent twice.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tracardi_model::payload::tree;
use tracardi_model::{Context, EventSource, FieldError, Limits, SourceType, TrackerPayload, time};

use crate::{Command, Consent, Order, Origin, Referral, Settings};

/// A request that was admitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// Production or staging.
    pub context: Context,
    /// The event source that admitted it.
    pub source: Arc<EventSource>,
    /// The event source of the site from which the visitor comes, if the request names one and it is known.
    pub referrer: Option<Arc<EventSource>>,
    /// What the client sent, or what was made of it.
    pub payload: TrackerPayload,
    /// Who sent it, and how it came in.
    pub origin: Origin,
    /// Whether no profile is wanted.
    pub profile_less: bool,
    /// The body of the request, if the payload was read from it; else empty.
    pub body: Bytes,
}

impl Submission {
    /// What is to be done.
    #[must_use]
    pub fn command(self, settings: &Settings) -> Command {
        let Self { context, source, referrer, payload, origin, profile_less, body } = self;
        let referral = Referral::of(&payload);
        let command = Command::new(context, source, payload, origin, profile_less, settings).with_body(body);
        match referral {
            Some(referral) => command.coming_from(referral, referrer.as_deref()),
            None => command,
        }
    }
}

/// What may be sent to whoever carries it out.
#[derive(Clone, Debug, PartialEq)]
pub enum Letter {
    /// To collect events.
    Collect(Box<Submission>),
    /// To keep a decision about consents.
    Consent(Consent),
}

impl Letter {
    /// What is to be done.
    #[must_use]
    pub fn order(self, settings: &Settings) -> Order {
        match self {
            Self::Collect(submission) => Order::Collect(Box::new(submission.command(settings))),
            Self::Consent(consent) => Order::Consent(consent),
        }
    }
}

/// Where somebody waits for what becomes of a letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// The process that accepted it.
    pub by: String,
    /// Which of all that it waits for.
    pub number: u64,
}

impl Awaited {
    /// Notes it on an envelope that is written already and on which nobody is noted.
    pub fn note(&self, written: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        let own = serde_json::to_vec(self)?;
        // An envelope is an object, and never an empty one.
        written.pop();
        written.extend_from_slice(br#","awaited":"#);
        written.extend_from_slice(&own);
        written.push(b'}');
        Ok(())
    }
}

/// A letter with the time at which it was accepted: that is the time at which it is carried out, whenever that is.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// When.
    pub at: Timestamp,
    /// Who waits for what becomes of it; mostly nobody.
    pub awaited: Option<Awaited>,
    /// What.
    pub letter: Letter,
}

/// The form in which envelopes are written; another number is another form.
const FORM: u32 = 1;

/// What was accepted once is within the limits of that time.
const LIMITS: Limits = Limits {
    body_bytes: usize::MAX,
    depth: usize::MAX,
    values: usize::MAX,
    events: usize::MAX,
    id_bytes: usize::MAX,
    tags: usize::MAX,
};

/// Why an envelope cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not written in the form that this program knows.
    #[error("it is written in form {found}, this program reads form {FORM}: use the version of tracardi that wrote it")]
    Form {
        /// The form that it says.
        found: u32,
    },
    /// It is no envelope.
    #[error("it is no request: {0}")]
    Text(String),
}

#[derive(Serialize, Deserialize)]
struct Head {
    form: u32,
    #[serde(with = "time::stamp")]
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    awaited: Option<Awaited>,
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    head: Head,
    #[serde(skip_serializing_if = "Option::is_none")]
    collect: Option<WrittenSubmission<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<&'a Consent>,
}

#[derive(Serialize)]
struct WrittenSubmission<'a> {
    context: Context,
    source: &'a EventSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer: Option<&'a EventSource>,
    endpoint: SourceType,
    headers: &'a tracardi_model::Map,
    client_ip: &'a str,
    nonce: u64,
    profile_less: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a TrackerPayload>,
}

#[derive(Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    collect: Option<ReadSubmission<'a>>,
    consent: Option<Consent>,
}

#[derive(Deserialize)]
struct ReadSubmission<'a> {
    context: Context,
    source: EventSource,
    referrer: Option<EventSource>,
    endpoint: SourceType,
    headers: tracardi_model::Map,
    client_ip: String,
    nonce: u64,
    profile_less: bool,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl Envelope {
    /// Writes it down.
    pub fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        let head = Head { form: FORM, at: self.at, awaited: self.awaited.clone() };
        let (collect, consent) = match &self.letter {
            Letter::Collect(submission) => (Some(WrittenSubmission::of(submission)), None),
            Letter::Consent(consent) => (None, Some(consent)),
        };
        serde_json::to_vec(&Written { head, collect, consent })
    }

    /// Reads what [`Envelope::write`] wrote, maybe in another process.
    pub fn read(text: &[u8]) -> Result<Self, Unreadable> {
        let bad = |error: serde_json::Error| Unreadable::Text(error.to_string());
        let head: Head = serde_json::from_slice(text).map_err(bad)?;
        if head.form != FORM {
            return Err(Unreadable::Form { found: head.form });
        }
        let letter = match serde_json::from_slice(text).map_err(bad)? {
            Read { collect: Some(collect), consent: None } => Letter::Collect(Box::new(collect.submission()?)),
            Read { collect: None, consent: Some(consent) } => Letter::Consent(consent),
            _ => return Err(Unreadable::Text("neither events nor a decision about consents".to_owned())),
        };
        Ok(Self { at: head.at, awaited: head.awaited, letter })
    }
}

impl<'a> WrittenSubmission<'a> {
    fn of(submission: &'a Submission) -> Self {
        let Submission { context, source, referrer, payload, origin, profile_less, body } = submission;
        let body = serde_json::from_slice::<&RawValue>(body).ok();
        Self {
            context: *context,
            source,
            referrer: referrer.as_deref(),
            endpoint: origin.endpoint,
            headers: &origin.headers,
            client_ip: &origin.client_ip,
            nonce: origin.nonce,
            profile_less: *profile_less,
            payload: body.is_none().then_some(payload),
            body,
        }
    }
}

impl ReadSubmission<'_> {
    fn submission(self) -> Result<Submission, Unreadable> {
        let Self { context, source, referrer, endpoint, headers, client_ip, nonce, profile_less, body, payload } = self;
        let text = body.or(payload).ok_or_else(|| Unreadable::Text("it has no payload".to_owned()))?;
        let tree: Value = tree::parse(text.get().as_bytes()).map_err(|error| unreadable(&[*error]))?;
        let payload = TrackerPayload::read(tree, &LIMITS).map_err(|errors| unreadable(&errors))?;
        Ok(Submission {
            context,
            source: Arc::new(source),
            referrer: referrer.map(Arc::new),
            payload,
            origin: Origin { endpoint, headers, client_ip, nonce },
            profile_less,
            body: body.map_or_else(Bytes::new, |body| Bytes::copy_from_slice(body.get().as_bytes())),
        })
    }
}

fn unreadable(errors: &[FieldError]) -> Unreadable {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Unreadable::Text(errors.join("; "))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::Decision;

    fn source() -> Arc<EventSource> {
        let mut source = EventSource::new("shop", "Shop", vec![SourceType::Rest], Timestamp::UNIX_EPOCH);
        source.config = Some(json!({"static_profile_id": false}).as_object().unwrap().clone());
        Arc::new(source)
    }

    fn submission(body: &str, kept: bool) -> Submission {
        let payload = TrackerPayload::parse(body.as_bytes(), &Limits::default()).unwrap();
        Submission {
            context: Context::Staging,
            source: source(),
            referrer: Some(source()),
            payload,
            origin: Origin { nonce: u64::MAX, ..Origin::new([("user-agent", "x/1")], "192.0.2.1") },
            profile_less: true,
            body: if kept { Bytes::copy_from_slice(body.as_bytes()) } else { Bytes::new() },
        }
    }

    fn sent(letter: Letter) {
        let at = "2026-05-01T12:00:00.123456Z".parse().unwrap();
        for awaited in [None, Some(Awaited { by: "api-1".to_owned(), number: u64::MAX })] {
            let envelope = Envelope { at, awaited, letter: letter.clone() };
            let text = envelope.write().unwrap();
            assert_eq!(Envelope::read(&text).unwrap(), envelope, "{}", String::from_utf8_lossy(&text));
        }
        let mut envelope = Envelope { at, awaited: None, letter };
        let mut text = envelope.write().unwrap();
        let awaited = Awaited { by: "\"}".to_owned(), number: 7 };
        awaited.note(&mut text).unwrap();
        envelope.awaited = Some(awaited);
        assert_eq!(Envelope::read(&text).unwrap(), envelope, "{}", String::from_utf8_lossy(&text));
    }

    const BODY: &str = r#" {"source": {"id":"shop"},  "session":{"id":" s "}, "profile": {"id": "p", "primary_id": "k"},
        "context": {"n": 1.0, "big": 12345678901234567890, "time": {"tz": "Europe/Warsaw"}}, "options": {"saveEvents": false},
        "properties": {"ż": null}, "request": {"headers": {}}, "debug": true, "events": [
        {"type": " Page View ", "id": "ABC", "tags": ["a", "b"], "properties": null, "options": {"x": []},
         "time": {"insert": "2026-05-01T10:00:00.5Z", "create": "2026-05-01 10:00:00"}}, {"type": "x", "context": {"a": {"b": 1e300}}}]} "#;

    #[test]
    fn what_is_written_is_read_again() {
        for kept in [true, false] {
            let sent_one = submission(BODY, kept);
            let settings = Settings::new("x").unwrap();
            let letter = Letter::Collect(Box::new(sent_one.clone()));
            let envelope = Envelope { at: Timestamp::UNIX_EPOCH, awaited: None, letter };
            let Letter::Collect(read) = Envelope::read(&envelope.write().unwrap()).unwrap().letter else { panic!() };
            // The bytes around the body need not be kept.
            assert_eq!(read.payload, sent_one.payload);
            assert_eq!(read.body.is_empty(), !kept);
            let (one, other) = (sent_one.command(&settings), read.command(&settings));
            assert_eq!((one.event_ids(), one.digest()), (other.event_ids(), other.digest()));
        }
        let decision = Decision::Each(vec![("a".to_owned(), true), ("b".to_owned(), false)]);
        let consent = |decision| Consent {
            context: Context::Production,
            session_id: "s".to_owned(),
            profile_id: "p".to_owned(),
            decision,
        };
        sent(Letter::Consent(consent(decision)));
        let lives = vec![("a".to_owned(), Some(SignedDuration::from_hours(24 * 365))), ("b".to_owned(), None)];
        sent(Letter::Consent(consent(Decision::All(lives))));
    }

    #[test]
    fn what_is_no_envelope_is_told() {
        let other = br#"{"form": 7, "at": "2026-05-01T12:00:00Z", "something": "else"}"#;
        assert_eq!(Envelope::read(other), Err(Unreadable::Form { found: 7 }));
        for text in [&b"x"[..], b"{}", br#"{"form": 1, "at": "2026-05-01T12:00:00Z"}"#] {
            assert!(matches!(Envelope::read(text), Err(Unreadable::Text(_))));
        }
    }

    proptest! {
        #[test]
        fn any_payload_survives(body in payloads(), kept: bool) {
            sent(Letter::Collect(Box::new(submission(&body, kept))));
        }
    }

    fn payloads() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        let tree = scalar.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-zż ]{1,4}", inner, 0..4).prop_map(|map| json!(map)),
            ]
        });
        let object = prop::collection::btree_map("[a-zż]{1,4}", tree, 0..4).prop_map(|map| json!(map));
        let event =
            ("[a-z]{1,6}", object.clone(), object.clone(), prop::option::of("[a-z0-9]{1,8}"), 0i64..2_000_000_000);
        let event = event.prop_map(|(kind, properties, context, id, at)| {
            let time = Timestamp::from_microsecond(at * 1_000_003).unwrap();
            json!({"type": kind, "properties": properties, "context": context, "id": id,
                   "time": {"create": time::format(time)}})
        });
        let payload = (prop::collection::vec(event, 0..4), object.clone(), object, prop::option::of("[a-z]{1,8}"));
        payload.prop_map(|(events, context, properties, session)| {
            let session = session.map(|id| json!({"id": id}));
            json!({"source": {"id": "shop"}, "session": session, "context": context, "properties": properties, "events": events})
                .to_string()
        })
    }
}
