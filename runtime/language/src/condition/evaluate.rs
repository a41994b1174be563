//! A condition against the documents of a scope.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use super::moment::Moment;
use super::operand::{Clash, Operand, Shape, equal, has, order, same};
use super::{Call, Condition, Field, Relation, Term};
use crate::Scope;

/// A condition has no answer for these documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationError {
    /// The part of the condition, as text.
    pub condition: String,
    /// What is wrong with it, and what would be right.
    pub message: String,
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.condition, self.message)
    }
}

impl std::error::Error for EvaluationError {}

/// More of a condition than this is not shown in an error; in characters.
const SHOWN: usize = 200;

impl EvaluationError {
    fn new(condition: &Condition, message: String) -> Self {
        Self { condition: condition.to_string().chars().take(SHOWN).collect(), message }
    }
}

/// Why a test has no answer.
enum Stop<'a> {
    /// This field is missing; the rest of the condition may still decide.
    Missing(&'a Field),
    /// An error, whatever the rest says.
    Failed(String),
}

impl From<Clash> for Stop<'_> {
    fn from(clash: Clash) -> Self {
        Self::Failed(clash.reason())
    }
}

/// A test without an answer, and the field it misses.
#[derive(Clone, Copy)]
struct NoAnswer<'a>(&'a Condition, &'a Field);

impl Condition {
    /// Whether the condition holds for the documents of the scope at this time.
    pub fn evaluate(&self, scope: &dyn Scope, now: Timestamp) -> Result<bool, EvaluationError> {
        self.answer(scope, now)?.map_err(|NoAnswer(test, field)| {
            let message = format!("{field} is missing; write {field} EXISTS AND … where it may be");
            EvaluationError::new(test, message)
        })
    }

    fn answer<'a>(
        &'a self,
        scope: &'a dyn Scope,
        now: Timestamp,
    ) -> Result<Result<bool, NoAnswer<'a>>, EvaluationError> {
        match self {
            Self::All(parts) => {
                let mut all = Ok(true);
                for part in parts {
                    match part.answer(scope, now)? {
                        Ok(false) => all = Ok(false),
                        Err(missing) if matches!(all, Ok(true)) => all = Err(missing),
                        _ => {}
                    }
                }
                Ok(all)
            }
            Self::Any(parts) => {
                let mut any = Ok(false);
                for part in parts {
                    let found = part.answer(scope, now)?;
                    if matches!(any, Ok(false)) {
                        any = found;
                    }
                }
                Ok(any)
            }
            test => match test.test(scope, now) {
                Ok(answer) => Ok(Ok(answer)),
                Err(Stop::Missing(field)) => Ok(Err(NoAnswer(self, field))),
                Err(Stop::Failed(message)) => Err(EvaluationError::new(self, message)),
            },
        }
    }

    /// The answer of a single test.
    fn test<'a>(&'a self, scope: &'a dyn Scope, now: Timestamp) -> Result<bool, Stop<'a>> {
        match self {
            Self::All(_) | Self::Any(_) => Ok(false),
            Self::Compare { left, relation, right } => {
                let (Some(left), Some(right)) = (left.operand(scope, now)?, right.operand(scope, now)?) else {
                    return Ok(*relation == Relation::Unequal);
                };
                Ok(relation.holds(&left, &right)?)
            }
            Self::Between { value, low, high } => {
                let ends = (low.operand(scope, now)?, high.operand(scope, now)?);
                let (Some(value), (Some(low), Some(high))) = (value.operand(scope, now)?, ends) else {
                    return Ok(false);
                };
                let above = Relation::GreaterOrEqual.holds(&value, &low)?;
                let below = Relation::LessOrEqual.holds(&value, &high)?;
                Ok(above && below)
            }
            Self::Has { whole, place, part } => {
                let (whole, part) = (whole.needed(scope, now)?, part.needed(scope, now)?);
                Ok(has(whole.shape(), *place, part.shape())?)
            }
            Self::Empty { value, negated } => {
                let empty = value.operand(scope, now)?.is_none_or(|value| value.shape().is_empty());
                Ok(empty != *negated)
            }
            Self::Null { value, negated } => {
                let value = value.operand(scope, now)?;
                Ok(matches!(value.as_ref().map(Operand::shape), Some(Shape::Null)) != *negated)
            }
            Self::Exists { field, negated } => Ok(scope.get(field.source, field.path.segments()).is_some() != *negated),
        }
    }
}

impl Relation {
    fn holds(self, left: &Operand<'_>, right: &Operand<'_>) -> Result<bool, Clash> {
        let (left, right) = (left.shape(), right.shape());
        Ok(match self {
            Self::Equal => equal(left, right)?,
            Self::Unequal => !same(left, right)?,
            Self::Less => order(left, right)?.is_lt(),
            Self::LessOrEqual => order(left, right)?.is_le(),
            Self::Greater => order(left, right)?.is_gt(),
            Self::GreaterOrEqual => order(left, right)?.is_ge(),
        })
    }
}

/// Stands for the arguments that a function does not take, and for documents of which none is at hand.
static NOTHING: Value = Value::Null;

impl Term {
    /// The value; none where a field is missing.
    fn operand<'a>(&'a self, scope: &'a dyn Scope, now: Timestamp) -> Result<Option<Operand<'a>>, Stop<'a>> {
        Ok(match self {
            Self::Field(field) => scope.get(field.source, field.path.segments()).map(Operand::from),
            Self::Literal(value) => Some(Operand::from(value)),
            Self::List(elements) => {
                let elements: Result<_, _> = elements.iter().map(|element| element.needed(scope, now)).collect();
                Some(Operand::List(elements?))
            }
            Self::Call(call) => Some(call.value(scope, now)?),
        })
    }

    /// The point in time that the term is whatever the documents are; none, if it is none or depends on them.
    pub(crate) fn moment(&self, now: Timestamp) -> Option<Moment> {
        match self.operand(&NOTHING, now) {
            Ok(Some(Operand::Time(time))) => Some(time),
            _ => None,
        }
    }

    /// The value where there must be one.
    fn needed<'a>(&'a self, scope: &'a dyn Scope, now: Timestamp) -> Result<Operand<'a>, Stop<'a>> {
        match (self.operand(scope, now)?, self) {
            (Some(value), _) => Ok(value),
            (None, Self::Field(field)) => Err(Stop::Missing(field)),
            (None, _) => Err(Stop::Failed("a value is missing".to_owned())),
        }
    }
}

impl Call {
    fn value<'a>(&'a self, scope: &'a dyn Scope, now: Timestamp) -> Result<Operand<'a>, Stop<'a>> {
        let mut arguments = self.arguments.iter().map(|argument| argument.needed(scope, now));
        let mut next = || arguments.next().unwrap_or_else(|| Ok(Operand::from(&NOTHING)));
        let (first, second) = (next()?, next()?);
        self.function.call(first, &second, now).map_err(Stop::Failed)
    }
}
