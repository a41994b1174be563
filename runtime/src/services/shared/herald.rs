//! Processes tell one another through Redis that the configuration has changed, so that a change is seen at once rather than at the
//! next look. Nothing depends on it but the time that it takes: while Redis is away, looking goes on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::sleep;
use tracardi_model::Tenant;
use tracardi_mysql::Herald;
use tracardi_process::{Endpoint, Phase, Supervisor};
use tracardi_redis::{Channel, Failure, Link, Server, channel};

/// How long Redis may take to be told something.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long nobody may tell anything before Redis is asked whether it is still there.
const ASKED: Duration = Duration::from_secs(5);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells and listens through Redis.
#[derive(Debug)]
pub(crate) struct Redis {
    /// There is something to tell.
    news: Arc<Notify>,
    /// Somebody has told something.
    heard: Arc<Notify>,
}

/// The channel.
pub(super) fn name(tenant: &Tenant) -> String {
    format!("tracardi:{{{tenant}:n}}:configuration")
}

impl Redis {
    /// Tells and listens as the tasks `configuration news` and `news of others` of phase Flush.
    pub(crate) fn new(supervisor: &Supervisor, endpoint: &Endpoint, tenant: &Tenant) -> anyhow::Result<Arc<Self>> {
        let (server, names) = (Server::at(endpoint)?, [name(tenant)]);
        let own = Self { news: Arc::default(), heard: Arc::default() };
        let (link, news, leaving) =
            (Link::new(server.clone(), &[], PATIENCE), own.news.clone(), supervisor.token(Phase::Flush));
        let message = [(name(tenant), Vec::new())];
        supervisor.spawn("configuration news", Phase::Flush, async move {
            while leaving.run_until_cancelled(news.notified()).await.is_some() {
                // Redis being away is told by those who cannot do without it.
                let _ = channel::tell(&link, &message).await;
            }
        });
        let (heard, leaving) = (own.heard.clone(), supervisor.token(Phase::Flush));
        supervisor.spawn("news of others", Phase::Flush, async move {
            while let Some(Err(_)) = leaving.run_until_cancelled(listen(server.clone(), &names, &heard)).await {
                leaving.run_until_cancelled(sleep(PAUSE)).await;
            }
        });
        Ok(Arc::new(own))
    }
}

/// Listens until the connection ends.
async fn listen(server: Server, names: &[String; 1], told: &Notify) -> Result<(), Failure> {
    let mut channel = Channel::listen(server, names).await?;
    // What was told before was missed.
    told.notify_one();
    loop {
        if channel.next(ASKED).await?.is_some() {
            told.notify_one();
        }
    }
}

#[async_trait]
impl Herald for Redis {
    /// Returns at once: whoever has changed something does not wait for it.
    async fn tell(&self, _: &Tenant) {
        self.news.notify_one();
    }

    async fn told(&self, _: &Tenant) {
        self.heard.notified().await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use tokio::time::timeout;
    use tracardi_servers::Kind;

    use super::*;

    /// Tells until the other hears it: whoever begins to listen hears what comes after a moment.
    async fn heard(one: &Redis, other: &Redis, tenant: &Tenant) {
        loop {
            one.tell(tenant).await;
            if timeout(Duration::from_millis(100), other.told(tenant)).await.is_ok() {
                return;
            }
        }
    }

    #[tokio::test]
    async fn what_one_tells_the_others_hear_even_after_redis_was_away() {
        let mut redis = Kind::Redis.start().unwrap();
        let endpoint = Endpoint::new(format!("redis://{}", redis.address()));
        let (ours, others): (Tenant, Tenant) = ("ours".parse().unwrap(), "others".parse().unwrap());
        let supervisor = Supervisor::new();
        let own = || Redis::new(&supervisor, &endpoint, &ours).unwrap();
        let (one, other) = (own(), own());
        let stranger = Redis::new(&supervisor, &endpoint, &others).unwrap();
        // Each is woken once when it begins to listen.
        for herald in [&one, &other, &stranger] {
            herald.told(&ours).await;
        }
        heard(&one, &other, &ours).await;
        heard(&one, &one, &ours).await;
        assert!(timeout(Duration::from_millis(300), stranger.told(&others)).await.is_err(), "of another tenant");
        redis.kill();
        one.tell(&ours).await;
        redis.restart().unwrap();
        other.told(&ours).await;
        heard(&one, &other, &ours).await;
        supervisor.run_until(async {}).await.unwrap();
    }
}
