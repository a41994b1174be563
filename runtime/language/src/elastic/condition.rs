//! Conditions as queries: the meaning of [`Condition::evaluate`], asked of an index.
//!
//! Joined: AND is possible when all parts are, and certain when all are; OR is possible when one part is, and certain when one is
//! and none may be without an answer (an error in any part is an error of the whole).
//!
//! Of functions and of two fields the index knows only that something must be there; but a time that has a field of its own
//! is compared by the index.

use jiff::Timestamp;
use serde_json::Value;

use super::facts::{EMPTY_LIST, EMPTY_OBJECT, TEXT, ordered as orders};
use super::spot::{Mark, Order, Part, Spot};
use super::{Known, Mapping, Queries, Query, Time};
use crate::condition::moment::Moment;
use crate::condition::{Call, Condition, Field, Function, Place, Relation, Term};

const ITSELF: Mark = Mark::Itself;

/// The queries for a condition at this time.
#[must_use]
pub fn to_queries(condition: &Condition, mapping: Mapping<'_>, now: Timestamp) -> Queries {
    Compiler { mapping, now }.bounds(condition).known.into_queries()
}

/// What the index knows of the answer to a condition.
struct Bounds {
    /// The documents for which it is true.
    known: Known,
    /// At least all documents for which it has no answer or an error.
    unanswered: Query,
}

impl From<Known> for Bounds {
    /// There is always an answer.
    fn from(known: Known) -> Self {
        Self { known, unanswered: Query::Nothing }
    }
}

impl Bounds {
    /// There is always an answer, and the query tells it.
    fn exactly(query: Query) -> Self {
        Known::exactly(query).into()
    }

    /// True for these at most, and nothing else is known.
    fn at_most(possible: Query) -> Self {
        Self { known: Known::at_most(possible), unanswered: Query::Everything }
    }

    /// There is an answer except for these.
    fn unless(self, unanswered: Query) -> Self {
        Self { unanswered, ..self }
    }

    fn negated(self, negated: bool) -> Self {
        if negated { Self { known: self.known.not(), ..self } } else { self }
    }

    fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let (known, unanswered) = split(parts);
        Self { known: Known::every(known), unanswered: Query::any(unanswered) }
    }

    fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let (known, unanswered) = split(parts);
        let (known, unanswered) = (Known::any(known), Query::any(unanswered));
        let certain = Query::every([known.certain, unanswered.clone().not()]);
        Self { known: Known { certain, ..known }, unanswered }
    }
}

fn split(parts: impl IntoIterator<Item = Bounds>) -> (Vec<Known>, Vec<Query>) {
    parts.into_iter().map(|part| (part.known, part.unanswered)).unzip()
}

/// What a test asks of the value at a field.
#[derive(Clone, Copy)]
enum Test<'a> {
    Compare(Relation, &'a Value),
    Has(Place, &'a Value),
    Empty,
    Null,
    Exists,
}

struct Compiler<'a> {
    mapping: Mapping<'a>,
    now: Timestamp,
}

impl Compiler<'_> {
    fn bounds(&self, condition: &Condition) -> Bounds {
        match condition {
            Condition::All(parts) => Bounds::all(parts.iter().map(|part| self.bounds(part))),
            Condition::Any(parts) => Bounds::any(parts.iter().map(|part| self.bounds(part))),
            Condition::Compare { left: Term::Field(field), relation, right: Term::Literal(literal) } => {
                self.at(field, Test::Compare(*relation, literal))
            }
            Condition::Between { value: Term::Field(field), low: Term::Literal(low), high: Term::Literal(high) } => {
                Bounds::all([
                    self.at(field, Test::Compare(Relation::GreaterOrEqual, low)),
                    self.at(field, Test::Compare(Relation::LessOrEqual, high)),
                ])
            }
            Condition::Has { whole: Term::Field(field), place, part: Term::Literal(part) } => {
                self.at(field, Test::Has(*place, part))
            }
            Condition::Empty { value: Term::Field(field), negated } => self.at(field, Test::Empty).negated(*negated),
            Condition::Null { value: Term::Field(field), negated } => self.at(field, Test::Null).negated(*negated),
            Condition::Exists { field, negated } => self.at(field, Test::Exists).negated(*negated),
            Condition::Compare { left: Term::Call(call), relation, right } => match self.time(call, right) {
                Some((time, bound)) => timed(time, *relation, bound),
                None => self.called(call),
            },
            Condition::Between { value: Term::Call(call), low, high } => {
                match (self.time(call, low), self.time(call, high)) {
                    (Some((time, low)), Some((_, high))) => Bounds::all([
                        timed(time, Relation::GreaterOrEqual, low),
                        timed(time, Relation::LessOrEqual, high),
                    ]),
                    _ => self.called(call),
                }
            }
            Condition::Has { whole: Term::Call(call), .. }
            | Condition::Empty { value: Term::Call(call), .. }
            | Condition::Null { value: Term::Call(call), .. } => self.called(call),
            _ => Bounds::at_most(Query::Everything),
        }
    }

    fn spot(&self, field: &Field) -> Option<Spot<'_>> {
        if field.source == self.mapping.source { Spot::of(self.mapping.facts, &field.path) } else { None }
    }

    fn at(&self, field: &Field, test: Test<'_>) -> Bounds {
        let Some(spot) = self.spot(field) else { return Bounds::at_most(Query::Everything) };
        match test {
            Test::Compare(Relation::Equal, literal) => equal(&spot, literal).into(),
            Test::Compare(Relation::Unequal, literal) => unequal(&spot, literal).into(),
            Test::Compare(Relation::Less, literal) => ordered(&spot, Order::Less, literal),
            Test::Compare(Relation::LessOrEqual, literal) => ordered(&spot, Order::LessOrEqual, literal),
            Test::Compare(Relation::Greater, literal) => ordered(&spot, Order::Greater, literal),
            Test::Compare(Relation::GreaterOrEqual, literal) => ordered(&spot, Order::GreaterOrEqual, literal),
            Test::Has(place, part) => having(&spot, place, part),
            Test::Empty => {
                let empty = [TEXT, EMPTY_LIST, EMPTY_OBJECT].map(|empty| spot.is(ITSELF, empty));
                Bounds::exactly(Query::any(empty.into_iter().chain([spot.null(ITSELF), spot.exists().not()])))
            }
            Test::Null => Bounds::exactly(spot.null(ITSELF)),
            Test::Exists => Bounds::exactly(spot.exists()),
        }
    }

    /// The time and the instant, when a time that has a field of its own is compared with one.
    fn time(&self, call: &Call, bound: &Term) -> Option<(Time<'_>, Timestamp)> {
        let ((Function::Datetime, [Term::Field(field)])
        | (Function::DatetimeTimezone, [Term::Field(field), Term::Literal(_)])) =
            (call.function, call.arguments.as_slice())
        else {
            return None;
        };
        match (self.own_time(field)?, bound.moment(self.now)?) {
            (time, Moment::Instant(bound)) => Some((time, bound)),
            _ => None,
        }
    }

    /// The time that stands there, if it has a field of its own.
    fn own_time(&self, field: &Field) -> Option<Time<'_>> {
        self.mapping.time.filter(|time| field.source == self.mapping.source && field.path.as_str() == time.path)
    }

    /// A test of a function's value: without an answer where its first argument is missing.
    fn called(&self, call: &Call) -> Bounds {
        match call.arguments.first() {
            Some(Term::Call(inner)) => self.called(inner),
            Some(Term::Field(field)) => Bounds::at_most(match self.own_time(field) {
                // These take null as well.
                Some(time) if !matches!(call.function, Function::Lowercase | Function::Uppercase) => {
                    Query::exists(time.field)
                }
                _ => self.spot(field).map_or(Query::Everything, |spot| spot.exists()),
            }),
            _ => Bounds::at_most(Query::Everything),
        }
    }
}

/// A number, as which booleans count.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_bool().map(f64::from))
}

/// Whether the value that stands there, or an element, is this one; of lists nothing is known.
fn same(spot: &Spot<'_>, mark: Mark, literal: &Value) -> Known {
    match literal {
        Value::Null => Known::exactly(spot.null(mark)),
        Value::String(text) => spot.text(mark, text),
        other => match number(other) {
            Some(number) => {
                let booleans = [false, true].into_iter().filter(|yes| orders(f64::from(*yes)) == orders(number));
                let booleans = booleans.map(|yes| spot.boolean(mark, yes));
                Known::exactly(Query::any(booleans.chain([spot.number(mark, number)])))
            }
            None => Known::at_most(Query::Everything),
        },
    }
}

fn equal(spot: &Spot<'_>, literal: &Value) -> Known {
    let Value::Array(elements) = literal else { return same(spot, ITSELF, literal) };
    // A list may be the same; anything else may be one of the elements.
    let single = elements.iter().filter(|element| !element.is_array()).map(|element| same(spot, ITSELF, element));
    let list =
        if elements.is_empty() { Known::exactly(spot.is(ITSELF, EMPTY_LIST)) } else { Known::at_most(spot.list()) };
    Known::any(single.chain([list]))
}

/// Not the very same: true of what is missing.
fn unequal(spot: &Spot<'_>, literal: &Value) -> Known {
    match literal {
        Value::Array(elements) if elements.is_empty() => Known::exactly(spot.is(ITSELF, EMPTY_LIST)),
        Value::Array(_) => Known::at_most(spot.list()),
        single => same(spot, ITSELF, single),
    }
    .not()
}

fn ordered(spot: &Spot<'_>, order: Order, literal: &Value) -> Bounds {
    let (known, kind) = match literal {
        Value::String(text) => (spot.text_order(ITSELF, order, text), spot.any_text(ITSELF)),
        // Lists have an order of their own.
        Value::Array(_) => return Bounds::at_most(spot.list()),
        other => match number(other) {
            Some(bound) => {
                let numbers = spot.number_order(ITSELF, order, bound);
                let known = Query::any([numbers, spot.boolean_order(ITSELF, order, &bound)]);
                (Known::exactly(known), Query::any([spot.any_number(ITSELF), spot.any_boolean(ITSELF)]))
            }
            None => return Bounds::at_most(Query::Nothing),
        },
    };
    // False of what is missing, an error for other kinds.
    Bounds::from(known).unless(Query::every([spot.exists(), kind.not()]))
}

fn having(spot: &Spot<'_>, place: Place, part: &Value) -> Bounds {
    let Value::String(part) = part else {
        // Only a list has such a part, and its parts may be lists.
        return Bounds::at_most(spot.list());
    };
    let (of_text, of_list) = match place {
        Place::Anywhere => (Part::Anywhere, spot.text(Mark::Element, part)),
        Place::Start => (Part::Start, spot.first().text(ITSELF, part)),
        Place::End => (Part::End, Known::at_most(spot.text(Mark::Element, part).possible)),
    };
    let of_list = Known::every([Known::exactly(spot.list()), of_list]);
    let kinds = Query::any([spot.any_text(ITSELF), spot.list()]);
    Bounds::from(Known::any([spot.part(ITSELF, of_text, part), of_list])).unless(kinds.not())
}

/// A time, in microseconds, against an instant. Without an answer where nothing stands there.
fn timed(time: Time<'_>, relation: Relation, bound: Timestamp) -> Bounds {
    let name = time.field;
    let micros = |nanos: i128| i64::try_from(nanos.div_euclid(1_000)).unwrap_or(i64::MAX);
    let (before, behind) = (micros(bound.as_nanosecond()), micros(bound.as_nanosecond() + 999));
    let equal =
        || if before == behind { Query::range(name, [("gte", before), ("lte", before)]) } else { Query::Nothing };
    let query = match relation {
        Relation::Less => Query::range(name, [("lt", behind)]),
        Relation::LessOrEqual => Query::range(name, [("lte", before)]),
        Relation::Greater => Query::range(name, [("gt", before)]),
        Relation::GreaterOrEqual => Query::range(name, [("gte", behind)]),
        Relation::Equal => equal(),
        Relation::Unequal => Query::every([Query::exists(name), equal().not()]),
    };
    Bounds::from(time.known(query)).unless(Query::any([Query::exists(name).not(), time.unsure()]))
}
