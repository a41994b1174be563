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

/// Any id of the profile that a request asks for: what [`Known::own_id`] should tell.
#[must_use]
pub fn asked(order: &Order, settings: &Settings) -> Option<String> {
    order.profile_key(None, settings).map(std::borrow::Cow::into_owned)
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
            let about = decided(consent, known)?;
            Ok(Foresight { answer: TrackAnswer::default(), key: key(consent.context, about) })
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
    let profile = order.profile_key(session.as_ref(), settings).and_then(|key| match &known.own_id {
        _ if session.is_some() && !command.keeps_profile_id() => Some(key.into_owned()),
        Some(own) => Some(own.clone()),
        // Clients name profiles that they were told of. Whom the content of an event asks for may never have been here.
        None => (command.profile_id() == Some(&*key)).then(|| key.into_owned()),
    });
    let profile = profile.map(|id| Arc::new(Profile::starting(id, now)));
    State { session: session.map(Arc::new), profile, ..State::default() }
}

/// Whose decision it is; refused when the session is known to be somebody else's.
fn decided<'a>(consent: &'a Consent, known: &'a Known) -> Result<&'a str, Rejected> {
    let named = known.own_id.as_deref().unwrap_or(&consent.profile_id);
    match known.of_session.as_deref() {
        Some(own) if own != named && own != consent.profile_id => Err(Rejected::ConsentDenied),
        _ => Ok(named),
    }
}

fn key(context: Context, about: &str) -> String {
    let context = match context {
        Context::Production => 'p',
        Context::Staging => 't',
    };
    format!("{context}/{about}")
}
