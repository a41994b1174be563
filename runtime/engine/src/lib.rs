//! What happens to an event, as a pure function: [`collect`] takes a [`Command`], the [`State`] it meets, [`Settings`], the
//! time and a source of randomness, and gives an [`Outcome`]: records to store, the new state, the answer. No I/O, no clock.
//!
//! The way of a request through it stands in [`pipeline`]: a list of steps, each a file in `steps/`.
//! Around it: [`admission`] (may this source send here?), [`command`] (a checked request with its deterministic ids),
//! [`bridge`] (what the source's settings make of it), [`referral`] (visitors from another site), [`fingerprint`] (visitors known by their device), [`consent`] (a visitor's
//! decision about consents), [`order`] (whatever the single writer carries out), [`submission`] (a request on its way to another process), what users configured
//! ([`configuration`]; its expressions read [`scope`]s), and the tables that the steps use: [`event_types`], [`languages`], [`free_mail`], [`hashed_ids`],
//! [`agent`], [`geoip`].
//! How several profiles become one stands in [`merge`], how workflows are handed over in [`workflows`].

pub mod admission;
pub mod agent;
pub mod bridge;
pub mod command;
pub mod configuration;
pub mod consent;
pub mod event_types;
pub mod fingerprint;
pub mod free_mail;
pub mod geoip;
pub mod hashed_ids;
pub mod languages;
pub mod merge;
pub mod order;
pub mod pipeline;
pub mod referral;
mod rejected;
pub mod scope;
mod settings;
mod steps;
pub mod submission;
#[cfg(test)]
mod tests;
pub mod workflows;

pub use admission::admit;
pub use command::{Command, Origin};
pub use configuration::{Configuration, Configurations};
pub use consent::{Consent, Decision};
pub use event_types::EventTypes;
pub use fingerprint::{Fingerprint, Seen, Sighting, fingerprint_of};
pub use geoip::GeoIp;
pub use order::Order;
pub use pipeline::{
    Foreseen, Outcome, State, asked_key, collect, first_profile, foresee, namesake_key, profile_key, referral_key,
};
pub use referral::Referral;
pub use rejected::Rejected;
pub use settings::{DEFAULT_MERGING_KEY, InvalidTables, NewProfiles, Settings};
pub use submission::{Awaited, Envelope, Letter, Submission, Unreadable};
pub use tracardi_model::StoredEvent;
pub use workflows::{Start, WorkflowOutcome, WorkflowRun, Workflows};
