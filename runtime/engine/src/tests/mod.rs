//! The engine as a whole, against a world kept in memory.

#![allow(clippy::needless_pass_by_value, reason = "json!(…) reads better as an argument than &json!(…)")]

mod bridge;
mod compliance;
mod consent;
mod destinations;
mod event_to_profile;
mod fingerprint;
mod identification;
mod ids;
mod mapping;
pub(crate) mod mmdb;
mod poison;
mod properties;
mod quarantine;
mod referral;
mod refusals;
mod reshaping;
mod resolution;
mod rule_loops;
mod rules;
mod scope;
mod segments;
mod trails;
mod validation;
mod visitor;
mod workflows;
mod world;
