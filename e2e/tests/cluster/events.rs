//! Events on their way through a real installation: what is acknowledged is stored, once.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tracardi_crds::contract::PUBLIC_API;
use tracardi_e2e::load::{self, Load};
use tracardi_e2e::{
    Installation, Outcome, PodRun, Scenario, field, http::Http, kill_process, scenario, secs, shell_image, text,
};

const SOURCE: &str = "shop";

async fn serving(test: &Scenario, name: &str) -> Result<(Installation, Http)> {
    let installation = test.namespace(name).await?.install(name, json!({})).await?;
    installation.ready(secs(120)).await?;
    let api = installation.login().await?;
    installation.event_source(&api, SOURCE).await?;
    Ok((installation, api))
}

#[test]
fn an_event_becomes_a_profile() -> Outcome {
    scenario("event", async |test| {
        let (installation, api) = serving(test, "profile").await?;
        let public = installation.public_api().await?;
        let first = load::first_event(&public, SOURCE).await?;
        let profile = text(&first, "profile.id");
        ensure!(text(&first, "session.id") == "e2e-first", "{first}");

        let signed = json!({"source": {"id": SOURCE}, "session": {"id": "e2e-first"}, "profile": {"id": profile},
            "events": [{"type": "sign-in", "properties": {"email": "ada@shop.example", "firstname": "Ada"}}]});
        let again = public.post("/track", &signed).await?.ok()?;
        ensure!(text(&again, "profile.id") == profile, "another profile: {again}");

        let stored = api.get(&format!("/profile/{profile}")).await?.ok()?;
        ensure!(text(&stored, "id") == profile, "{stored}");
        ensure!(field(&stored, "metadata.time.visit.count").as_i64() == Some(1), "visits: {}", stored["metadata"]);
        let session = api.get("/session/e2e-first").await?.ok()?;
        ensure!(text(&session, "profile.id") == profile, "{session}");
        ensure!(load::stored(&api, "type=\"sign-in\"").await? == 1, "the sign-in was not stored");
        ensure!(load::stored(&api, "type=\"profile-created\"").await? == 1, "no profile-created");
        // The same request again changes nothing.
        public.post("/track", &signed).await?.ok()?;
        ensure!(load::stored(&api, "type=\"sign-in\"").await? == 1, "the same request was stored twice");

        // Nobody reads without a login, and nobody sends for an unknown source.
        installation.private_api().await?.get(&format!("/profile/{profile}")).await?.status(401)?;
        let unknown = json!({"source": {"id": "nobody"}, "session": {"id": "x"}, "events": [{"type": "page-view"}]});
        public.post("/track", &unknown).await?.status(401)?;
        Ok(())
    })
}

#[test]
fn simulated_traffic_arrives_completely_through_the_service() -> Outcome {
    scenario("traffic", async |test| {
        let (installation, api) = serving(test, "shop").await?;
        let visitors = test.namespace("internet").await?;
        let url = installation.inside(PUBLIC_API);
        let arguments = ["simulate", "--url", &url, "--source", SOURCE, "--visitors", "40", "--seed", "7"];
        let run = PodRun::new("simulate", &installation.image().await?, &arguments);
        let start = Instant::now();
        let ended = run.run(&visitors, secs(120)).await?;
        ensure!(ended.code == 0, "the simulation ended with {}: {}", ended.code, ended.log);
        let row = |name: &str| {
            let line = ended.log.lines().find(|line| line.trim_start().starts_with(name));
            let number = line.and_then(|line| line.split_whitespace().last()?.parse::<u64>().ok());
            number.with_context(|| format!("no row {name:?} in {}", ended.log))
        };
        let (sent, sessions) = (row("events acknowledged")?, row("sessions")?);
        test.figure(
            "events simulated through the Service",
            format!("{sent} in {:.1} s with the pod's start", start.elapsed().as_secs_f64()),
        );

        let system = "(type=\"profile-created\" OR type=\"session-opened\" OR type=\"visit-started\")";
        let made = load::stored_ever(&api, system).await?;
        let all = installation.count(&api, "event").await?;
        ensure!(all - made == sent, "{sent} events were acknowledged, {} are stored", all - made);
        let opened = load::stored_ever(&api, "type=\"session-opened\"").await?;
        ensure!(opened == sessions, "{sessions} sessions were simulated, {opened} were opened");
        ensure!(installation.count(&api, "session").await? == sessions, "the number of sessions differs");
        let profile = ended.log.lines().find_map(|line| line.strip_prefix("profile to look at:"));
        let profile = profile.context("no profile to look at")?.trim();
        let stored = api.get(&format!("/profile/{profile}")).await?.ok()?;
        ensure!(!text(&stored, "data.contact.email.main").is_empty(), "the visitor is not identified: {stored}");
        Ok(())
    })
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() -> Outcome {
    scenario("kill", async |test| {
        let (installation, _) = serving(test, "killed").await?;
        let namespace = installation.namespace().clone();
        let pod = installation.pod_name().await?;
        let load = Load::start(&installation.public_url().await?, SOURCE, 16);
        load.progress(200, secs(60)).await?;

        // kill -9 in the midst of it, where the cluster lets us; the container starts again in the same pod.
        if let Some(image) = shell_image(test.cluster()).await? {
            let before = restarts(&installation).await?;
            kill_process(test, &namespace, &pod, "tracardi", &image).await?;
            load.progress(200, secs(90)).await?;
            ensure!(restarts(&installation).await? > before, "the container was not restarted");
        } else {
            test.figure("kill -9", "left out: this cluster has no image with a shell that the tests know");
        }
        // And the whole pod without a grace period, twice.
        for _ in 0..2 {
            namespace.force_delete_pod(&pod).await?;
            load.progress(200, secs(90)).await?;
        }
        let journal = load.stop().await?;
        let requests: u64 = journal.iter().map(|client| client.requests).sum();
        let repeats: u64 = journal.iter().map(|client| client.repeats).sum();
        test.figure("acknowledged through three deaths", format!("{requests} ({repeats} attempts repeated)"));

        installation.ready(secs(120)).await?;
        let api = installation.login().await?;
        load::check(&installation, &api, &journal).await?;
        let all = installation.count(&api, "event").await?;
        let sessions = installation.count(&api, "session").await?;
        ensure!(sessions == 16, "{sessions} sessions instead of 16");
        ensure!(all == requests + 3 * sessions, "{all} events are stored, expected {requests} and 3 for each session");
        ensure!(installation.count(&api, "profile").await? == 16, "the number of profiles is wrong");
        Ok(())
    })
}

#[test]
fn a_roll_out_under_load_loses_nothing() -> Outcome {
    scenario("graceful", async |test| {
        let (installation, _) = serving(test, "rolled").await?;
        let load = Load::start(&installation.public_url().await?, SOURCE, 8);
        load.progress(100, secs(60)).await?;
        installation.change(json!({"logging": {"level": "warn"}})).await?;
        installation.ready(secs(120)).await?;
        load.progress(100, secs(60)).await?;
        let journal = load.stop().await?;
        let api = installation.login().await?;
        load::check(&installation, &api, &journal).await
    })
}

async fn restarts(installation: &Installation) -> Result<i64> {
    let pod = installation.pod().await?;
    Ok(field(&pod, "status.containerStatuses.0.restartCount").as_i64().unwrap_or(0))
}
