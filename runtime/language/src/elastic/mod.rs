//! Documents in an index of Elasticsearch or OpenSearch, and what is asked of it.
//!
//! | | |
//! |---|---|
//! | [`facts`] | what the index keeps of a document: a list of texts, one for each of its values |
//! | [`spot`] | what can be asked about one place in the documents |
//! | [`query`] | a query before it is written down |
//! | [`filter()`], [`condition()`], [`words()`] | the languages as queries |
//! | [`values`] | the values of a field, for counting |
//!
//! Free-form values must never disagree with a mapping, and what is asked must not depend on how a server reads them. So the
//! index has one field of type `keyword` for all of them, and [`facts`](facts()) says how a value is written there: its place, its
//! type, itself. A list, an empty object, null, `5` and `"5"` are different facts; numbers and texts are ordered as their
//! facts are. Both products have had such a type (`flattened`, `flat_object`), but these turn all values into texts,
//! show no difference between a list and its elements, and differ from each other in what may be asked.
//!
//! Some things facts do not tell: the end of a long text, what two fields have in common, what a function makes of a value. So a
//! filter or condition becomes two [queries](Queries):
//!
//! - `possible` finds every document for which it holds, and maybe others;
//! - `certain` finds only documents for which it holds, and maybe not all.
//!
//! What only the first finds is asked in memory. When they are the same query nothing is.

mod condition;
mod facts;
mod filter;
mod query;
mod spot;
#[cfg(test)]
mod tests;
mod values;
mod words;

use serde_json::Value;

pub use condition::to_queries as condition;
pub use facts::{MAX_BYTES, MAX_FACTS, MAX_TEXT, PARTIAL, facts};
pub use filter::to_queries as filter;
pub use values::Values;
pub use words::{MAX_WORDS, to_queries as words};

use self::query::Query;
use crate::Source;

/// What an index has of documents.
#[derive(Clone, Copy, Debug)]
pub struct Mapping<'a> {
    /// How conditions call its documents; of others it knows nothing.
    pub source: Source,
    /// The field of type `keyword` with their [`facts`](facts()).
    pub facts: &'a str,
    /// A time that has a field of its own, because there are as many as documents.
    pub time: Option<Time<'a>>,
}

/// A time in documents: always missing, null or a text of the stored format ([`tracardi_model::time::format`]).
#[derive(Clone, Copy, Debug)]
pub struct Time<'a> {
    /// Where documents have it.
    pub path: &'a str,
    /// The field of type `long` that has it, in microseconds since 1970; without a value where the document has none, or with
    /// the value `none`.
    pub field: &'a str,
    /// What the field may have instead of a value.
    pub none: Option<i64>,
}

impl Time<'_> {
    /// Where it is not known whether there is one.
    fn unsure(&self) -> Query {
        self.none.map_or(Query::Nothing, |none| Query::range(self.field, [("gte", none), ("lte", none)]))
    }

    /// What a query of the field says.
    fn known(&self, query: Query) -> Known {
        let (unsure, known) = (self.unsure(), query.clone());
        Known { possible: Query::any([query, unsure.clone()]), certain: Query::every([known, unsure.not()]) }
    }
}

/// What is asked of an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Queries {
    possible: Query,
    certain: Query,
}

impl Queries {
    /// Finds every document that is meant, among those of which the index has all facts.
    #[must_use]
    pub fn possible(&self) -> Value {
        self.possible.clone().into_json()
    }

    /// Finds no document that is not meant, among those of which the index has all facts.
    #[must_use]
    pub fn certain(&self) -> Value {
        self.certain.clone().into_json()
    }

    /// Whether the index knows the answer for all documents of which it has all facts.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.possible == self.certain
    }

    /// Finds the documents that are to be asked in memory, those included of which the index does not have all facts.
    #[must_use]
    pub fn open(&self, mapping: Mapping<'_>) -> Value {
        let between = if self.is_exact() {
            Query::Nothing
        } else {
            Query::every([self.possible.clone(), self.certain.clone().not()])
        };
        Query::any([between, partial(mapping)]).into_json()
    }

    /// Finds the documents that are meant and need not be asked.
    #[must_use]
    pub fn sure(&self, mapping: Mapping<'_>) -> Value {
        Query::every([self.certain.clone(), partial(mapping).not()]).into_json()
    }
}

fn partial(mapping: Mapping<'_>) -> Query {
    Query::one_of(mapping.facts, vec![PARTIAL.into()])
}

/// What the index knows: at least, and at most, the documents that are meant, among those of which it has all facts.
#[derive(Clone, Debug)]
struct Known {
    possible: Query,
    certain: Query,
}

impl Known {
    /// The query tells it.
    fn exactly(query: Query) -> Self {
        Self { possible: query.clone(), certain: query }
    }

    /// These at most, and nothing else is known.
    fn at_most(possible: Query) -> Self {
        Self { possible, certain: Query::Nothing }
    }

    fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let (possible, certain): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.possible, part.certain)).unzip();
        Self { possible: Query::any(possible), certain: Query::any(certain) }
    }

    fn every(parts: impl IntoIterator<Item = Self>) -> Self {
        let (possible, certain): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.possible, part.certain)).unzip();
        Self { possible: Query::every(possible), certain: Query::every(certain) }
    }

    /// What is possible for the one is what is not certain for the other.
    fn not(self) -> Self {
        Self { possible: self.certain.not(), certain: self.possible.not() }
    }

    /// What the server would refuse for its size is asked in memory.
    fn into_queries(self) -> Queries {
        let possible = if self.possible.fits() { self.possible } else { Query::Everything };
        let certain = if self.certain.fits() { self.certain } else { Query::Nothing };
        Queries { possible, certain }
    }
}
