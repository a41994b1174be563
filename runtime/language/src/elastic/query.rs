//! A query before it is written down: what says nothing is left out, and what is joined alike is joined once.

use serde_json::{Value, json};
use tracardi_model::Map;

/// Servers refuse queries with more clauses, or nested deeper.
const MAX_CLAUSES: usize = 1_000;
const MAX_DEPTH: usize = 18;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Query {
    Everything,
    Nothing,
    /// As the server reads it.
    Is(Value),
    /// The field has one of these values.
    OneOf(String, Vec<Value>),
    Every(Vec<Query>),
    Any(Vec<Query>),
    Not(Box<Query>),
}

impl Query {
    /// A query on one field: `{query: {field: body}}`.
    pub(super) fn on(query: &str, field: &str, body: Value) -> Self {
        Self::Is(json!({ (query): Map::from_iter([(field.to_owned(), body)]) }))
    }

    /// The field has a value.
    pub(super) fn exists(field: &str) -> Self {
        Self::Is(json!({"exists": {"field": field}}))
    }

    /// The field has one of these values.
    pub(super) fn one_of(field: &str, values: Vec<Value>) -> Self {
        if values.is_empty() { Self::Nothing } else { Self::OneOf(field.to_owned(), values) }
    }

    /// The field has a value within these bounds.
    pub(super) fn range<T: Into<Value>>(field: &str, bounds: impl IntoIterator<Item = (&'static str, T)>) -> Self {
        let bounds = bounds.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        Self::on("range", field, Value::Object(bounds.collect()))
    }

    pub(super) fn every(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for part in parts {
            match part {
                Self::Everything => {}
                Self::Nothing => return Self::Nothing,
                Self::Every(inner) => all.extend(inner),
                part => all.push(part),
            }
        }
        Self::joined(all, Self::Every).unwrap_or(Self::Everything)
    }

    /// One of the parts: none of them excludes all. Those that ask a field for values ask for all of them at once.
    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all: Vec<Self> = Vec::new();
        for part in parts.into_iter().flat_map(Self::alternatives) {
            match part {
                Self::Nothing => {}
                Self::Everything => return Self::Everything,
                Self::OneOf(field, values) => {
                    let known = all.iter_mut().find_map(|known| match known {
                        Self::OneOf(name, values) if *name == field => Some(values),
                        _ => None,
                    });
                    match known {
                        Some(known) => known.extend(values),
                        None => all.push(Self::OneOf(field, values)),
                    }
                }
                part => all.push(part),
            }
        }
        Self::joined(all, Self::Any).unwrap_or(Self::Nothing)
    }

    /// None for no parts, one part as it is.
    fn joined(mut parts: Vec<Self>, join: fn(Vec<Self>) -> Self) -> Option<Self> {
        let last = parts.pop()?;
        if parts.is_empty() {
            return Some(last);
        }
        parts.push(last);
        Some(join(parts))
    }

    fn alternatives(self) -> Vec<Self> {
        match self {
            Self::Any(parts) => parts,
            part => vec![part],
        }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Everything => Self::Nothing,
            Self::Nothing => Self::Everything,
            Self::Not(part) => *part,
            part => Self::Not(Box::new(part)),
        }
    }

    /// Whether the server takes it.
    pub(super) fn fits(&self) -> bool {
        let (clauses, depth) = self.measures();
        clauses <= MAX_CLAUSES && depth <= MAX_DEPTH
    }

    fn measures(&self) -> (usize, usize) {
        match self {
            Self::Everything | Self::Nothing | Self::Is(_) | Self::OneOf(..) => (1, 0),
            Self::Every(parts) | Self::Any(parts) => parts
                .iter()
                .map(Self::measures)
                .fold((1, 1), |(clauses, depth), (more, inner)| (clauses + more, depth.max(inner + 1))),
            Self::Not(part) => {
                let (clauses, depth) = part.measures();
                (clauses + 1, depth + 1)
            }
        }
    }

    pub(super) fn into_json(self) -> Value {
        let all = |parts: Vec<Self>| parts.into_iter().map(Self::into_json).collect::<Vec<_>>();
        match self {
            Self::Everything => json!({"match_all": {}}),
            Self::Nothing => json!({"match_none": {}}),
            Self::Is(query) => query,
            Self::OneOf(field, values) => json!({"terms": Map::from_iter([(field, values.into())])}),
            Self::Any(parts) => json!({"bool": {"should": all(parts), "minimum_should_match": 1}}),
            Self::Not(part) => json!({"bool": {"must_not": [part.into_json()]}}),
            Self::Every(parts) => {
                let (must_not, filter): (Vec<_>, Vec<_>) =
                    parts.into_iter().partition(|part| matches!(part, Self::Not(_)));
                let must_not: Vec<Self> = must_not.into_iter().map(Self::not).collect();
                let mut demands = Map::new();
                for (name, parts) in [("filter", filter), ("must_not", must_not)] {
                    if !parts.is_empty() {
                        demands.insert(name.to_owned(), all(parts).into());
                    }
                }
                json!({"bool": demands})
            }
        }
    }
}
