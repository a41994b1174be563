//! Single tests of a condition as SQL: what a test says follows from the kind of value that stands at the field.
//!
//! In SQL: comparisons of a field with null, booleans, numbers, texts, and whether it is one of a list; `BETWEEN` with these;
//! parts of a text; whether a list contains a text; `EMPTY`, `NULL`, `EXISTS`.
//!
//! Left open, for the kinds of value where it matters: comparisons of two lists, elements of a list that are no texts, its
//! beginning and end; functions and comparisons of two fields; paths in which several names are numbers, or one has characters that
//! mean something to SQLite. And fractions that nearly equal the number they are compared with: SQLite reads those of 17 digits
//! less exactly than Rust.

use serde_json::Value;
use tracardi_language::condition::{Condition, Field, Place, Relation, Term};

use super::condition::{Argument, Condition as Sql, paths};

/// What a test says, by the kind of value at the field. Booleans are numbers.
struct Kinds {
    missing: Says,
    null: Says,
    number: Says,
    text: Says,
    list: Says,
    object: Says,
}

/// What a test says of a kind of value. The first are verdicts, see [`super::holding`].
#[derive(Clone)]
enum Says {
    True,
    NoAnswer,
    /// True or false.
    Open,
    /// Anything, an error too.
    Unsure,
    False,
    Failed,
    /// The value compares so with these numbers.
    Numbers(&'static str, Vec<f64>),
    /// The value, if it is a text, or else its JSON text, compares so with these texts.
    Texts(&'static str, Vec<String>),
    /// The text has this part.
    Part(Place, String),
    /// The list has this text.
    Element(String),
}

const fn yes(is: bool) -> Says {
    if is { Says::True } else { Says::False }
}

impl Kinds {
    /// The same, whatever stands there; something else, if nothing does.
    fn either(missing: Says, otherwise: &Says) -> Self {
        let other = || otherwise.clone();
        Self { missing, null: other(), number: other(), text: other(), list: other(), object: other() }
    }

    /// `=` and `!=`.
    fn equal(literal: &Value, negated: bool) -> Self {
        let elements = match literal {
            // Of a single value `=` asks whether it is in the list; `!=` whether it is not the list.
            Value::Array(_) if negated => &[],
            Value::Array(elements) => elements.as_slice(),
            single => std::slice::from_ref(single),
        };
        let numbers: Vec<f64> = elements.iter().filter_map(number).collect();
        let texts: Vec<String> = elements.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let operator = if negated { "NOT IN" } else { "IN" };
        let unequal = yes(negated);
        Self {
            null: yes(elements.iter().any(Value::is_null) != negated),
            number: if numbers.is_empty() { unequal.clone() } else { Says::Numbers(operator, numbers) },
            text: if texts.is_empty() { unequal.clone() } else { Says::Texts(operator, texts) },
            list: if literal.is_array() { Says::Open } else { unequal.clone() },
            ..Self::either(unequal.clone(), &unequal)
        }
    }

    /// `<` and the like.
    fn ordered(operator: &'static str, literal: &Value) -> Self {
        let mut kinds = Self::either(Says::False, &Says::Failed);
        match literal {
            Value::String(text) => kinds.text = Says::Texts(operator, vec![text.clone()]),
            Value::Array(_) => kinds.list = Says::Unsure,
            other => {
                if let Some(number) = number(other) {
                    kinds.number = Says::Numbers(operator, vec![number]);
                }
            }
        }
        kinds
    }

    fn compared(relation: Relation, literal: &Value) -> Self {
        match relation {
            Relation::Equal => Self::equal(literal, false),
            Relation::Unequal => Self::equal(literal, true),
            Relation::Less => Self::ordered("<", literal),
            Relation::LessOrEqual => Self::ordered("<=", literal),
            Relation::Greater => Self::ordered(">", literal),
            Relation::GreaterOrEqual => Self::ordered(">=", literal),
        }
    }

    fn having(place: Place, literal: &Value) -> Self {
        let mut kinds = Self::either(Says::NoAnswer, &Says::Failed);
        kinds.list = Says::Open;
        if let Value::String(text) = literal {
            kinds.text = Says::Part(place, text.clone());
            if place == Place::Anywhere {
                kinds.list = Says::Element(text.clone());
            }
        }
        kinds
    }

    fn empty(negated: bool) -> Self {
        let operator = if negated { "<>" } else { "=" };
        let is = |empty: &str| Says::Texts(operator, vec![empty.to_owned()]);
        Self {
            missing: yes(!negated),
            null: yes(!negated),
            number: yes(negated),
            text: is(""),
            list: is("[]"),
            object: is("{}"),
        }
    }

    fn null(negated: bool) -> Self {
        Self { null: yes(!negated), ..Self::either(yes(negated), &yes(negated)) }
    }
}

/// A number, as which booleans count.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_bool().map(|yes| f64::from(u8::from(yes))))
}

/// The field without which a function has no answer, whatever the rest of the test is: its first argument.
fn leading(term: &Term) -> Option<&Field> {
    match term {
        Term::Call(call) => match call.arguments.first()? {
            Term::Field(field) => Some(field),
            argument => leading(argument),
        },
        _ => None,
    }
}

impl Sql {
    /// The verdict of a single test.
    pub(super) fn test(&mut self, test: &Condition) {
        match test {
            Condition::Compare { left: Term::Field(field), relation, right: Term::Literal(literal) } => {
                self.kinds(field, &Kinds::compared(*relation, literal));
            }
            Condition::Between { value: Term::Field(field), low: Term::Literal(low), high: Term::Literal(high) } => {
                self.push("max(");
                self.kinds(field, &Kinds::ordered(">=", low));
                self.push(", ");
                self.kinds(field, &Kinds::ordered("<=", high));
                self.push(")");
            }
            Condition::Has { whole: Term::Field(field), place, part: Term::Literal(literal) } => {
                self.kinds(field, &Kinds::having(*place, literal));
            }
            Condition::Empty { value: Term::Field(field), negated } => self.kinds(field, &Kinds::empty(*negated)),
            Condition::Null { value: Term::Field(field), negated } => self.kinds(field, &Kinds::null(*negated)),
            Condition::Exists { field, negated } => {
                self.kinds(field, &Kinds::either(yes(*negated), &yes(!*negated)));
            }
            Condition::Compare { left: value, .. }
            | Condition::Has { whole: value, .. }
            | Condition::Empty { value, .. }
            | Condition::Null { value, .. } => match leading(value) {
                Some(field) => self.kinds(field, &Kinds::either(Says::NoAnswer, &Says::Unsure)),
                None => self.unsure(),
            },
            // Of BETWEEN the ends come first.
            _ => self.unsure(),
        }
    }

    fn unsure(&mut self) {
        self.unsure = true;
        self.push("3");
    }

    fn kinds(&mut self, field: &Field, kinds: &Kinds) {
        // Two names that are numbers could be read in four ways.
        let Some(paths) = paths(&field.path).ok().filter(|paths| paths.len() <= 2) else { return self.unsure() };
        self.push("CASE coalesce(");
        for path in &paths {
            self.push("json_type(d.document, ");
            self.bind(path.clone());
            self.push("), ");
        }
        self.push("'')");
        let Kinds { missing, null, number, text, list, object } = kinds;
        for (when, says) in [
            (" WHEN '' THEN ", missing),
            (" WHEN 'null' THEN ", null),
            (" WHEN 'text' THEN ", text),
            (" WHEN 'array' THEN ", list),
            (" WHEN 'object' THEN ", object),
            (" ELSE ", number),
        ] {
            self.push(when);
            self.says(&paths, says);
        }
        self.push(" END");
    }

    fn says(&mut self, paths: &[String], says: &Says) {
        match says {
            Says::True => self.push("1"),
            Says::NoAnswer => self.push("2"),
            Says::Open => self.push("3"),
            Says::Unsure => self.unsure(),
            Says::False => self.push("4"),
            Says::Failed => self.push("NULL"),
            Says::Numbers(operator, numbers) => self.numbers(paths, operator, numbers),
            Says::Texts(operator, texts) => {
                self.push("iif(");
                self.value(paths);
                self.operands(operator, texts.iter().cloned());
                self.push(", 1, 4)");
            }
            Says::Part(place, part) => self.part(paths, *place, part),
            Says::Element(text) => {
                self.push("iif(");
                self.any_value(paths, |sql| {
                    sql.push("v.type = 'text' AND v.atom = ");
                    sql.bind(text.clone());
                });
                self.push(", 1, 4)");
            }
        }
    }

    /// The value at the field.
    fn value(&mut self, paths: &[String]) {
        for (at, path) in paths.iter().enumerate() {
            self.push(if at == 0 { "coalesce(" } else { ", " });
            self.push("json_extract(d.document, ");
            self.bind(path.clone());
            self.push(")");
        }
        self.push(", NULL)");
    }

    fn operands(&mut self, operator: &str, operands: impl Iterator<Item = impl Into<Argument>>) {
        self.push(" ");
        self.push(operator);
        for (at, operand) in operands.enumerate() {
            self.push(if at == 0 { " (" } else { ", " });
            self.bind(operand);
        }
        self.push(")");
    }

    /// Whole numbers compare exactly; a fraction within the reach of the numbers may be read as its neighbour.
    fn numbers(&mut self, paths: &[String], operator: &str, numbers: &[f64]) {
        let reach = |number: f64| number.abs() * 1e-14 + f64::MIN_POSITIVE;
        let low = numbers.iter().map(|number| number - reach(*number)).fold(f64::INFINITY, f64::min);
        let high = numbers.iter().map(|number| number + reach(*number)).fold(f64::NEG_INFINITY, f64::max);
        self.push("CASE WHEN typeof(");
        self.value(paths);
        self.push(") = 'real' AND ");
        self.value(paths);
        self.push(" BETWEEN ");
        self.bind(low);
        self.push(" AND ");
        self.bind(high);
        self.push(" THEN 3 WHEN CAST(");
        self.value(paths);
        self.push(" AS REAL)");
        self.operands(operator, numbers.iter().copied());
        self.push(" THEN 1 ELSE 4 END");
    }

    fn part(&mut self, paths: &[String], place: Place, part: &str) {
        if part.is_empty() {
            return self.push("1");
        }
        self.push("iif(");
        match place {
            Place::Anywhere | Place::Start => {
                self.push("instr(");
                self.value(paths);
                self.push(", ");
                self.bind(part.to_owned());
                self.push(if place == Place::Start { ") = 1" } else { ") > 0" });
            }
            Place::End => {
                // Bytes from the end: a position counted in letters stops at NUL.
                self.push("substr(CAST(");
                self.value(paths);
                self.push(" AS BLOB), ");
                self.bind(i64::try_from(part.len()).map_or(i64::MIN, i64::wrapping_neg));
                self.push(") = CAST(");
                self.bind(part.to_owned());
                self.push(" AS BLOB)");
            }
        }
        self.push(", 1, 4)");
    }
}
