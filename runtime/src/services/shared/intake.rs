//! What an API of a larger installation is made of.

use std::sync::Arc;

use tracardi_collector::{Collector, CollectorLimits, CollectorSetup, Company};
use tracardi_dispatch::{Dispatcher, DispatcherSetup};
use tracardi_outbound::Guard;
use tracardi_process::SystemClock;
use tracardi_store::Configuration as _;

use super::{Begun, Servers, SharedArguments, bindings};
use crate::services::app::Parts;
use crate::services::arguments::EngineArguments;

/// Memory of sessions and profiles in a process that changes few.
const CACHE_BYTES: usize = 4 << 20;

/// The parts, as soon as the servers are there; None when the process is told to leave before.
pub(crate) async fn parts(
    begun: &mut Begun,
    shared: &SharedArguments,
    engine: &EngineArguments,
    guard: Arc<Guard>,
    installation_token: String,
) -> anyhow::Result<Option<Parts>> {
    let Some(Servers { documents, mysql }) = begun.servers(shared).await? else { return Ok(None) };
    let Some(queue) = begun.queue(shared).await? else { return Ok(None) };
    let Some(producer) = begun.patiently(|| queue.producer()).await else { return Ok(None) };
    let settings = begun.settings(engine, mysql.watch()).await?;
    let setup = CollectorSetup {
        documents: Arc::new(documents.clone()),
        settings: settings.clone(),
        signing_key: begun.keys.signing,
        clock: SystemClock::shared(),
        limits: CollectorLimits { cache_bytes: CACHE_BYTES, ..CollectorLimits::default() },
        company: Company::Guest,
        bound: None,
    };
    let dispatcher = DispatcherSetup {
        producer,
        bindings: bindings(shared)?,
        writer: Collector::start(&begun.supervisor, setup, &begun.metrics),
        settings: settings.clone(),
        signing_key: begun.keys.signing,
        clock: SystemClock::shared(),
    };
    Ok(Some(Parts {
        intake: Arc::new(Dispatcher::new(dispatcher, &begun.metrics)),
        guard,
        settings,
        documents: Arc::new(documents.clone()),
        outbox: Arc::new(mysql.clone()),
        history: Arc::new(documents),
        configuration: Arc::new(mysql),
        instance: begun.instance.clone(),
        installation_token,
    }))
}
