//! Why a template is none, or could not be rendered.

use std::fmt::{self, Write};

use super::MAX_RENDERED_DEPTH;
use crate::reference::Field;

/// A JSON value that is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// Where in the template, as a JSON pointer: empty for the whole, `/a/0` for the first element of `a`.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.pointer {
            "" => f.write_str(&self.message),
            pointer => write!(f, "at {pointer}: {}", self.message),
        }
    }
}

impl std::error::Error for TemplateError {}

/// A template that could not be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError {
    /// Where in the template: a JSON pointer such as `/a/0`, or `line 1, column 5` of a text.
    pub place: String,
    /// What happened there.
    pub problem: Problem,
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.place {
            "" => self.problem.fmt(f),
            place => write!(f, "at {place}: {}", self.problem),
        }
    }
}

impl std::error::Error for RenderError {}

/// What happens while rendering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Nothing stands where this reference points to.
    Missing(Field),
    /// The result would have more bytes than this.
    TooLarge(usize),
    /// The result would nest deeper than [`MAX_RENDERED_DEPTH`].
    TooDeep,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(field) => write!(f, "there is no `{field}`"),
            Self::TooLarge(bytes) => {
                write!(f, "the result has more than {bytes} bytes; name smaller parts of documents")
            }
            Self::TooDeep => write!(f, "the result nests deeper than {MAX_RENDERED_DEPTH} levels"),
        }
    }
}

/// An error inside a JSON value, with the way to it: innermost step first, since it is gathered on the way out.
pub(super) struct Trail<E> {
    pub(super) error: E,
    steps: Vec<String>,
}

impl<E> From<E> for Trail<E> {
    fn from(error: E) -> Self {
        Self { error, steps: Vec::new() }
    }
}

impl<E> Trail<E> {
    /// The same error, seen from one level further out.
    pub(super) fn within(mut self, step: &(impl ToString + ?Sized)) -> Self {
        self.steps.push(step.to_string());
        self
    }

    /// The JSON pointer to the place.
    pub(super) fn pointer(&self) -> String {
        self.steps.iter().rev().fold(String::new(), |mut pointer, step| {
            // Writing into a String cannot fail.
            let _ = write!(pointer, "/{}", step.replace('~', "~0").replace('/', "~1"));
            pointer
        })
    }
}
