//! The way of a request through the engine: the steps in their order (spec/pipeline.md 6.1), one file each. A step sees and
//! changes the [`Run`]; it may refuse the request or end it early.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use tracardi_model::trail::{By, Deed};
use tracardi_model::{
    Delayed, Delivery, Entropy, Event, EventPayload, Map, Original, Profile, Session, StoredEvent, TrackAnswer, Trail,
};

use crate::command::normal_type;
use crate::configuration::TypeConfiguration;
use crate::scope::Received;
use crate::steps::changes::Changes;
use crate::steps::identification::Wish;
use crate::steps::quarantine::{self, Suspect};
use crate::steps::trails::Trails;
use crate::steps::{
    answer, bots, bounds, compliance, destinations, events, fingerprint, identification, keep, known, person, places,
    profile, referral, reshaping, segments, session, system_events, trails, validation, visitor, workflows,
};
use crate::{Command, Rejected, Settings, Sighting, fingerprint_of};

/// What a request meets: the records it names, as far as they exist.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The session named by the command.
    pub session: Option<Arc<Session>>,
    /// The profile that [`profile_key`] names, found by any of its ids.
    pub profile: Option<Arc<Profile>>,
    /// The profile that [`referral_key`] names, found by any of its ids.
    pub referred: Option<Arc<Profile>>,
    /// The profile that was seen with the fingerprint that [`crate::fingerprint_of`] tells.
    pub recognised: Option<Arc<Profile>>,
    /// The profile to which the id leads that a new one would get: [`namesake_key`].
    pub namesake: Option<Arc<Profile>>,
    /// The profile that an event asks for besides: [`asked_key`].
    pub asked: Option<Arc<Profile>>,
    /// Those of the command's events that are stored already.
    pub stored: Vec<StoredEvent>,
}

/// What a request leads to. All that is to be stored is stored in one transaction, or the request has not happened.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// New events.
    pub events: Vec<Event>,
    /// The session afterwards.
    pub session: Option<Arc<Session>>,
    /// Whether it has changed. If not, what differs from the stored one is for this request only.
    pub store_session: bool,
    /// The profile afterwards.
    pub profile: Option<Arc<Profile>>,
    /// Whether it has changed. If not, what differs from the stored one is for this request only.
    pub store_profile: bool,
    /// What destinations are to get.
    pub deliveries: Vec<Delivery>,
    /// With what fingerprint the profile was seen.
    pub sighting: Option<Sighting>,
    /// What the client gets.
    pub answer: TrackAnswer,
    /// What workflows have asked to happen later.
    pub delayed: Vec<Delayed>,
    /// What became of the events, of those of which there is something to tell.
    pub trails: Vec<Trail>,
    /// Workflows that panicked, in words; their effects are left out.
    pub panics: Vec<String>,
    /// What the client sent for events that were not taken.
    pub quarantined: Vec<Original>,
}

/// Which profile a command works with: that of its session, if the session is known, else the one that the client names,
/// else the one that the events ask for by the configuration. None when there is none or none is wanted.
#[must_use]
pub fn profile_key<'a>(
    command: &'a Command,
    session: Option<&'a Session>,
    settings: &Settings,
) -> Option<Cow<'a, str>> {
    if command.profile_less {
        return None;
    }
    match session {
        Some(session) if !command.keeps_profile_id() => session.profile_id().map(Cow::Borrowed),
        _ => match command.profile_id() {
            Some(id) => Some(Cow::Borrowed(id)),
            None if command.keeps_profile_id() => None,
            None => identification::asked(command, settings).map(|asked| Cow::Owned(asked.profile)),
        },
    }
}

/// The profile that the events ask for by the configuration, where it is another one than [`profile_key`] names: both are
/// one person's.
#[must_use]
pub fn asked_key(command: &Command, session: Option<&Session>, settings: &Settings) -> Option<String> {
    if command.profile_less {
        return None;
    }
    let asked = identification::asked(command, settings)?.profile;
    (profile_key(command, session, settings).as_deref() != Some(&asked)).then_some(asked)
}

/// The id that a new profile of the command's session gets, where that follows from the session. There may be such a profile though
/// the session is unknown or says nothing of it: the session was deleted, or was not written before a process died.
#[must_use]
pub fn namesake_key(command: &Command, session: Option<&Session>, settings: &Settings) -> Option<String> {
    if command.profile_less || command.keeps_profile_id() || session.is_some_and(|known| known.profile_id().is_some()) {
        return None;
    }
    profile::by_session(command, settings, command.profile_id(), None)
}

/// The id of the profile that a command's session gets when its first request names none.
#[must_use]
pub fn first_profile(command: &Command, settings: &Settings) -> Option<String> {
    profile::by_session(command, settings, None, None)
}

/// Which profile a visitor had on the site from which the visitor comes; none when it does not count.
#[must_use]
pub fn referral_key(command: &Command) -> Option<&str> {
    let referred = command.referral.as_ref()?.as_deref().ok();
    referred.filter(|_| !command.profile_less)
}

/// Whether the pipeline goes on.
pub(crate) enum Flow {
    /// To the next step.
    Next,
    /// The request is done; this is what it leads to.
    Done(Box<Outcome>),
}

type Step = fn(&mut Run<'_>) -> Result<Flow, Rejected>;

/// The steps. Compliance is part of building an event: whose it is has to be known. Workflows and segments come before it is
/// settled what is kept, other than in the original: so their changes are part of the one transaction.
const STEPS: &[(&str, Step)] = &[
    ("bounds", bounds::step),
    ("robots by the body's user agent", bots::early),
    ("events that are stored already", known::step),
    ("validation by the configuration", validation::step),
    ("reshaping by the configuration", reshaping::step),
    ("the profile that the visitor had on another site", referral::step),
    ("session: known, new or none given", session::step),
    ("the profile that was seen with the device", fingerprint::recognise),
    ("profile: the session's, the client's or a new one", profile::step),
    ("the profile that an event asks for besides", identification::meet),
    ("facts about a new session's visitor", visitor::step),
    ("place and campaign", places::step),
    ("robots by the session", bots::late),
    ("facts about the person", person::step),
    ("events of the system itself", system_events::step),
    ("events: build and map", events::step),
    ("what was sent for events that were not taken", quarantine::step),
    ("workflows that events start", workflows::step),
    ("segments, and workflows that they start", segments::step),
    ("ids by which the profile is recognised", identification::step),
    ("what is kept", keep::step),
    ("whose device it is", fingerprint::remember),
    ("destinations of events", destinations::of_events),
    ("destinations of the profile", destinations::of_profile),
    ("what became of each event", trails::step),
    ("answer", answer::step),
];

/// Collects a command. Pure: the same arguments give the same result. Refusals change nothing.
pub fn collect(
    command: &Command,
    state: State,
    settings: &Settings,
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<Outcome, Rejected> {
    let mut run = Run::new(command, state, settings, now, entropy);
    for (_, step) in STEPS {
        if let Flow::Done(outcome) = step(&mut run)? {
            return Ok(*outcome);
        }
    }
    Ok(run.outcome)
}

/// The steps by which it is known whom a command is about, and whether it is refused whatever is stored.
const FIRST_STEPS: &[Step] =
    &[bounds::step, bots::early, session::step, profile::step, visitor::step, bots::late, answer::step];

/// What can be told of a command before it is carried out elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreseen {
    /// What the client gets. What the events themselves lead to is not in it.
    pub answer: TrackAnswer,
    /// The profile it is about; of a command without a profile the session.
    pub about: String,
    /// Whether carrying it out may lead to another answer, or the client asks for the one that it leads to.
    pub open: bool,
}

/// Foresees what becomes of a command that meets this state, of which little more need be known than ids. Pure, as [`collect`]; a
/// refusal is one that [`collect`] would find too.
pub fn foresee(
    command: &Command,
    state: State,
    settings: &Settings,
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<Foreseen, Rejected> {
    let open = is_open(command, &state, settings);
    let mut run = Run::new(command, state, settings, now, entropy);
    for step in FIRST_STEPS {
        if let Flow::Done(outcome) = step(&mut run)? {
            let Outcome { mut answer, profile, session, .. } = *outcome;
            if settings.track_debug && command.payload.debugger() {
                answer.events = command.event_ids().to_vec();
            }
            let about = profile.map(|profile| profile.id.clone()).or_else(|| session.map(|session| session.id.clone()));
            return Ok(Foreseen { answer, about: about.unwrap_or_default(), open });
        }
    }
    Ok(Foreseen { answer: run.outcome.answer, about: String::new(), open })
}

/// Whether the answer depends on more than ids: on what a workflow responds, on system events that are to be listed, on a visitor
/// who is handed over, on a profile that is asked for by what an event brings or by the device.
fn is_open(command: &Command, state: &State, settings: &Settings) -> bool {
    let session = state.session.as_deref();
    let sought = || fingerprint_of(command, session).is_some() || profile_key(command, session, settings).is_some();
    command.asks_for_its_outcome()
        || command.referral.is_some()
        || settings.track_debug && command.payload.debugger()
        || state.profile.is_none() && sought()
}

/// What becomes of a command on which the program fails whatever is left out of it: what was sent for its events is kept, and
/// their ids are remembered; nothing else happens. `why`: the failure, in words.
pub(crate) fn give_up(
    command: &Command,
    stored: Vec<StoredEvent>,
    settings: &Settings,
    now: Timestamp,
    entropy: &mut dyn Entropy,
    why: &str,
) -> Result<Outcome, Rejected> {
    let mut run = Run::new(command, State { stored, ..State::default() }, settings, now, entropy);
    if let Flow::Done(outcome) = known::step(&mut run)? {
        return Ok(*outcome);
    }
    let mut suspects = Vec::with_capacity(run.items.len());
    for mut item in std::mem::take(&mut run.items) {
        item.invalid = Some(Complaint::Panic(why.to_owned()));
        // Nobody knows the consents.
        let protected = item.configured.map_or(&[][..], |configured| configured.protected.as_slice());
        let altered = compliance::protect(&mut run, &mut item, protected);
        suspects.extend(Suspect::of(&item, altered));
    }
    let errors = vec![quarantine::apology(suspects.len()).into()];
    let answer = TrackAnswer { task: std::mem::take(&mut run.task), errors, ..TrackAnswer::default() };
    Ok(Outcome { answer, quarantined: quarantine::originals(command, now, suspects), ..Outcome::default() })
}

/// An event on its way: as the client or the system made it.
pub(crate) struct Item<'a> {
    pub(crate) payload: Cow<'a, EventPayload>,
    pub(crate) id: String,
    /// Which event of the payload it is; none: the system made it.
    pub(crate) sent: Option<usize>,
    /// The type, normalised.
    pub(crate) kind: String,
    /// What is configured for the type.
    pub(crate) configured: Option<&'a TypeConfiguration>,
    /// What a check complains of: the event is kept, and not looked at any further.
    pub(crate) invalid: Option<Complaint>,
    /// Records of the configuration that could not be applied, and why.
    pub(crate) warnings: Vec<String>,
}

/// Why an event is not looked at any further.
pub(crate) enum Complaint {
    /// A check that it does not pass.
    Check {
        /// Id of the record.
        check: String,
        message: String,
    },
    /// The program failed on it; in words.
    Panic(String),
}

impl Item<'_> {
    /// What expressions see of it.
    pub(crate) fn received<'s>(&'s self, context: &'s Map) -> Received<'s> {
        Received { kind: &self.kind, id: &self.id, payload: &self.payload, context }
    }
}

/// The state of a request between the steps.
#[allow(clippy::struct_excessive_bools, reason = "what happened to session and profile are independent facts")]
pub(crate) struct Run<'a> {
    pub(crate) command: &'a Command,
    pub(crate) settings: &'a Settings,
    pub(crate) now: Timestamp,
    /// The context of the request: what the client says now, unless it was reshaped.
    pub(crate) said: Cow<'a, Map>,
    pub(crate) entropy: &'a mut dyn Entropy,
    /// Id of the request, drawn first so that it does not depend on what follows.
    pub(crate) task: String,
    /// Id of the session that is made when the client names none; drawn early for the same reason.
    pub(crate) own_session: String,
    pub(crate) stored: Vec<StoredEvent>,
    /// Events that are not stored yet.
    pub(crate) items: Vec<Item<'a>>,
    pub(crate) session: Option<Arc<Session>>,
    /// Whether this request opened the session (or gave it a profile): it counts as a visit.
    pub(crate) session_new: bool,
    /// Whether a known session changed.
    pub(crate) session_changed: bool,
    pub(crate) profile: Option<Arc<Profile>>,
    /// The profile that the visitor had on another site.
    pub(crate) referred: Option<Arc<Profile>>,
    /// The profile that was seen with the device.
    pub(crate) recognised: Option<Arc<Profile>>,
    /// The profile to which the id leads that a new one would get.
    pub(crate) namesake: Option<Arc<Profile>>,
    /// The profile that an event asks for besides.
    pub(crate) asked: Option<Arc<Profile>>,
    /// Id of the event that showed that it and the one at hand are one person's.
    pub(crate) merging: Option<&'a str>,
    /// By which values workflows want profiles to be merged.
    pub(crate) wishes: Vec<Wish>,
    pub(crate) profile_new: bool,
    pub(crate) profile_changed: bool,
    /// The segments that the profile had, if that matters.
    pub(crate) segments_before: Vec<String>,
    /// What events wrote to the profile; noted only if somebody is to be told.
    pub(crate) changes: Option<Changes>,
    /// What happened to the events.
    pub(crate) trails: Trails,
    pub(crate) events: Vec<Event>,
    /// What the client is told although the request went well.
    pub(crate) warnings: Vec<String>,
    /// Events that were not taken.
    pub(crate) suspects: Vec<Suspect>,
    pub(crate) outcome: Outcome,
}

impl<'a> Run<'a> {
    fn new(
        command: &'a Command,
        state: State,
        settings: &'a Settings,
        now: Timestamp,
        entropy: &'a mut dyn Entropy,
    ) -> Self {
        let task = entropy.uuid();
        let own_session = if command.session_id().is_none() { command.new_id(entropy) } else { String::new() };
        let State { session, profile, referred, recognised, namesake, asked, stored } = state;
        let by_segment = settings.configurations[command.context].triggers().by_segment();
        let known = profile.as_ref().filter(|_| by_segment);
        let segments_before = known.map(|profile| profile.segments.0.clone()).unwrap_or_default();
        Self {
            command,
            settings,
            now,
            said: Cow::Borrowed(&command.payload.context),
            entropy,
            task,
            own_session,
            stored,
            items: Vec::new(),
            session,
            session_new: false,
            session_changed: false,
            profile,
            referred,
            recognised,
            namesake,
            asked,
            merging: None,
            wishes: Vec::new(),
            profile_new: false,
            profile_changed: false,
            segments_before,
            changes: (!settings.configurations[command.context].told_profiles().is_empty()).then(Changes::default),
            trails: Trails::default(),
            events: Vec::new(),
            warnings: Vec::new(),
            suspects: Vec::new(),
            outcome: Outcome::default(),
        }
    }

    /// An event that joins the request.
    pub(crate) fn item(&self, payload: Cow<'a, EventPayload>, id: String, sent: Option<usize>) -> Item<'a> {
        let kind = normal_type(&payload.kind);
        let configured = self.settings.configurations[self.command.context].event_type(&kind);
        Item { payload, id, sent, kind, configured, invalid: None, warnings: Vec::new() }
    }

    /// The session for changing; copied only if somebody else holds it too.
    pub(crate) fn session_mut(&mut self) -> Option<&mut Session> {
        self.session.as_mut().map(Arc::make_mut)
    }

    /// The profile for changing; copied only if somebody else holds it too.
    pub(crate) fn profile_mut(&mut self) -> Option<&mut Profile> {
        self.profile.as_mut().map(Arc::make_mut)
    }

    /// The profile, if it is kept.
    pub(crate) fn kept_profile(&self) -> Option<&Profile> {
        self.profile.as_deref().filter(|_| self.command.save_profile())
    }

    /// Notes on the first of the new events what happened to the request.
    pub(crate) fn note_first(&mut self, by: By, did: Deed) {
        if let Some(item) = self.items.first() {
            self.trails.note(&item.id, by, did);
        }
    }

    /// A value of the session's context as it is for this request: what the client says now wins.
    pub(crate) fn context(&self, name: &str) -> Option<&serde_json::Value> {
        let known = || self.session.as_ref().and_then(|session| session.context.get(name));
        self.said.get(name).or_else(known)
    }

    /// The time zone that the client names.
    pub(crate) fn time_zone(&self) -> Option<&str> {
        bounds::word(self.context("time")?.get("tz"))
    }
}
