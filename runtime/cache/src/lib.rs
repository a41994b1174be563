//! What the last commit left, for those who need it again soon: documents by id, each with its version.
//!
//! | module | what for |
//! |---|---|
//! | [`cached`] | keys, entries and the trait |
//! | [`redis`] | shared by the processes of an installation |
//! | [`memory`] | in one process |
//! | `circuit` | a cache that is away costs nobody's time |
//!
//! A cache may forget anything at any time, and may be a moment behind; so nothing here fails. Whoever writes from what it read here
//! says which version it replaces, and learns from the store when that was not the newest; then [`Cache::forget`] and load.

pub mod cached;
mod circuit;
pub mod memory;
pub mod redis;

pub use self::redis::Redis;
pub use cached::{Cache, Entry, Key, Kind};
pub use memory::Memory;
