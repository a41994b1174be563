//! What clients send.

use tracardi_simulate::rng::Rng;

use crate::plan::usize_of;

/// A request. It brings one event that leaves a mark on the profile (an interest of its own), and what else it does.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) client: usize,
    /// One of the sessions of the client; none: the request names none.
    pub(crate) session: Option<usize>,
    pub(crate) names: Names,
    pub(crate) acts: Vec<Act>,
    /// The events of this earlier request come along: its answer was not heard.
    pub(crate) with: Option<usize>,
    /// Whether the client chooses the ids of the events.
    pub(crate) own_ids: bool,
    /// Whether the events are to be kept as documents.
    pub(crate) kept: bool,
    /// Whether the client sends it until it is acknowledged.
    pub(crate) insisted: bool,
}

/// Which profile a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    Nobody,
    /// The one that the client was told last.
    Last,
    /// The one that the client was told first.
    First,
    /// One that nobody was ever told.
    Forged,
}

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    View,
    Checkout(u32),
    SignIn(usize),
    EndVisit,
}

/// What happens in some worlds only.
#[derive(Clone, Copy)]
pub(crate) struct Quirks {
    pub(crate) unkept: bool,
    pub(crate) ends: bool,
}

/// How many people there are, by their addresses.
const EMAILS: u64 = 3;

impl Request {
    /// One that comes after these.
    pub(crate) fn draw(rng: &mut Rng, clients: usize, before: &[Self], quirks: Quirks) -> Self {
        let client = usize_of(rng.below(clients as u64));
        let session = rng.chance(88).then(|| usize_of(rng.below(2)));
        let acts = (0..rng.below(3)).map(|_| match rng.below(10) {
            0..3 => Act::Checkout(u32::try_from(rng.between(1, 9)).unwrap()),
            3..8 => Act::SignIn(usize_of(rng.below(EMAILS))),
            8 if quirks.ends => Act::EndVisit,
            _ => Act::View,
        });
        let acts = acts.collect();
        let names = match rng.below(10) {
            0..3 => Names::Nobody,
            3..8 => Names::Last,
            8 => Names::First,
            _ => Names::Forged,
        };
        let sibling = |request: &Self| request.client == client && request.session == session;
        let with = before.iter().rposition(sibling).filter(|_| session.is_some() && rng.chance(15));
        Self {
            client,
            session,
            names,
            acts,
            with,
            // Without a session nothing else tells two events of one kind apart.
            own_ids: session.is_none() || rng.chance(20),
            kept: !(quirks.unkept && rng.chance(30)),
            insisted: rng.chance(80),
        }
    }
}
