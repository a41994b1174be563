//! Programs that run inside Redis.

use redis::{Cmd, ToRedisArgs};

/// A program in Lua. It begins with the line `#!lua` and its flags, so that Redis judges before it runs whether there is memory for
/// it: it runs whole or not at all.
#[derive(Debug)]
pub struct Script {
    text: &'static str,
    digest: String,
}

impl Script {
    /// Of this text.
    #[must_use]
    pub fn new(text: &'static str) -> Self {
        Self { text, digest: redis::Script::new(text).get_hash().to_owned() }
    }

    /// The call of it on these keys; its arguments follow with [`Cmd::arg`].
    #[must_use]
    pub fn on<K: ToRedisArgs>(&self, keys: &[K]) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(&self.digest).arg(keys.len());
        for key in keys {
            call.arg(key);
        }
        call
    }

    /// What makes it known to Redis.
    pub(crate) fn load(&self) -> Cmd {
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(self.text);
        load
    }
}
