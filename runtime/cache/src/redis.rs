//! A cache in Redis, for all processes of an installation.
//!
//! A value is 20 digits of the primary term, 20 digits of the sequence number, and then `d` (deleted) or `v` and the bytes. As texts of
//! equal length such heads are in the order of the versions, so the script that writes compares the first 40 characters.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tracardi_model::Tenant;
use tracardi_process::Endpoint;
use tracardi_redis::{Failure, Link, Script, Server};
use tracardi_store::Version;

use crate::cached::{Cache, Entry, Key, age};
use crate::circuit::Circuit;

/// Characters of a version.
const HEAD: usize = 40;

static SCRIPTS: LazyLock<[Script; 1]> = LazyLock::new(|| [Script::new(PUT)]);

/// Keys: those of the values. Arguments: how long they are kept in milliseconds, and the values.
const PUT: &str = "#!lua
for i, key in ipairs(KEYS) do
  local value = ARGV[i + 1]
  if redis.call('GETRANGE', key, 0, 39) < string.sub(value, 1, 40) then
    redis.call('SET', key, value, 'PX', ARGV[1])
  end
end
";

/// How a cache is kept in Redis.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What all our keys in this Redis begin with.
    pub prefix: String,
    /// How long something is kept that nobody changes.
    pub keep: Duration,
    /// How long a look may take; afterwards the store is asked instead.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { prefix: "tracardi".to_owned(), keep: Duration::from_mins(30), patience: Duration::from_millis(200) }
    }
}

/// The cache of one tenant in Redis.
#[derive(Debug)]
pub struct Redis {
    link: Link,
    names: Names,
    keep: u64,
    circuit: Circuit,
}

impl Redis {
    /// Connects when it is used; what is wrong with the settings by themselves is said here.
    pub fn new(endpoint: &Endpoint, tenant: Tenant, settings: Settings) -> Result<Self, Failure> {
        let Settings { prefix, keep, patience } = settings;
        let link = Link::new(Server::at(endpoint)?, &*SCRIPTS, patience);
        let keep = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX.unsigned_abs() / 2);
        Ok(Self { link, names: Names { prefix, tenant }, keep, circuit: Circuit::default() })
    }

    /// Whether the server can be used: for a look at the start, and for the status.
    pub async fn check(&self) -> Result<(), Failure> {
        self.link.ask(&redis::cmd("PING")).await
    }

    /// Asks if there is hope for an answer. A failure is told once.
    async fn ask<T: redis::FromRedisValue>(&self, question: &redis::Cmd) -> Option<T> {
        if !self.circuit.lets_through() {
            return None;
        }
        match self.link.ask(question).await {
            Ok(answer) => {
                if self.circuit.works() {
                    tracing::info!("the cache answers again");
                }
                Some(answer)
            }
            Err(failure) => {
                if self.circuit.failed() {
                    tracing::warn!(%failure, "the cache is away: the store is asked instead, which takes longer");
                }
                None
            }
        }
    }
}

#[async_trait]
impl Cache for Redis {
    async fn get(&self, keys: &[Key]) -> Vec<Option<Entry>> {
        if keys.is_empty() {
            return Vec::new();
        }
        let mut question = redis::cmd("MGET");
        for key in keys {
            question.arg(self.names.of(key));
        }
        let found: Vec<Option<Vec<u8>>> = self.ask(&question).await.unwrap_or_default();
        let found = found.into_iter().map(|value| read(&Bytes::from(value?)));
        found.chain(std::iter::repeat(None)).take(keys.len()).collect()
    }

    async fn put(&self, entries: Vec<(Key, Entry)>) {
        if entries.is_empty() {
            return;
        }
        let Some(script) = SCRIPTS.first() else { return };
        let keys: Vec<String> = entries.iter().map(|(key, _)| self.names.of(key)).collect();
        let mut put = script.on(&keys);
        put.arg(self.keep);
        for (_, entry) in &entries {
            put.arg(written(entry));
        }
        self.ask::<()>(&put).await;
    }

    async fn forget(&self, keys: &[Key]) {
        if keys.is_empty() {
            return;
        }
        let mut delete = redis::cmd("DEL");
        for key in keys {
            delete.arg(self.names.of(key));
        }
        self.ask::<()>(&delete).await;
    }
}

/// Makes keys of Redis.
#[derive(Debug)]
struct Names {
    prefix: String,
    tenant: Tenant,
}

impl Names {
    /// Only the id at the end may have a colon in it, so two documents never share a key.
    fn of(&self, key: &Key) -> String {
        let Key { context, kind, id } = key;
        format!("{}:{{{}:c}}:{context}:{}:{id}", self.prefix, self.tenant, kind.letter())
    }
}

fn written(entry: &Entry) -> Vec<u8> {
    let (term, number) = age(entry.version);
    let mut bytes = format!("{term:020}{number:020}").into_bytes();
    match &entry.value {
        None => bytes.push(b'd'),
        Some(value) => {
            bytes.push(b'v');
            bytes.extend_from_slice(value);
        }
    }
    bytes
}

/// What stands there; nothing if it is not what we write.
fn read(bytes: &Bytes) -> Option<Entry> {
    let head = std::str::from_utf8(bytes.get(..HEAD)?).ok()?;
    let (term, number) = head.split_at_checked(HEAD / 2)?;
    let version = Version { primary_term: term.parse().ok()?, seq_no: number.parse().ok()? };
    let value = match bytes.get(HEAD)? {
        b'd' => None,
        b'v' => Some(bytes.slice(HEAD + 1..)),
        _ => return None,
    };
    Some(Entry { version, value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tracardi_model::Context;

    use super::*;
    use crate::Kind;

    fn keys() -> impl Strategy<Value = (String, Key)> {
        let context = prop_oneof![Just(Context::Production), Just(Context::Staging)];
        let kind = proptest::sample::select(Kind::ALL.to_vec());
        // Few letters: collisions of what is put together wrongly are likely.
        ("[ab]{1,2}", context, kind, "[ab:{}psoi]{0,4}")
            .prop_map(|(tenant, context, kind, id)| (tenant, Key { context, kind, id }))
    }

    fn name(of: &(String, Key)) -> String {
        Names { prefix: "p".to_owned(), tenant: of.0.parse().unwrap() }.of(&of.1)
    }

    proptest! {
        #[test]
        fn two_documents_never_share_a_key(one in keys(), other in keys()) {
            prop_assert_eq!(name(&one) == name(&other), one == other);
        }

        #[test]
        fn what_is_written_is_read(term: u64, number: u64, value: Option<Vec<u8>>) {
            let version = Version { primary_term: term, seq_no: number };
            let entry = Entry { version, value: value.map(Bytes::from) };
            prop_assert_eq!(read(&Bytes::from(written(&entry))), Some(entry));
        }

        #[test]
        fn heads_are_in_the_order_of_versions(one: (u64, u64), other: (u64, u64)) {
            let head = |(primary_term, seq_no)| written(&Entry { version: Version { primary_term, seq_no }, value: None });
            prop_assert_eq!(head(one).cmp(&head(other)), one.cmp(&other));
        }
    }

    #[test]
    fn what_is_not_ours_is_nothing() {
        for odd in [
            "",
            "x",
            &"1".repeat(40),
            &format!("{}x", "1".repeat(40)),
            &format!("{}v", "x".repeat(40)),
            &"9".repeat(41),
        ] {
            assert_eq!(read(&Bytes::copy_from_slice(odd.as_bytes())), None, "{odd}");
        }
    }
}
