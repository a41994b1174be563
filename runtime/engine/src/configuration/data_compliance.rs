//! Fields of events that need consents (spec/pipeline.md 5.7).

use tracardi_model::configuration::{ComplianceAction, DataCompliance, wrong};
use tracardi_model::{FieldError, Loc, Path};

use super::expression::path;
use super::{Compile, Configuration};

/// Parts of a payload that can be protected; all others are made of these, later.
const PROTECTED: [&str; 2] = ["properties", "context"];

/// A field that needs consents; compiled from a setting of a [`DataCompliance`].
#[derive(Clone, Debug)]
pub struct ProtectedField {
    /// Where, below the event.
    pub field: Path,
    /// Ids of all the consents that it needs.
    pub consents: Vec<String>,
    /// Whether a keyed hash takes its place; otherwise nothing does.
    pub hash: bool,
}

impl Compile for DataCompliance {
    fn enter(self, configuration: &mut Configuration) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut fields = Vec::with_capacity(self.settings.len());
        for (index, setting) in self.settings.iter().enumerate() {
            let consents = setting.consents.iter().map(|consent| consent.id.trim());
            let consents = consents.filter(|id| !id.is_empty()).map(str::to_owned).collect();
            match path(&setting.field.value, &PROTECTED) {
                Ok(_) if setting.action == ComplianceAction::Nothing => {}
                Ok(field) => {
                    fields.push(ProtectedField { field, consents, hash: setting.action == ComplianceAction::Hash });
                }
                Err(error) => {
                    errors.push(wrong::<Loc>(["settings".into(), index.into(), "field".into()], error));
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        if self.enabled {
            configuration.of_type(&self.event_type.id()).protected.extend(fields);
        }
        Ok(())
    }
}
