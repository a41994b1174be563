//! Many conditions, found by what they need: those that can be true for a scope cost a few look-ups, however many others
//! there are.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::need::What;
use super::operand::{Operand, Shape};
use super::{Condition, Field};
use crate::Scope;

/// Finds, among many conditions, those that can be true. Each goes by a number; which one is up to the caller.
///
/// A condition whose need is not met is not looked at, so errors that it would have had stay unknown.
#[derive(Clone, Debug, Default)]
pub struct Index {
    fields: HashMap<Field, Entries>,
    /// Of these nothing is known.
    rest: Vec<usize>,
}

/// What is needed of one field, and by whom.
#[derive(Clone, Debug, Default)]
struct Entries {
    is: Values,
    has: Values,
    /// Everybody in `has`: texts have parts too.
    has_any: Vec<usize>,
    at_least: BTreeMap<Real, Vec<usize>>,
    at_most: BTreeMap<Real, Vec<usize>>,
    exists: Vec<usize>,
}

impl Index {
    /// Takes in a condition under a number; without a condition it is always true.
    pub fn insert(&mut self, number: usize, condition: Option<&Condition>) {
        let Some(needs) = condition.and_then(Condition::needs) else { return self.rest.push(number) };
        for need in needs {
            let entries = match self.fields.get_mut(need.field) {
                Some(entries) => entries,
                None => self.fields.entry(need.field.clone()).or_default(),
            };
            entries.insert(number, need.what);
        }
    }

    /// The numbers of all conditions that can be true, each once, ascending.
    pub fn candidates(&self, scope: &dyn Scope) -> Vec<usize> {
        let mut found = self.rest.clone();
        for (field, entries) in &self.fields {
            if let Some(value) = scope.get(field.source, field.path.segments()) {
                entries.collect(Operand::from(value).shape(), &mut found);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Entries {
    fn insert(&mut self, number: usize, what: What<'_>) {
        match what {
            What::Is(value) => self.is.of(value).push(number),
            What::Has(value) => {
                self.has.of(value).push(number);
                self.has_any.push(number);
            }
            What::AtLeast(least) => self.at_least.entry(Real::of(least)).or_default().push(number),
            What::AtMost(most) => self.at_most.entry(Real::of(most)).or_default().push(number),
            What::Exists => self.exists.push(number),
        }
    }

    fn collect(&self, value: Shape<'_>, found: &mut Vec<usize>) {
        found.extend_from_slice(&self.exists);
        found.extend_from_slice(self.is.get(value));
        match value {
            Shape::Number(number) => {
                let number = Real::of(number.real());
                found.extend(self.at_least.range(..=number).flat_map(|(_, numbers)| numbers));
                found.extend(self.at_most.range(number..).flat_map(|(_, numbers)| numbers));
            }
            Shape::Text(_) => found.extend_from_slice(&self.has_any),
            Shape::List(list) if !self.has_any.is_empty() => {
                for element in list.iter() {
                    found.extend_from_slice(self.has.get(element));
                }
            }
            Shape::Null | Shape::Time(_) | Shape::List(_) | Shape::Object(_) => {}
        }
    }
}

/// Numbers of conditions by a value.
#[derive(Clone, Debug, Default)]
struct Values {
    null: Vec<usize>,
    numbers: BTreeMap<Real, Vec<usize>>,
    texts: HashMap<String, Vec<usize>>,
    /// Of lists and objects it is only known that they are some.
    wholes: Vec<usize>,
}

impl Values {
    fn of(&mut self, value: &Value) -> &mut Vec<usize> {
        match Shape::of(value) {
            Shape::Null => &mut self.null,
            Shape::Number(number) => self.numbers.entry(Real::of(number.real())).or_default(),
            Shape::Text(text) => self.texts.entry(text.to_owned()).or_default(),
            Shape::List(_) | Shape::Object(_) | Shape::Time(_) => &mut self.wholes,
        }
    }

    fn get(&self, value: Shape<'_>) -> &[usize] {
        let found = match value {
            Shape::Null => Some(&self.null),
            Shape::Number(number) => self.numbers.get(&Real::of(number.real())),
            Shape::Text(text) => self.texts.get(text),
            Shape::List(_) | Shape::Object(_) | Shape::Time(_) => Some(&self.wholes),
        };
        found.map_or(&[], Vec::as_slice)
    }
}

/// A number as a key; there is one zero.
#[derive(Clone, Copy, Debug)]
struct Real(f64);

impl Real {
    fn of(number: f64) -> Self {
        Self(number + 0.0)
    }
}

impl Ord for Real {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Real {}
