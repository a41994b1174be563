//! Processes tell one another through Redis that the configuration has changed, so that a change is seen at once rather than at the
//! next look. Nothing depends on it but the time that it takes: while Redis is away, looking goes on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::sleep;
use tracardi_model::Tenant;
use tracardi_mysql::Herald;
use tracardi_process::{Endpoint, Phase, Supervisor, Trouble};
use tracardi_redis::{Channel, Link, Server, channel};

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
    /// Tells and listens as the tasks `configuration news` and `news of others` of phase Flush. `place`: where Redis is; asked at each
    /// attempt, so what is corrected in a file counts without a restart.
    pub(crate) fn new(supervisor: &Supervisor, place: impl Place, tenant: &Tenant) -> Arc<Self> {
        let own = Self { news: Arc::default(), heard: Arc::default() };
        let (news, leaving) = (own.news.clone(), supervisor.token(Phase::Flush));
        let (at, message) = (place.clone(), [(name(tenant), Vec::new())]);
        supervisor.spawn("configuration news", Phase::Flush, async move {
            let mut link = None;
            while leaving.run_until_cancelled(news.notified()).await.is_some() {
                // Who listens says what is wrong; the others look by themselves.
                link = tell(link.take(), &at, &message).await.ok();
            }
        });
        let (heard, leaving, names) = (own.heard.clone(), supervisor.token(Phase::Flush), [name(tenant)]);
        supervisor.spawn("news of others", Phase::Flush, async move {
            let trouble = Trouble::default();
            let once = || listen(&place, &names, &heard, &trouble);
            while let Some(Err(error)) = leaving.run_until_cancelled(once()).await {
                if trouble.begin(format!("{error:#}")) {
                    tracing::warn!("changes of the configuration are seen by looking only: {error:#}");
                }
                leaving.run_until_cancelled(sleep(PAUSE)).await;
            }
        });
        Arc::new(own)
    }
}

/// Where a server is.
pub(crate) trait Place: Fn() -> anyhow::Result<Endpoint> + Clone + Send + Sync + 'static {}

impl<F: Fn() -> anyhow::Result<Endpoint> + Clone + Send + Sync + 'static> Place for F {}

/// Tells, over this connection or another one; the one that may be used again.
async fn tell(link: Option<Link>, place: &impl Place, message: &[(String, Vec<u8>); 1]) -> anyhow::Result<Link> {
    let link = match link {
        Some(link) => link,
        None => Link::new(Server::at(&place()?)?, &[], PATIENCE),
    };
    channel::tell(&link, message).await?;
    Ok(link)
}

/// Listens until the connection ends.
async fn listen(place: &impl Place, names: &[String; 1], told: &Notify, trouble: &Trouble) -> anyhow::Result<()> {
    let mut channel = Channel::listen(Server::at(&place()?)?, names).await?;
    if trouble.end() {
        tracing::info!("changes of the configuration are heard of again");
    }
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
        let place = move || Ok(endpoint.clone());
        let (ours, others): (Tenant, Tenant) = ("ours".parse().unwrap(), "others".parse().unwrap());
        let supervisor = Supervisor::new();
        let own = || Redis::new(&supervisor, place.clone(), &ours);
        let (one, other) = (own(), own());
        let stranger = Redis::new(&supervisor, place.clone(), &others);
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
