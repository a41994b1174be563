//! Templates: a text or a JSON value with references in it, read once, rendered for every event.
//!
//! * [`TextTemplate`]: `Hello {{ profile@data.pii.firstname }}`, for messages and addresses;
//! * [`ObjectTemplate`]: JSON whose texts are references, for bodies and properties.
//!
//! What a template renders is bounded by a number of bytes: a short one may name a large profile many times.

mod budget;
mod error;
mod object;
mod python;
mod text;

pub use error::{Problem, RenderError, TemplateError};
pub use object::{Mode, ObjectTemplate, OnMissing};
pub use text::TextTemplate;

/// Longest text template, in bytes.
pub const MAX_LENGTH: usize = 1 << 20;
/// Deepest object template: as deep as a tracker's payload may be.
pub const MAX_DEPTH: usize = 64;
/// Most values in an object template.
pub const MAX_VALUES: usize = 10_000;
/// Deepest result. Documents that hold one must stay readable for JSON parsers, which often stop at 128 levels.
pub const MAX_RENDERED_DEPTH: usize = 100;
