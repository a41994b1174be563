//! How what became of requests comes to those who wait for it: through lists in Redis, one for each API process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tracardi_dispatch::{Mailbox, Post, Reply};
use tracardi_model::Tenant;
use tracardi_process::{Endpoint, Phase, Supervisor, Trouble};
use tracardi_redis::{Failure, Inbox, Link, Server, inbox};

/// How long a worker waits for Redis at most.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long after a failure Redis is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// The list of the process of this name.
fn key(tenant: &Tenant, name: &str) -> String {
    format!("tracardi:{{{tenant}:a}}:{name}")
}

/// A worker's side.
#[derive(Debug)]
pub(crate) struct Sender {
    link: Link,
    tenant: Tenant,
    trouble: Trouble,
}

impl Sender {
    pub(crate) fn new(endpoint: &Endpoint, tenant: &Tenant) -> anyhow::Result<Arc<Self>> {
        let link = Link::new(Server::at(endpoint)?, &[], PATIENCE);
        Ok(Arc::new(Self { link, tenant: tenant.clone(), trouble: Trouble::default() }))
    }
}

#[async_trait]
impl Post for Sender {
    async fn send(&self, replies: Vec<(String, Reply)>) {
        let written = replies.into_iter().filter_map(|(to, reply)| {
            let text = serde_json::to_vec(&reply).ok()?;
            Some((key(&self.tenant, &to), text))
        });
        let written: Vec<_> = written.collect();
        match inbox::put(&self.link, &written).await {
            Ok(()) => {
                if self.trouble.end() {
                    tracing::info!("those who wait are told again what became of requests");
                }
            }
            Err(error) if self.trouble.begin(error.to_string()) => {
                tracing::warn!(%error, "nobody is told what became of requests; their clients get what was foreseen");
            }
            Err(_) => {}
        }
    }
}

/// Empties the list of a process into its mailbox, as the task `answers` of phase Flush: until the last client has its answer.
pub(crate) fn receive(
    supervisor: &Supervisor,
    endpoint: &Endpoint,
    tenant: &Tenant,
    mailbox: Mailbox,
) -> anyhow::Result<()> {
    let (server, key) = (Server::at(endpoint)?, key(tenant, mailbox.name()));
    let leaving = supervisor.token(Phase::Flush);
    supervisor.spawn("answers", Phase::Flush, async move {
        let trouble = Trouble::default();
        while !leaving.is_cancelled() {
            let failed = leaving.run_until_cancelled(listen(server.clone(), key.clone(), &mailbox, &trouble)).await;
            mailbox.open(false);
            if let Some(error) = failed {
                if trouble.begin(error.to_string()) {
                    tracing::warn!(%error, "what becomes of requests is not heard; clients get what is foreseen");
                }
                leaving.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
            }
        }
    });
    Ok(())
}

/// Listens until that fails.
async fn listen(server: Server, key: String, mailbox: &Mailbox, trouble: &Trouble) -> Failure {
    let mut inbox = match Inbox::open(server, key).await {
        Ok(inbox) => inbox,
        Err(failure) => return failure,
    };
    mailbox.open(true);
    if trouble.end() {
        tracing::info!("what becomes of requests is heard again");
    }
    loop {
        match inbox.take().await {
            // What cannot be read is not for this version; nobody waits for ever.
            Ok(entries) => entries
                .iter()
                .filter_map(|entry| serde_json::from_slice(entry).ok())
                .for_each(|reply| mailbox.deliver(reply)),
            Err(failure) => return failure,
        }
    }
}
