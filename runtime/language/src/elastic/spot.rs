//! One place in the documents: what can be asked about the value there, or about the elements of the list there.

use serde_json::json;
use tracardi_model::Path;

use super::facts::{self, LONG, MAX_PATH, MAX_TEXT, NULL, NUMBER, TEXT, boolean, ordered, told};
use super::{Known, Query};
use crate::filter::Pattern;

/// Longer patterns are not asked for: their automaton has a bound.
const MAX_PATTERN: usize = 500;
/// Each `?` behind a `*` doubles the automaton.
const MAX_OPEN: usize = 8;

/// Which values are meant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    /// The one that stands there.
    Itself,
    /// Each element of the list that stands there.
    Element,
}

impl Mark {
    pub(super) const BOTH: [Self; 2] = [Self::Itself, Self::Element];

    const fn sign(self) -> &'static str {
        match self {
            Self::Itself => "=",
            Self::Element => "~",
        }
    }
}

/// Which side of a bound.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds<T: PartialOrd>(self, one: &T, other: &T) -> bool {
        match self {
            Self::Less => one < other,
            Self::LessOrEqual => one <= other,
            Self::Greater => one > other,
            Self::GreaterOrEqual => one >= other,
        }
    }
}

/// Where a part of a text is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Anywhere,
    Start,
    End,
}

/// A place in the documents.
pub(super) struct Spot<'a> {
    field: &'a str,
    path: String,
}

impl<'a> Spot<'a> {
    /// None for a path of which the index does not tell where it leads: `a.00` is the first element of a list, or a member called `00`.
    pub(super) fn of(field: &'a str, path: &Path) -> Option<Self> {
        let mut text = String::with_capacity(path.as_str().len());
        for segment in path.segments() {
            if segment.index.is_some_and(|index| index.to_string() != *segment.name) {
                return None;
            }
            facts::push_name(&mut text, &segment.name);
        }
        (text.len() <= MAX_PATH).then_some(Self { field, path: text })
    }

    /// The first element of the list there.
    pub(super) fn first(&self) -> Self {
        Self { field: self.field, path: format!("{}.0", self.path) }
    }

    fn fact(&self, mark: Mark, value: &str) -> String {
        [&self.path, mark.sign(), value].concat()
    }

    /// A value that is told as a whole.
    pub(super) fn is(&self, mark: Mark, value: &str) -> Query {
        Query::one_of(self.field, vec![self.fact(mark, value).into()])
    }

    fn begins(&self, mark: Mark, value: &str) -> Query {
        Query::on("prefix", self.field, json!({"value": self.fact(mark, value)}))
    }

    fn between(&self, mark: Mark, (lower, from): (&'static str, &str), (upper, to): (&'static str, &str)) -> Query {
        Query::range(self.field, [(lower, self.fact(mark, from)), (upper, self.fact(mark, to))])
    }

    /// Something stands there, be it null.
    pub(super) fn exists(&self) -> Query {
        self.begins(Mark::Itself, "")
    }

    pub(super) fn null(&self, mark: Mark) -> Query {
        self.is(mark, NULL)
    }

    /// What is neither null nor, if it stands there itself, a list.
    pub(super) fn value(&self, mark: Mark) -> Query {
        self.between(mark, ("gte", "&"), ("lt", "|"))
    }

    /// A list, also an empty one.
    pub(super) fn list(&self) -> Query {
        Query::one_of(
            self.field,
            [facts::LIST, facts::EMPTY_LIST].map(|list| self.fact(Mark::Itself, list).into()).into(),
        )
    }

    pub(super) fn any_text(&self, mark: Mark) -> Query {
        self.begins(mark, TEXT)
    }

    pub(super) fn any_number(&self, mark: Mark) -> Query {
        self.begins(mark, NUMBER)
    }

    pub(super) fn any_boolean(&self, mark: Mark) -> Query {
        Query::any([false, true].map(|yes| self.boolean(mark, yes)))
    }

    pub(super) fn text(&self, mark: Mark, text: &str) -> Known {
        let query = self.is(mark, &[TEXT, &told(text)].concat());
        if text.len() <= MAX_TEXT { Known::exactly(query) } else { Known::at_most(query) }
    }

    pub(super) fn number(&self, mark: Mark, number: f64) -> Query {
        self.begins(mark, &format!("{}:", ordered(number)))
    }

    pub(super) fn boolean(&self, mark: Mark, yes: bool) -> Query {
        self.is(mark, boolean(yes))
    }

    pub(super) fn text_order(&self, mark: Mark, order: Order, text: &str) -> Known {
        // A text that is cut differs from a shorter one within what is told of it, or goes on where that ends.
        if text.len() + CHARACTER > MAX_TEXT {
            return Known::at_most(self.any_text(mark));
        }
        let bound = [TEXT, text].concat();
        Known::exactly(match order {
            Order::Less => self.between(mark, ("gte", TEXT), ("lt", &bound)),
            Order::LessOrEqual => self.between(mark, ("gte", TEXT), ("lte", &bound)),
            Order::Greater => self.between(mark, ("gt", &bound), ("lt", "A")),
            Order::GreaterOrEqual => self.between(mark, ("gte", &bound), ("lt", "A")),
        })
    }

    pub(super) fn number_order(&self, mark: Mark, order: Order, number: f64) -> Query {
        let bound = ordered(number);
        let (before, behind) = (format!("{bound}:"), format!("{bound};"));
        match order {
            Order::Less => self.between(mark, ("gte", NUMBER), ("lt", &before)),
            Order::LessOrEqual => self.between(mark, ("gte", NUMBER), ("lt", &behind)),
            Order::Greater => self.between(mark, ("gte", &behind), ("lt", ",")),
            Order::GreaterOrEqual => self.between(mark, ("gte", &before), ("lt", ",")),
        }
    }

    /// Booleans that stand so to a value, both as numbers or both as booleans.
    pub(super) fn boolean_order<T: PartialOrd + From<bool>>(&self, mark: Mark, order: Order, bound: &T) -> Query {
        let holds = |yes: &bool| order.holds(&T::from(*yes), bound);
        Query::any([false, true].into_iter().filter(holds).map(|yes| self.boolean(mark, yes)))
    }

    /// Texts that have a part.
    pub(super) fn part(&self, mark: Mark, place: Part, part: &str) -> Known {
        match place {
            _ if part.is_empty() => Known::exactly(self.any_text(mark)),
            Part::Start if part.len() + CHARACTER <= MAX_TEXT => {
                Known::exactly(self.begins(mark, &[TEXT, part].concat()))
            }
            Part::Start => Known::at_most(self.any_text(mark)),
            _ if part.len() > MAX_PATTERN => Known::at_most(self.any_text(mark)),
            Part::Anywhere => self.wildcard(mark, &format!("*{}*", escaped(part))),
            Part::End => self.wildcard(mark, &format!("*{}", escaped(part))),
        }
    }

    /// Texts of this form.
    pub(super) fn like(&self, mark: Mark, pattern: &Pattern) -> Known {
        let pattern = pattern.as_str();
        let open = pattern.split_once('*').map_or(0, |(_, rest)| rest.matches('?').count());
        match pattern.strip_suffix('*').filter(|rest| !rest.contains(['*', '?'])) {
            Some(beginning) => self.part(mark, Part::Start, beginning),
            None if pattern.len() > MAX_PATTERN || open > MAX_OPEN => Known::at_most(self.any_text(mark)),
            None => self.wildcard(mark, &pattern.replace('\\', "\\\\")),
        }
    }

    /// Of long texts it cannot be told.
    fn wildcard(&self, mark: Mark, pattern: &str) -> Known {
        let value = [&escaped(&self.path), mark.sign(), TEXT, pattern].concat();
        let found = Query::on("wildcard", self.field, json!({ "value": value }));
        let long = self.is(mark, LONG);
        Known { certain: Query::every([found.clone(), long.clone().not()]), possible: Query::any([found, long]) }
    }
}

/// Bytes of a character, at most.
const CHARACTER: usize = 4;

/// A text in a pattern in which nothing has a meaning.
fn escaped(text: &str) -> String {
    let escape = |letter| matches!(letter, '*' | '?' | '\\').then_some('\\').into_iter().chain([letter]);
    text.chars().flat_map(escape).collect()
}
