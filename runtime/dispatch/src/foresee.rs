//! What can be told of a request before it is carried out elsewhere. Pure.

use std::sync::Arc;

use jiff::Timestamp;
use tracardi_collector::entropy;
use tracardi_engine::{Command, Consent, Foreseen, Order, Rejected, Settings, State};
use tracardi_model::session::ProfileRef;
use tracardi_model::{Context, Profile, Session, TrackAnswer};

use crate::Known;

/// The answer, and the key under which the request waits in the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Foresight {
    /// What the client is told.
    pub answer: TrackAnswer,
    /// The key: requests about one profile have the same, and of different contexts never.
    pub key: String,
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
            let state = state(command, order, known, settings, now);
            let mut entropy = entropy(signing_key, order);
            let Foreseen { answer, about } = tracardi_engine::foresee(command, state, settings, now, &mut entropy)?;
            Ok(Foresight { answer, key: key(command.context, &about) })
        }
        Order::Consent(consent) => {
            let key = key(consent.context, decided(consent, known));
            Ok(Foresight { answer: TrackAnswer::default(), key })
        }
    }
}

/// Of what is stored the ids.
fn state(command: &Command, order: &Order, known: &Known, settings: &Settings, now: Timestamp) -> State {
    let session = command.session_id().zip(known.of_session.clone()).map(|(id, profile)| {
        let mut session = Session::starting(id, now);
        session.profile = Some(ProfileRef { id: profile, primary_id: None });
        session
    });
    let named = command.profile_id();
    let of_session = session.as_ref().and_then(Session::profile_id);
    // Clients name profiles that they were told of. Whom the content of an event asks for may never have been here.
    let profile = order.profile_key(session.as_ref(), settings).filter(|id| [named, of_session].contains(&Some(&**id)));
    let profile = profile.map(|id| Arc::new(Profile::starting(id.into_owned(), now)));
    State { session: session.map(Arc::new), profile, ..State::default() }
}

/// Whose decision it is. The session's profile may have another id by now than the client knows: whether it is somebody else's
/// only the store can tell.
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

    fn order(body: &Value, profile_less: bool, settings: &Settings) -> Order {
        let payload = TrackerPayload::parse(body.to_string().as_bytes(), &Limits::default()).unwrap();
        let source = EventSource::new("shop", "Shop", vec![SourceType::Rest], Timestamp::UNIX_EPOCH);
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
        Known { of_session: Some(profile.to_owned()) }
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
            (body(Some("s"), Some("p")), Known::default(), known_profile.clone()),
            (body(None, Some("p")), Known::default(), known_profile),
        ] {
            let (foreseen, answer) = both(&body, &known, stored, false);
            assert_eq!(foreseen.answer, answer, "{body}");
            assert_eq!(foreseen.key, format!("p/{}", answer.profile.id.unwrap()), "{body}");
        }
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
