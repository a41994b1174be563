//! What every backend must pass, whatever it is made of; a wrapper that counts calls and injects faults; and a backend in
//! memory for tests and simulations.
//!
//! A backend's tests call [`documents::all`], [`merges::all`], [`outbox::all`], [`delayed::all`], [`quarantine::all`],
//! [`erasure::all`], [`history::all`] and [`configuration::all`] on an empty store each, [`lines::live`] with acts at random, and
//! check by themselves what needs a restart. Those that forget by and by, whenever something is written, call
//! [`documents::applied_events_are_forgotten`] and [`quarantine::what_is_old_goes`] as well; the others [`history::lasting`]
//! instead of all of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::assigning_clones,
    reason = "a failed check panics: that is its answer"
)]

pub mod configuration;
pub mod delayed;
pub mod documents;
pub mod erasure;
pub mod faults;
pub mod history;
pub mod lines;
pub mod memory;
pub mod merges;
pub mod outbox;
pub mod quarantine;
pub mod queries;
pub mod samples;
