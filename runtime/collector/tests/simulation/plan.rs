//! What is to happen in a world, as data: made from a seed, carried out by `world`, made smaller by `shrink`.

use std::collections::BTreeMap;
use std::time::Duration;

use tracardi_collector::CollectorLimits;
use tracardi_model::Context;
use tracardi_simulate::rng::Rng;

/// A world and its history to be.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where it comes from; also decides how long calls of the store take.
    pub(crate) seed: u64,
    pub(crate) limits: CollectorLimits,
    /// The context in which each client lives.
    pub(crate) contexts: Vec<Context>,
    /// What clients send, each perhaps several times, or never.
    pub(crate) requests: Vec<Request>,
    pub(crate) steps: Vec<Step>,
    /// By the number of the call of the store, counted from the beginning of the world.
    pub(crate) faults: BTreeMap<u32, Fault>,
    /// Whether the process is restarted before it is asked to recover.
    pub(crate) restarts: bool,
    /// Whether a destination is told of every mark.
    pub(crate) delivers: bool,
    /// Whether everything is sent once more when all is over.
    pub(crate) echoes: bool,
}

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

/// Something happens a while after what happened before.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) pause: Duration,
    pub(crate) action: Action,
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A request comes in, for the first time or again; perhaps its answer gets lost.
    Arrive { request: usize, heard: bool },
    /// Somebody asks that the profiles of these clients become one.
    Merge([usize; 2]),
    /// The clock jumps by so many seconds.
    Clock(i64),
    /// The process leaves in good order; another one takes over.
    Restart,
}

/// What befalls a call of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails and has done nothing.
    Before,
    /// It is done, but said to have failed.
    After,
    /// It fails in a way that trying again does not help with.
    Corrupt,
    /// The process dies before it is done.
    DiesBefore,
    /// The process dies after it is done and before it knows.
    DiesAfter,
    /// It takes so many milliseconds.
    Slow(u64),
}

const EMAILS: u64 = 3;
/// A request comes at most so often.
const REPEATS: u64 = 3;

impl Plan {
    /// The plan of a seed; for ever the same.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 0);
        let clients = usize_of(rng.between(2, 5));
        let staging = rng.chance(20);
        let contexts: Vec<Context> = (0..clients)
            .map(|_| if staging && rng.chance(40) { Context::Staging } else { Context::Production })
            .collect();
        let quirks = Quirks { unkept: rng.chance(25), ends: rng.chance(25) };
        let count = usize_of(rng.between(4, 18));
        let mut requests: Vec<Request> = Vec::with_capacity(count);
        for _ in 0..count {
            let request = Request::draw(&mut rng, clients, &requests, quirks);
            requests.push(request);
        }
        let steps = steps(&mut rng, &requests, clients);
        let mut faults = BTreeMap::new();
        if rng.chance(85) {
            let calls = requests.len() as u64 * 3;
            for _ in 0..rng.between(1, 6) {
                let at = rng.below(calls);
                let fault = Fault::draw(&mut rng);
                // Troubles like company.
                let length = if rng.chance(20) { rng.between(2, 6) } else { 1 };
                faults.extend((at..at + length).filter_map(|at| Some((u32::try_from(at).ok()?, fault))));
            }
        }
        let limits = CollectorLimits {
            queue: *rng.pick(&[2, 4, 8, 64]),
            group: *rng.pick(&[1, 2, 3, 8, 64]),
            cache_bytes: *rng.pick(&[0, 40_000, 32 << 20, 32 << 20]),
            merge_documents: *rng.pick(&[1, 2, 5, 500]),
            ..CollectorLimits::default()
        };
        // What cannot be read is looked at again by the next process only.
        let restarts = rng.chance(40) || faults.values().any(|fault| *fault == Fault::Corrupt);
        let (echoes, delivers) = (rng.chance(30), rng.chance(30));
        Self { seed, limits, contexts, requests, steps, faults, restarts, delivers, echoes }
    }

    /// Where a request belongs.
    pub(crate) fn context(&self, request: usize) -> Context {
        self.contexts[self.requests[request].client]
    }

    /// How many merges are asked for.
    pub(crate) fn merges(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.action, Action::Merge(_))).count()
    }

    /// Whether every visit leaves its events.
    pub(crate) fn tells_visits(&self) -> bool {
        self.requests.iter().all(|request| request.kept && !request.acts.contains(&Act::EndVisit))
    }
}

/// What happens in some worlds only.
#[derive(Clone, Copy)]
struct Quirks {
    unkept: bool,
    ends: bool,
}

impl Request {
    fn draw(rng: &mut Rng, clients: usize, before: &[Self], quirks: Quirks) -> Self {
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

impl Fault {
    fn draw(rng: &mut Rng) -> Self {
        match rng.below(20) {
            0..4 => Self::Before,
            4..8 => Self::After,
            8 => Self::Corrupt,
            9..12 => Self::DiesBefore,
            12..16 => Self::DiesAfter,
            _ => Self::Slow(rng.between(50, 5_000)),
        }
    }
}

/// The requests in roughly their order, some again and again, and what happens between them.
fn steps(rng: &mut Rng, requests: &[Request], clients: usize) -> Vec<Step> {
    let mut placed: Vec<(u64, Action)> = Vec::new();
    for request in 0..requests.len() {
        let own = request as u64 * 10;
        // Some overtake others.
        let first = own + rng.below(25);
        let heard = rng.chance(80);
        placed.push((first, Action::Arrive { request, heard }));
        if !heard || rng.chance(25) {
            for _ in 0..rng.between(1, REPEATS) {
                placed.push((first + rng.below(60), Action::Arrive { request, heard: rng.chance(70) }));
            }
        }
        if rng.chance(8) {
            let pair = [(); 2].map(|()| usize_of(rng.below(clients as u64)));
            placed.push((own + rng.below(40), Action::Merge(pair)));
        }
        if rng.chance(6) {
            placed.push((own, Action::Clock(*rng.pick(&[-3_600, -1, 1, 3_600]))));
        }
        if rng.chance(3) {
            placed.push((own, Action::Restart));
        }
    }
    placed.sort_by_key(|(place, _)| *place);
    // Bursts, and moments of quiet.
    let mut pause = || match rng.below(100) {
        0..60 => 0,
        60..96 => rng.below(30),
        _ => rng.below(3_000),
    };
    placed.into_iter().map(|(_, action)| Step { pause: Duration::from_millis(pause()), action }).collect()
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap()
}
