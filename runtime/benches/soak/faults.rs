//! What goes wrong during the soak. [`House::mend`](crate::shared::House::mend) mends all of it.

use std::fmt;
use std::time::Duration;

use tracardi_simulate::rng::Rng;

use crate::shared::{House, Mode, Process};

/// To whom it happens.
#[derive(Clone, Copy, Debug)]
enum Whom {
    Collector(usize),
    PublicApi,
    PrivateApi,
    Storage,
    Outbound,
    Search,
    Database,
    Redis,
    Pulsar,
}

/// What happens.
#[derive(Clone, Copy, Debug)]
enum What {
    /// kill -9.
    Killed,
    /// It stands still for so many seconds: a worker longer than its lease, or not.
    Frozen(u64),
    /// It is asked to leave, as by a rolling update.
    Asked,
}

/// A fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    whom: Whom,
    what: What,
}

/// How long somebody is away before they come back.
const AWAY: Duration = Duration::from_secs(3);

impl Fault {
    pub(crate) fn draw(rng: &mut Rng, mode: Mode) -> Self {
        let services =
            [Whom::Collector(0), Whom::Collector(1), Whom::PublicApi, Whom::PrivateApi, Whom::Storage, Whom::Outbound];
        let servers = [Whom::Search, Whom::Database, Whom::Redis, Whom::Pulsar];
        let servers = if mode == Mode::Distributed { &servers[..] } else { &servers[..3] };
        let whom = if rng.chance(60) { *rng.pick(&services) } else { *rng.pick(servers) };
        let what = match rng.below(3) {
            0 => What::Killed,
            1 => What::Frozen(rng.between(2, 20)),
            _ => What::Asked,
        };
        Self { whom, what }
    }

    pub(crate) async fn happen(self, house: &mut House) {
        let House { search, database, redis, pulsar, public_api, private_api, collectors, storage, outbound, .. } =
            house;
        let server = match self.whom {
            Whom::Search => Some(search),
            Whom::Database => Some(database),
            Whom::Redis => Some(redis),
            Whom::Pulsar => pulsar.as_mut(),
            _ => None,
        };
        if let Some(server) = server {
            match self.what {
                What::Killed => server.kill(),
                What::Frozen(seconds) => {
                    server.freeze();
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                    server.thaw();
                }
                What::Asked => tokio::task::block_in_place(|| server.stop()).unwrap(),
            }
        }
        let process = match self.whom {
            Whom::Collector(number) => collectors.get_mut(number),
            Whom::PublicApi => Some(public_api),
            Whom::PrivateApi => Some(private_api),
            Whom::Storage => Some(storage),
            Whom::Outbound => Some(outbound),
            _ => None,
        };
        if let Some(process) = process {
            self.happen_to(process).await;
        }
        if !matches!(self.what, What::Frozen(_)) {
            tokio::time::sleep(AWAY).await;
        }
    }

    async fn happen_to(self, process: &mut Process) {
        match self.what {
            What::Killed => process.kill().await,
            What::Frozen(seconds) => {
                process.signal("STOP").await;
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                process.signal("CONT").await;
            }
            What::Asked => process.stop().await,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { whom, what } = self;
        match what {
            What::Killed => write!(f, "{whom:?} is killed"),
            What::Frozen(seconds) => write!(f, "{whom:?} is frozen for {seconds} s"),
            What::Asked => write!(f, "{whom:?} is asked to leave"),
        }
    }
}
