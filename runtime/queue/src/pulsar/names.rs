//! What everything is called in Pulsar. Nothing else makes such a name.
//!
//! | thing | name |
//! |---|---|
//! | the queue | `persistent://{pulsar tenant}/{namespace}/{tenant}-{queue}`, partitioned |
//! | a partition of it | the same and `-partition-{n}`; Pulsar's own way to name one |
//! | its dead letters | the same as the queue and `-dlq`, not partitioned |
//! | the subscription, of both | `tracardi` |
//!
//! A tenant and a queue have no hyphen in their names, so no two pairs of them make the same topic.

use tracardi_model::Tenant;

use crate::QueueError;

/// The one subscription of a topic.
pub(super) const SUBSCRIPTION: &str = "tracardi";

/// The names of one queue of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pulsar_tenant: String,
    namespace: String,
    topic: String,
}

impl Names {
    /// The names, if Pulsar takes them. The error names the setting.
    pub(super) fn new(pulsar_tenant: &str, namespace: &str, tenant: &Tenant, queue: &str) -> Result<Self, QueueError> {
        for (setting, text) in [("tenant", pulsar_tenant), ("namespace", namespace)] {
            let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=:.".contains(&byte));
            if !fits || text.is_empty() || text.len() > 128 {
                let begin: String = text.chars().take(64).collect();
                return Err(QueueError::Refused(format!(
                    "Pulsar's {setting} {begin:?}: give 1 to 128 letters, digits and characters of -_=:."
                )));
            }
        }
        let fits = queue.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !fits || queue.is_empty() || queue.len() > 64 {
            let begin: String = queue.chars().take(64).collect();
            return Err(QueueError::Refused(format!(
                "{begin:?} is no name of a queue: give 1 to 64 lower case letters, digits and underscores"
            )));
        }
        Ok(Self {
            pulsar_tenant: pulsar_tenant.to_owned(),
            namespace: namespace.to_owned(),
            topic: format!("{tenant}-{queue}"),
        })
    }

    /// As in `public/default`.
    pub(super) fn namespace(&self) -> String {
        format!("{}/{}", self.pulsar_tenant, self.namespace)
    }

    /// The tenant of Pulsar, which has nothing to do with ours.
    pub(super) fn pulsar_tenant(&self) -> &str {
        &self.pulsar_tenant
    }

    /// The queue's topic.
    pub(super) fn topic(&self) -> String {
        format!("persistent://{}/{}", self.namespace(), self.topic)
    }

    /// One partition of the queue's topic; the first is 0.
    pub(super) fn partition(&self, number: usize) -> String {
        format!("{}-partition-{number}", self.topic())
    }

    /// The topic of the dead letters.
    pub(super) fn dead(&self) -> String {
        format!("{}-dlq", self.topic())
    }

    /// Where the admin API has the queue's topic.
    pub(super) fn topic_path(&self) -> String {
        format!("persistent/{}/{}", self.namespace(), self.topic)
    }

    /// Where the admin API has the topic of the dead letters.
    pub(super) fn dead_path(&self) -> String {
        format!("{}-dlq", self.topic_path())
    }

    /// Where the admin API has the namespaces of Pulsar's tenant.
    pub(super) fn tenant_path(&self) -> String {
        format!("namespaces/{}", self.pulsar_tenant)
    }

    /// Where the admin API has the namespace.
    pub(super) fn namespace_path(&self) -> String {
        format!("namespaces/{}", self.namespace())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn all(names: &Names) -> BTreeSet<String> {
        (0..20).map(|number| names.partition(number)).chain([names.topic(), names.dead()]).collect()
    }

    proptest! {
        #[test]
        fn two_tenants_never_meet_and_neither_do_two_queues(
            one in "[a-z][a-z0-9]{0,31}", other in "[a-z][a-z0-9]{0,31}", first in "[a-z0-9_]{1,64}", second in "[a-z0-9_]{1,64}",
        ) {
            let names = |tenant: &str, queue: &str| Names::new("public", "default", &tenant.parse().unwrap(), queue).unwrap();
            let (a, b) = (names(&one, &first), names(&other, &second));
            prop_assert_eq!(all(&a).is_disjoint(&all(&b)), (one, first) != (other, second));
        }
    }

    #[test]
    fn what_pulsar_would_misread_is_refused() {
        let made = |tenant, namespace, queue| Names::new(tenant, namespace, &Tenant::only(), queue);
        assert!(made("public", "default", "commands").is_ok());
        let names =
            [("a/b", "n", "q"), ("", "n", "q"), ("t", "n?", "q"), ("t", "n", ""), ("t", "n", "q-dlq"), ("t", "n", "Q")];
        for (tenant, namespace, queue) in names {
            assert!(
                matches!(made(tenant, namespace, queue), Err(QueueError::Refused(_))),
                "{tenant} {namespace} {queue}"
            );
        }
    }
}
