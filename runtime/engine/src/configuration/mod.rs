//! The configuration as the hot path uses it: every record compiled, found by event type, immutable.
//!
//! [`Configuration::compile`] takes the stored records as they are. A record that does not compile is left out and told as a
//! [`Problem`]; the others work (and of one that protects people's data, the fields that are not wrong). [`check`] compiles a single record before it is saved, so that only what was stored by
//! other ways (an import, an older program) can be a problem later.
//!
//! Each kind has a file: what its compiled form is and how it gets into the configuration. What it does to an event stands
//! in the step of that name in `steps/`.

mod data_compliance;
mod destination;
mod event_reshaping;
mod event_to_profile;
mod event_type_mapping;
mod event_validator;
mod expression;
mod identification_point;
mod redirect;
mod rule;
mod rule_loops;
mod schema_cost;
mod segment;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use tracardi_model::configuration::{self as records, Kind, Record};
use tracardi_model::{FieldError, Loc, PerContext};

use crate::command::normal_type;

pub use data_compliance::ProtectedField;
pub use destination::Destination;
pub use event_reshaping::{Reshaped, Reshaping};
pub use event_to_profile::{Assignment, ProfileMapping, Source};
pub use event_type_mapping::Mapping;
pub use event_validator::Check;
pub use identification_point::Point;
pub use redirect::Link;
pub use rule::{Trigger, Triggers};
pub use segment::{Segment, Segments};

/// What a template of the configuration renders has at most about this many bytes.
pub const MAX_RENDERED: usize = 256 * 1024;

/// All compiled records of one context.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    types: HashMap<String, TypeConfiguration>,
    points: Vec<Arc<Point>>,
    links: HashMap<String, Arc<Link>>,
    consent_types: Vec<Arc<records::ConsentType>>,
    /// By event type.
    told_events: HashMap<String, Vec<Arc<Destination>>>,
    told_profiles: Vec<Arc<Destination>>,
    triggers: Triggers,
    segments: Segments,
    problems: Vec<Problem>,
    /// Every record with what it was compiled to.
    known: HashMap<Kind, HashMap<String, Known>>,
    /// How many records had to be compiled.
    compiled: usize,
}

/// What is configured for one event type.
#[derive(Clone, Debug, Default)]
pub struct TypeConfiguration {
    /// What its events must look like.
    pub checks: Vec<Arc<Check>>,
    /// Other forms for its events; the first that is for the event's source counts.
    pub reshapings: Vec<Arc<Reshaping>>,
    /// Fields that need consents.
    pub protected: Vec<Arc<ProtectedField>>,
    /// Values inside the event, tags, journey.
    pub mapping: Option<Arc<Mapping>>,
    /// Values for the profile.
    pub onto_profile: Vec<Arc<ProfileMapping>>,
    /// Values by which the visitor is recognised.
    pub points: Vec<Arc<Point>>,
    /// Records for the type that do not compile, and why; its events say so.
    pub broken: Vec<String>,
}

/// A stored record that does not compile.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// What is wrong.
    pub errors: Vec<FieldError>,
}

/// The configurations of production and staging.
pub type Configurations = PerContext<Arc<Configuration>>;

/// A record that can be compiled.
trait Compile: Record {
    /// What it means. Nothing, if it is disabled; but then it must compile all the same.
    fn compile(self) -> Result<Meaning, Vec<FieldError>>;
}

/// What a record means: puts it, as it was compiled once, into a configuration.
#[derive(Clone)]
struct Meaning(Arc<dyn Fn(&mut Configuration) + Send + Sync>);

impl Meaning {
    fn new(enter: impl Fn(&mut Configuration) + Send + Sync + 'static) -> Self {
        Self(Arc::new(enter))
    }

    /// That of a record that is disabled.
    fn nothing() -> Self {
        Self::new(|_| ())
    }
}

impl fmt::Debug for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meaning")
    }
}

/// A record and what became of it.
#[derive(Clone, Debug)]
struct Known {
    document: Arc<Value>,
    meaning: Result<Meaning, Vec<FieldError>>,
    /// What of it is in force although it does not compile.
    rest: Option<Meaning>,
}

impl Configuration {
    /// Compiles records; in the order given where that matters.
    pub fn compile<'a>(stored: impl IntoIterator<Item = (Kind, &'a str, &'a Value)>) -> Self {
        let owned: Vec<_> =
            stored.into_iter().map(|(kind, id, document)| (kind, id, Arc::new(document.clone()))).collect();
        Self::default().followed_by(owned.iter().map(|(kind, id, document)| (*kind, *id, document)))
    }

    /// The configuration that consists of these records, in the order given where that matters. A record that is in this
    /// one already, as the very same document, is not compiled again: to save one of ten thousand costs what one costs.
    #[must_use]
    pub fn followed_by<'a>(&self, stored: impl IntoIterator<Item = (Kind, &'a str, &'a Arc<Value>)>) -> Self {
        let mut next = Self::default();
        for (kind, id, document) in stored {
            let known = self.known.get(&kind).and_then(|known| known.get(id));
            let known = known.filter(|known| Arc::ptr_eq(&known.document, document)).cloned();
            let known = known.unwrap_or_else(|| {
                next.compiled += 1;
                let meaning = meaning(kind, Value::clone(document));
                let rest = meaning.as_ref().err().and_then(|errors| rest(kind, document, errors));
                Known { document: document.clone(), meaning, rest }
            });
            match &known.meaning {
                Ok(Meaning(enter)) => enter(&mut next),
                Err(errors) => next.complain(kind, id, document, errors),
            }
            if let Some(Meaning(enter)) = &known.rest {
                enter(&mut next);
            }
            next.known.entry(kind).or_default().insert(id.to_owned(), known);
        }
        next
    }

    /// How many records had to be compiled for it.
    #[must_use]
    pub const fn compiled(&self) -> usize {
        self.compiled
    }

    /// What is configured for an event type.
    #[must_use]
    pub fn event_type(&self, kind: &str) -> Option<&TypeConfiguration> {
        // Most installations configure nothing: then not even the type is hashed.
        if self.types.is_empty() { None } else { self.types.get(kind) }
    }

    /// The values by which visitors are recognised, of all event types.
    #[must_use]
    pub fn points(&self) -> &[Arc<Point>] {
        &self.points
    }

    /// The link of that id: what `/redirect/{id}` does.
    #[must_use]
    pub fn redirect(&self, id: &str) -> Option<&Arc<Link>> {
        self.links.get(id)
    }

    /// What visitors may consent to; enabled ones only.
    #[must_use]
    pub fn consent_types(&self) -> &[Arc<records::ConsentType>] {
        &self.consent_types
    }

    /// Where events of a type are sent.
    #[must_use]
    pub fn told_events(&self, kind: &str) -> &[Arc<Destination>] {
        if self.told_events.is_empty() {
            return &[];
        }
        self.told_events.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Where new and changed profiles are sent.
    #[must_use]
    pub fn told_profiles(&self) -> &[Arc<Destination>] {
        &self.told_profiles
    }

    /// Which workflows events start.
    #[must_use]
    pub fn triggers(&self) -> &Triggers {
        &self.triggers
    }

    /// Groups that profiles join.
    #[must_use]
    pub fn segments(&self) -> &Segments {
        &self.segments
    }

    /// Records that do not compile and therefore do nothing.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn complain(&mut self, kind: Kind, id: &str, document: &Value, errors: &[FieldError]) {
        let why = errors.first().map(ToString::to_string).unwrap_or_default();
        for event_type in concerned(document) {
            self.of_type(&event_type)
                .broken
                .push(format!("{kind} {id}: it is not used, because it has an error: {why}"));
        }
        self.problems.push(Problem { kind, id: id.to_owned(), errors: errors.to_vec() });
    }

    fn of_type(&mut self, kind: &str) -> &mut TypeConfiguration {
        self.types.entry(kind.to_owned()).or_default()
    }
}

/// What of a record is in force although it does not compile: one that protects people's data protects what it can.
fn rest(kind: Kind, document: &Value, errors: &[FieldError]) -> Option<Meaning> {
    if kind != Kind::DataCompliance {
        return None;
    }
    let wrong: Vec<usize> = errors
        .iter()
        .filter_map(|error| match error.loc.get(2) {
            Some(Loc::Index(index)) => Some(*index),
            _ => None,
        })
        .collect();
    let mut left = document.clone();
    let settings = left.get_mut("settings")?.as_array_mut()?;
    let mut index = 0..;
    settings.retain(|_| !index.next().is_some_and(|index| wrong.contains(&index)));
    meaning(kind, left).ok()
}

/// The event types that a record is for, as far as that can be said of one that does not compile; none when it is disabled.
fn concerned(document: &Value) -> Vec<String> {
    if document.get("enabled") == Some(&Value::Bool(false)) {
        return Vec::new();
    }
    let named = ["event_type", "eventType"].into_iter().find_map(|name| document.get(name));
    let each = match named {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let name = |value: &Value| value.as_str().or_else(|| value.get("id")?.as_str()).map(normal_type);
    each.iter().filter_map(name).filter(|name| !name.is_empty()).collect()
}

/// Says what is wrong with a record's expressions, paths and templates, by compiling it.
pub fn check(kind: Kind, document: &Value) -> Result<(), Vec<FieldError>> {
    meaning(kind, document.clone()).map(drop)
}

fn meaning(kind: Kind, document: Value) -> Result<Meaning, Vec<FieldError>> {
    match kind {
        Kind::ConsentType => compile::<records::ConsentType>(document),
        Kind::DataCompliance => compile::<records::DataCompliance>(document),
        Kind::Destination => compile::<records::Destination>(document),
        Kind::EventReshaping => compile::<records::EventReshaping>(document),
        Kind::EventToProfile => compile::<records::EventToProfile>(document),
        Kind::EventTypeMapping => compile::<records::EventTypeMapping>(document),
        Kind::EventValidator => compile::<records::EventValidator>(document),
        Kind::Redirect => compile::<records::Redirect>(document),
        Kind::IdentificationPoint => compile::<records::IdentificationPoint>(document),
        Kind::Resource => compile::<records::Resource>(document),
        Kind::Rule => compile::<records::Rule>(document),
        Kind::Segment => compile::<records::Segment>(document),
    }
}

fn compile<R: Compile>(document: Value) -> Result<Meaning, Vec<FieldError>> {
    records::read::<R>(document)?.compile()
}

impl Compile for records::ConsentType {
    fn compile(self) -> Result<Meaning, Vec<FieldError>> {
        if !self.enabled {
            return Ok(Meaning::nothing());
        }
        let kind = Arc::new(self);
        Ok(Meaning::new(move |configuration| configuration.consent_types.push(kind.clone())))
    }
}

#[cfg(test)]
mod tests;
