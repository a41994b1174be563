//! The ground a queue stands on: its topics and their subscriptions, made where they are absent. Each step may be repeated, and
//! two processes may take them at the same time.
//!
//! The subscriptions come before the first message: Pulsar keeps nothing that nobody has subscribed to.

use std::time::Duration;

use serde_json::{Value, json};

use super::admin::{Admin, Answer};
use super::names::{Names, SUBSCRIPTION};
use super::stats::{self, Stats};
use crate::QueueError;

/// How often a subscription is asked for that somebody else is making, and how long it is waited in between.
const ATTEMPTS: usize = 50;
const MOMENT: Duration = Duration::from_millis(100);

/// Looks whether the namespace is there and may be used; a warning where it has yet to be made.
pub(super) async fn survey(admin: &Admin, names: &Names) -> Result<Option<String>, QueueError> {
    match admin.get(&names.namespace_path()).await? {
        Answer::Done(_) | Answer::Present | Answer::Busy => Ok(None),
        // Only who may administer the namespace sees it; who may use it may ask for a topic.
        Answer::Forbidden(_) => partitions_of(admin, names).await.map(|_| None),
        Answer::Absent(_) => {
            if let Answer::Absent(why) = admin.get(&names.tenant_path()).await? {
                return Err(no_tenant(names, &why));
            }
            let namespace = names.namespace();
            Ok(Some(format!(
                "the namespace {namespace} is not there: it is made when it is needed and the token gives the right to; otherwise let an administrator run `pulsar-admin namespaces create {namespace}`"
            )))
        }
    }
}

/// Makes what is absent; how many partitions the queue's topic has.
pub(super) async fn prepare(admin: &Admin, names: &Names, partitions: u32) -> Result<usize, QueueError> {
    let mut found = partitions_of(admin, names).await?;
    if found.is_none() {
        let path = format!("{}/partitions", names.topic_path());
        let by_hand =
            format!("pulsar-admin topics create-partitioned-topic {} --partitions {partitions}", names.topic());
        make_topic(admin, names, &path, Some(json!(partitions)), &by_hand).await?;
        // Somebody else may have been faster, with another number.
        found = partitions_of(admin, names).await?;
    }
    let found = found.unwrap_or(0);
    if found == 0 {
        return Err(QueueError::Refused(format!(
            "the topic {} has no partitions: Tracardi has to make it, so remove it (`pulsar-admin topics delete`)",
            names.topic()
        )));
    }
    if !stats::of_queue(admin, names).await?.is_some_and(|stats| stats.is_subscribed(found)) {
        subscribe(admin, &names.topic_path(), &names.topic()).await?;
    }
    let mut dead = stats::of_dead(admin, names).await?;
    if dead.is_none() {
        let by_hand = format!("pulsar-admin topics create {}", names.dead());
        make_topic(admin, names, &names.dead_path(), None, &by_hand).await?;
        dead = Some(Stats::default());
    }
    if !dead.is_some_and(|dead| dead.is_subscribed(1)) {
        subscribe(admin, &names.dead_path(), &names.dead()).await?;
    }
    Ok(found)
}

async fn partitions_of(admin: &Admin, names: &Names) -> Result<Option<usize>, QueueError> {
    match admin.get(&format!("{}/partitions", names.topic_path())).await? {
        Answer::Done(found) => {
            let number =
                found.get("partitions").and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
            match number {
                // So it is told of a topic that does not exist, too.
                Some(0) => Ok(stats::exists(admin, &names.topic_path()).await?.then_some(0)),
                Some(number) => Ok(Some(number)),
                None => Err(QueueError::Refused("the admin API does not tell partitions: is it Pulsar's?".to_owned())),
            }
        }
        Answer::Absent(_) | Answer::Present | Answer::Busy => Ok(None),
        Answer::Forbidden(why) => Err(forbidden(&why, &names.topic(), &grant(names))),
    }
}

/// Makes a topic, and the namespace where that is what is absent.
async fn make_topic(
    admin: &Admin,
    names: &Names,
    path: &str,
    body: Option<Value>,
    by_hand: &str,
) -> Result<(), QueueError> {
    let namespace = names.namespace();
    match admin.put(path, body.clone()).await? {
        Answer::Done(_) | Answer::Present => return Ok(()),
        Answer::Forbidden(why) => return Err(forbidden(&why, "the topic", by_hand)),
        Answer::Absent(_) | Answer::Busy => {}
    }
    let make_namespace = format!("pulsar-admin namespaces create {namespace}");
    match admin.put(&names.namespace_path(), None).await? {
        Answer::Done(_) | Answer::Present | Answer::Busy => {}
        Answer::Forbidden(why) => return Err(forbidden(&why, "the namespace", &make_namespace)),
        Answer::Absent(why) => return Err(no_tenant(names, &why)),
    }
    match admin.put(path, body).await? {
        Answer::Done(_) | Answer::Present => Ok(()),
        Answer::Forbidden(why) => Err(forbidden(&why, "the topic", by_hand)),
        Answer::Busy => Err(QueueError::Unavailable(format!("somebody else is making topics in {namespace}"))),
        Answer::Absent(why) => Err(QueueError::Unavailable(format!(
            "the namespace {namespace} is not there yet, though it was made: {why}"
        ))),
    }
}

async fn subscribe(admin: &Admin, path: &str, topic: &str) -> Result<(), QueueError> {
    let earliest = json!({"ledgerId": -1, "entryId": -1, "partitionIndex": -1});
    for _ in 0..ATTEMPTS {
        match admin.put(&format!("{path}/subscription/{SUBSCRIPTION}"), Some(earliest.clone())).await? {
            Answer::Done(_) | Answer::Present => return Ok(()),
            // Two who make the same one at the same time; one of them has made it a moment later.
            Answer::Busy => tokio::time::sleep(MOMENT).await,
            Answer::Forbidden(why) => {
                let by_hand = format!(
                    "pulsar-admin topics create-subscription {topic} --subscription {SUBSCRIPTION} --messageId earliest"
                );
                return Err(forbidden(&why, "the subscription", &by_hand));
            }
            Answer::Absent(why) => {
                return Err(QueueError::Unavailable(format!("{topic} vanished while it was prepared: {why}")));
            }
        }
    }
    Err(QueueError::Unavailable(format!("the subscription of {topic} is being made by somebody else")))
}

/// Says that Pulsar has no such tenant.
pub(super) fn no_tenant(names: &Names, why: &str) -> QueueError {
    let tenant = names.pulsar_tenant();
    QueueError::Refused(format!(
        "Pulsar has no tenant {tenant:?} ({why}): give another one, or let its administrator run `pulsar-admin tenants create {tenant}`"
    ))
}

/// The command that lets a role use the topics.
pub(super) fn grant(names: &Names) -> String {
    format!("pulsar-admin namespaces grant-permission {} --role ROLE --actions produce,consume", names.namespace())
}

/// Says that a right is missing, and what somebody who has it can do.
pub(super) fn forbidden(why: &str, what: &str, by_hand: &str) -> QueueError {
    QueueError::Refused(format!("the token gives no right to {what} ({why}): let an administrator run `{by_hand}`"))
}
