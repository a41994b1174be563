//! The steps of the pipeline, in the order of [`crate::pipeline`].
#![allow(clippy::unnecessary_wraps, reason = "all steps have one signature; most never refuse")]

pub(crate) mod answer;
pub(crate) mod bots;
pub(crate) mod bounds;
pub(crate) mod changes;
pub(crate) mod compliance;
pub(crate) mod compute;
pub(crate) mod destinations;
pub(crate) mod event_to_profile;
pub(crate) mod events;
pub(crate) mod fingerprint;
pub(crate) mod identification;
pub(crate) mod keep;
pub(crate) mod known;
pub(crate) mod mapping;
pub(crate) mod person;
pub(crate) mod places;
pub(crate) mod profile;
pub(crate) mod quarantine;
pub(crate) mod referral;
pub(crate) mod reshaping;
pub(crate) mod segments;
pub(crate) mod session;
pub(crate) mod system_events;
pub(crate) mod trails;
pub(crate) mod validation;
pub(crate) mod visitor;
pub(crate) mod workflows;
