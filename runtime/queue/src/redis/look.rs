//! A look at a server that changes nothing on it.

use std::time::Duration;

use tokio::time::timeout;
use tracardi_process::{Endpoint, Sighting};
use tracardi_redis::{Link, Server};

use super::durability;
use crate::QueueError;

/// Looks as [`tracardi_redis::look`] does, and warns of settings that weaken a queue. Takes no longer than `patience`.
pub async fn look(endpoint: &Endpoint, patience: Duration) -> Result<Sighting, QueueError> {
    let link = Link::new(Server::at(endpoint)?, &[], patience / 2);
    let seen = async {
        let seen = link.look().await?;
        Ok(Sighting { warnings: durability::read(&link, 0).await?.warnings, ..seen })
    };
    timeout(patience, seen).await.unwrap_or_else(|_| Err(link.server().silent(patience).into()))
}
