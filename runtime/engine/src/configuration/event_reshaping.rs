//! New properties and contexts for events of a type (spec/pipeline.md 5.7).

use std::sync::Arc;

use serde_json::Value;
use tracardi_language::Scope;
use tracardi_language::template::{Mode, ObjectTemplate};
use tracardi_model::configuration::{EventReshaping, wrong};
use tracardi_model::{FieldError, Loc, Map};

use super::{Compile, Meaning, expression};

/// Compiled from an [`EventReshaping`] that has a template.
#[derive(Clone, Debug)]
pub struct Reshaping {
    /// The record's id.
    pub id: String,
    source: String,
    properties: Option<ObjectTemplate>,
    context: Option<ObjectTemplate>,
    session: Option<ObjectTemplate>,
}

/// What a reshaping makes of an event; parts without a template stay as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reshaped {
    /// New properties.
    pub properties: Option<Map>,
    /// New context.
    pub context: Option<Map>,
    /// New context of the request.
    pub session: Option<Map>,
}

impl Reshaping {
    /// Whether it is for events from this source.
    #[must_use]
    pub fn is_for(&self, source: &str) -> bool {
        self.source.is_empty() || self.source == source
    }

    /// The new parts, each of at most about so many bytes, what is missing in them null; or why there are none.
    pub fn apply(&self, scope: &dyn Scope, bytes: usize) -> Result<Reshaped, String> {
        let part = |name: &str, template: &Option<ObjectTemplate>| match template {
            None => Ok(None),
            Some(template) => match template.render(scope, Mode::DEFAULT, bytes) {
                Ok(Value::Object(map)) => Ok(Some(map)),
                Ok(_) => Err(format!("{name}: the template gives no object")),
                Err(error) => Err(format!("{name}: {error}")),
            },
        };
        Ok(Reshaped {
            properties: part("properties", &self.properties)?,
            context: part("context", &self.context)?,
            session: part("session", &self.session)?,
        })
    }
}

impl Compile for EventReshaping {
    fn compile(self) -> Result<Meaning, Vec<FieldError>> {
        let mut errors = Vec::new();
        let schema = &self.reshaping.reshape_schema;
        let mut part = |name: &'static str, template: &Option<Value>| {
            let at = || ["reshaping".into(), "reshape_schema".into(), name.into()].into_iter();
            match template {
                None | Some(Value::Null) => None,
                Some(template @ (Value::Object(_) | Value::String(_))) => {
                    expression::template(template, at()).map_err(|error| errors.extend(error)).ok()
                }
                Some(_) => {
                    let message = "an object is needed, or a reference to one, such as `event@properties`";
                    errors.push(wrong::<Loc>(at(), message));
                    None
                }
            }
        };
        let (properties, context) = (part("properties", &schema.properties), part("context", &schema.context));
        let session = part("session", &schema.session);
        if !errors.is_empty() {
            return Err(errors);
        }
        if !self.enabled || properties.is_none() && context.is_none() && session.is_none() {
            return Ok(Meaning::nothing());
        }
        let kind = self.event_type.id().into_owned();
        let reshaping = Reshaping { id: self.id, source: self.event_source.id, properties, context, session };
        let reshaping = Arc::new(reshaping);
        Ok(Meaning::new(move |configuration| configuration.of_type(&kind).reshapings.push(reshaping.clone())))
    }
}
