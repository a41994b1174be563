//! Faults of our own processes, alone and together with servers.

use std::time::Duration;

use tokio::task::JoinSet;
use tracardi_simulate::client::Client;
use tracardi_simulate::rng::Rng;

use crate::asked;
use crate::load::{Load, Visit, checkout, client, counted, until};
use crate::shared::{House, Process};
use crate::support::{ADMIN, PASSWORD, profile_of};

/// Longer than the lease of a worker.
const FROZEN: Duration = Duration::from_secs(14);
/// How long the house works undisturbed between two faults.
const PEACE: Duration = Duration::from_secs(2);

/// The collectors by turns, each at a moment that nobody chose; every second time both.
pub(crate) async fn f14_workers_are_killed_at_many_instants(house: &mut House) {
    let (rounds, seed) = (asked("FAULT_ROUNDS", 1) * 12, asked("FAULT_SEED", 1));
    println!("  {rounds} kills, FAULT_SEED={seed}");
    let (mut rng, load) = (Rng::new(seed, 14), Load::start(house));
    for round in 0..rounds {
        tokio::time::sleep(Duration::from_millis(rng.between(0, 700))).await;
        let victims = if round % 2 == 0 { 1 } else { 2 };
        let first = usize::try_from(rng.below(2)).unwrap();
        for number in 0..victims {
            house.collectors[(first + number) % 2].kill().await;
        }
        for process in &mut house.collectors {
            if !process.is_running() {
                process.spawn();
            }
        }
        for process in &mut house.collectors {
            process.ready().await;
        }
    }
    load.check(house).await;
}

/// SIGTERM under load. Of the workers, the private API and the senders the clients notice nothing. The public API answers what it has
/// taken and closes its connections; there is one here, so clients come again until the next one listens.
pub(crate) async fn f16_every_role_leaves_in_its_turn(house: &mut House) {
    let load = Load::start(house);
    load.more(80).await;
    let repeated = load.repeated();
    let House { private_api, storage, outbound, collectors, .. } = house;
    for process in [private_api, storage, outbound].into_iter().chain(collectors) {
        leave_and_come(process).await;
        load.more(40).await;
    }
    assert_eq!(load.repeated(), repeated, "a request failed");
    leave_and_come(&mut house.public_api).await;
    load.check(house).await;
}

async fn leave_and_come(process: &mut Process) {
    process.stop().await;
    process.spawn();
    process.ready().await;
}

/// A worker that is stopped long enough for others to take over, and then goes on where it was.
pub(crate) async fn f17_a_zombie_comes_back(house: &mut House) {
    let load = Load::start(house);
    for _ in 0..asked("FAULT_ROUNDS", 1) {
        for process in &house.collectors {
            load.more(80).await;
            process.signal("STOP").await;
            tokio::time::sleep(FROZEN).await;
            process.signal("CONT").await;
        }
    }
    load.check(house).await;
}

/// A thousand events from many clients at once, each event a request of its own, while workers die.
pub(crate) async fn f21_many_clients_of_one_profile(house: &mut House) {
    const CLIENTS: u64 = 32;
    const EACH: u64 = 32;
    let mut private = house.log_in(ADMIN, PASSWORD).await;
    let mut first = Visit::new("f21");
    first.go_on(&mut client(house)).await;
    first.check(&mut private).await;
    let profile = first.profile.clone().unwrap();
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (mut client, profile) = (client(house), profile.clone());
        clients.spawn(async move {
            for event in 0..EACH {
                let mark = 2 + number * EACH + event;
                let body = checkout("f21", Some(&profile), mark, "");
                while !acknowledged(&mut client, &body, &profile).await {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        });
    }
    while !clients.is_empty() {
        // In turn, whatever is under way.
        for number in 0..house.collectors.len() {
            house.collectors[number].kill().await;
            house.collectors[number].spawn();
            house.collectors[number].ready().await;
        }
        while clients.try_join_next().transpose().unwrap().is_some() {}
    }
    // The connection of before may have been idle for too long.
    let mut private = house.log_in(ADMIN, PASSWORD).await;
    until("all are counted", async || {
        let counted = counted(&mut private, &profile).await;
        assert!(counted <= 1 + CLIENTS * EACH, "{counted} are counted");
        counted == 1 + CLIENTS * EACH
    })
    .await;
}

async fn acknowledged(client: &mut Client, body: &[u8], profile: &str) -> bool {
    let told = client.request("POST", "/track", &[("content-type", "application/json")], body).await;
    let Ok(answer) = told else { return false };
    assert!([200, 503].contains(&answer.status), "{} {}", answer.status, answer.detail());
    if answer.status == 200 {
        assert_eq!(profile_of(&answer), profile);
    }
    answer.status == 200
}

/// What can be killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Collector,
    PublicApi,
    PrivateApi,
    Storage,
    Outbound,
    Search,
    Database,
    Queue,
    Redis,
}

impl Victim {
    async fn kill(self, house: &mut House) {
        match self {
            Self::Collector => house.collectors[0].kill().await,
            Self::PublicApi => house.public_api.kill().await,
            Self::PrivateApi => house.private_api.kill().await,
            Self::Storage => house.storage.kill().await,
            Self::Outbound => house.outbound.kill().await,
            Self::Search => house.search.kill(),
            Self::Database => house.database.kill(),
            Self::Queue => house.pulsar.as_mut().unwrap_or(&mut house.redis).kill(),
            Self::Redis => house.redis.kill(),
        }
    }
}

/// kill -9 of every process and every server, and of two at a time.
pub(crate) async fn kills_one_at_a_time_and_in_pairs(house: &mut House) {
    use Victim::{Collector, Database, Outbound, PrivateApi, PublicApi, Queue, Redis, Search, Storage};
    let faults: [&[Victim]; 12] = [
        &[Collector],
        &[PublicApi],
        &[PrivateApi, Storage],
        &[Outbound],
        &[Search],
        &[Database],
        &[Queue],
        &[Redis],
        &[Collector, Search],
        &[Collector, Queue],
        &[Search, Database],
        &[PublicApi, Collector],
    ];
    let (rounds, load) = (usize::try_from(asked("FAULT_ROUNDS", 1)).unwrap(), Load::start(house));
    for victims in std::iter::repeat_n(faults, rounds).flatten() {
        tokio::time::sleep(PEACE).await;
        println!("  {victims:?}");
        for victim in victims {
            victim.kill(house).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        house.mend().await;
    }
    load.check(house).await;
}
