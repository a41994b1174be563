//! What can be told of a request before it is carried out elsewhere. Pure.

use std::sync::Arc;

use jiff::Timestamp;
use tracardi_collector::entropy;
use tracardi_engine::{Command, Consent, Foreseen, Order, Rejected, Settings, State, first_profile};
use tracardi_model::session::ProfileRef;
use tracardi_model::{Context, Profile, Session, TrackAnswer};

use crate::{Known, Named};

/// The answer, and the key under which the request waits in the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Foresight {
    /// What the client is told.
    pub answer: TrackAnswer,
    /// The key: requests about one profile have the same, and of different contexts never.
    pub key: String,
    /// Whether the true answer may be another one, which is known when it is carried out: the client is to wait for that.
    pub open: bool,
}

/// Foresees what becomes of an order.
pub fn foresee(
    order: &Order,
    known: &Known,
    settings: &Settings,
    signing_key: &[u8; 32],
    now: Timestamp,
) -> Result<Foresight, Rejected> {
    match order {
        Order::Collect(command) => {
            let (state, believed) = state(command, order, known, settings, now);
            let device = order.fingerprint(state.session.as_deref()).filter(|_| state.profile.is_none());
            // Devices are remembered by the one who works on this key.
            let device = device.map(|fingerprint| format!("device {:032x}", u128::from_be_bytes(fingerprint.key)));
            let mut entropy = entropy(signing_key, order);
            let Foreseen { answer, about, open } =
                tracardi_engine::foresee(command, state, settings, now, &mut entropy)?;
            let key = key(command.context, &device.unwrap_or(about));
            Ok(Foresight { answer, key, open: open || believed })
        }
        // Whether session and profile are there only the store can tell.
        Order::Consent(consent) => {
            let key = key(consent.context, decided(consent, known));
            Ok(Foresight { answer: TrackAnswer::default(), key, open: true })
        }
    }
}

/// Of what is stored the ids; and whether the client is only believed that there is the profile that it names.
fn state(command: &Command, order: &Order, known: &Known, settings: &Settings, now: Timestamp) -> (State, bool) {
    let named = command.profile_id();
    // The session may not have been told yet that its profile has another id by now, or is gone.
    let of_session = match (&known.of_session, &known.named) {
        (Some(of_session), Named::Profile(own)) if named == Some(of_session) => Some(own.clone()),
        (Some(of_session), Named::Gone) if named == Some(of_session) => None,
        (of_session, _) => of_session.clone(),
    };
    let session = command.session_id().zip(of_session).map(|(id, profile)| {
        let mut session = Session::starting(id, now);
        session.profile = Some(ProfileRef { id: profile, primary_id: None });
        session
    });
    let of_session = session.as_ref().and_then(Session::profile_id);
    let (profile, believed) = match order.profile_key(session.as_ref(), settings) {
        Some(id) if of_session == Some(&*id) => (Some(id.into_owned()), false),
        Some(id) if named == Some(&*id) => of_named(command, &id, known, settings),
        // Whom the content of an event asks for may never have been here.
        _ => (None, false),
    };
    let profile = profile.map(|id| Arc::new(Profile::starting(id, now)));
    (State { session: session.map(Arc::new), profile, ..State::default() }, believed)
}

/// The profile to which the id leads that the client names, and whether the client is only believed.
fn of_named(command: &Command, named: &str, known: &Known, settings: &Settings) -> (Option<String>, bool) {
    match &known.named {
        Named::Profile(own) => (Some(own.clone()), false),
        // What is not there is made, under this id; or the client was told it with the answer to the session's first request.
        _ if command.keeps_profile_id() => (Some(named.to_owned()), false),
        Named::Unknown => {
            let told = first_profile(command, settings).is_some_and(|first| first == named);
            (Some(named.to_owned()), !told && command.save_profile())
        }
        Named::Gone => (None, command.save_profile()),
    }
}

/// Whose decision it is. The session's profile may have another id by now than the client knows.
fn decided<'a>(consent: &'a Consent, known: &'a Known) -> &'a str {
    known.of_session.as_deref().unwrap_or(&consent.profile_id)
}

fn key(context: Context, about: &str) -> String {
    let context = match context {
        Context::Production => 'p',
        Context::Staging => 't',
    };
    format!("{context}/{about}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tracardi_engine::{NewProfiles, Origin, Submission};
    use tracardi_model::{EventSource, Limits, SourceType, TrackerPayload};

    use super::*;

    const KEY: [u8; 32] = [3; 32];

    fn settings() -> Settings {
        Settings { new_profiles: NewProfiles::BySession([9; 32]), ..Settings::new("test").unwrap() }
    }

    fn source() -> EventSource {
        EventSource::new("shop", "Shop", vec![SourceType::Rest], Timestamp::UNIX_EPOCH)
    }

    fn order(body: &Value, profile_less: bool, settings: &Settings) -> Order {
        order_of(source(), body, profile_less, settings)
    }

    fn order_of(source: EventSource, body: &Value, profile_less: bool, settings: &Settings) -> Order {
        let payload = TrackerPayload::parse(body.to_string().as_bytes(), &Limits::default()).unwrap();
        let agent =
            body["agent"].as_str().unwrap_or("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
        let submission = Submission {
            context: Context::Production,
            source: Arc::new(source),
            referrer: None,
            payload,
            origin: Origin::new([("user-agent", agent)], "192.0.2.1"),
            profile_less,
            body: bytes::Bytes::new(),
        };
        Order::Collect(Box::new(submission.command(settings)))
    }

    fn body(session: Option<&str>, profile: Option<&str>) -> Value {
        json!({"source": {"id": "shop"}, "session": session.map(|id| json!({"id": id})),
               "profile": profile.map(|id| json!({"id": id})), "events": [{"type": "page-view"}]})
    }

    /// What is foreseen, and what comes of it where the store has this session and this profile.
    fn both(body: &Value, known: &Known, stored: State, profile_less: bool) -> (Foresight, TrackAnswer) {
        let (settings, now) = (settings(), Timestamp::UNIX_EPOCH);
        let order = order(body, profile_less, &settings);
        let foreseen = foresee(&order, known, &settings, &KEY, now).unwrap();
        let outcome = order.carry_out(stored, &settings, now, &mut entropy(&KEY, &order)).unwrap();
        (foreseen, outcome.answer)
    }

    fn of(profile: &str) -> Known {
        Known { of_session: Some(profile.to_owned()), ..Known::default() }
    }

    fn leads_to(profile: &str) -> Known {
        Known { named: Named::Profile(profile.to_owned()), ..Known::default() }
    }

    fn state(session: Option<(&str, &str)>, profile: Option<&str>) -> State {
        let session = session.map(|(id, profile)| {
            let mut session = Session::starting(id, Timestamp::UNIX_EPOCH);
            session.profile = Some(ProfileRef { id: profile.to_owned(), primary_id: None });
            Arc::new(session)
        });
        let profile = profile.map(|id| Arc::new(Profile::starting(id, Timestamp::UNIX_EPOCH)));
        State { session, profile, ..State::default() }
    }

    #[test]
    fn what_is_foreseen_comes_true_where_the_cache_knows_what_the_store_knows() {
        let known_profile = state(None, Some("p"));
        for (body, known, stored) in [
            (body(Some("s"), None), Known::default(), State::default()),
            (body(None, None), Known::default(), State::default()),
            (body(Some("s"), None), of("p"), state(Some(("s", "p")), Some("p"))),
            (body(Some("s"), Some("other")), of("p"), state(Some(("s", "p")), Some("p"))),
            (body(Some("s"), Some("p")), leads_to("p"), known_profile.clone()),
            (body(None, Some("p")), leads_to("p"), known_profile.clone()),
            (body(Some("s"), Some("merged")), leads_to("p"), known_profile),
            (
                body(Some("s"), Some("merged")),
                Known { named: leads_to("p").named, ..of("merged") },
                state(None, Some("p")),
            ),
        ] {
            let (foreseen, answer) = both(&body, &known, stored, false);
            assert_eq!(foreseen.answer, answer, "{body}");
            assert_eq!(foreseen.key, format!("p/{}", answer.profile.id.unwrap()), "{body}");
            assert!(!foreseen.open, "{body}");
        }
    }

    #[test]
    fn what_only_the_store_knows_is_waited_for() {
        let profile = || body(Some("s"), Some("p"));
        let with = |pointer: &str, value: Value| {
            let mut body = body(Some("s"), None);
            body[pointer] = value;
            body
        };
        let gone = Known { named: Named::Gone, ..of("p") };
        let asked = json!([{"type": "a"}, {"type": "b", "options": {"async": false}}]);
        let pass = json!({"tracardi": {"pass": {"profile": "p", "source": "other"}}});
        let unsaved = json!({"saveProfile": false});
        for (body, known, open) in [
            (profile(), Known::default(), true),
            (profile(), gone, true),
            (profile(), of("p"), false),
            (profile(), of("another"), false),
            (with("events", asked), of("p"), true),
            (with("events", json!([{"type": "a", "options": {"async": true}}])), of("p"), false),
            (with("context", pass), of("p"), true),
            (with("options", unsaved.clone()), Known::default(), false),
            (
                {
                    let mut body = profile();
                    body["options"] = unsaved;
                    body
                },
                Known::default(),
                false,
            ),
        ] {
            let settings = settings();
            let order = order(&body, false, &settings);
            let foreseen = foresee(&order, &known, &settings, &KEY, Timestamp::UNIX_EPOCH).unwrap();
            assert_eq!(foreseen.open, open, "{body} {known:?}");
        }
    }

    #[test]
    fn who_names_what_the_session_was_told_first_is_believed() {
        let settings = settings();
        let foreseen = |named: Option<&str>| {
            let order = order(&body(Some("s"), named), false, &settings);
            foresee(&order, &Known::default(), &settings, &KEY, Timestamp::UNIX_EPOCH).unwrap()
        };
        let first = foreseen(None);
        let second = foreseen(first.answer.profile.id.as_deref());
        assert_eq!((&second.answer.profile, &second.key), (&first.answer.profile, &first.key));
        assert!(!first.open && !second.open);
    }

    #[test]
    fn requests_of_one_device_that_is_looked_for_have_one_key() {
        let settings = settings();
        let mut shop = source();
        shop.config = json!({"device_fingerprint_ttl": 900}).as_object().cloned();
        let of_session = |session: &str, known: &Known| {
            let mut body = body(Some(session), None);
            body["context"] = json!({"screen": {"local": {"width": 1, "height": 2}}});
            let order = order_of(shop.clone(), &body, false, &settings);
            foresee(&order, known, &settings, &KEY, Timestamp::UNIX_EPOCH).unwrap()
        };
        let (one, other) = (of_session("s", &Known::default()), of_session("t", &Known::default()));
        assert_eq!(one.key, other.key);
        assert!(one.open && one.answer.profile != other.answer.profile);
        assert_eq!(of_session("s", &of("p")).key, "p/p", "whose session is known need not be looked for");
    }

    #[test]
    fn requests_of_a_session_that_begins_lead_to_one_profile() {
        let settings = settings();
        let of_session = |session: &str, n: u32| {
            let mut body = body(Some(session), None);
            body["events"][0]["properties"] = json!({"n": n});
            let order = order(&body, false, &settings);
            foresee(&order, &Known::default(), &settings, &KEY, Timestamp::UNIX_EPOCH).unwrap()
        };
        let (first, second, other) = (of_session("s", 1), of_session("s", 2), of_session("t", 1));
        assert_eq!((&first.answer.profile, &first.key), (&second.answer.profile, &second.key));
        assert_ne!(first.key, other.key);
    }

    #[test]
    fn without_a_profile_the_session_is_the_key() {
        let (foreseen, answer) = both(&body(Some("s"), None), &Known::default(), State::default(), true);
        assert_eq!((foreseen.key.as_str(), answer.profile.id), ("p/s", None));
    }

    #[test]
    fn a_robot_is_refused_before_it_waits() {
        let settings = settings();
        let mut body = body(Some("s"), None);
        body["agent"] = json!("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)");
        let order = order(&body, false, &settings);
        let foreseen = foresee(&order, &Known::default(), &settings, &KEY, Timestamp::UNIX_EPOCH);
        assert_eq!(foreseen.unwrap_err(), Rejected::Bot);
    }
}
