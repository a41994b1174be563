//! Tests against a real Kubernetes with the operator in it and the real images; see `tracardi_e2e` for how they work.
//! One program, so that scenarios run side by side and those that need the operator for themselves run alone.

mod browser;
mod capabilities;
mod events;
mod helpers;
mod idle;
mod leadership;
mod lifecycle;
mod modes;
mod network;
mod ownership;
mod refusals;
mod security;
