//! Scenarios in YAML and what plays them; docs/scenarios.md describes the files.
//!
//! [`format`] reads a file, [`fill`] puts the values of `${…}` in, [`play`] sends the requests and [`pattern`] compares the
//! answers with what is expected.

#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod fill;
pub(crate) mod format;
pub(crate) mod pattern;
pub(crate) mod play;
