//! What handlers work with.

use std::io;
use std::sync::Arc;

use axum::http::HeaderName;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tracardi_collector::Intake;
use tracardi_engine::{Configuration, Settings};
use tracardi_model::{Context, Limits};
use tracardi_outbound::Guard;
use tracardi_process::health::Progress;
use tracardi_process::{Metrics, SharedClock};
use tracardi_store::{Configuration as ConfigurationStore, Documents, History, Outbox};

use crate::attempts::Attempts;
use crate::body::BodyBudget;
use crate::figures::Figures;
use crate::page::PageBudget;
use crate::password::Passwords;
use crate::queue::DeadLetters;

/// Which port a router serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// Collection, for the internet.
    Public,
    /// Everything, for trusted networks.
    Private,
}

impl Surface {
    /// Name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

/// Settings of the API.
#[derive(Clone, Debug)]
pub struct Options {
    /// URL under which visitors' browsers reach the public API, without slash at its end; shown in tracker snippets. None
    /// when it is not known: the API listens on every address and nobody named one.
    pub public_url: Option<String>,
    /// Port of the public API.
    pub public_port: u16,
    /// Header with the client's address behind a proxy; the connection's address when none is named.
    pub forwarded_ip: Option<HeaderName>,
    /// Bounds of a tracker payload.
    pub limits: Limits,
    /// What `POST /install` demands.
    pub installation_token: String,
    /// Id of this process.
    pub instance: String,
    /// Memory for request bodies that are being read, and for the trees that are being made of them, in bytes.
    pub body_memory: usize,
    /// Memory for pages of documents under way, in bytes.
    pub page_memory: usize,
    /// Clients of the live stream at a time.
    pub live_clients: usize,
}

/// What a router is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Takes events.
    pub collector: Arc<dyn Intake>,
    /// Which addresses destinations may have.
    pub guard: Arc<Guard>,
    /// The engine's settings with the compiled configuration; the newest are what events meet.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// Where events, sessions and profiles are read.
    pub documents: Arc<dyn Documents>,
    /// Where deliveries wait, and what became of them.
    pub outbox: Arc<dyn Outbox>,
    /// Where requests are kept that the queue gave up; none without a queue.
    pub dead_letters: Option<Arc<dyn DeadLetters>>,
    /// Where it can be read what became of events and profiles.
    pub history: Arc<dyn History>,
    /// Where sources, users and tokens are kept.
    pub configuration: Arc<dyn ConfigurationStore>,
    /// The time.
    pub clock: SharedClock,
    /// Settings.
    pub options: Options,
    /// Cancelled when the process begins to leave: streams that would never end, end.
    pub leaving: CancellationToken,
}

/// Shared by all handlers of both ports.
#[derive(Debug)]
pub struct Parts {
    /// What it was made of.
    pub setup: Setup,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Failed logins, by account.
    pub attempts: Attempts,
    /// Guesses of the installation token.
    pub installations: Attempts,
    /// Held by who changes an account, from reading it until it is stored.
    pub accounts: Mutex<()>,
    /// Memory for bodies.
    pub bodies: BodyBudget,
    /// Memory for pages of documents.
    pub pages: PageBudget,
    /// Places at the live stream.
    pub live: Arc<Semaphore>,
    /// Whether requests to collect are answered.
    pub progress: Progress,
    /// Metrics.
    pub figures: Figures,
}

/// State of the routers; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The port that this handle serves.
    pub surface: Surface,
    parts: Arc<Parts>,
}

impl App {
    /// Makes the state, registers its figures, starts the thread that hashes passwords; fails when no thread can be had.
    pub fn new(setup: Setup, metrics: &Metrics) -> io::Result<Self> {
        let parts = Parts {
            passwords: Passwords::start()?,
            attempts: Attempts::default(),
            installations: Attempts::default(),
            accounts: Mutex::default(),
            bodies: BodyBudget::new(setup.options.body_memory),
            pages: PageBudget::new(setup.options.page_memory),
            live: Arc::new(Semaphore::new(setup.options.live_clients)),
            progress: Progress::default(),
            figures: Figures::new(metrics),
            setup,
        };
        Ok(Self { surface: Surface::Private, parts: Arc::new(parts) })
    }

    /// The compiled configuration of a context, as events meet it now.
    #[must_use]
    pub fn compiled(&self, context: Context) -> Arc<Configuration> {
        self.settings.borrow().configurations[context].clone()
    }

    /// Waits until events meet what is configured now: whoever has saved something finds it in force when answered.
    pub async fn in_force(&self) {
        let wanted = self.configuration.watch().borrow().version;
        // An error means that the process is going down.
        let _ = self.settings.clone().wait_for(|settings| settings.version >= wanted).await;
    }

    /// The same state for a port.
    #[must_use]
    pub fn on(&self, surface: Surface) -> Self {
        Self { surface, parts: self.parts.clone() }
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl std::ops::Deref for Parts {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.setup
    }
}
