//! What events of a type must look like (spec/pipeline.md 5.6). A check is made of JSON Schemas, draft 2020-12, each for a
//! place in the event. `format` is an annotation, as the draft has it. Patterns are searched in linear time, and what a schema may
//! cost is bounded ([`super::schema_cost`]).

use std::sync::Arc;

use jiff::Timestamp;
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;
use tracardi_language::condition::Condition;
use tracardi_language::reference::Field;
use tracardi_language::{Found, Scope, Source};
use tracardi_model::configuration::{EventValidator, wrong};
use tracardi_model::{FieldError, Loc};

use super::{Compile, Meaning, expression, schema_cost};

/// A compiled pattern of a schema has at most this many bytes.
const MAX_PATTERN: usize = 1 << 20;
/// A complaint has at most this many characters.
const MAX_COMPLAINT: usize = 500;

/// Compiled from an [`EventValidator`].
#[derive(Clone, Debug)]
pub struct Check {
    /// The record's id.
    pub id: String,
    condition: Option<Condition>,
    schemas: Vec<(Field, Schema)>,
}

/// A compiled schema.
#[derive(Clone, Debug)]
struct Schema {
    validator: Validator,
    /// What is wrong with a value can be told at a bounded cost.
    told: bool,
}

impl Check {
    /// What is wrong with the event; None when nothing is, or when the condition does not hold (one without an answer
    /// counts as one that does not).
    pub fn complaint(&self, scope: &dyn Scope, now: Timestamp) -> Option<String> {
        if self.condition.as_ref().is_some_and(|condition| !condition.evaluate(scope, now).unwrap_or(false)) {
            return None;
        }
        self.schemas.iter().find_map(|(field, schema)| {
            let text;
            let found = field.get(scope);
            let value = match &found {
                None => return Some(format!("there is no `{field}`")),
                Some(Found::Json(value)) => value.as_ref(),
                Some(Found::Text(found)) => {
                    text = Value::from(*found);
                    &text
                }
            };
            if schema.validator.is_valid(value) {
                return None;
            }
            if !schema.told {
                return Some(format!("`{field}`: value is not as the schema asks for"));
            }
            // The value itself is left out of the message: it stands in the event, and may be large.
            let error = schema.validator.validate(value).err()?;
            let message = format!("`{field}`{}: {}", error.instance_path(), error.masked());
            Some(message.chars().take(MAX_COMPLAINT).collect())
        })
    }
}

impl Compile for EventValidator {
    fn compile(self) -> Result<Meaning, Vec<FieldError>> {
        let mut errors = Vec::new();
        let at = ["validation".into(), "condition".into()];
        let condition = expression::condition(&self.validation.condition, at).unwrap_or_else(|error| {
            errors.extend(error);
            None
        });
        let mut schemas = Vec::with_capacity(self.validation.json_schema.len());
        for (text, schema) in &self.validation.json_schema {
            let at = || ["validation".into(), "json_schema".into(), text.clone().into()].into_iter();
            let field = match Field::parse(text) {
                Ok(field) if field.source == Source::Event => Some(field),
                Ok(_) => {
                    errors.push(wrong(at(), "a check is of the event: `event@properties`, for example"));
                    None
                }
                Err(error) => {
                    errors.push(wrong(at(), error.to_string()));
                    None
                }
            };
            match (field, validator(schema, at())) {
                (Some(field), Ok(schema)) => schemas.push((field, schema)),
                (_, Ok(_)) => {}
                (_, Err(error)) => errors.push(*error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        if !self.enabled {
            return Ok(Meaning::nothing());
        }
        let kind = self.event_type.id().into_owned();
        let check = Arc::new(Check { id: self.id, condition, schemas });
        Ok(Meaning::new(move |configuration| configuration.of_type(&kind).checks.push(check.clone())))
    }
}

fn validator(schema: &Value, at: impl Iterator<Item = Loc>) -> Result<Schema, Box<FieldError>> {
    // Before it is compiled: that follows the references, too.
    if !schema_cost::is_bearable(schema) {
        let message = "checking a value would take too many steps: a part asks for others several times, and these again; \
                       ask for each once";
        return Err(Box::new(wrong(at, message)));
    }
    let options = jsonschema::options().with_draft(Draft::Draft202012).offline();
    let patterns = PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN);
    let compiled = options.with_pattern_options(patterns).build(schema).map_err(|error| {
        let place = error.instance_path().to_string();
        let message = match error.kind() {
            jsonschema::error::ValidationErrorKind::Referencing(_) => {
                format!("a `$ref` leads to a place inside the schema, such as `#/$defs/address`; nothing is fetched: {error}")
            }
            _ => error.to_string(),
        };
        Box::new(wrong(at.chain(expression::steps(&place)), message.chars().take(MAX_COMPLAINT).collect::<String>()))
    })?;
    Ok(Schema { validator: compiled, told: schema_cost::is_told(schema) })
}
