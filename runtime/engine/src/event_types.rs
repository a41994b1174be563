//! The predefined event types, compiled once from data/event-types.yaml; what each entry means stands at the head of that
//! file, how it is applied in the mapping step.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use tracardi_model::Path;

const TABLE: &str = include_str!("../data/event-types.yaml");

/// All predefined types.
#[derive(Clone, Debug)]
pub struct EventTypes {
    list: Vec<EventType>,
    by_name: HashMap<String, usize>,
}

/// One predefined type.
#[derive(Clone, Debug)]
pub struct EventType {
    /// The normalised type.
    pub id: String,
    /// What people read.
    pub name: String,
    /// The folder it is listed under.
    pub group: String,
    /// Tags that replace those of the payload; none: the payload's stay.
    pub tags: Vec<String>,
    /// Place in the customer's journey.
    pub state: Option<State>,
    /// Inside the event, in order.
    pub copy: Vec<Copy>,
    /// From the event to the profile, in order.
    pub profile: Vec<Assignment>,
    /// What is computed on the profile afterwards.
    pub compute: Option<Compute>,
}

/// Place in the customer's journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Always this one.
    Fixed(String),
    /// `awareness` on a first visit, `consideration` later; nothing without a profile.
    ByVisits,
}

/// A value inside the event, kept under a second path.
#[derive(Clone, Debug)]
pub struct Copy {
    /// Where to.
    pub destination: Path,
    /// Where from: the first of these that is there.
    pub sources: Vec<Path>,
}

impl Copy {
    /// A value that stands in one place.
    #[must_use]
    pub fn of(destination: Path, source: Path) -> Self {
        Self { destination, sources: vec![source] }
    }
}

/// A value of the event for the profile.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Path in the profile.
    pub destination: Path,
    /// How.
    pub operation: Operation,
    /// Which value.
    pub source: Source,
}

/// Which value an assignment takes.
#[derive(Clone, Debug)]
pub enum Source {
    /// That at a path of the event.
    Event(Path),
    /// Always this number.
    Number(f64),
    /// None.
    Nothing,
}

/// How a value reaches the profile; words of spec/pipeline.md 5.5 with the intended meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Replaces what is there.
    Equal,
    /// Fills a path that is missing, null or empty.
    EqualIfEmpty,
    /// Joins the list that is there, without repetition.
    Append,
    /// Adds a number; nothing there counts as 0.
    Add,
    /// Subtracts a number; nothing there counts as 0.
    Subtract,
    /// Sets the path to null.
    Delete,
}

/// What is computed on the profile.
#[derive(Clone, Debug)]
pub struct Compute {
    /// Only when an assignment changed the profile.
    pub on_change_only: bool,
    /// How.
    pub function: Function,
}

/// The functions that can be computed.
#[derive(Clone, Debug)]
pub enum Function {
    /// Checkouts started for each one completed, 0 while none is; written to this path.
    CheckoutRatio(Path),
    /// Adds to an interest.
    IncreaseInterest,
    /// Subtracts from an interest.
    DecreaseInterest,
    /// Sets an interest.
    ResetInterest,
}

/// A table that cannot be used: the type and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event type {name}: {problem}")]
pub struct InvalidEventType {
    /// The type, or `table` when not even the list can be read.
    pub name: String,
    /// What is wrong.
    pub problem: String,
}

impl EventTypes {
    /// The built-in table; an error is a defect of the build and names the place.
    pub fn load() -> Result<Self, InvalidEventType> {
        Self::parse(TABLE)
    }

    /// A table from its text.
    pub fn parse(text: &str) -> Result<Self, InvalidEventType> {
        let rows: Vec<Row> = serde_yaml::from_str(text)
            .map_err(|error| InvalidEventType { name: "table".to_owned(), problem: error.to_string() })?;
        let list = rows.into_iter().map(Row::compile).collect::<Result<Vec<_>, _>>()?;
        let by_name = list.iter().enumerate().map(|(place, kind)| (kind.id.clone(), place)).collect();
        Ok(Self { list, by_name })
    }

    /// A type by its normalised name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&EventType> {
        self.by_name.get(id).and_then(|place| self.list.get(*place))
    }

    /// All definitions in the order of the table.
    #[must_use]
    pub fn list(&self) -> &[EventType] {
        &self.list
    }
}

/// A type in words: `page-view` -> `Page View`.
#[must_use]
pub fn words(kind: &str) -> String {
    let mut name = String::with_capacity(kind.len());
    for (at, word) in kind.split('-').enumerate() {
        if at > 0 {
            name.push(' ');
        }
        let mut letters = word.chars();
        if let Some(first) = letters.next() {
            name.extend(first.to_uppercase());
            name.extend(letters.flat_map(char::to_lowercase));
        }
    }
    name
}

/// A definition as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    r#type: String,
    name: String,
    group: String,
    #[serde(default)]
    tags: Vec<String>,
    state: Option<String>,
    #[serde(default)]
    copy: serde_yaml::Mapping,
    #[serde(default)]
    profile: serde_yaml::Mapping,
    compute: Option<ComputeRow>,
}

/// Where a copy is taken from, as written: a path, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn list(&self) -> &[String] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::More(paths) => paths,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ComputeRow {
    run: String,
    function: String,
    into: Option<String>,
}

impl Row {
    fn compile(self) -> Result<EventType, InvalidEventType> {
        let fail = |problem: String| InvalidEventType { name: self.r#type.clone(), problem };
        let path = |text: &str| Path::parse(text).map_err(|error| fail(format!("path `{text}`: {error}")));
        let mut copy = Vec::with_capacity(self.copy.len());
        for (destination, source) in &self.copy {
            let (Some(destination), Ok(sources)) =
                (destination.as_str(), serde_yaml::from_value::<OneOrMore>(source.clone()))
            else {
                return Err(fail("an entry of `copy` is not `destination: source`".to_owned()));
            };
            let sources = sources.list().iter().map(|source| path(source)).collect::<Result<_, _>>()?;
            copy.push(Copy { destination: path(destination)?, sources });
        }
        let mut profile = Vec::with_capacity(self.profile.len());
        for (destination, entry) in &self.profile {
            let (Some(destination), Ok((word, source))) =
                (destination.as_str(), serde_yaml::from_value::<(String, Value)>(entry.clone()))
            else {
                return Err(fail("an entry of `profile` is not `path: [operation, source]`".to_owned()));
            };
            let source = match source {
                Value::Null => Source::Nothing,
                Value::String(text) => Source::Event(path(&text)?),
                Value::Number(number) => Source::Number(number.as_f64().unwrap_or_default()),
                other => return Err(fail(format!("`{other}` is no source"))),
            };
            let operation = Operation::parse(&word).ok_or_else(|| fail(format!("`{word}` is no operation")))?;
            profile.push(Assignment { destination: path(destination)?, operation, source });
        }
        let compute = self.compute.as_ref().map(|row| row.compile(&path, &fail)).transpose()?;
        let state = match self.state.as_deref() {
            None => None,
            Some("fn:page_view" | "fn:session_opened") => Some(State::ByVisits),
            Some(word) if word.starts_with("fn:") => return Err(fail(format!("`{word}` is no state function"))),
            Some(word) => Some(State::Fixed(word.to_owned())),
        };
        Ok(EventType {
            id: self.r#type.clone(),
            name: self.name.clone(),
            group: self.group.clone(),
            tags: self.tags.clone(),
            state,
            copy,
            profile,
            compute,
        })
    }
}

impl ComputeRow {
    fn compile(
        &self,
        path: &impl Fn(&str) -> Result<Path, InvalidEventType>,
        fail: &impl Fn(String) -> InvalidEventType,
    ) -> Result<Compute, InvalidEventType> {
        let on_change_only = match self.run.as_str() {
            "always" => false,
            "on-profile-change" => true,
            other => return Err(fail(format!("`{other}` is no time to compute"))),
        };
        let function = match (self.function.as_str(), &self.into) {
            ("compute_ltcop", Some(into)) => Function::CheckoutRatio(path(into)?),
            ("increase_interest", None) => Function::IncreaseInterest,
            ("decrease_interest", None) => Function::DecreaseInterest,
            ("reset_interest", None) => Function::ResetInterest,
            (other, _) => return Err(fail(format!("`{other}` is no function, or its `into` is missing or too much"))),
        };
        Ok(Compute { on_change_only, function })
    }
}

impl fmt::Display for Source {
    /// The path or the number; `null` for nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(path) => f.write_str(path.as_str()),
            Self::Number(number) => number.fmt(f),
            Self::Nothing => f.write_str("null"),
        }
    }
}

impl Operation {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::EqualIfEmpty => "equals_if_not_exists",
            Self::Append => "append",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Delete => "delete",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "equal" | "equals" => Self::Equal,
            "equals_if_not_exists" => Self::EqualIfEmpty,
            "append" => Self::Append,
            "+" | "increment" => Self::Add,
            "-" | "decrement" => Self::Subtract,
            "delete" => Self::Delete,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let types = EventTypes::load().unwrap();
        assert_eq!(types.list().len(), 66);
        assert_eq!(types.by_name.len(), 65);
        assert!(types.list().iter().all(|kind| kind.id == kind.id.to_lowercase() && !kind.id.contains(' ')));
    }

    #[test]
    fn entries_say_what_the_appendix_says() {
        let types = EventTypes::load().unwrap();
        let sign_in = types.get("sign-in").unwrap();
        assert_eq!(sign_in.state, Some(State::Fixed("consideration".to_owned())));
        assert!(sign_in.copy.iter().any(|copy| copy.destination.as_str() == "data.identifier.token"
            && copy.sources[0].as_str() == "properties.login"));
        let order = &types.get("payment-info-entered").unwrap().copy[0];
        assert_eq!(
            order.sources.iter().map(Path::as_str).collect::<Vec<_>>(),
            ["properties.order_id", "properties.id"]
        );
        let primary = sign_in.profile.iter().find(|entry| entry.destination.as_str() == "primary_id").unwrap();
        assert!(matches!(&primary.source, Source::Event(path) if path.as_str() == "data.identifier.pk"));

        let checkout = types.get("checkout-started").unwrap();
        let operations: Vec<_> =
            checkout.profile.iter().map(|entry| (entry.destination.as_str(), entry.operation)).collect();
        assert_eq!(operations, [("data.metrics.ltcosv", Operation::Add), ("data.metrics.ltcosc", Operation::Add)]);
        assert!(matches!(checkout.compute.as_ref().unwrap().function, Function::CheckoutRatio(_)));

        assert_eq!(types.get("page-view").unwrap().state, Some(State::ByVisits));
        assert_eq!(types.get("visit-ended").unwrap().state, None);
        assert!(
            types.get("loyalty-card-removed").unwrap().profile.iter().all(|entry| entry.operation == Operation::Delete)
        );
        assert!(types.get("purchase").is_none());
    }

    #[test]
    fn a_wrong_table_is_refused_with_type_and_reason() {
        let head = "- type: a\n  name: A\n  group: g\n";
        for (rest, part) in [
            ("  profile: {x: [jump, y]}\n", "`jump` is no operation"),
            ("  copy: {x: 1}\n", "copy"),
            ("  copy: {a..b: c}\n", "path `a..b`"),
            ("  state: fn:moon\n", "state function"),
            ("  compute: {run: never, function: reset_interest}\n", "time to compute"),
            ("  surprise: 1\n", "surprise"),
        ] {
            let error = EventTypes::parse(&format!("{head}{rest}")).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
