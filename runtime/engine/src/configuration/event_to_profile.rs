//! Values of events that go to the profile (spec/pipeline.md 5.5).

use std::sync::Arc;

use serde_json::Value;
use tracardi_language::condition::Condition;
use tracardi_model::configuration::{EventToProfile, ProfileAssignment, ProfileOperation, wrong};
use tracardi_model::{FieldError, Loc, Path};

use super::{Compile, Meaning, expression};
use crate::scope::EVENT_PARTS;

/// Parts of a profile that may be written.
const WRITABLE: [&str; 7] = ["data", "traits", "stats", "segments", "interests", "consents", "aux"];
/// The profile is found by these: they can be added, not replaced.
const IDS: &str = "ids";

/// Compiled from an [`EventToProfile`].
#[derive(Clone, Debug)]
pub struct ProfileMapping {
    /// The record's id.
    pub id: String,
    /// When; None: always.
    pub condition: Option<Condition>,
    /// In order.
    pub assignments: Vec<Assignment>,
}

/// One value.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Where it comes from.
    pub source: Source,
    /// How it is written.
    pub operation: ProfileOperation,
    /// Where it goes: a path below the profile.
    pub destination: Path,
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A path below the event.
    Event(Path),
    /// This text.
    Text(Value),
}

impl Compile for EventToProfile {
    fn compile(self) -> Result<Meaning, Vec<FieldError>> {
        let mut errors = Vec::new();
        let at = ["config".into(), "condition".into()];
        let condition = expression::condition(&self.config.condition, at).unwrap_or_else(|error| {
            errors.extend(error);
            None
        });
        let mut assignments = Vec::with_capacity(self.event_to_profile.len());
        for (index, assignment) in self.event_to_profile.iter().enumerate() {
            let mut complain = |part: &'static str, error| {
                errors.push(wrong::<Loc>(["event_to_profile".into(), index.into(), part.into()], error));
            };
            match (source(assignment), destination(assignment)) {
                (Ok(source), Ok(destination)) => {
                    assignments.push(Assignment { source, operation: assignment.op, destination });
                }
                (source, destination) => {
                    source.map_err(|error| complain("event", error)).ok();
                    destination.map_err(|error| complain("profile", error)).ok();
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        if !self.enabled {
            return Ok(Meaning::nothing());
        }
        let kind = self.event_type.id().into_owned();
        let mapping = Arc::new(ProfileMapping { id: self.id, condition, assignments });
        Ok(Meaning::new(move |configuration| configuration.of_type(&kind).onto_profile.push(mapping.clone())))
    }
}

fn source(assignment: &ProfileAssignment) -> Result<Source, String> {
    let text = assignment.event.value.trim();
    if text.is_empty() {
        return Err("a value is needed: a path of the event such as `properties.size`, or a text".to_owned());
    }
    if !assignment.event.r#ref {
        return Ok(Source::Text(Value::from(text)));
    }
    let path = Path::parse(text).map_err(|error| error.to_string())?;
    if EVENT_PARTS.contains(&path.head().0) {
        return Ok(Source::Event(path));
    }
    Err(format!("`{text}`: an event has the parts {}; for example `properties.size`", EVENT_PARTS.join(", ")))
}

/// A destination is a path, whatever its switch says.
fn destination(assignment: &ProfileAssignment) -> Result<Path, String> {
    let text = assignment.profile.value.trim();
    let parsed = Path::parse(text).map_err(|error| error.to_string())?;
    match parsed.head() {
        (IDS, []) if assignment.op == ProfileOperation::Append => Ok(parsed),
        (IDS, _) => Err("ids can only be added: `ids` with `append`".to_owned()),
        (head, _) if WRITABLE.contains(&head) => Ok(parsed),
        _ => Err(format!("`{text}`: of a profile, {} and {IDS} can be written", WRITABLE.join(", "))),
    }
}
