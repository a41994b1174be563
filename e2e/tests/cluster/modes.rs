//! Larger installations: each service in pods of its own, on real servers beside the cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::json;
use tracardi_crds::contract::{PRIVATE_API, PUBLIC_API};
use tracardi_e2e::load::{self, Load};
use tracardi_e2e::{
    Installation, Json, Outcome, PodRun, Scenario, Servers, Wanted, condition, eventually, field, put_secret, scenario,
    secs, servers, text,
};
use tracardi_servers::beside;

use crate::network::Visitor;

const SOURCE: &str = "shop";
/// Each has pods of its own.
const SERVICES: [&str; 6] =
    ["public-api", "private-api", "gui", "worker-collector", "worker-storage", "worker-outbound"];
const CLIENTS: usize = 8;

/// The servers, or a figure that says why there are none.
fn servers_of(test: &Scenario) -> Result<Option<Arc<Servers>>> {
    let running = servers()?;
    if running.is_none() {
        test.figure("larger installations", "left out: of the way from this cluster to servers nothing is known");
    }
    Ok(running)
}

#[test]
fn open_mode_serves_on_real_servers() -> Outcome {
    scenario("open", async |test| {
        let Some(servers) = servers_of(test)? else { return Ok(()) };
        let installation = servers.install(test, "open", "open", |_, _| ()).await?;
        let object = installation.ready(secs(180)).await?;
        let urls = field(&object, "status.urls");
        ensure!(text(urls, "publicApi") == installation.inside(PUBLIC_API), "{urls}");
        serves(test, &installation).await?;
        closed_to_strangers(test, &installation).await?;
        // Another password at the server, the old one still good for those who have it.
        servers.access().redis(&["ACL", "SETUSER", &beside::login().name, ">rotated"])?;
        rotates(test, &installation, json!({"cache": "rotated"})).await
    })
}

#[test]
fn distributed_mode_serves_on_real_servers_and_loses_nothing() -> Outcome {
    scenario("distributed", async |test| {
        let Some(servers) = servers_of(test)? else { return Ok(()) };
        let several = |spec: &mut Json, _: &mut Json| {
            spec["publicApi"]["replicas"] = json!(2);
            spec["workers"]["collector"]["replicas"] = json!(2);
        };
        let installation = servers.install(test, "distributed", "distributed", several).await?;
        let object = installation.ready(secs(180)).await?;
        let urls = field(&object, "status.urls");
        ensure!(text(urls, "publicApi") == "https://collect.example.com", "{urls}");
        serves(test, &installation).await?;
        survives(test, &installation).await
    })
}

#[test]
fn a_wrong_password_is_told_and_mended() -> Outcome {
    scenario("password", async |test| {
        let Some(servers) = servers_of(test)? else { return Ok(()) };
        let wrong = |_: &mut Json, credentials: &mut Json| credentials["database"] = json!("forgotten");
        let installation = servers.install(test, "open", "password", wrong).await?;
        let told = eventually("the step that prepares the servers says what is wrong", secs(90), async || {
            let pods = installation.pods_of("install").await?;
            let Some(pod) = pods.first() else { return Ok(Wanted::NotYet("it has no pod".into())) };
            let log = installation.namespace().logs(text(pod, "metadata.name"), "install").await?;
            Ok(Wanted::when(log.contains("mysql"), log.clone(), || log))
        })
        .await?;
        println!("{told}");
        let object = installation.resource().await?;
        ensure!(condition(&object, "Ready").is_some_and(|(status, _)| status == "False"), "{}", object["status"]);
        let pods = installation.namespace().list("Pod", "app.kubernetes.io/instance=password").await?;
        for pod in &pods {
            ensure!(text(pod, "metadata.name").starts_with("password-install-"), "a service was started: {pod}");
            let restarts = field(pod, "status.containerStatuses.0.restartCount");
            ensure!(restarts == 0, "it was started again {restarts} times");
        }
        // The operator looked for itself, and names the field.
        eventually("the status names the field", secs(60), async || {
            let object = installation.resource().await?;
            let line = dependency(&object, "mysql");
            let named = text(&line, "message").contains("spec.mysql.external.passwordSecretRef");
            let reason = condition(&object, "DependenciesReady").map(|(_, reason)| reason);
            let told = named && reason.is_some_and(|reason| reason == "DependencyUnavailable");
            Ok(Wanted::when(told, (), || object["status"].to_string()))
        })
        .await?;
        put_secret(installation.namespace(), servers.access().secret()).await?;
        installation.ready(secs(180)).await?;
        reachable(&installation).await
    })
}

/// What the status says of a server.
fn dependency(object: &Json, name: &str) -> Json {
    let lines = field(object, "status.dependencies").as_array().cloned().unwrap_or_default();
    lines.into_iter().find(|line| text(line, "name") == name).unwrap_or_default()
}

/// The operator has found every server.
async fn reachable(installation: &Installation) -> Result<()> {
    eventually("every server was found", secs(120), async || {
        let object = installation.resource().await?;
        let holds = condition(&object, "DependenciesReady").is_some_and(|(status, _)| status == "True");
        let search = dependency(&object, "elasticsearch");
        let versioned = text(&search, "version").starts_with("OpenSearch 2");
        Ok(Wanted::when(holds && versioned, (), || object["status"].to_string()))
    })
    .await
}

/// The parts are there as documented, take events, and show them.
async fn serves(test: &Scenario, installation: &Installation) -> Result<()> {
    let object = installation.resource().await?;
    let components = field(&object, "status.components").as_array().cloned().unwrap_or_default();
    for service in SERVICES {
        let pods = installation.pods_of(service).await?;
        ensure!(!pods.is_empty(), "{service} has no pod");
        for pod in &pods {
            let ready = condition(pod, "Ready").is_some_and(|(status, _)| status == "True");
            let restarts = field(pod, "status.containerStatuses.0.restartCount");
            ensure!(ready && restarts == 0, "{service}: {}", pod["status"]);
        }
        ensure!(
            components.iter().any(|component| text(component, "name") == service),
            "{service} is not in the status"
        );
    }
    reachable(installation).await?;
    let api = installation.login().await?;
    installation.event_source(&api, SOURCE).await?;

    // An hour of traffic in small, through the Service, by a pod that is nobody.
    let url = installation.inside(PUBLIC_API);
    let arguments = ["simulate", "--url", &url, "--source", SOURCE, "--visitors", "20", "--seed", "7"];
    let visitors = test.namespace("internet").await?;
    let ended = PodRun::new("simulate", &installation.image().await?, &arguments).run(&visitors, secs(120)).await?;
    ensure!(ended.code == 0, "the simulation ended with {}: {}", ended.code, ended.log);
    let row = |name: &str| {
        let line = ended.log.lines().find(|line| line.trim_start().starts_with(name));
        line.and_then(|line| line.split_whitespace().last()?.parse::<u64>().ok())
    };
    let (sent, sessions) = (row("events acknowledged"), row("sessions"));
    eventually("every event is stored once", secs(60), async || {
        let made = "(type=\"profile-created\" OR type=\"session-opened\" OR type=\"visit-started\")";
        let stored = installation.count(&api, "event").await? - load::stored_ever(&api, made).await?;
        let opened = load::stored_ever(&api, "type=\"session-opened\"").await?;
        let seen = (Some(stored), Some(opened));
        Ok(Wanted::when(seen == (sent, sessions), (), || format!("{seen:?}, sent {sent:?} in {sessions:?} sessions")))
    })
    .await?;
    let profile =
        ended.log.lines().find_map(|line| line.strip_prefix("profile to look at:")).unwrap_or_default().trim();
    let stored = api.get(&format!("/profile/{profile}")).await?.ok()?;
    ensure!(!text(&stored, "data.contact.email.main").is_empty(), "the visitor is not identified: {stored}");

    // The web application reaches the private API from its own pod.
    let gui = installation.gui().await?;
    let page = gui.get("/").await?;
    ensure!(page.status == 200 && page.text().contains("<html"), "the web application answers {}", page.status);
    gui.get("/api/healthcheck").await?.status(200).map(drop)
}

/// A pod of another namespace reaches the public API and no other door.
async fn closed_to_strangers(test: &Scenario, installation: &Installation) -> Result<()> {
    let namespace = test.namespace("stranger").await?;
    let stranger = Visitor::new(&namespace, &installation.image().await?).await?;
    let url = |port| format!("{}/healthcheck", installation.inside(port));
    // The public API is open: the stranger's pod is connected, and the other door is really closed.
    stranger.until(&url(PUBLIC_API), true).await?;
    ensure!(!stranger.reaches(&url(PRIVATE_API)).await?, "the private API is open to a stranger");
    Ok(())
}

/// A new credential reaches exactly the pods that read it.
async fn rotates(test: &Scenario, installation: &Installation, texts: Json) -> Result<()> {
    let before = uids(installation).await?;
    let begin = std::time::Instant::now();
    put_secret(installation.namespace(), texts).await?;
    eventually("every pod that reads the credential is a new one, and ready", secs(180), async || {
        let now = uids(installation).await?;
        let old: Vec<_> = SERVICES.iter().filter(|service| now.get(*service) == before.get(*service)).collect();
        let several = now.values().any(|pods| pods.len() != 1);
        Ok(Wanted::when(old == [&"gui"] && !several, (), || format!("old are {old:?}; {now:?}")))
    })
    .await?;
    installation.ready(secs(60)).await?;
    test.figure("a credential changed to every pod new and ready", format!("{:.0} s", begin.elapsed().as_secs_f64()));
    Ok(())
}

/// The pods of each service, by what no two pods share.
async fn uids(installation: &Installation) -> Result<BTreeMap<&'static str, Vec<String>>> {
    let mut found = BTreeMap::new();
    for service in SERVICES {
        let pods = installation.pods_of(service).await?;
        found.insert(service, pods.iter().map(|pod| text(pod, "metadata.uid").to_owned()).collect());
    }
    Ok(found)
}

/// Pods of the two services on an event's way are killed without a grace period, under load.
async fn survives(test: &Scenario, installation: &Installation) -> Result<()> {
    let load = Load::start(&installation.public_url().await?, SOURCE, CLIENTS);
    load.progress(100, secs(60)).await?;
    for service in ["worker-collector", "public-api"] {
        let pods = installation.pods_of(service).await?;
        installation.namespace().force_delete_pod(text(&pods[0], "metadata.name")).await?;
        load.progress(100, secs(90)).await?;
    }
    let journal = load.stop().await?;
    let requests: u64 = journal.iter().map(|client| client.requests).sum();
    let repeats: u64 = journal.iter().map(|client| client.repeats).sum();
    test.figure(
        "acknowledged while a worker and a public API died",
        format!("{requests} ({repeats} attempts repeated)"),
    );

    installation.ready(secs(120)).await?;
    let api = installation.login().await?;
    // Each client's events and its profile's counter: neither less nor more.
    let all = async || load::check(installation, &api, &journal).await.map(Wanted::Yes);
    eventually("everything that was acknowledged is stored once", secs(90), all).await
}
