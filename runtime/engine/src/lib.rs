//! What happens to an event, as a pure function: state and command in, state, records and answer out.

pub mod agent;
pub mod event_types;
pub mod free_mail;
pub mod hashed_ids;
pub mod languages;
