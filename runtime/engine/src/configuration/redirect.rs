//! A link that makes an event and leads on (spec/pipeline.md 1.8).

use std::sync::Arc;

use serde_json::Value;
use tracardi_language::Scope;
use tracardi_language::template::{Mode, ObjectTemplate, RenderError};
use tracardi_model::configuration::Redirect;
use tracardi_model::{FieldError, Map};

use super::{Compile, MAX_RENDERED, Meaning, expression};

/// Compiled from a [`Redirect`].
#[derive(Clone, Debug)]
pub struct Link {
    /// The record: where the link leads, source and type of the event.
    pub record: Redirect,
    properties: ObjectTemplate,
}

impl Link {
    /// The properties of the event that following the link makes; the scope shows `payload@params`, `payload@body` and
    /// `session@`. What is missing becomes null.
    pub fn properties(&self, scope: &(impl Scope + ?Sized)) -> Result<Map, RenderError> {
        match self.properties.render(scope, Mode::DEFAULT, MAX_RENDERED)? {
            Value::Object(properties) => Ok(properties),
            _ => Ok(Map::new()),
        }
    }
}

impl Compile for Redirect {
    fn compile(self) -> Result<Meaning, Vec<FieldError>> {
        let properties = Value::Object(self.props.clone());
        let properties = expression::template(&properties, ["props".into()])?;
        let link = Arc::new(Link { record: self, properties });
        Ok(Meaning::new(move |configuration| {
            configuration.links.insert(link.record.id.clone(), link.clone());
        }))
    }
}
