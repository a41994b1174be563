//! How this house speaks to Redis.
//!
//! | module | what for |
//! |---|---|
//! | [`server`] | where Redis is and who we are there |
//! | [`link`] | a connection that is rebuilt when it breaks; many may use it at once |
//! | [`channel`] | what is told to all who listen at the moment |
//! | [`inbox`] | what many processes send to one |
//! | [`script`] | programs that run inside Redis, whole or not at all |
//! | [`look`] | a look at a server that changes nothing |
//! | [`failure`] | what goes wrong, in words that name setting and remedy |
//!
//! Redis 7.0 or newer (or Valkey), one primary with or without replicas, directly or behind a name or proxy that leads to the
//! primary. Redis Cluster is refused at the first connection: nothing here follows its redirections. All keys of one script bear the
//! same hash tag all the same, so that they would lie in one slot.

pub mod channel;
pub mod failure;
pub mod inbox;
pub mod link;
pub mod look;
pub mod remove;
pub mod script;
pub mod server;

pub use channel::Channel;
pub use failure::Failure;
pub use inbox::Inbox;
pub use link::Link;
pub use look::look;
pub use remove::remove;
pub use script::Script;
pub use server::Server;
