//! Writes down what became of attempts, for all destinations together: what comes while one transaction is being synced
//! is the next one. Nobody goes on before it is on disk, so nothing that was written down is sent again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracardi_process::SharedClock;
use tracardi_store::{Outbox, Settled};

/// Outcomes that may wait; who has one more waits for room.
const QUEUE: usize = 256;
/// Outcomes in one transaction.
const GROUP: usize = 512;
/// How long to wait when the store did not take them.
const AGAIN: Duration = Duration::from_secs(1);

type Outcome = (i64, Settled, oneshot::Sender<()>);

/// A handle; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Settler(mpsc::Sender<Outcome>);

/// The task that writes; it ends when all handles are gone.
pub(crate) struct Settling(mpsc::Receiver<Outcome>);

pub(crate) fn settler() -> (Settler, Settling) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Settler(sender), Settling(receiver))
}

impl Settler {
    /// Returns when it is on disk, or when the process leaves before that: then the same is sent again after the start.
    pub(crate) async fn settle(&self, seq: i64, settled: Settled) {
        let (reply, written) = oneshot::channel();
        if self.0.send((seq, settled, reply)).await.is_ok() {
            let _ = written.await;
        }
    }
}

impl Settling {
    pub(crate) async fn run(mut self, outbox: Arc<dyn Outbox>, clock: SharedClock, end: CancellationToken) {
        let mut group = Vec::new();
        while self.0.recv_many(&mut group, GROUP).await > 0 {
            let (outcomes, replies): (Vec<_>, Vec<_>) =
                group.drain(..).map(|(seq, settled, reply)| ((seq, settled), reply)).unzip();
            while let Err(error) = outbox.settle(clock.now(), outcomes.clone()).await {
                tracing::error!(%error, "what became of deliveries cannot be written down; trying again");
                if end.run_until_cancelled(tokio::time::sleep(AGAIN)).await.is_none() {
                    return;
                }
            }
            // Who was cut off does not hear it.
            for reply in replies {
                let _ = reply.send(());
            }
        }
        end.cancelled().await;
    }
}
