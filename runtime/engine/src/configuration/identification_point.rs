//! By which values a visitor is recognised (spec/pipeline.md 4.8).
//!
//! A profile is never searched for by its values: what a point asks for is one of the profile's ids, made of the point's
//! fields and their normalised values. For a single field that identifies a person anyway it is the hashed id of that field.

use std::sync::Arc;

use tracardi_language::{Scope, Source};
use tracardi_model::configuration::{IdentificationPoint, RefValue, wrong};
use tracardi_model::leaf::scalar_text;
use tracardi_model::record::Node;
use tracardi_model::{FieldError, Loc, Path, Profile};

use super::expression::path;
use super::{Compile, Meaning};
use crate::hashed_ids;

/// Where an event that was just received has such values.
const READABLE: [&str; 2] = ["properties", "context"];
/// Where a profile has them.
const KNOWN: [&str; 3] = ["data", "traits", "aux"];

/// Compiled from an [`IdentificationPoint`].
#[derive(Clone, Debug)]
pub struct Point {
    /// The record's id.
    pub id: String,
    source: String,
    /// Path in the profile, path in the event; in the order of the former.
    fields: Vec<(Path, Path)>,
}

impl Point {
    /// Whether it is for events from this source.
    #[must_use]
    pub fn is_for(&self, source: &str) -> bool {
        self.source.is_empty() || self.source == source
    }

    /// The id of the profile that an event asks for; None when one of the values is missing or blank.
    pub fn asked(&self, scope: &dyn Scope, key: &str) -> Option<String> {
        self.made(key, |(_, event)| scalar_text(&scope.get(Source::Event, event.segments())?.into_value()))
    }

    /// The id by which this profile can be asked for; None when one of the values is missing or blank.
    #[must_use]
    pub fn known(&self, profile: &Profile, key: &str) -> Option<String> {
        self.made(key, |(field, _)| scalar_text(&profile.get(field.segments())?))
    }

    /// The profile's field that identifies; the first of several.
    #[must_use]
    pub fn field(&self) -> &str {
        self.fields.first().map_or("", |(field, _)| field.as_str())
    }

    /// The id that these values make.
    fn made(&self, key: &str, value: impl Fn(&(Path, Path)) -> Option<String>) -> Option<String> {
        let values: Option<Vec<String>> = self.fields.iter().map(value).collect();
        let pairs = self.fields.iter().map(|(field, _)| field.as_str()).zip(values?);
        hashed_ids::point(&pairs.collect::<Vec<_>>(), key)
    }
}

impl Compile for IdentificationPoint {
    fn compile(self) -> Result<Meaning, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut fields = Vec::with_capacity(self.fields.len());
        for (index, field) in self.fields.iter().enumerate() {
            let mut part = |name: &'static str, value: &RefValue, heads: &[&str]| {
                let parsed = if value.r#ref { path(&value.value, heads) } else { Err("a path is needed".to_owned()) };
                let at = ["fields".into(), index.into(), name.into()];
                parsed.map_err(|error| errors.push(wrong::<Loc>(at, error))).ok()
            };
            let (known, asked) = (
                part("profile_trait", &field.profile_trait, &KNOWN),
                part("event_property", &field.event_property, &READABLE),
            );
            fields.extend(known.zip(asked));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        if !self.enabled {
            return Ok(Meaning::nothing());
        }
        fields.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        let kind = self.event_type.id().into_owned();
        let point = Arc::new(Point { id: self.id, source: self.source.id, fields });
        Ok(Meaning::new(move |configuration| {
            configuration.of_type(&kind).points.push(point.clone());
            configuration.points.push(point.clone());
        }))
    }
}
