//! What is to happen in a world, as data: made from a seed, carried out by `world`, made smaller by `shrink`.

use std::collections::BTreeMap;
use std::time::Duration;

use tracardi_collector::CollectorLimits;
use tracardi_model::Context;
use tracardi_simulate::rng::Rng;
use tracardi_store::Index;

use crate::request::{Act, Quirks, Request};

/// A world and its history to be.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where it comes from; also decides how long calls of the store take and what destinations answer.
    pub(crate) seed: u64,
    pub(crate) limits: CollectorLimits,
    /// The context in which each client lives.
    pub(crate) contexts: Vec<Context>,
    /// What clients send, each perhaps several times, or never.
    pub(crate) requests: Vec<Request>,
    /// What users have configured at first.
    pub(crate) configured: Records,
    pub(crate) steps: Vec<Step>,
    /// By the number of the call of the store, counted from the beginning of the world.
    pub(crate) faults: BTreeMap<u32, Fault>,
    pub(crate) destinations: Temper,
    /// Whether the process is restarted before it is asked to recover.
    pub(crate) restarts: bool,
    /// Whether all that was not acknowledged when a process died comes to the next one at once.
    pub(crate) redelivers: bool,
    /// Whether everything is sent once more when all is over.
    pub(crate) echoes: bool,
}

/// The records that users have configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[allow(clippy::struct_excessive_bools, reason = "each is there or not")]
pub(crate) struct Records {
    /// A destination that is told of every mark.
    pub(crate) marks: bool,
    /// A destination that is told of every change of a profile.
    pub(crate) people: bool,
    /// A rule that starts a workflow for every mark; it counts on the profile and asks to be continued later.
    pub(crate) counts: bool,
    /// A segment of those who have checked out.
    pub(crate) buyers: bool,
}

/// How destinations answer before all is calm, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Temper {
    /// Something is to be sent again later.
    pub(crate) later: u64,
    /// Something is refused for good.
    pub(crate) refused: u64,
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
    /// A visitor gives a consent or withdraws it.
    Decide { client: usize, consent: usize, given: bool },
    /// Somebody asks that the profiles of these clients become one.
    Merge([usize; 2]),
    /// Somebody deletes a document of a client.
    Delete { client: usize, what: Index },
    /// Users configure something else.
    Configure(Records),
    /// Somebody has sent again what destinations refused.
    Replay,
    /// The clock jumps by so many seconds.
    Clock(i64),
    /// The process leaves in good order; another one takes over.
    Restart,
    /// The process dies: not at once, but when its tasks have got on by so many polls.
    Die(u32),
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

/// Consents that visitors decide about.
pub(crate) const CONSENTS: [&str; 2] = ["mail", "post"];
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
        let configured = if rng.chance(50) { Records::draw(&mut rng) } else { Records::default() };
        let habits = Habits {
            decides: rng.chance(35),
            deletes: rng.chance(25),
            configures: rng.chance(25),
            dies: rng.chance(25),
        };
        let steps = steps(&mut rng, count, clients, habits);
        let mut faults = BTreeMap::new();
        if rng.chance(80) {
            let sends = configured.marks || configured.people || habits.configures;
            let calls = requests.len() as u64 * if sends { 6 } else { 3 };
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
        let (echoes, redelivers) = (rng.chance(30), rng.chance(50));
        let destinations = Temper { later: *rng.pick(&[0, 20, 60]), refused: *rng.pick(&[0, 0, 20]) };
        Self { seed, limits, contexts, requests, configured, steps, faults, destinations, restarts, redelivers, echoes }
    }

    /// Where a request belongs.
    pub(crate) fn context(&self, request: usize) -> Context {
        self.contexts[self.requests[request].client]
    }

    /// How often somebody asks for something that does not wait in the queue of requests.
    pub(crate) fn asks(&self) -> usize {
        let asks = |step: &&Step| matches!(step.action, Action::Merge(_) | Action::Delete { .. } | Action::Replay);
        self.steps.iter().filter(asks).count()
    }

    /// Whether every visit leaves its events.
    pub(crate) fn tells_visits(&self) -> bool {
        self.requests.iter().all(|request| request.kept && !request.acts.contains(&Act::EndVisit))
    }

    /// Seconds by which the clock is set back, all in all.
    pub(crate) fn set_back(&self) -> i64 {
        let back = |step: &Step| if let Action::Clock(seconds) = step.action { seconds.min(0) } else { 0 };
        -self.steps.iter().map(back).sum::<i64>()
    }
}

impl Records {
    fn draw(rng: &mut Rng) -> Self {
        let [marks, people, counts, buyers] = [60, 40, 50, 40].map(|percent| rng.chance(percent));
        Self { marks, people, counts, buyers }
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

/// What people do in some worlds only.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "each is a habit or not")]
struct Habits {
    decides: bool,
    deletes: bool,
    configures: bool,
    dies: bool,
}

/// The requests in roughly their order, some again and again, and what happens between them.
fn steps(rng: &mut Rng, requests: usize, clients: usize, habits: Habits) -> Vec<Step> {
    let mut placed: Vec<(u64, Action)> = Vec::new();
    for request in 0..requests {
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
        let client = |rng: &mut Rng| usize_of(rng.below(clients as u64));
        if rng.chance(8) {
            let pair = [client(rng), client(rng)];
            placed.push((own + rng.below(40), Action::Merge(pair)));
        }
        if rng.chance(6) {
            placed.push((own, Action::Clock(*rng.pick(&[-3_600, -1, 1, 3_600]))));
        }
        if rng.chance(3) {
            placed.push((own, Action::Restart));
        }
        if habits.decides && rng.chance(50) {
            let consent = usize_of(rng.below(CONSENTS.len() as u64));
            placed
                .push((first + rng.below(30), Action::Decide { client: client(rng), consent, given: rng.chance(60) }));
        }
        if habits.deletes && rng.chance(20) {
            let what = *rng.pick(&[Index::Profile, Index::Profile, Index::Session, Index::Event]);
            placed.push((first + rng.below(40), Action::Delete { client: client(rng), what }));
        }
        if habits.configures && rng.chance(20) {
            placed.push((own + rng.below(20), Action::Configure(Records::draw(rng))));
        }
        if habits.dies && rng.chance(15) {
            placed.push((own + rng.below(20), Action::Die(u32::try_from(rng.below(24)).unwrap())));
        }
        if rng.chance(5) {
            placed.push((own + rng.below(40), Action::Replay));
        }
    }
    placed.sort_by_key(|(place, _)| *place);
    // Bursts, and moments of quiet.
    let mut pause = || match rng.below(100) {
        0..60 => Duration::ZERO,
        60..80 => Duration::from_micros(rng.below(8_000)),
        80..96 => Duration::from_millis(rng.below(30)),
        _ => Duration::from_millis(rng.below(3_000)),
    };
    placed.into_iter().map(|(_, action)| Step { pause: pause(), action }).collect()
}

pub(crate) fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap()
}
