//! Single tests: what an index knows of their answer, by how it holds the field ([`Indexed`]).
//!
//! - A field of one type knows the answer of nearly every test. It does not tell null from missing.
//! - A `flattened` field is asked for texts: `=` (of a number all its spellings), `STARTS WITH`, elements of lists, and whether
//!   there is something. It takes neither patterns nor open ranges, and its texts have an order of their own.
//! - Functions and two fields: only that something must be there; but the time of a field is compared by the index. It may
//!   count in milliseconds, so the one in which the bound lies is asked in memory.

use jiff::Timestamp;
use serde_json::{Value, json};
use tracardi_model::Path;

use super::super::function::Function;
use super::super::moment::Moment;
use super::super::{Call, Condition, Field, Place, Relation, Term};
use super::query::Query;
use super::{Bounds, Compiler, Indexed};

/// Below this floats are exact as whole numbers.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Longer parts of texts are not looked for with `wildcard`: its automaton has a bound.
const MAX_PART: usize = 500;
/// Most names in a path that may be a position in a list or a key: each doubles the names of the field in the index.
const MAX_POSITIONS: usize = 2;

/// What a test asks of the value at a field.
#[derive(Clone, Copy)]
enum Test<'a> {
    Compare(Relation, &'a Value),
    Has(Place, &'a Value),
    Empty,
    Null,
    Exists,
}

impl Compiler<'_> {
    /// What is known of a single test.
    pub(super) fn test(&self, test: &Condition) -> Bounds {
        match test {
            Condition::Compare { left: Term::Field(field), relation, right: Term::Literal(literal) } => {
                self.at(field, Test::Compare(*relation, literal))
            }
            Condition::Between { value: Term::Field(field), low: Term::Literal(low), high: Term::Literal(high) } => {
                Bounds::all(vec![
                    self.at(field, Test::Compare(Relation::GreaterOrEqual, low)),
                    self.at(field, Test::Compare(Relation::LessOrEqual, high)),
                ])
            }
            Condition::Has { whole: Term::Field(field), place, part: Term::Literal(part) } => {
                self.at(field, Test::Has(*place, part))
            }
            Condition::Empty { value: Term::Field(field), negated } => negate(self.at(field, Test::Empty), *negated),
            Condition::Null { value: Term::Field(field), negated } => negate(self.at(field, Test::Null), *negated),
            Condition::Exists { field, negated } => negate(self.at(field, Test::Exists), *negated),
            Condition::Compare { left: Term::Call(call), relation, right } => match self.time(call, right) {
                Some((name, bound)) => timed(&name, *relation, bound),
                None => self.called(call, *relation != Relation::Unequal && says_something(right)),
            },
            Condition::Between { value: Term::Call(call), low, high } => {
                match (self.time(call, low), self.time(call, high)) {
                    (Some((name, low)), Some((_, high))) => Bounds::all(vec![
                        timed(&name, Relation::GreaterOrEqual, low),
                        timed(&name, Relation::LessOrEqual, high),
                    ]),
                    _ => self.called(call, says_something(low)),
                }
            }
            Condition::Has { whole: Term::Call(call), part, .. } => self.called(call, says_something(part)),
            Condition::Empty { value: Term::Call(call), .. } | Condition::Null { value: Term::Call(call), .. } => {
                self.called(call, false)
            }
            _ => Bounds::at_most(Query::Everything),
        }
    }

    fn at(&self, field: &Field, test: Test<'_>) -> Bounds {
        match self.place(field) {
            At::Typed(kind, name) => typed(kind, name, test),
            At::Flattened(keys) => keys.test(test),
            At::Nowhere => Bounds::at_most(Query::Everything),
        }
    }

    fn place<'f>(&self, field: &'f Field) -> At<'f> {
        if field.source != self.mapping.source {
            return At::Nowhere;
        }
        match (self.mapping.indexed)(&field.path) {
            Indexed::Unknown => At::Nowhere,
            Indexed::Flattened { root } => Keys::of(&field.path, root).map_or(At::Nowhere, At::Flattened),
            // Of `a["b.c"]` the index would show `a.b.c`.
            _ if !is_plain(&field.path) => At::Nowhere,
            kind => At::Typed(kind, field.path.as_str()),
        }
    }

    /// Name of the field and the instant, when the time of a field is compared with one.
    fn time(&self, call: &Call, bound: &Term) -> Option<(String, Timestamp)> {
        let ((Function::Datetime, [Term::Field(field)])
        | (Function::DatetimeTimezone, [Term::Field(field), Term::Literal(_)])) =
            (call.function, call.arguments.as_slice())
        else {
            return None;
        };
        match (self.place(field), bound.moment(self.now)?) {
            (At::Typed(Indexed::Time, name), Moment::Instant(time)) => Some((name.to_owned(), time)),
            _ => None,
        }
    }

    /// A test of a function's value: without an answer where its first argument is missing. Functions of times need a text or
    /// number; of others that is known when the value is compared with `something`.
    fn called(&self, call: &Call, something: bool) -> Bounds {
        let needed = something || !matches!(call.function, Function::Lowercase | Function::Uppercase);
        let present = match call.arguments.first() {
            Some(Term::Field(field)) if needed => match self.place(field) {
                At::Typed(_, name) => Query::exists(name),
                At::Flattened(keys) => keys.present(),
                At::Nowhere => Query::Everything,
            },
            Some(Term::Call(inner)) => return self.called(inner, needed),
            _ => Query::Everything,
        };
        Bounds::at_most(present)
    }
}

/// What is possible for the one is what is not certain for the other.
fn negate(Bounds { possible, certain, unanswered }: Bounds, negated: bool) -> Bounds {
    if negated {
        Bounds { possible: certain.not(), certain: possible.not(), unanswered }
    } else {
        Bounds { possible, certain, unanswered }
    }
}

/// Whether the term is a text, a number or a boolean: what equals, contains or exceeds it has one in it.
fn says_something(term: &Term) -> bool {
    matches!(term, Term::Literal(Value::String(_) | Value::Number(_) | Value::Bool(_)))
}

/// Where a path is in the index.
enum At<'a> {
    Typed(Indexed, &'a str),
    Flattened(Keys),
    Nowhere,
}

/// Whether every name of the path is one name in the index.
fn is_plain(path: &Path) -> bool {
    path.segments().iter().all(|segment| segment.index.is_none() && !segment.name.contains('.'))
}

/// A field that holds one value of a type, null, or nothing.
fn typed(kind: Indexed, name: &str, test: Test<'_>) -> Bounds {
    let (present, absent) = (Query::exists(name), Query::exists(name).not());
    let equals = |literal: &Value| value_of(kind, literal).map_or(Query::Nothing, |values| Query::one_of(name, values));
    match test {
        // Null, or missing.
        Test::Null => Bounds::between(Query::Nothing, absent),
        Test::Exists | Test::Compare(Relation::Unequal, Value::Null) => Bounds::between(present, Query::Everything),
        Test::Empty if kind == Indexed::Text => {
            Bounds::exact(Query::any([absent, Query::one_of(name, vec!["".into()])]))
        }
        Test::Empty => Bounds::exact(absent),
        Test::Compare(Relation::Unequal, Value::Array(_)) => Bounds::exact(Query::Everything),
        // A text may be another spelling of the same time.
        Test::Compare(Relation::Unequal, Value::String(_)) if kind == Indexed::Time => {
            Bounds::between(absent, Query::Everything)
        }
        Test::Compare(Relation::Unequal, literal) => Bounds::exact(equals(literal).not()),
        Test::Compare(Relation::Equal, literal) => {
            let elements = match literal {
                Value::Array(elements) => elements.as_slice(),
                single => std::slice::from_ref(single),
            };
            let certain = Query::any(elements.iter().map(equals));
            let more = elements.iter().map(|element| match element {
                Value::Null => absent.clone(),
                Value::String(_) if kind == Indexed::Time => present.clone(),
                _ => Query::Nothing,
            });
            let possible = Query::any(std::iter::once(certain.clone()).chain(more));
            Bounds::between(certain, possible)
        }
        Test::Compare(relation, literal) => match ordered(kind, name, relation, literal) {
            Some(query) => Bounds::exact(query).unless(absent),
            None if kind == Indexed::Time && literal.is_string() => Bounds::at_most(present).unless(absent),
            None => Bounds::at_most(Query::Nothing),
        },
        Test::Has(place, Value::String(part)) if kind == Indexed::Text && part.len() <= MAX_PART => {
            Bounds::exact(part_of(name, place, part)).unless(absent)
        }
        Test::Has(_, Value::String(_)) if matches!(kind, Indexed::Text | Indexed::Time) => {
            Bounds::at_most(present).unless(absent)
        }
        Test::Has(..) => Bounds::at_most(Query::Nothing),
    }
}

/// The literal as values of a field of that kind; none if no value of it equals the literal, or none can be named.
fn value_of(kind: Indexed, literal: &Value) -> Option<Vec<Value>> {
    match kind {
        Indexed::Text => literal.as_str().map(|text| vec![text.into()]),
        Indexed::Number => number(literal)
            .map(|number| if number == 0.0 { vec![0.0.into(), (-0.0).into()] } else { vec![number.into()] }),
        Indexed::Boolean => number(literal).and_then(boolean).map(|boolean| vec![boolean.into()]),
        Indexed::Time | Indexed::Flattened { .. } | Indexed::Unknown => None,
    }
}

/// A number, as which booleans count.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_bool().map(|yes| f64::from(u8::from(yes))))
}

/// The boolean that counts as this number.
fn boolean(number: f64) -> Option<bool> {
    [false, true].into_iter().find(|value| f64::from(u8::from(*value)).total_cmp(&(number + 0.0)).is_eq())
}

fn ordered(kind: Indexed, name: &str, relation: Relation, literal: &Value) -> Option<Query> {
    let bound = match relation {
        Relation::Less => "lt",
        Relation::LessOrEqual => "lte",
        Relation::Greater => "gt",
        Relation::GreaterOrEqual => "gte",
        Relation::Equal | Relation::Unequal => return None,
    };
    let literal = match kind {
        Indexed::Text => literal.as_str().map(Value::from)?,
        // For an index there are two zeros, one after the other.
        Indexed::Number => number(literal).map(|number| match relation {
            Relation::Less | Relation::GreaterOrEqual if number == 0.0 => Value::from(-0.0),
            _ => Value::from(number + 0.0),
        })?,
        Indexed::Boolean => {
            let wanted = number(literal)?;
            let holds = |value: &bool| {
                let value = f64::from(u8::from(*value));
                match relation {
                    Relation::Less => value < wanted,
                    Relation::LessOrEqual => value <= wanted,
                    Relation::Greater => value > wanted,
                    _ => value >= wanted,
                }
            };
            return Some(Query::one_of(name, [false, true].into_iter().filter(holds).map(Value::from).collect()));
        }
        Indexed::Time | Indexed::Flattened { .. } | Indexed::Unknown => return None,
    };
    Some(Query::on("range", name, json!({ (bound): literal })))
}

fn part_of(name: &str, place: Place, part: &str) -> Query {
    let escaped: String = part
        .chars()
        .flat_map(|letter| matches!(letter, '*' | '?' | '\\').then_some('\\').into_iter().chain([letter]))
        .collect();
    match place {
        _ if part.is_empty() => Query::exists(name),
        Place::Anywhere => Query::on("wildcard", name, json!({"value": format!("*{escaped}*")})),
        Place::Start => Query::on("prefix", name, json!({"value": part})),
        Place::End => Query::on("wildcard", name, json!({"value": format!("*{escaped}")})),
    }
}

/// The time of a field against an instant. Without an answer where nothing stands there.
fn timed(name: &str, relation: Relation, bound: Timestamp) -> Bounds {
    let before = bound.as_nanosecond().div_euclid(1_000_000);
    let after = -(-bound.as_nanosecond()).div_euclid(1_000_000);
    let range = |bounds: &[(&str, i128)]| {
        let mut body = json!({"format": "epoch_millis"});
        for (name, millis) in bounds {
            body[*name] = i64::try_from(*millis).unwrap_or_default().into();
        }
        Query::on("range", name, body)
    };
    let (certain, possible) = match relation {
        Relation::Less => (range(&[("lt", before)]), range(&[("lt", after)])),
        Relation::LessOrEqual => (range(&[("lt", before)]), range(&[("lte", after)])),
        Relation::Greater => (range(&[("gte", before + 1)]), range(&[("gte", before)])),
        Relation::GreaterOrEqual => (range(&[("gte", after)]), range(&[("gte", before)])),
        Relation::Equal => (Query::Nothing, range(&[("gte", before), ("lte", after)])),
        Relation::Unequal => {
            let outside = Query::any([range(&[("lt", before)]), range(&[("gte", before + 1)])]);
            (outside, Query::exists(name))
        }
    };
    Bounds::between(certain, possible).unless(Query::exists(name).not())
}

/// Names under which a path may stand in a `flattened` field.
struct Keys {
    names: Vec<String>,
    /// There is one name only, and it is of this path only: when the index has nothing there, there is no text, number or boolean.
    sure: bool,
}

impl Keys {
    /// None when there would be too many, or none.
    fn of(path: &Path, root: usize) -> Option<Self> {
        let (root, rest) = path.segments().split_at_checked(root)?;
        let positions = rest.iter().filter(|segment| segment.index.is_some()).count();
        if positions > MAX_POSITIONS || root.iter().any(|segment| segment.name.contains('.')) || rest.is_empty() {
            return None;
        }
        let field: Vec<&str> = root.iter().map(|segment| &*segment.name).collect();
        let mut names = vec![(field.join("."), 0)];
        for segment in rest {
            // An element of a list stands under the name of the list.
            let lists = if segment.index.is_some() { names.clone() } else { Vec::new() };
            for (name, keys) in &mut names {
                *name = format!("{name}.{}", segment.name);
                *keys += 1;
            }
            names.extend(lists);
        }
        // The field itself is an object.
        let names = names.into_iter().filter(|(_, keys)| *keys > 0).map(|(name, _)| name).collect();
        Some(Self {
            names,
            sure: rest.len() == 1 && rest.iter().all(|only| only.index.is_none() && !only.name.contains('.')),
        })
    }

    fn each(&self, query: impl Fn(&str) -> Query) -> Query {
        Query::any(self.names.iter().map(|name| query(name)))
    }

    /// Wherever there is a text, a number, a boolean, or a list with one in it.
    fn present(&self) -> Query {
        self.each(Query::exists)
    }

    /// Wherever there is none.
    fn absent(&self) -> Query {
        if self.sure { self.present().not() } else { Query::Everything }
    }

    fn text(&self, text: &str) -> Query {
        self.each(|name| Query::one_of(name, vec![text.into()]))
    }

    /// Wherever the literal stands, or a list with it in it; none if the index does not show it.
    fn shown(&self, literal: &Value) -> Option<Query> {
        match literal {
            Value::String(text) => Some(self.text(text)),
            Value::Array(elements) => {
                // Each of them must be there; one of them is enough to ask for.
                elements.iter().find_map(|element| self.shown(element))
            }
            other => Some(match spellings(number(other)?) {
                Some(texts) => self.each(|name| Query::one_of(name, texts.iter().cloned().map(Value::from).collect())),
                None => self.present(),
            }),
        }
    }

    fn test(&self, test: Test<'_>) -> Bounds {
        let sure = |query: Query| if self.sure { query } else { Query::Nothing };
        let whole = |literal: &Value| self.shown(literal).unwrap_or_else(|| self.absent());
        match test {
            Test::Compare(Relation::Equal, literal) => {
                let elements = literal.as_array().map(Vec::as_slice).unwrap_or_default();
                Bounds::between(Query::Nothing, Query::any(elements.iter().chain([literal]).map(whole)))
            }
            Test::Compare(Relation::Unequal, literal) => Bounds::between(whole(literal).not(), Query::Everything),
            Test::Compare(_, Value::Null) => Bounds::at_most(Query::Nothing),
            // Lists have an order, the empty one too.
            Test::Compare(_, Value::Array(_)) => Bounds::at_most(Query::Everything),
            Test::Has(Place::Start, Value::String(part)) => {
                Bounds::at_most(self.each(|name| Query::on("prefix", name, json!({"value": part}))))
            }
            Test::Compare(..) | Test::Has(_, Value::String(_)) => Bounds::at_most(self.present()),
            Test::Has(_, part) => Bounds::at_most(self.shown(part).unwrap_or(Query::Everything)),
            Test::Empty => {
                let something = Query::every([self.present(), self.text("").not()]);
                Bounds::between(Query::Nothing, sure(something).not())
            }
            Test::Null => Bounds::between(Query::Nothing, self.absent()),
            Test::Exists => Bounds::between(sure(self.present()), Query::Everything),
        }
    }
}

/// The texts of all JSON numbers and booleans that equal a number, as we write them; none if there are many.
#[allow(clippy::cast_possible_truncation, reason = "a whole number within the range of exact ones")]
fn spellings(number: f64) -> Option<Vec<String>> {
    if number.fract() == 0.0 && number.abs() >= EXACT {
        return None;
    }
    let mut texts = vec![Value::from(number + 0.0).to_string()];
    if number.fract() == 0.0 {
        texts.push((number as i64).to_string());
    }
    if number == 0.0 {
        texts.push("-0.0".to_owned());
    }
    texts.extend(boolean(number).map(|boolean| boolean.to_string()));
    Some(texts)
}
