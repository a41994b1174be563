//! What a receipt of Pulsar is worth, read from the namespace's policies and, where the token may, from the broker's settings.

use serde_json::Value;

use super::admin::{Admin, Answer};
use super::names::Names;
use crate::{Durability, QueueError};

/// Asks and judges.
pub(super) async fn read(admin: &Admin, names: &Names) -> Result<Durability, QueueError> {
    let policies = permitted(admin.get(&names.namespace_path()).await?);
    let broker = permitted(admin.get("brokers/configuration/runtime").await?);
    Ok(judge(&names.namespace(), policies.as_ref(), broker.as_ref()))
}

fn permitted(answer: Answer) -> Option<Value> {
    match answer {
        Answer::Done(value) => Some(value),
        Answer::Absent(_) | Answer::Present | Answer::Busy | Answer::Forbidden(_) => None,
    }
}

/// Where a value stands: in the policies, or (what holds when they are silent) in the broker's settings, which are texts.
struct Known<'a> {
    policies: Option<&'a Value>,
    broker: Option<&'a Value>,
}

impl Known<'_> {
    fn policy(&self, path: &str) -> Option<&Value> {
        self.policies.and_then(|policies| policies.pointer(path)).filter(|value| !value.is_null())
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.broker.and_then(|broker| broker.get(name)).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn number(&self, path: &str, name: &str) -> Option<i64> {
        let policy = self.policy(path).and_then(Value::as_i64);
        policy.or_else(|| self.setting(name).and_then(|text| text.parse().ok()))
    }

    fn is(&self, path: &str, name: &str) -> Option<bool> {
        let policy = self.policy(path).and_then(Value::as_bool);
        policy.or_else(|| self.setting(name).and_then(|text| text.parse().ok()))
    }
}

/// What is known, in words.
fn judge(namespace: &str, policies: Option<&Value>, broker: Option<&Value>) -> Durability {
    let known = Known { policies, broker };
    let mut warnings = Vec::new();
    let mut warn = |what: &str, command: &str| warnings.push(format!("{what}: `pulsar-admin namespaces {command}`"));
    let copies = known.number("/persistence/bookkeeperWriteQuorum", "managedLedgerDefaultWriteQuorum");
    let acknowledged = known.number("/persistence/bookkeeperAckQuorum", "managedLedgerDefaultAckQuorum");
    let words = if let (Some(copies), Some(sure)) = (copies, acknowledged) {
        if sure < 2 {
            warn(
                "a receipt is given when one bookie has a message, so the loss of one disk loses what was acknowledged",
                &format!(
                    "set-persistence {namespace} --bookkeeper-ensemble 3 --bookkeeper-write-quorum 3 --bookkeeper-ack-quorum 2 --ml-mark-delete-max-rate 0"
                ),
            );
        }
        let spare = (sure - 1).max(0);
        format!(
            "a receipt means that {sure} of {copies} bookies have the message; it survives the end of any process and the loss of {spare} of them"
        )
    } else {
        warn(
            "this token may not see how many bookies keep a message; look with an administrator's",
            &format!("get-persistence {namespace}"),
        );
        "a receipt means that as many bookies have the message as the namespace's policy says, which this token may not see"
            .to_owned()
    };
    let words = match known.setting("journalSyncData") {
        Some("true") => format!("{words}; they bring it to disk first"),
        Some(_) => format!(
            "{words}; they answer before it is on disk (journalSyncData=false), so a power failure of all loses it"
        ),
        None => format!(
            "{words}. Whether they bring it to disk first is told only by their own configuration (journalSyncData and journalWriteData, both true unless changed)"
        ),
    };
    if known.number("/message_ttl_in_seconds", "ttlDurationDefaultInSeconds").is_some_and(|seconds| seconds > 0) {
        warn(
            "messages that wait too long are thrown away (a time to live is set)",
            &format!("remove-message-ttl {namespace}"),
        );
    }
    if known
        .number("/subscription_expiration_time_minutes", "subscriptionExpirationTimeMinutes")
        .is_some_and(|minutes| minutes > 0)
    {
        warn(
            "a subscription that nobody uses for a while is removed with all that waits in it",
            &format!("set-subscription-expiration-time {namespace} --time 0"),
        );
    }
    if known.is("/deduplicationEnabled", "brokerDeduplicationEnabled").unwrap_or(false) {
        warn(
            "deduplication is on, and takes messages of a producer that was made anew for repetitions",
            &format!("set-deduplication {namespace} --disable"),
        );
    }
    let quotas = known.policy("/backlog_quota_map").and_then(Value::as_object);
    let evicts = |quota: &Value| quota.get("policy").and_then(Value::as_str) == Some("consumer_backlog_eviction");
    let by_default = quotas.is_none_or(serde_json::Map::is_empty)
        && known.setting("backlogQuotaDefaultRetentionPolicy") == Some("consumer_backlog_eviction");
    if by_default || quotas.is_some_and(|quotas| quotas.values().any(evicts)) {
        warn(
            "when the backlog quota is reached the oldest messages are thrown away",
            &format!("set-backlog-quota {namespace} --limit 100G --policy producer_exception"),
        );
    }
    let inactive = known.policy("/inactive_topic_policies");
    let deleted = inactive.and_then(|policy| policy.get("deleteWhileInactive")).and_then(Value::as_bool);
    let mode = inactive.and_then(|policy| policy.get("inactiveTopicDeleteMode")).and_then(Value::as_str);
    let deleted = deleted.or_else(|| known.is("", "brokerDeleteInactiveTopicsEnabled")).unwrap_or(false);
    let mode = mode.or_else(|| known.setting("brokerDeleteInactiveTopicsMode"));
    if deleted && mode == Some("delete_when_subscriptions_caught_up") {
        warn(
            "a topic with nothing to do is removed with its subscription, and what is sent then waits for nobody",
            &format!("set-inactive-topic-policies {namespace} --disable-delete-while-inactive"),
        );
    }
    Durability { words, warnings }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quorums_are_the_policies_or_else_the_brokers() {
        let policies =
            json!({"persistence": {"bookkeeperEnsemble": 3, "bookkeeperWriteQuorum": 3, "bookkeeperAckQuorum": 2}});
        let broker = json!({"managedLedgerDefaultWriteQuorum": "2", "managedLedgerDefaultAckQuorum": "1"});
        let good = judge("t/n", Some(&policies), Some(&broker));
        assert!(good.words.contains("2 of 3 bookies") && good.words.contains("loss of 1"), "{}", good.words);
        assert_eq!(good.warnings, Vec::<String>::new());
        let weak = judge("t/n", Some(&json!({"persistence": null})), Some(&broker));
        assert!(weak.words.contains("1 of 2 bookies"), "{}", weak.words);
        assert!(weak.warnings.first().is_some_and(|warning| warning.contains("set-persistence t/n")), "{weak:?}");
    }

    #[test]
    fn who_may_not_look_is_told_so() {
        let unknown = judge("t/n", None, None);
        assert!(unknown.words.contains("may not see"));
        assert_eq!(unknown.warnings.len(), 1);
    }

    #[test]
    fn each_setting_that_loses_messages_is_a_warning_with_its_remedy() {
        let persistence = json!({"bookkeeperWriteQuorum": 3, "bookkeeperAckQuorum": 2});
        let bad = [
            (json!({"message_ttl_in_seconds": 60}), "remove-message-ttl"),
            (json!({"subscription_expiration_time_minutes": 5}), "set-subscription-expiration-time"),
            (json!({"deduplicationEnabled": true}), "set-deduplication"),
            (
                json!({"backlog_quota_map": {"destination_storage": {"policy": "consumer_backlog_eviction"}}}),
                "set-backlog-quota",
            ),
            (
                json!({"inactive_topic_policies": {"deleteWhileInactive": true, "inactiveTopicDeleteMode": "delete_when_subscriptions_caught_up"}}),
                "set-inactive-topic-policies",
            ),
        ];
        for (mut policies, remedy) in bad {
            policies["persistence"] = persistence.clone();
            let warnings = judge("t/n", Some(&policies), None).warnings;
            assert_eq!(warnings.len(), 1, "{policies}: {warnings:?}");
            assert!(warnings[0].contains(remedy), "{warnings:?}");
        }
    }
}
