//! A query before it is written down: what says nothing is left out, and what is joined alike is joined once.

use serde_json::{Value, json};
use tracardi_model::Map;

/// Elasticsearch refuses queries with more clauses, or nested deeper.
const MAX_CLAUSES: usize = 1_000;
const MAX_DEPTH: usize = 18;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Query {
    Everything,
    Nothing,
    /// As Elasticsearch reads it.
    Is(Value),
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
        if values.is_empty() { Self::Nothing } else { Self::on("terms", field, values.into()) }
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
        match (all.pop(), all.is_empty()) {
            (None, _) => Self::Everything,
            (Some(only), true) => only,
            (Some(last), false) => {
                all.push(last);
                Self::Every(all)
            }
        }
    }

    /// One of the parts: none of them excludes all.
    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let none = Self::every(parts.into_iter().flat_map(Self::alternatives).map(Self::not));
        match none {
            Self::Every(parts) => Self::Any(parts.into_iter().map(Self::not).collect()),
            other => other.not(),
        }
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

    /// Whether Elasticsearch takes it.
    pub(super) fn fits(&self) -> bool {
        let (clauses, depth) = self.measures();
        clauses <= MAX_CLAUSES && depth <= MAX_DEPTH
    }

    fn measures(&self) -> (usize, usize) {
        match self {
            Self::Everything | Self::Nothing | Self::Is(_) => (1, 0),
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
