//! The client of the crate `pulsar`, made so that it gives up in time, and its errors in our words.
//!
//! Each producer and each consumer has a client of its own, with connections of its own. The crate's register of connections
//! waits for ever for an attempt that was abandoned half-way; so an attempt is abandoned only together with its client.

use std::sync::Arc;
use std::time::Duration;

use pulsar::error::{ConnectionError, ConsumerError, ProducerError, ServiceDiscoveryError};
use pulsar::proto::ServerError;
use pulsar::{Authentication, ConnectionRetryOptions, OperationRetryOptions, Pulsar, TokioExecutor};
use url::Url;

use super::admin::Admin;
use super::knock::{self, one_line};
use super::names::Names;
use super::settings::PulsarSettings;
use crate::QueueError;

/// How often the crate repeats what may go well the next time, and how long it waits in between.
const RETRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);
/// Messages that wait to be written to one connection; a sender waits when there are more.
const OUTBOUND: usize = 1_000;

/// What all parts of a queue share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: PulsarSettings,
    pub(super) broker: Url,
    pub(super) names: Names,
    pub(super) admin: Admin,
    /// Partitions of the queue's topic.
    pub(super) partitions: usize,
    /// Bytes of the largest payload.
    pub(super) largest: usize,
}

impl Shared {
    /// A client that is connected; fails within twice the patience, and says why.
    pub(super) async fn connect(self: &Arc<Self>) -> Result<Pulsar<TokioExecutor>, QueueError> {
        let patience = self.settings.patience;
        knock::knock(&self.settings.broker, &self.broker, patience).await?;
        let mut builder = Pulsar::builder(self.settings.broker.url.as_str(), TokioExecutor)
            .with_outbound_channel_size(OUTBOUND)
            .with_connection_retry_options(ConnectionRetryOptions {
                min_backoff: Duration::from_millis(50),
                max_backoff: Duration::from_secs(1),
                max_retries: RETRIES,
                connection_timeout: patience,
                keep_alive: Duration::from_secs(20),
                ..ConnectionRetryOptions::default()
            })
            .with_operation_retry_options(OperationRetryOptions {
                // A little less than ours: what the crate gave up cannot be sent after we said that it was not.
                operation_timeout: patience * 4 / 5,
                retry_delay: PAUSE,
                max_retries: Some(RETRIES),
            });
        if let Some(token) = &self.settings.broker.token {
            let data = token.reveal().as_bytes().to_vec();
            builder = builder.with_auth(Authentication { name: "token".to_owned(), data });
        }
        if let Some(authority) = &self.settings.broker.authority {
            builder = builder.with_certificate_chain(authority.as_bytes().to_vec());
        }
        match tokio::time::timeout(patience, Box::pin(builder.build())).await {
            Ok(client) => client.map_err(|error| self.told(&error)),
            Err(_) => Err(self.silent("does not take a connection")),
        }
    }

    /// No answer in time.
    pub(super) fn silent(&self, what: &str) -> QueueError {
        let seconds = self.settings.patience.as_secs_f64();
        QueueError::Unavailable(format!("{} {what} within {seconds} s", self.broker))
    }

    /// An error of the crate.
    pub(super) fn told(&self, error: &pulsar::Error) -> QueueError {
        let said = one_line(&error.to_string());
        match kind(error) {
            Some(ServerError::AuthenticationError) => QueueError::Refused(format!(
                "{} does not accept the broker's token ({said}): give one that it issued",
                self.broker
            )),
            Some(ServerError::AuthorizationError) => {
                super::ground::forbidden(&said, &self.names.topic(), &super::ground::grant(&self.names))
            }
            Some(
                ServerError::ProducerBlockedQuotaExceededError | ServerError::ProducerBlockedQuotaExceededException,
            ) => QueueError::Full(format!("{} has reached its backlog quota", self.names.topic())),
            Some(
                ServerError::TopicNotFound
                | ServerError::TopicTerminatedError
                | ServerError::InvalidTopicName
                | ServerError::IncompatibleSchema
                | ServerError::NotAllowedError,
            ) => QueueError::Refused(format!(
                "{} cannot be used ({said}): look at it with `pulsar-admin topics stats-internal`; a restart makes it when it is absent",
                self.names.topic()
            )),
            _ => QueueError::Unavailable(format!("{}: {said}", self.broker)),
        }
    }
}

/// What the broker called an error, wherever the crate put that.
fn kind(error: &pulsar::Error) -> Option<ServerError> {
    let connection = match error {
        pulsar::Error::Connection(error)
        | pulsar::Error::Consumer(ConsumerError::Connection(error))
        | pulsar::Error::Producer(ProducerError::Connection(error))
        | pulsar::Error::ServiceDiscovery(ServiceDiscoveryError::Connection(error)) => error,
        pulsar::Error::ServiceDiscovery(ServiceDiscoveryError::Query(kind, _)) => return *kind,
        _ => return None,
    };
    match connection {
        ConnectionError::PulsarError(kind, _) => *kind,
        _ => None,
    }
}
