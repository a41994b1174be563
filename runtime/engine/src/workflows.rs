//! Where workflows are run. The engine of workflows is handed in from outside ([`Settings::workflows`](crate::Settings));
//! which workflow is run for what, and what becomes of the result, is decided here (`steps/workflows.rs`).

use std::fmt::{self, Debug};

use jiff::Timestamp;
use serde_json::Value;
use tracardi_model::{Context, Entropy, Event, Map, Path, Profile, Session};

/// Runs workflows. Pure: the same arguments give the same result, and nothing else happens. A group of requests may be run
/// again before it is stored, so whatever a workflow does to the world must be in its outcome.
pub trait Workflows: Debug + Send + Sync {
    /// Runs a workflow; None: there is none with this id. A panic is caught and hurts the event only.
    fn run(&self, flow: &str, run: WorkflowRun<'_>) -> Option<WorkflowOutcome>;

    /// What a workflow may start by what it does: the segments that it adds, the events that it sends. Rules that lead to
    /// each other in a circle by it are refused when they are saved. The default: nothing.
    fn leads_to(&self, flow: &str) -> Vec<Start> {
        let _ = flow;
        Vec::new()
    }
}

/// What a rule waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// An event.
    Event {
        /// Its type, as events have it: `page-view`.
        event_type: String,
        /// Id of the event source.
        source: String,
    },
    /// A segment was added to a profile: as it stands there, `big-spender`.
    Segment(String),
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event { event_type, source } => write!(f, "event `{event_type}` of source `{source}`"),
            Self::Segment(name) => write!(f, "segment `{name}`"),
        }
    }
}

/// What a workflow sees.
#[allow(missing_debug_implementations, reason = "a source of randomness shows nothing")]
pub struct WorkflowRun<'a> {
    /// Production or staging.
    pub context: Context,
    /// What happened, as it will be stored.
    pub event: &'a Event,
    /// The segment that was added to the profile, if that is what started the workflow.
    pub segment: Option<&'a str>,
    /// The node at which the workflow goes on, if it was to go on [later](Later); none: it starts where it begins.
    pub node: Option<&'a str>,
    /// The person, as the workflows before have left it; none when none is kept.
    pub profile: Option<&'a Profile>,
    /// The visit, as the workflows before have left it; none when none is kept.
    pub session: Option<&'a Session>,
    /// The time.
    pub now: Timestamp,
    /// For ids; repeatable.
    pub entropy: &'a mut dyn Entropy,
}

/// What a workflow leads to. The default: nothing.
#[derive(Clone, Debug, Default)]
pub struct WorkflowOutcome {
    /// The profile afterwards, if it changed and is to be stored. It keeps its id.
    pub profile: Option<Profile>,
    /// The fields of the profile that were written.
    pub written: Vec<Path>,
    /// The session afterwards, if it changed and is to be stored. It keeps its id.
    pub session: Option<Session>,
    /// The event afterwards, if it changed. It keeps its id; what it is, when it took place and whose it is cannot be changed.
    pub event: Option<Event>,
    /// Fields of the profile: it and all profiles that have the same values in them are one person (spec/pipeline.md 4.7).
    /// Fields without a value do not count.
    pub merge_by: Vec<Path>,
    /// Part of the answer.
    pub response: Map,
    /// Elements that the page must show: `{"tag", "props", "content"?}`.
    pub ux: Vec<Value>,
    /// What went not as it should, for people.
    pub warnings: Vec<String>,
    /// What failed, for people.
    pub errors: Vec<String>,
    /// Where the workflow goes on, and when.
    pub later: Vec<Later>,
}

/// A workflow that goes on later, at one of its nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Later {
    /// When.
    pub due: Timestamp,
    /// The node.
    pub node: String,
    /// The type of the event that it goes on with; none: an event that is not stored.
    pub event_type: Option<String>,
    /// Properties of that event; empty: those of the event that started it.
    pub properties: Map,
}
