//! The languages of Tracardi: each text is parsed once into a typed tree, with an error that points at the place.
//!
//! * [`dot`]: dotted paths into JSON, as mappings use them;
//! * [`condition`]: what decides whether a rule, a segment or a branch of a workflow applies;
//! * [`filter`]: the search language of list views, evaluated in memory here and compiled to queries by the stores;
//! * [`elastic`]: filters and conditions asked of an index of Elasticsearch or OpenSearch;
//! * [`reference`]: `event@properties.price`, a value of a document that is at hand (a [`Scope`]);
//! * [`template`]: texts and JSON with references in them;
//! * [`calculator`]: sums over references, written back to documents.

pub mod calculator;
pub mod condition;
mod cursor;
pub mod elastic;
mod error;
pub mod filter;
pub mod reference;
mod scope;
pub mod template;

/// Dotted paths: reading, testing, writing and removing.
pub mod dot {
    pub use tracardi_model::path::{
        Path, PathError, Segment, contains, get, get_in, remove, remove_in, set, set_in, strip_empty,
    };
}

pub use error::SyntaxError;
pub use scope::{Found, Scope, Source};
