//! A queue of Redis streams.
//!
//! A queue is a number of **partitions**, each a stream; the key of a message decides which: CRC-32C of its bytes modulo their
//! number. A stream holds exactly what is not acknowledged: to acknowledge is to delete. So whoever reads a stream from its
//! beginning gets what the one before did not acknowledge, in order and first, and nothing is written when something is read.
//!
//! | part | what for |
//! |---|---|
//! | `names` | the keys in Redis |
//! | `scripts` | what runs inside Redis |
//! | `producer` | sends: one script a group, which looks at the bound and appends |
//! | `hands` | who reads which partition: membership, fair shares, changes of hands |
//! | `seats` | what a consumer is called among the others |
//! | `consumer` | receives what is in one's partitions, acknowledges, buries |
//! | `dead` | the dead letters |
//! | `durability` | what a receipt is worth with this server's settings |
//! | [`look`] | a look at a server that changes nothing |
//!
//! **Hands.** Each consumer says every second that it lives; one that is silent for [`Settings::lease`] is gone. In the same script
//! it takes partitions that nobody has who lives, up to its fair share, and learns which it has. What it has too many of it gives
//! away as soon as it holds no message of them. Reading names the reader: who has lost a partition gets nothing from it. Time
//! decides only who may try; what somebody does who reads on without knowing that he was replaced is stopped by the documents'
//! versions.
//!
//! A consumer that is dropped without leaving keeps its place among the others, and with it its partitions, for the next one that
//! its process makes with the same [`Redis`], so that an error costs nobody a lease.
//!
//! **Bounds.** A stream of [`Settings::longest`] messages takes no more: [`QueueError::Full`]; nothing is ever cut off. The same when
//! Redis has no memory left (`maxmemory`) or cannot write its file; reading, acknowledging and burying go on then, which is what
//! makes room.
//!
//! **Failures.** A connection that breaks fails what was under way and is rebuilt by the next call.

mod consumer;
mod dead;
mod durability;
mod hands;
mod look;
mod names;
mod producer;
mod scripts;
mod seats;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use seats::Seats;
use tokio::sync::OnceCell;
use tracardi_model::Tenant;
use tracardi_process::{Endpoint, Supervisor};
use tracardi_redis::{Failure, Link, Server};

use crate::{Buried, Chosen, Consumer, Durability, Figures, MessageId, Producer, Queue, QueueError};
pub use look::look;
use names::Names;
use scripts::{SCRIPTS, script};

/// How a queue is kept in Redis.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What all our keys in this Redis begin with.
    pub prefix: String,
    /// Streams, 1 to 256: as many consumers can work at once. Counts when the queue is made; later the first number stays.
    pub partitions: u16,
    /// Messages that a stream holds at most.
    pub longest: u64,
    /// Bytes of the largest payload.
    pub largest: usize,
    /// How long a consumer may be silent before others take over its partitions.
    pub lease: Duration,
    /// How long an answer may take.
    pub patience: Duration,
    /// Replicas that must have a message before it counts as taken (`WAIT`).
    pub replicas: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prefix: "tracardi".to_owned(),
            partitions: 16,
            longest: 100_000,
            largest: 4 << 20,
            lease: Duration::from_secs(10),
            patience: Duration::from_secs(5),
            replicas: 0,
        }
    }
}

/// A queue of one tenant in Redis.
#[derive(Debug)]
pub struct Redis {
    base: Base,
    supervisor: Supervisor,
    link: Arc<Link>,
    seats: Seats,
    /// Its number of partitions is in Redis; known once it was reached.
    names: OnceCell<Arc<Names>>,
}

/// What is known without asking.
#[derive(Clone, Debug)]
struct Base {
    server: Server,
    settings: Settings,
    tenant: Tenant,
    name: String,
}

impl Redis {
    /// The queue `name` (1 to 64 small letters, digits and `-`) of a tenant. Connects when it is used, so it can be made while Redis
    /// is away; what is wrong with the settings by themselves is said here.
    pub fn new(
        endpoint: &Endpoint,
        tenant: Tenant,
        name: &str,
        settings: Settings,
        supervisor: Supervisor,
    ) -> Result<Self, QueueError> {
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(letters) {
            return Err(QueueError::Refused(format!(
                "{name:?} is no name of a queue: give small letters, digits and `-`"
            )));
        }
        if !(1..=256).contains(&settings.partitions) {
            return Err(QueueError::Refused(format!(
                "{} partitions are not possible: give 1 to 256",
                settings.partitions
            )));
        }
        if settings.prefix.contains(['{', '}']) {
            return Err(QueueError::Refused(format!("the prefix {:?} has a brace: leave it out", settings.prefix)));
        }
        let server = Server::at(endpoint)?;
        let base = Base { server, settings, tenant, name: name.to_owned() };
        let link = Arc::new(base.link());
        Ok(Self { base, supervisor, link, seats: Seats::default(), names: OnceCell::new() })
    }

    async fn names(&self) -> Result<&Arc<Names>, QueueError> {
        self.names.get_or_try_init(|| async { self.base.made(&self.link).await.map(Arc::new) }).await
    }
}

impl Base {
    fn link(&self) -> Link {
        Link::new(self.server.clone(), &*SCRIPTS, self.settings.patience)
    }

    /// Makes the queue if there is none; its names.
    async fn made(&self, link: &Link) -> Result<Names, QueueError> {
        let Settings { prefix, partitions, .. } = &self.settings;
        let kept = names::partitions(prefix, &self.tenant, &self.name);
        let number: u16 = link.ask(script(scripts::MAKE).on(&[kept]).arg(partitions)).await?;
        if number != *partitions {
            tracing::warn!(
                queue = self.name,
                "the queue has {number} partitions since it was made, not {partitions}; it stays so until it is empty and deleted"
            );
        }
        Ok(Names::new(prefix, &self.tenant, &self.name, number))
    }
}

#[async_trait]
impl Queue for Redis {
    async fn producer(&self) -> Result<Box<dyn Producer>, QueueError> {
        let names = self.names().await?.clone();
        Ok(Box::new(producer::producer(&self.base, names, self.supervisor.clone())))
    }

    async fn consumer(&self, name: &str) -> Result<Box<dyn Consumer>, QueueError> {
        let names = self.names().await?.clone();
        let seat = self.seats.take(name)?;
        Ok(Box::new(consumer::Reader::new(&self.base, names, seat, &self.supervisor).await?))
    }

    async fn figures(&self) -> Result<Figures, QueueError> {
        let names = self.names().await?;
        let mut lengths = redis::pipe();
        for key in names.streams().iter().chain([names.dead()]) {
            lengths.cmd("XLEN").arg(key);
        }
        let mut lengths: Vec<u64> = self.link.ask_all(&lengths).await?;
        let buried = lengths.pop().unwrap_or_default();
        Ok(Figures { waiting: lengths.iter().sum(), buried })
    }

    async fn durability(&self) -> Result<Durability, QueueError> {
        durability::read(&self.link, self.base.settings.replicas).await
    }

    async fn buried(&self, start: u64, limit: u64) -> Result<Vec<Buried>, QueueError> {
        dead::list(&self.link, self.names().await?, start, limit).await
    }

    async fn replay(&self, chosen: &Chosen, limit: u64) -> Result<u64, QueueError> {
        let names = self.names().await?;
        dead::end(&self.link, names, dead::End::Replay { longest: self.base.settings.longest }, chosen, limit).await
    }

    async fn discard(&self, chosen: &Chosen, limit: u64) -> Result<u64, QueueError> {
        dead::end(&self.link, self.names().await?, dead::End::Discard, chosen, limit).await
    }
}

impl From<Failure> for QueueError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Full(told) => Self::Full(told),
            Failure::Unavailable(told) => Self::Unavailable(told),
            Failure::Refused(told) => Self::Refused(told),
        }
    }
}

/// What Redis answered is not what our scripts answer.
fn odd(what: &str) -> QueueError {
    QueueError::Refused(format!(
        "Redis answered something odd ({what}): does another program use our keys? choose another prefix"
    ))
}

/// The id of an entry: milliseconds and a number within them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct EntryId(u64, u64);

impl EntryId {
    fn read(text: &str) -> Option<Self> {
        let (millis, number) = text.split_once('-')?;
        Some(Self(millis.parse().ok()?, number.parse().ok()?))
    }

    /// When it was made, by the clock of Redis.
    fn at(self) -> jiff::Timestamp {
        i64::try_from(self.0).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok()).unwrap_or_default()
    }
}

impl std::fmt::Display for EntryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

/// Where a message stands: its partition and its entry.
fn message_id(partition: u16, entry: EntryId) -> MessageId {
    MessageId(format!("{partition}/{entry}"))
}

fn read_message_id(id: &MessageId) -> Option<(u16, EntryId)> {
    let (partition, entry) = id.0.split_once('/')?;
    Some((partition.parse().ok()?, EntryId::read(entry)?))
}
