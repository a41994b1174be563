//! Two operators, one of which writes: what happens when it dies, leaves, or is asked to restart.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tracardi_e2e::{
    Installation, Json, Operator, Outcome, Scenario, Wanted, eventually, field, freeze_process, kill_process,
    operator_installed, scenario_alone, secs, shell_image, text,
};

const READY: Duration = secs(120);
/// The operator's process as the kernel names it, which keeps 15 characters.
const COMMAND: &str = "tracardi-operat";

/// Two operators at work, and how many there were before.
async fn two(test: &Scenario) -> Result<(Operator, u32)> {
    let operator = operator_installed(test.cluster()).await?;
    let before = field(&operator.deployment().await?, "spec.replicas").as_u64().unwrap_or(1);
    operator.scale(2).await?;
    Ok((operator, u32::try_from(before)?))
}

/// Waits until another process than `than` holds the Lease; gives back how long that took.
async fn another_leads(operator: &Operator, than: &str, within: Duration) -> Result<Duration> {
    let start = Instant::now();
    eventually("another process of the operator leads", within, async || {
        let now = operator.holder().await?;
        Ok(Wanted::when(!now.is_empty() && now != than, (), || format!("{now:?} leads")))
    })
    .await?;
    Ok(start.elapsed())
}

/// Changes a setting and waits until it has arrived in the ConfigMap.
async fn works(installation: &Installation, level: &str) -> Result<Duration> {
    let start = Instant::now();
    installation.change(json!({"logging": {"level": level}})).await?;
    let config = format!("{}-config", installation.name());
    eventually(&format!("logging.level {level} is applied"), secs(60), async || {
        let config = installation.namespace().get("ConfigMap", &config).await?;
        let now = text(&config, "data.TRACARDI_LOG_LEVEL").to_owned();
        Ok(Wanted::when(now == level, (), || format!("TRACARDI_LOG_LEVEL is {now}")))
    })
    .await?;
    Ok(start.elapsed())
}

#[test]
fn another_leader_takes_over_and_secrets_stay_as_they_are() -> Outcome {
    scenario_alone("leader", async |test| {
        let (operator, replicas) = two(test).await?;
        let installation = test.namespace("led").await?.install("led", json!({})).await?;
        installation.ready(READY).await?;
        let secrets = installation.namespace().list("Secret", "").await?;
        let generations = generations(&installation).await?;

        // It leaves in good order: the Lease is given back, not waited for.
        let (holder, leader) = (operator.holder().await?, operator.leader().await?);
        operator.home().delete("Pod", &leader).await?;
        let took = another_leads(&operator, &holder, secs(30)).await?;
        test.figure("hand-over of a leader that leaves", format!("{:.2} s", took.as_secs_f64()));
        works(&installation, "warn").await?;
        installation.ready(READY).await?;
        operator.scale(2).await?;

        // It dies without a word: the Lease runs out.
        let (holder, leader) = (operator.holder().await?, operator.leader().await?);
        match shell_image(test.cluster()).await? {
            Some(image) => kill_process(test, &operator.home(), &leader, COMMAND, &image).await?,
            None => operator.home().force_delete_pod(&leader).await?,
        }
        let took = another_leads(&operator, &holder, secs(60)).await?;
        test.figure("hand-over of a leader that is killed", format!("{:.2} s", took.as_secs_f64()));
        let took = works(&installation, "info").await?;
        test.figure("first change after the hand-over", format!("{:.2} s", took.as_secs_f64()));
        installation.ready(READY).await?;
        operator.scale(2).await?;

        // New leaders found everything as it should be: nothing was written but what the two changes asked for.
        let after = installation.namespace().list("Secret", "").await?;
        ensure!(versions(&secrets) == versions(&after), "Secrets were written by a new leader");
        let now = self::generations(&installation).await?;
        for (child, generation) in &generations {
            // Two changes of the log level: ConfigMaps have no generation, the StatefulSet follows each change once.
            let expected = if child.starts_with("StatefulSet/") { generation + 2 } else { *generation };
            ensure!(now.get(child) == Some(&expected), "{child}: generation {generation} became {:?}", now.get(child));
        }
        operator.scale(replicas).await
    })
}

#[test]
fn only_the_leader_writes() -> Outcome {
    scenario_alone("writers", async |test| {
        let (operator, replicas) = two(test).await?;
        let leader = operator.leader().await?;
        let mut before = BTreeMap::new();
        for pod in operator.pods().await? {
            let name = text(&pod, "metadata.name").to_owned();
            before.insert(name.clone(), writes(&operator, &name).await?);
        }
        let namespace = test.namespace("fight").await?;
        let installation = namespace.install("fight", json!({})).await?;
        installation.ready(READY).await?;
        // Work for whoever feels responsible.
        for _ in 0..5 {
            namespace.delete("Service", "fight-gui").await?;
            namespace.appears("Service", "fight-gui", secs(30)).await?;
        }
        ensure!(operator.leader().await? == leader, "the leader changed on its own");
        for pod in operator.pods().await? {
            let name = text(&pod, "metadata.name");
            let writes = writes(&operator, name).await? - before.get(name).copied().unwrap_or(0.0);
            println!("{name}{}: {writes} writes", if name == leader { " (leader)" } else { "" });
            ensure!((writes > 0.0) == (name == leader), "{name} wrote {writes} times, the leader is {leader}");
        }
        // One field manager besides the cluster's own controllers and the tests.
        for (kind, name) in installation.children().await? {
            let object = namespace.get(&kind, &name).await?;
            let managers = field(&object, "metadata.managedFields").as_array().cloned().unwrap_or_default();
            let ours: Vec<_> =
                managers.iter().map(|entry| text(entry, "manager")).filter(|name| name.contains("tracardi")).collect();
            ensure!(ours.iter().all(|name| *name == ours[0]), "{kind} {name} has several of our managers: {ours:?}");
        }
        operator.scale(replicas).await
    })
}

/// The leader's machine is suspended for longer than leadership holds, but not for as long as the Lease does: nobody else
/// leads, and what changed in the meantime is not forgotten.
#[test]
fn a_leader_that_renews_late_forgets_nothing() -> Outcome {
    scenario_alone("late", async |test| {
        let Some(image) = shell_image(test.cluster()).await? else {
            println!("left out: this cluster has no image with a shell that the tests know");
            return Ok(());
        };
        let (operator, replicas) = two(test).await?;
        let installation = test.namespace("led").await?.install("late", json!({})).await?;
        installation.ready(READY).await?;
        let leader = operator.leader().await?;
        let home = operator.home();
        let freeze = freeze_process(test, &home, &leader, COMMAND, &image, secs(8));
        let change = async {
            tokio::time::sleep(secs(4)).await;
            installation.change(json!({"logging": {"level": "debug"}})).await
        };
        tokio::try_join!(freeze, change)?;
        let took = works(&installation, "debug").await?;
        test.figure("change during a leader's sleep, after it woke", format!("{:.2} s", took.as_secs_f64()));
        installation.ready(READY).await?;
        operator.scale(replicas).await
    })
}

/// It is suspended for longer than the Lease holds: another leads, and the one that wakes up writes nothing any more.
#[test]
fn a_leader_that_sleeps_wakes_up_as_a_follower() -> Outcome {
    scenario_alone("asleep", async |test| {
        let Some(image) = shell_image(test.cluster()).await? else {
            println!("left out: this cluster has no image with a shell that the tests know");
            return Ok(());
        };
        let (operator, replicas) = two(test).await?;
        let namespace = test.namespace("led").await?;
        let installation = namespace.install("asleep", json!({})).await?;
        installation.ready(READY).await?;
        let (holder, leader) = (operator.holder().await?, operator.leader().await?);
        let written = writes(&operator, &leader).await?;
        let home = operator.home();
        let freeze = freeze_process(test, &home, &leader, COMMAND, &image, secs(18));
        let meanwhile = async {
            another_leads(&operator, &holder, secs(40)).await?;
            works(&installation, "debug").await
        };
        tokio::try_join!(freeze, meanwhile)?;
        // Awake again, it sees work that it would have done as the leader.
        for _ in 0..3 {
            namespace.delete("Service", "asleep-gui").await?;
            namespace.appears("Service", "asleep-gui", secs(30)).await?;
        }
        let now = writes(&operator, &leader).await?;
        ensure!(now - written < 0.5, "{leader} wrote {} times after another had taken over", now - written);
        operator.scale(replicas).await
    })
}

/// Changes that a pod of the operator asked the API server for, apart from Leases and events.
async fn writes(operator: &Operator, pod: &str) -> Result<f64> {
    crate::idle::writes(&operator.metrics(pod).await?)
}

fn versions(objects: &[Json]) -> Vec<(String, String)> {
    let version =
        |object: &Json| (text(object, "metadata.name").to_owned(), text(object, "metadata.resourceVersion").to_owned());
    objects.iter().map(version).collect()
}

/// Generation of every child that has one.
async fn generations(installation: &Installation) -> Result<BTreeMap<String, i64>> {
    let mut found = BTreeMap::new();
    for (kind, name) in installation.children().await? {
        let object = installation.namespace().get(&kind, &name).await?;
        if let Some(generation) = object["metadata"]["generation"].as_i64() {
            found.insert(format!("{kind}/{name}"), generation);
        }
    }
    Ok(found)
}
