//! Conditions as Elasticsearch queries: the meaning of [`Condition::evaluate`], asked of an index.
//!
//! An index knows less than a document. It does not tell a missing value from null, an empty list or an empty object, a list from
//! its elements, and in a `flattened` field `5` from `"5"`. So a condition becomes two queries:
//!
//! - `possible` finds every document for which the condition holds, and maybe others;
//! - `certain` finds only documents for which it holds, and maybe not all.
//!
//! What only the first finds is asked in memory. When they are the same query nothing is ([`Queries::is_exact`]).
//!
//! What is known of a single test stands in [`single`]. Joined: AND is possible when all parts are, and certain when all are;
//! OR is possible when one part is, and certain when one is and none may be without an answer (an error in any part is an error
//! of the whole). The language has no NOT, so nothing turns round.
//!
//! Conditions that Elasticsearch would refuse for their size are possible everywhere.

mod query;
mod single;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::Value;
use tracardi_model::Path;

use self::query::Query;
use super::Condition;
use crate::Source;

/// How an index holds what stands at a path; its field has the path as name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexed {
    /// `keyword`: one text, or null, or nothing; no list, neither here nor on the way.
    Text,
    /// `double`, likewise.
    Number,
    /// `boolean`, likewise.
    Boolean,
    /// `date` or `date_nanos`, likewise: a text that is a time with a zone.
    Time,
    /// Below a field of type `flattened` (OpenSearch: `flat_object`) that is always an object: anything, each scalar being a text.
    Flattened {
        /// How many names of the path name that field.
        root: usize,
    },
    /// The index cannot be asked.
    Unknown,
}

/// What an index knows of documents.
#[derive(Clone, Copy)]
pub struct Mapping<'a> {
    /// Which documents are in it; of others it knows nothing.
    pub source: Source,
    /// How it holds a path.
    pub indexed: &'a dyn Fn(&Path) -> Indexed,
    /// A field that documents have of which the index did not take all (`_ignored`); none, if it takes all or refuses the
    /// document.
    pub ignored: Option<&'a str>,
}

/// What a condition asks of an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Queries {
    /// Finds every document for which the condition holds.
    pub possible: Value,
    /// Finds no document for which it does not hold.
    pub certain: Value,
}

impl Queries {
    /// Whether the index knows the answer: no document needs to be asked in memory.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.possible == self.certain
    }
}

/// The queries for a condition at this time.
#[must_use]
pub fn to_queries(condition: &Condition, mapping: Mapping<'_>, now: Timestamp) -> Queries {
    let Bounds { mut possible, mut certain, unanswered: _ } = Compiler { mapping, now }.bounds(condition);
    if let Some(field) = mapping.ignored {
        possible = Query::any([possible, Query::exists(field)]);
        certain = Query::every([certain, Query::exists(field).not()]);
    }
    let possible = if possible.fits() { possible } else { Query::Everything };
    let certain = if certain.fits() { certain } else { Query::Nothing };
    Queries { possible: possible.into_json(), certain: certain.into_json() }
}

/// What the index knows of the answer to a condition.
#[derive(Clone, Debug)]
struct Bounds {
    /// At least all documents for which it is true.
    possible: Query,
    /// Only documents for which it is true.
    certain: Query,
    /// At least all documents for which it has no answer or an error.
    unanswered: Query,
}

impl Bounds {
    /// There is always an answer, and the query tells it.
    fn exact(query: Query) -> Self {
        Self::between(query.clone(), query)
    }

    /// There is always an answer.
    fn between(certain: Query, possible: Query) -> Self {
        Self { possible, certain, unanswered: Query::Nothing }
    }

    /// True for these at most, and nothing else is known.
    fn at_most(possible: Query) -> Self {
        Self { possible, certain: Query::Nothing, unanswered: Query::Everything }
    }

    /// There is an answer except for these.
    fn unless(self, unanswered: Query) -> Self {
        Self { unanswered, ..self }
    }

    fn all(parts: Vec<Self>) -> Self {
        let [possible, certain, unanswered] = split(parts);
        Self { possible: Query::every(possible), certain: Query::every(certain), unanswered: Query::any(unanswered) }
    }

    fn any(parts: Vec<Self>) -> Self {
        let [possible, certain, unanswered] = split(parts);
        let unanswered = Query::any(unanswered);
        let certain = Query::every([Query::any(certain), unanswered.clone().not()]);
        Self { possible: Query::any(possible), certain, unanswered }
    }
}

fn split(parts: Vec<Bounds>) -> [Vec<Query>; 3] {
    let mut queries = [Vec::new(), Vec::new(), Vec::new()];
    let [possible, certain, unanswered] = &mut queries;
    for part in parts {
        possible.push(part.possible);
        certain.push(part.certain);
        unanswered.push(part.unanswered);
    }
    queries
}

struct Compiler<'a> {
    mapping: Mapping<'a>,
    now: Timestamp,
}

impl Compiler<'_> {
    fn bounds(&self, condition: &Condition) -> Bounds {
        let all = |parts: &[Condition]| parts.iter().map(|part| self.bounds(part)).collect();
        match condition {
            Condition::All(parts) => Bounds::all(all(parts)),
            Condition::Any(parts) => Bounds::any(all(parts)),
            test => self.test(test),
        }
    }
}
