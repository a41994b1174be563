//! Named tasks, watched and stopped in order.
//!
//! A process leaves in three phases: it stops **accepting**, **drains** what is under way, **flushes** what is left to
//! write. Each task belongs to one phase; the token of a phase is cancelled when its turn comes, and the next phase
//! begins when all its tasks have ended, or when its time is over. A task that ends before it was asked to, or that
//! panics, brings the process down: the process runs whole or not at all.

use std::borrow::Cow;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// When a task is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// First: what brings new work in.
    Accept,
    /// Then: work under way.
    Drain,
    /// Last: what writes down the results.
    Flush,
}

impl Phase {
    const ALL: [Self; 3] = [Self::Accept, Self::Drain, Self::Flush];

    fn index(self) -> usize {
        match self {
            Self::Accept => 0,
            Self::Drain => 1,
            Self::Flush => 2,
        }
    }

    /// How long the tasks of this phase may take to end. The sum stays well below the 30 seconds that Kubernetes grants.
    fn patience(self) -> Duration {
        match self {
            Self::Accept => Duration::from_secs(1),
            Self::Drain => Duration::from_secs(10),
            Self::Flush => Duration::from_secs(8),
        }
    }
}

/// Why the process must go down: which task, and what it said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{task}: {reason}")]
pub struct TaskFailure {
    /// Name of the task.
    pub task: String,
    /// What happened, for people.
    pub reason: String,
}

/// How a task may end: with nothing to say, or with a result whose error is worth a line.
pub trait Outcome {
    /// What went wrong, if anything.
    fn failure(self) -> Option<String>;
}

impl Outcome for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: fmt::Display> Outcome for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

/// Starts tasks and ends them. A cheap handle; all clones speak of the same tasks.
#[derive(Clone, Debug)]
pub struct Supervisor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    phases: [PhaseTasks; 3],
    failed: mpsc::Sender<TaskFailure>,
    failures: tokio::sync::Mutex<mpsc::Receiver<TaskFailure>>,
}

#[derive(Debug, Default)]
struct PhaseTasks {
    token: CancellationToken,
    tasks: TaskTracker,
    jobs: TaskTracker,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self::new()
    }
}

impl Supervisor {
    /// A supervisor without tasks.
    #[must_use]
    pub fn new() -> Self {
        // Only the first failure matters; the others find the channel full and are logged.
        let (failed, failures) = mpsc::channel(1);
        Self(Arc::new(Inner { phases: Default::default(), failed, failures: tokio::sync::Mutex::new(failures) }))
    }

    fn phase(&self, phase: Phase) -> &PhaseTasks {
        &self.0.phases[phase.index()]
    }

    /// The token that is cancelled when the tasks of `phase` shall end.
    #[must_use]
    pub fn token(&self, phase: Phase) -> CancellationToken {
        self.phase(phase).token.clone()
    }

    /// Starts a task that runs as long as the process: it ends when [`Supervisor::token`] of its phase is cancelled, and
    /// not before. When it ends earlier, fails or panics, the process goes down with one line that names it.
    pub fn spawn<T>(&self, name: impl Into<Cow<'static, str>>, phase: Phase, task: T)
    where
        T: Future<Output: Outcome> + Send + 'static,
    {
        let name = name.into();
        let token = self.token(phase);
        let failed = self.0.failed.clone();
        start(&self.phase(phase).tasks, async move {
            let reason = match catch_panic(task).await {
                Err(panic) => format!("panicked: {panic}"),
                Ok(outcome) => match outcome.failure() {
                    Some(reason) => reason,
                    None if token.is_cancelled() => return,
                    None => "ended although nobody asked it to".to_owned(),
                },
            };
            tracing::error!(task = %name, %reason, "task failed");
            // Full: another task was first. Closed: the process is leaving already.
            let _ = failed.try_send(TaskFailure { task: name.into_owned(), reason });
        });
    }

    /// Starts a piece of work that ends by itself (a connection, say). Shutdown waits for it in its phase. A panic in it
    /// is logged and ends nothing else; a job that does not end in time is cut off, and that is no failure either.
    pub fn spawn_job<T>(&self, name: &'static str, phase: Phase, job: T)
    where
        T: Future<Output = ()> + Send + 'static,
    {
        start(&self.phase(phase).jobs, async move {
            if let Err(panic) = catch_panic(job).await {
                tracing::error!(task = name, %panic, "job panicked");
            }
        });
    }

    /// How many tasks and jobs of `phase` have not ended.
    #[must_use]
    pub fn running(&self, phase: Phase) -> usize {
        let PhaseTasks { tasks, jobs, .. } = self.phase(phase);
        tasks.len() + jobs.len()
    }

    /// Runs until `asked` completes or a task fails; then ends everything, phase by phase. Gives the failure, if one was
    /// the cause, or the name of a phase whose tasks did not end in time. Jobs that did not are cut off, with a warning.
    pub async fn run_until(&self, asked: impl Future<Output = ()>) -> Result<(), TaskFailure> {
        let failure = {
            let mut failures = self.0.failures.lock().await;
            tokio::select! {
                () = asked => None,
                failure = failures.recv() => failure,
            }
        };
        let ended = self.shut_down().await;
        match failure {
            Some(failure) => Err(failure),
            None => ended,
        }
    }

    /// Ends everything, phase by phase: cancel, wait for the tasks, at most as long as the phase allows.
    async fn shut_down(&self) -> Result<(), TaskFailure> {
        let mut late = Ok(());
        for phase in Phase::ALL {
            let PhaseTasks { token, tasks, jobs } = self.phase(phase);
            token.cancel();
            tasks.close();
            jobs.close();
            let ended = async { tokio::join!(tasks.wait(), jobs.wait()) };
            if tokio::time::timeout(phase.patience(), ended).await.is_ok() {
                continue;
            }
            if !jobs.is_empty() {
                let (cut, patience) = (jobs.len(), phase.patience());
                tracing::warn!(
                    "{cut} connections or requests had not ended after {patience:?} and are cut off; nothing that was acknowledged is lost"
                );
            }
            if !tasks.is_empty() {
                let reason = format!("{} tasks had not ended after {:?}", tasks.len(), phase.patience());
                tracing::warn!(?phase, %reason, "shutdown goes on without them");
                late = Err(TaskFailure { task: format!("shutdown phase {phase:?}"), reason });
            }
        }
        late
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that starts tasks")]
fn start(tracker: &TaskTracker, task: impl Future<Output = ()> + Send + 'static) {
    // The tracker's own `spawn` is tokio's, with a count.
    tokio::spawn(tracker.track_future(task));
}

/// Runs a future; when it panics, gives the message of the panic.
pub async fn catch_panic<T: Future>(future: T) -> Result<T::Output, String> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(move |context| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(std::task::Poll::Pending) => std::task::Poll::Pending,
            Ok(std::task::Poll::Ready(output)) => std::task::Poll::Ready(Ok(output)),
            Err(panic) => std::task::Poll::Ready(Err(panic_text(panic.as_ref()))),
        }
    })
    .await
}

/// The message of a panic, as far as it has one.
#[must_use]
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn phases_end_in_order() {
        let supervisor = Supervisor::new();
        let order = Arc::new(Mutex::new(Vec::new()));
        for phase in Phase::ALL.into_iter().rev() {
            let (token, order) = (supervisor.token(phase), order.clone());
            supervisor.spawn(format!("{phase:?}"), phase, async move {
                token.cancelled().await;
                tokio::time::sleep(Duration::from_millis(5)).await;
                order.lock().unwrap().push(phase);
            });
        }
        assert_eq!(supervisor.run_until(async {}).await, Ok(()));
        assert_eq!(*order.lock().unwrap(), Phase::ALL);
    }

    #[tokio::test]
    async fn a_panic_brings_the_process_down_and_is_named() {
        let supervisor = Supervisor::new();
        supervisor.spawn("writer", Phase::Flush, async {
            "x".parse::<u8>().unwrap();
        });
        let failure = supervisor.run_until(std::future::pending()).await.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "writer: panicked: called `Result::unwrap()` on an `Err` value: ParseIntError { kind: InvalidDigit }"
        );
    }

    #[tokio::test]
    async fn an_unexpected_end_is_a_failure() {
        let supervisor = Supervisor::new();
        supervisor.spawn("listener", Phase::Accept, async {});
        let failure = supervisor.run_until(std::future::pending()).await.unwrap_err();
        assert_eq!(failure.to_string(), "listener: ended although nobody asked it to");
        supervisor.spawn("late", Phase::Accept, async { Err::<(), _>("no luck") });
    }

    #[tokio::test]
    async fn jobs_may_end_and_panic_and_are_waited_for() {
        let supervisor = Supervisor::new();
        supervisor.spawn_job("connection", Phase::Drain, async { panic!("only mine") });
        let done = Arc::new(Mutex::new(false));
        let flag = done.clone();
        supervisor.spawn_job("connection", Phase::Drain, async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            *flag.lock().unwrap() = true;
        });
        assert_eq!(supervisor.run_until(async {}).await, Ok(()));
        assert!(*done.lock().unwrap());
        assert_eq!(supervisor.running(Phase::Drain), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_does_not_end_is_cut_off_and_a_task_is_a_failure() {
        let supervisor = Supervisor::new();
        supervisor.spawn_job("connection", Phase::Drain, std::future::pending());
        assert_eq!(supervisor.run_until(async {}).await, Ok(()));
        let supervisor = Supervisor::new();
        supervisor.spawn("writer", Phase::Flush, std::future::pending::<()>());
        let failure = supervisor.run_until(async {}).await.unwrap_err();
        assert_eq!(failure.to_string(), "shutdown phase Flush: 1 tasks had not ended after 8s");
    }
}
