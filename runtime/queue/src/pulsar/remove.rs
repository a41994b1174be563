//! Removes a queue: its topics, with what waits in them. The namespace stays, it may be others' too.

use super::PulsarSettings;
use super::admin::{Admin, Answer};
use super::names::Names;
use crate::QueueError;

/// Removes a tenant's queue of this name, and its dead letters. Repeating it does no harm. Somebody who still sends or receives is an
/// error ([`QueueError::Unavailable`]): nothing is removed under his hands.
pub async fn remove(settings: &PulsarSettings, queue: &str) -> Result<(), QueueError> {
    let names = Names::new(&settings.pulsar_tenant, &settings.namespace, &settings.tenant, queue)?;
    let (_, url) = settings.check()?;
    let admin = Admin::new(&settings.admin, &url, settings.patience)?;
    gone(&admin, &names.topic(), &format!("{}/partitions", names.topic_path())).await?;
    gone(&admin, &names.dead(), &names.dead_path()).await
}

async fn gone(admin: &Admin, topic: &str, path: &str) -> Result<(), QueueError> {
    match admin.delete(path).await? {
        Answer::Done(_) | Answer::Absent(_) => Ok(()),
        Answer::Busy | Answer::Present => Err(QueueError::Unavailable(format!(
            "the topic {topic} is in use: end the tenant's processes, and ask again"
        ))),
        Answer::Forbidden(why) => Err(QueueError::Refused(format!(
            "the token may not remove the topic {topic} ({why}): let an administrator run `pulsar-admin topics delete`"
        ))),
    }
}
