//! What the endpoints see of whoever takes their requests: the writer of this process ([`Collector`]), or a queue before the
//! writers of others.

use std::fmt;

use async_trait::async_trait;
use tokio::sync::broadcast;
use tracardi_engine::{Command, Consent, Rejected, Submission};
use tracardi_model::{Context, TrackAnswer};
use tracardi_process::Bell;
use tracardi_store::Index;

use crate::{CollectError, Collector, LiveEvent, Merged};

/// Takes requests.
#[async_trait]
pub trait Intake: fmt::Debug + Send + Sync {
    /// Collects what takes `bytes` bytes of memory. Ok means: it is durable and will be carried out, once, whatever
    /// crashes. The same request again changes nothing.
    async fn collect(&self, submission: Submission, bytes: usize) -> Result<TrackAnswer, CollectError>;

    /// Processes an event in quarantine once more, which takes `bytes` bytes of memory. Ok means: it is stored as it should be.
    async fn replay(&self, command: Command, bytes: usize) -> Result<(), CollectError>;

    /// Keeps a decision about consents, sent with `bytes` bytes. Ok as for [`Intake::collect`].
    async fn consent(&self, consent: Consent, bytes: usize) -> Result<(), CollectError>;

    /// Removes a document by its own id, durably; whether there was one. Whoever is collected afterwards does not see it any more.
    async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, CollectError>;

    /// Makes one profile of all that these ids lead to, and of all that share an id with one of them. The oldest survives.
    /// Ok means: it is true, every id leads to the survivor. Its history (sessions, events) follows in the background.
    /// Merging again changes nothing.
    async fn merge(&self, context: Context, ids: &[String]) -> Result<Merged, CollectError>;

    /// Counts a request that was refused before it came here.
    fn refused(&self, rejected: &Rejected);

    /// Events from now on, right after they are stored. A listener that lags behind misses some and is told how many.
    fn live(&self) -> broadcast::Receiver<LiveEvent>;

    /// To be rung with context and id of a destination for which there is something in the outbox.
    fn outgoing(&self) -> Bell<(Context, String)>;

    /// Why requests cannot be taken at the moment, for people; none when they can.
    fn complaint(&self) -> Option<String>;
}

#[async_trait]
impl Intake for Collector {
    async fn collect(&self, submission: Submission, bytes: usize) -> Result<TrackAnswer, CollectError> {
        let settings = self.settings();
        self.collect(submission.command(&settings), bytes).await
    }

    async fn replay(&self, command: Command, bytes: usize) -> Result<(), CollectError> {
        self.collect(command, bytes).await.map(drop)
    }

    async fn consent(&self, consent: Consent, bytes: usize) -> Result<(), CollectError> {
        self.consent(consent, bytes).await
    }

    async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, CollectError> {
        self.delete(context, index, id).await
    }

    async fn merge(&self, context: Context, ids: &[String]) -> Result<Merged, CollectError> {
        self.merge(context, ids).await
    }

    fn refused(&self, rejected: &Rejected) {
        self.refused(rejected);
    }

    fn live(&self) -> broadcast::Receiver<LiveEvent> {
        self.live()
    }

    fn outgoing(&self) -> Bell<(Context, String)> {
        self.outgoing()
    }

    fn complaint(&self) -> Option<String> {
        self.trouble().map(|reason| format!("events cannot be stored at the moment: {reason}"))
    }
}
