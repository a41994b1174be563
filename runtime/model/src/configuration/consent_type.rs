//! What visitors may consent to.

use serde::{Deserialize, Serialize};

use super::{Kind, Record, list, text, wrong, yes};
use crate::field::FieldError;

/// A purpose for which a visitor's consent is asked (spec/api-surface.md 3.6). Its id follows from its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentType {
    /// The name in lower case, dashes for everything that is neither letter nor digit.
    #[serde(default, deserialize_with = "text")]
    pub id: String,
    /// What people read.
    pub name: String,
    /// For what the data are used.
    #[serde(default, deserialize_with = "text")]
    pub description: String,
    /// Whether the consent ends by itself after `auto_revoke`.
    #[serde(default)]
    pub revokable: bool,
    /// What a visitor who says nothing has decided.
    pub default_value: DefaultConsent,
    /// Whether visitors are asked.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Labels.
    #[serde(default, deserialize_with = "list")]
    pub tags: Vec<String>,
    /// Whether the page cannot do without.
    #[serde(default)]
    pub required: bool,
    /// How long a consent lasts, for example `15m` or `365d`.
    #[serde(default)]
    pub auto_revoke: Option<String>,
}

/// What holds until the visitor decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DefaultConsent {
    /// Consent.
    Grant,
    /// No consent.
    Deny,
}

impl Record for ConsentType {
    const KIND: Kind = Kind::ConsentType;

    fn id(&self) -> &str {
        &self.id
    }

    fn complete(&mut self) -> Vec<FieldError> {
        self.id = slug(&self.name);
        let mut errors = Vec::new();
        if self.id.is_empty() {
            errors.push(wrong(["name"], "a name with at least one letter or digit is needed"));
        }
        let lasts = self.auto_revoke.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if self.revokable && lasts.is_none() {
            errors.push(wrong(["auto_revoke"], "a revokable consent needs to say after what time, for example `365d`"));
        }
        errors
    }
}

fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for letter in name.trim().chars() {
        if letter.is_alphanumeric() {
            slug.extend(letter.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}
