//! Events that other processes have stored, for those who listen in this one.

use tokio::sync::{Notify, broadcast};
use tracardi_collector::LiveEvent;

/// Passes on what it is told to all who listen, and tells whoever fills it when that is worth the effort.
#[derive(Debug)]
pub struct Feed {
    events: broadcast::Sender<LiveEvent>,
    wanted: Notify,
}

impl Feed {
    /// `behind`: how many events a listener may lag behind before it misses some.
    #[must_use]
    pub fn new(behind: usize) -> Self {
        Self { events: broadcast::Sender::new(behind.max(1)), wanted: Notify::new() }
    }

    /// Listens from now on.
    pub fn listen(&self) -> broadcast::Receiver<LiveEvent> {
        let listener = self.events.subscribe();
        self.wanted.notify_one();
        listener
    }

    /// Waits until somebody listens.
    pub async fn wanted(&self) {
        while !self.is_heard() {
            self.wanted.notified().await;
        }
    }

    /// Whether somebody listens.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.events.receiver_count() > 0
    }

    /// Tells those who listen.
    pub fn tell(&self, event: LiveEvent) {
        // An error says that nobody listens.
        let _ = self.events.send(event);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt as _;
    use tracardi_model::Context;

    use super::*;

    #[tokio::test]
    async fn it_is_wanted_while_somebody_listens() {
        let feed = Feed::new(4);
        assert!(feed.wanted().now_or_never().is_none());
        let mut listener = feed.listen();
        feed.wanted().await;
        let event = serde_json::json!({"id": "e", "name": "A", "type": "a", "source": {"id": "s"},
            "metadata": {"time": {"insert": "2026-03-01T10:00:00Z"}}});
        feed.tell((Context::Staging, Arc::new(serde_json::from_value(event).unwrap())));
        let (context, event) = listener.recv().await.unwrap();
        assert_eq!((context, event.id()), (Context::Staging, "e"));
        drop(listener);
        assert!(!feed.is_heard() && feed.wanted().now_or_never().is_none());
    }
}
