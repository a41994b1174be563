//! An hour of a shop's traffic from a seed, and the client that sends it and remembers what was acknowledged.
//!
//! | module | what for |
//! |---|---|
//! | [`traffic`] | pure: who comes when, what they do; the payloads in the order of their times |
//! | [`client`] | one HTTP/1.1 connection that is kept, with bounds on size and time |
//! | [`delivery`] | the same request again until it is answered: what a careful tracker does |
//! | [`journal`] | what was acknowledged, and to whom |
//! | [`rng`] | numbers from a seed, for ever the same |
//! | [`cli`] | `tracardi simulate`: all of it together |
//!
//! The traffic is a function of its [`traffic::Plan`]: it draws from SplitMix64 streams written out in this crate, not
//! from a library's generator, whose sequence may change with its version.

pub mod cli;
pub mod client;
pub mod delivery;
pub mod journal;
pub mod rng;
pub mod traffic;

mod browsers;
mod people;
mod report;
mod run;
mod shop;
mod visit;
