//! The keys of a queue in Redis. All of one queue have one hash tag, so they lie in one slot and a script may touch several.

use tracardi_model::Tenant;

/// The names of one queue's keys.
#[derive(Debug)]
pub(super) struct Names {
    streams: Vec<String>,
    dead: String,
    owners: String,
    members: String,
}

/// Where the number of partitions stands.
pub(super) fn partitions(prefix: &str, tenant: &Tenant, name: &str) -> String {
    format!("{}partitions", begin(prefix, tenant, name))
}

/// Neither a tenant nor the name of a queue has a separator in it: two queues' keys never meet.
fn begin(prefix: &str, tenant: &Tenant, name: &str) -> String {
    format!("{prefix}:{{{tenant}:q:{name}}}:")
}

impl Names {
    pub(super) fn new(prefix: &str, tenant: &Tenant, name: &str, partitions: u16) -> Self {
        let begin = begin(prefix, tenant, name);
        Self {
            streams: (0..partitions).map(|number| format!("{begin}{number}")).collect(),
            dead: format!("{begin}dead"),
            owners: format!("{begin}owners"),
            members: format!("{begin}members"),
        }
    }

    /// The partition of a key.
    pub(super) fn partition_of(&self, key: &str) -> u16 {
        let number = u32::try_from(self.streams.len()).unwrap_or(1).max(1);
        u16::try_from(crc32c::crc32c(key.as_bytes()) % number).unwrap_or_default()
    }

    /// The stream of a partition.
    pub(super) fn stream(&self, partition: u16) -> Option<&String> {
        self.streams.get(usize::from(partition))
    }

    /// All streams, by the number of their partition.
    pub(super) fn streams(&self) -> &[String] {
        &self.streams
    }

    /// The stream of dead letters.
    pub(super) fn dead(&self) -> &String {
        &self.dead
    }

    /// Who has which partition: a hash from number to token.
    pub(super) fn owners(&self) -> &String {
        &self.owners
    }

    /// Which consumers live, by token, and until when: a sorted set.
    pub(super) fn members(&self) -> &String {
        &self.members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_in_its_partition() {
        // Written down: messages that wait in a queue depend on it.
        let names = Names::new("tracardi", &Tenant::only(), "commands", 16);
        assert_eq!(names.streams().first().map(String::as_str), Some("tracardi:{default:q:commands}:0"));
        assert_eq!(["", "a", "profile-1", "ż"].map(|key| names.partition_of(key)), [0, 0, 6, 13]);
    }
}
