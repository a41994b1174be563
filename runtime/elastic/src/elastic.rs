//! The handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tracardi_process::SharedClock;
use tracardi_store::Deposit;

use crate::client::Client;
use crate::dialect::Dialect;
use crate::error::ElasticError;
use crate::names::Names;
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
        let names = Names::new(&settings.prefix, &settings.tenant)?;
        let client = Client::new(&settings.endpoint, settings.timeout)?;
        let dialect = Dialect::of(&client).await?;
        schema::install(&client, &names, &settings).await?;
        let last = AtomicI64::new(0);
        Ok(Self(Arc::new(Inner { client, dialect, names, settings, deposit, clock, last })))
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
    /// A number for the next document: it grows, also from one process to the next, as far as their clocks agree.
    pub(crate) fn number(&self) -> i64 {
        let now = self.clock.now().as_microsecond();
        let next = |last: i64| Some(now.max(last.saturating_add(1)));
        match self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(last) | Err(last) => now.max(last.saturating_add(1)),
        }
    }
}
