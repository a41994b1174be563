//! The live stream of a larger installation: each process with a writer tells through Redis what it has stored, if anybody listens,
//! and an API process listens there as long as somebody listens to it. Nothing is kept: who lags far behind, and whoever listens
//! while Redis is away, misses some.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, sleep};
use tracardi_collector::LiveEvent;
use tracardi_dispatch::Feed;
use tracardi_model::{Context, Tenant};
use tracardi_process::{Endpoint, Phase, Supervisor, Trouble};
use tracardi_redis::{Channel, Failure, Link, Server, channel};

/// How long Redis may take to be told something.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often it is asked whether anybody listens, while there is something to tell; and after a failure.
const ASKED: Duration = Duration::from_secs(1);
/// Events that are told at once.
const AT_ONCE: usize = 64;
/// Events of one process that are told in a second: more than anybody can look at, and what a slow listener can bear.
const TOLD: usize = 200;

const CONTEXTS: [Context; 2] = [Context::Production, Context::Staging];

/// The channel of each context.
fn channels(tenant: &Tenant) -> [String; 2] {
    CONTEXTS.map(|context| format!("tracardi:{{{tenant}:l}}:live:{}", context.as_str()))
}

/// Tells what a writer of this process stores, as the task `live events` of phase Accept.
pub(crate) fn tell(
    supervisor: &Supervisor,
    endpoint: &Endpoint,
    tenant: &Tenant,
    mut stored: Receiver<LiveEvent>,
) -> anyhow::Result<()> {
    let link = Link::new(Server::at(endpoint)?, &[], PATIENCE);
    let (channels, leaving) = (channels(tenant), supervisor.token(Phase::Accept));
    supervisor.spawn("live events", Phase::Accept, async move {
        let (mut heard, mut asked, mut told) = (false, None::<Instant>, 0);
        while let Some(Some(events)) = leaving.run_until_cancelled(some(&mut stored)).await {
            if asked.is_none_or(|asked| asked.elapsed() >= ASKED) {
                heard = channel::is_heard(&link, &channels).await.unwrap_or(false);
                (asked, told) = (Some(Instant::now()), 0);
            }
            // Redis being away is told by those who cannot do without it.
            if heard && told < TOLD {
                heard = channel::tell(&link, &messages(&channels, &events)).await.is_ok();
                told += events.len();
            }
        }
        leaving.cancelled().await;
    });
    Ok(())
}

/// The next events; None when there will be no more.
async fn some(stored: &mut Receiver<LiveEvent>) -> Option<Vec<LiveEvent>> {
    let first = loop {
        match stored.recv().await {
            Ok(event) => break event,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    };
    let mut events = vec![first];
    while events.len() < AT_ONCE {
        match stored.try_recv() {
            Ok(event) => events.push(event),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    Some(events)
}

fn messages(channels: &[String; 2], events: &[LiveEvent]) -> Vec<(String, Vec<u8>)> {
    let written = events.iter().filter_map(|(of, event)| {
        let (_, channel) = CONTEXTS.iter().zip(channels).find(|(context, _)| *context == of)?;
        Some((channel.clone(), serde_json::to_vec(event.as_ref()).ok()?))
    });
    written.collect()
}

/// Fills a feed while somebody listens to it, as the task `live stream` of phase Accept.
pub(crate) fn fill(
    supervisor: &Supervisor,
    endpoint: &Endpoint,
    tenant: &Tenant,
    feed: Arc<Feed>,
) -> anyhow::Result<()> {
    let (server, channels) = (Server::at(endpoint)?, channels(tenant));
    let leaving = supervisor.token(Phase::Accept);
    supervisor.spawn("live stream", Phase::Accept, async move {
        let trouble = Trouble::default();
        while leaving.run_until_cancelled(feed.wanted()).await.is_some() {
            let Some(Err(error)) =
                leaving.run_until_cancelled(listen(server.clone(), &channels, &feed, &trouble)).await
            else {
                continue;
            };
            if trouble.begin(error.to_string()) {
                tracing::warn!(%error, "the live stream shows nothing until Redis is back");
            }
            leaving.run_until_cancelled(sleep(ASKED)).await;
        }
    });
    Ok(())
}

/// Listens as long as somebody listens to the feed.
async fn listen(server: Server, channels: &[String; 2], feed: &Feed, trouble: &Trouble) -> Result<(), Failure> {
    let mut channel = Channel::listen(server, channels).await?;
    if trouble.end() {
        tracing::info!("the live stream shows again what is stored");
    }
    while feed.is_heard() {
        // Without a message it is looked again whether anybody listens.
        let Some((name, text)) = channel.next(ASKED).await? else { continue };
        let Some((context, _)) = CONTEXTS.iter().zip(channels).find(|(_, channel)| **channel == name) else { continue };
        // What cannot be read is from another version.
        if let Ok(event) = serde_json::from_slice(&text) {
            feed.tell((*context, Arc::new(event)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use serde_json::json;
    use tokio::sync::broadcast;
    use tracardi_servers::Kind;

    use super::*;

    #[tokio::test]
    async fn what_one_process_stores_is_shown_by_another_one_even_after_redis_was_away() {
        let mut redis = Kind::Redis.start().unwrap();
        let endpoint = Endpoint::new(format!("redis://{}", redis.address()));
        let (ours, others): (Tenant, Tenant) = ("ours".parse().unwrap(), "others".parse().unwrap());
        let supervisor = Supervisor::new();
        let (stored, receiver) = broadcast::channel(256);
        let (foreign, foreign_receiver) = broadcast::channel(256);
        tell(&supervisor, &endpoint, &ours, receiver).unwrap();
        tell(&supervisor, &endpoint, &others, foreign_receiver).unwrap();
        let feed = Arc::new(Feed::new(256));
        fill(&supervisor, &endpoint, &ours, feed.clone()).unwrap();
        let mut listener = feed.listen();
        for round in ["first", "second"] {
            let event = |context| {
                let event = json!({"id": round, "name": "A", "type": "a", "source": {"id": "s"},
                    "metadata": {"time": {"insert": "2026-03-01T10:00:00Z"}}});
                (context, Arc::new(serde_json::from_value(event).unwrap()))
            };
            // Whoever begins to listen hears what comes after a moment.
            loop {
                foreign.send(event(Context::Production)).unwrap();
                stored.send(event(Context::Staging)).unwrap();
                if let Ok(told) = tokio::time::timeout(Duration::from_millis(100), listener.recv()).await {
                    let (context, event) = told.unwrap();
                    assert_eq!(context, Context::Staging, "the other tenant's events are in production");
                    if event.id() == round {
                        break;
                    }
                }
            }
            redis.kill();
            redis.restart().unwrap();
        }
        supervisor.run_until(async {}).await.unwrap();
    }
}
