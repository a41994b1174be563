//! What waits in the topics, as the admin API tells.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::admin::{Admin, Answer};
use super::ground::{forbidden, grant};
use super::names::{Names, SUBSCRIPTION};
use crate::QueueError;

/// Of a topic without partitions, or of all partitions of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stats {
    topics: Vec<TopicStats>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct TopicStats {
    subscriptions: BTreeMap<String, SubscriptionStats>,
    /// Bytes that wait.
    backlog_size: i64,
    /// Bytes that may; without a bound it is not positive.
    backlog_quota_limit_size: i64,
    /// Seconds that the oldest message may wait; likewise.
    backlog_quota_limit_time: i64,
    oldest_backlog_message_age_seconds: i64,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct SubscriptionStats {
    msg_backlog: i64,
}

#[derive(Deserialize)]
struct Partitioned {
    #[serde(default)]
    partitions: BTreeMap<String, TopicStats>,
}

impl Stats {
    /// Messages that are not acknowledged.
    pub(super) fn waiting(&self) -> u64 {
        let of_topic = |topic: &TopicStats| {
            topic.subscriptions.get(SUBSCRIPTION).map_or(0, |subscription| subscription.msg_backlog)
        };
        self.topics.iter().map(of_topic).map(|number| u64::try_from(number).unwrap_or(0)).sum()
    }

    /// Whether all of so many partitions have our subscription.
    pub(super) fn is_subscribed(&self, partitions: usize) -> bool {
        let subscribed = self.topics.iter().filter(|topic| topic.subscriptions.contains_key(SUBSCRIPTION));
        subscribed.count() >= partitions
    }

    /// Which of Pulsar's own bounds a partition has come close to (nine tenths), in words. At the bound itself Pulsar would
    /// leave producers without an answer.
    pub(super) fn near_quota(&self) -> Option<String> {
        let near = |value: i64, limit: i64| limit > 0 && value.saturating_mul(10) >= limit.saturating_mul(9);
        self.topics.iter().find_map(|topic| {
            let (size, most) = (topic.backlog_size, topic.backlog_quota_limit_size);
            let (age, oldest) = (topic.oldest_backlog_message_age_seconds, topic.backlog_quota_limit_time);
            if near(size, most) {
                Some(format!("a partition has {size} of the {most} bytes that its backlog quota permits"))
            } else if near(age, oldest) {
                Some(format!("a message is {age} s old, and the backlog quota permits {oldest} s"))
            } else {
                None
            }
        })
    }
}

/// Of the queue's topic; `None` when it does not exist.
pub(super) async fn of_queue(admin: &Admin, names: &Names) -> Result<Option<Stats>, QueueError> {
    let path = format!("{}/partitioned-stats?perPartition=true&getPreciseBacklog=true", names.topic_path());
    let found: Option<Partitioned> = read(admin, names, &path).await?;
    Ok(found.map(|found| Stats { topics: found.partitions.into_values().collect() }))
}

/// Of the dead letters' topic; `None` when it does not exist.
pub(super) async fn of_dead(admin: &Admin, names: &Names) -> Result<Option<Stats>, QueueError> {
    let path = format!("{}/stats?getPreciseBacklog=true", names.dead_path());
    let found: Option<TopicStats> = read(admin, names, &path).await?;
    Ok(found.map(|found| Stats { topics: vec![found] }))
}

/// Whether there is a topic without partitions.
pub(super) async fn exists(admin: &Admin, path: &str) -> Result<bool, QueueError> {
    Ok(matches!(admin.get(&format!("{path}/stats")).await?, Answer::Done(_)))
}

async fn read<T: serde::de::DeserializeOwned>(
    admin: &Admin,
    names: &Names,
    path: &str,
) -> Result<Option<T>, QueueError> {
    match admin.get(path).await? {
        Answer::Done(value) => serde_json::from_value(value)
            .map(Some)
            .map_err(|error| QueueError::Unavailable(format!("the admin API's figures are not understood: {error}"))),
        Answer::Absent(_) | Answer::Present | Answer::Busy => Ok(None),
        Answer::Forbidden(why) => Err(forbidden(&why, "the topics' figures", &grant(names))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(topics: serde_json::Value) -> Stats {
        Stats { topics: serde_json::from_value(topics).unwrap() }
    }

    #[test]
    fn what_waits_is_added_up_and_a_partition_without_subscription_is_noticed() {
        let stats = of(json!([
            {"subscriptions": {"tracardi": {"msgBacklog": 3}, "other": {"msgBacklog": 9}}, "more": 1},
            {"subscriptions": {"tracardi": {"msgBacklog": 4}}},
            {"subscriptions": {}},
        ]));
        assert_eq!(stats.waiting(), 7);
        assert!(stats.is_subscribed(2));
        assert!(!stats.is_subscribed(3));
    }

    #[test]
    fn a_quota_is_near_at_nine_tenths_and_only_where_there_is_one() {
        assert_eq!(of(json!([{"backlogSize": 1_000_000, "backlogQuotaLimitSize": -1}])).near_quota(), None);
        assert_eq!(of(json!([{"backlogSize": 899, "backlogQuotaLimitSize": 1000}])).near_quota(), None);
        assert!(of(json!([{}, {"backlogSize": 900, "backlogQuotaLimitSize": 1000}])).near_quota().is_some());
        assert!(
            of(json!([{"oldestBacklogMessageAgeSeconds": 95, "backlogQuotaLimitTime": 100}])).near_quota().is_some()
        );
    }
}
