//! Fields of events that need consents (spec/pipeline.md 5.7).

use std::sync::Arc;

use tracardi_model::configuration::{ComplianceAction, DataCompliance, wrong};
use tracardi_model::{FieldError, Loc, Path};

use super::expression::path;
use super::{Compile, Meaning};

/// Parts of a payload that can be protected; all others are made of these, later.
const PROTECTED: [&str; 2] = ["properties", "context"];

/// A field that needs consents; compiled from a setting of a [`DataCompliance`].
#[derive(Clone, Debug)]
pub struct ProtectedField {
    /// The record's id.
    pub record: Arc<str>,
    /// Where, below the event.
    pub field: Path,
    /// Ids of all the consents that it needs.
    pub consents: Vec<String>,
    /// Whether a keyed hash takes its place; otherwise nothing does.
    pub hash: bool,
}

impl Compile for DataCompliance {
    fn compile(self) -> Result<Meaning, Vec<FieldError>> {
        let record: Arc<str> = self.id.as_str().into();
        let mut errors = Vec::new();
        let mut fields = Vec::with_capacity(self.settings.len());
        for (index, setting) in self.settings.iter().enumerate() {
            let consents = setting.consents.iter().map(|consent| consent.id.trim());
            let consents = consents.filter(|id| !id.is_empty()).map(str::to_owned).collect();
            match path(&setting.field.value, &PROTECTED) {
                Ok(_) if setting.action == ComplianceAction::Nothing => {}
                Ok(field) => {
                    let (record, hash) = (Arc::clone(&record), setting.action == ComplianceAction::Hash);
                    fields.push(ProtectedField { record, field, consents, hash });
                }
                Err(error) => {
                    errors.push(wrong::<Loc>(["settings".into(), index.into(), "field".into()], error));
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        if !self.enabled {
            return Ok(Meaning::nothing());
        }
        let kind = self.event_type.id().into_owned();
        let fields: Vec<_> = fields.into_iter().map(Arc::new).collect();
        Ok(Meaning::new(move |configuration| configuration.of_type(&kind).protected.extend(fields.iter().cloned())))
    }
}
