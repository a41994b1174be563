//! The handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use tracardi_process::SharedClock;
use tracardi_store::Deposit;

use crate::bulk::{Pace, Place};
use crate::client::Client;
use crate::dialect::Dialect;
use crate::error::ElasticError;
use crate::names::{Kind, Names};
use crate::schema;
use crate::settings::ElasticSettings;

/// The documents of a tenant on a search server, both contexts in the same indices. A cheap handle.
#[derive(Clone, Debug)]
pub struct Elastic(pub(crate) Arc<Inner>);

/// What all handles share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) client: Client,
    pub(crate) dialect: Dialect,
    pub(crate) names: Names,
    pub(crate) settings: ElasticSettings,
    /// Where deliveries go.
    pub(crate) deposit: Arc<dyn Deposit>,
    pub(crate) clock: SharedClock,
    pub(crate) pace: Pace,
    /// The newest generation of events that is known here.
    generation: AtomicU32,
    /// The last number given to a document.
    last: AtomicI64,
}

impl Elastic {
    /// Looks at the server and makes indices that are missing. Errors name the setting that is wrong and the remedy.
    pub async fn open(
        settings: ElasticSettings,
        deposit: Arc<dyn Deposit>,
        clock: SharedClock,
    ) -> Result<Self, ElasticError> {
        let store = Self::connect(settings, deposit, clock).await?;
        let Inner { client, names, settings, .. } = &*store.0;
        schema::install(client, names, settings).await?;
        store.0.learn_generation().await?;
        Ok(store)
    }

    /// Looks at the server only.
    pub(crate) async fn connect(
        settings: ElasticSettings,
        deposit: Arc<dyn Deposit>,
        clock: SharedClock,
    ) -> Result<Self, ElasticError> {
        let names = Names::new(&settings.prefix, &settings.tenant)?;
        // What a server of ours answers is as long as what we ask it for.
        let client = Client::new(&settings.endpoint, settings.timeout, usize::MAX)?;
        let dialect = Dialect::of(&client).await?;
        let (pace, generation, last) = (Pace::new(settings.request_bytes), AtomicU32::new(1), AtomicI64::new(0));
        let inner = Inner { client, dialect, names, settings, deposit, clock, pace, generation, last };
        Ok(Self(Arc::new(inner)))
    }

    /// What kind of server it is.
    #[must_use]
    pub fn dialect(&self) -> &Dialect {
        &self.0.dialect
    }

    /// HTTP requests made so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.0.client.requests()
    }
}

impl Inner {
    /// The newest generation of events and trails that is known here.
    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Asks which is the newest generation.
    pub(crate) async fn learn_generation(&self) -> Result<(), ElasticError> {
        let found = schema::indices(&self.client, &self.names).await?;
        let newest = found.get(&Kind::Event).and_then(|generations| generations.last()).copied().unwrap_or(1);
        self.generation.fetch_max(newest, Ordering::Relaxed);
        Ok(())
    }

    /// Where what is new goes.
    pub(crate) fn newest(&self, kind: Kind) -> Place {
        Place { kind, generation: if kind.rolls() { self.generation() } else { 1 } }
    }

    /// Where to look for an event or trail by its id: the newest two generations.
    pub(crate) fn recent(&self, kind: Kind) -> impl Iterator<Item = Place> + use<> {
        let newest = self.generation();
        [newest, newest.saturating_sub(1)]
            .into_iter()
            .filter(|one| *one > 0)
            .map(move |generation| Place { kind, generation })
    }

    /// The generation that does not exist yet, as far as is known here. Asking for a document in it tells.
    pub(crate) fn next_generation(&self) -> Place {
        Place { kind: Kind::Event, generation: self.generation().saturating_add(1) }
    }

    /// A number for the next document: it grows, also from one process to the next, as far as their clocks agree.
    pub(crate) fn number(&self) -> i64 {
        let now = self.clock.now().as_microsecond();
        let next = |last: i64| Some(now.max(last.saturating_add(1)));
        match self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(last) | Err(last) => now.max(last.saturating_add(1)),
        }
    }
}
