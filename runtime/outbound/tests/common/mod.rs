//! A worker and a receiver.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

pub mod house;
mod receiver;

#[allow(unused_imports, reason = "each test uses a part")]
pub use receiver::{Receiver, Seen, reply};
