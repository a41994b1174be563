//! How an API process hears what became of a request, where its client needs to know: it waits at a [`Mailbox`], and the worker that
//! has carried the request out sends what came of it ([`Post`]) to the process that is noted on the envelope.
//!
//! Nothing depends on it but the answer: a reply that gets lost, or comes late, is one that was not waited for.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tracardi_engine::{Awaited, Rejected};
use tracardi_model::TrackAnswer;

/// What became of a request.
pub type Verdict = Result<TrackAnswer, Rejected>;

/// What is sent to who waits for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Which of all that the process waits for.
    pub number: u64,
    /// What became of it.
    pub verdict: Verdict,
}

/// Takes replies to the processes that wait for them.
#[async_trait]
pub trait Post: fmt::Debug + Send + Sync {
    /// Sends each to the process of this name. Never takes long, and what cannot be sent is lost.
    async fn send(&self, replies: Vec<(String, Reply)>);
}

/// Where a process waits.
#[derive(Clone, Debug)]
pub struct Mailbox {
    name: String,
    patience: Duration,
    waiting: Arc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    open: AtomicBool,
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    last: u64,
    senders: HashMap<u64, oneshot::Sender<Verdict>>,
}

impl Waiting {
    fn with<T>(&self, work: impl FnOnce(&mut List) -> T) -> T {
        // What is done under the lock does not panic halfway.
        work(&mut self.list.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Mailbox {
    /// A mailbox under the name of this process; closed until somebody empties it. Nobody waits longer than `patience`.
    #[must_use]
    pub fn new(name: String, patience: Duration) -> Self {
        Self { name, patience, waiting: Arc::default() }
    }

    /// The name under which it is reached.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Says whether replies arrive at the moment; while they do not, nobody waits.
    pub fn open(&self, open: bool) {
        self.waiting.open.store(open, Ordering::Relaxed);
    }

    /// How long somebody waits at most.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        self.patience
    }

    /// A place to wait at, from before the request is sent; none when no reply would arrive.
    #[must_use]
    pub fn expect(&self) -> Option<Expected> {
        if self.patience.is_zero() || !self.waiting.open.load(Ordering::Relaxed) {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        let number = self.waiting.with(|list| {
            list.last += 1;
            list.senders.insert(list.last, sender);
            list.last
        });
        let awaited = Awaited { by: self.name.clone(), number };
        Some(Expected { awaited, receiver, patience: self.patience, waiting: self.waiting.clone() })
    }

    /// Gives a reply to who waits for it, if somebody still does.
    pub fn deliver(&self, Reply { number, verdict }: Reply) {
        if let Some(sender) = self.waiting.with(|list| list.senders.remove(&number)) {
            let _ = sender.send(verdict);
        }
    }
}

/// Somebody who waits.
#[derive(Debug)]
pub struct Expected {
    awaited: Awaited,
    receiver: oneshot::Receiver<Verdict>,
    patience: Duration,
    waiting: Arc<Waiting>,
}

impl Expected {
    /// What is to be noted on the envelope.
    #[must_use]
    pub const fn awaited(&self) -> &Awaited {
        &self.awaited
    }

    /// What became of it; none when that is not known in time.
    pub async fn verdict(mut self) -> Option<Verdict> {
        tokio::time::timeout(self.patience, &mut self.receiver).await.ok()?.ok()
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.waiting.with(|list| list.senders.remove(&self.awaited.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn reply(expected: &Expected, task: &str) -> Reply {
        let answer = TrackAnswer { task: task.to_owned(), ..TrackAnswer::default() };
        Reply { number: expected.awaited().number, verdict: Ok(answer) }
    }

    fn mailbox() -> Mailbox {
        let mailbox = Mailbox::new("api-1".to_owned(), PATIENCE);
        mailbox.open(true);
        mailbox
    }

    fn waiting(mailbox: &Mailbox) -> usize {
        mailbox.waiting.with(|list| list.senders.len())
    }

    #[tokio::test]
    async fn each_gets_its_own() {
        let mailbox = mailbox();
        let (one, other) = (mailbox.expect().unwrap(), mailbox.expect().unwrap());
        assert_eq!(one.awaited().by, "api-1");
        let text = serde_json::to_vec(&reply(&other, "other")).unwrap();
        mailbox.deliver(serde_json::from_slice(&text).unwrap());
        mailbox.deliver(Reply { number: one.awaited().number, verdict: Err(Rejected::ConsentDenied) });
        assert_eq!(one.verdict().await, Some(Err(Rejected::ConsentDenied)));
        assert_eq!(other.verdict().await.unwrap().unwrap().task, "other");
        assert_eq!(waiting(&mailbox), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let mailbox = mailbox();
        let (late, left) = (mailbox.expect().unwrap(), mailbox.expect().unwrap());
        drop(left);
        let reply = reply(&late, "late");
        assert_eq!(late.verdict().await, None);
        mailbox.deliver(reply);
        assert_eq!(waiting(&mailbox), 0);
    }

    #[test]
    fn where_no_reply_arrives_nobody_waits() {
        assert!(Mailbox::new("x".to_owned(), PATIENCE).expect().is_none(), "nobody empties it yet");
        let mailbox = Mailbox::new("x".to_owned(), Duration::ZERO);
        mailbox.open(true);
        assert!(mailbox.expect().is_none());
    }
}
