//! An installation from its first apply on: it becomes ready, says the truth, heals, keeps its data.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tracardi_e2e::{Installation, Json, Outcome, Wanted, condition, eventually, field, load, scenario, secs, text};

const READY: Duration = secs(120);

#[test]
fn the_example_becomes_ready_and_tells_how() -> Outcome {
    scenario("example", async |test| {
        let namespace = test.namespace("demo").await?;
        let start = Instant::now();
        namespace.apply("examples/tracardi.yaml").await?;
        let installation = namespace.installation("demo");
        let reasons = reasons_until_ready(&installation).await?;
        test.figure("apply to Ready", format!("{:.1} s", start.elapsed().as_secs_f64()));
        ensure!(reasons.last().is_some_and(|last| last == "Serving"), "reasons of Ready: {reasons:?}");
        ensure!(
            reasons.iter().any(|reason| reason == "Initializing" || reason == "Starting"),
            "an installation that is not ready yet says why: {reasons:?}"
        );

        let object = installation.resource().await?;
        for (kind, status) in
            [("Ready", "True"), ("Initialized", "True"), ("Progressing", "False"), ("Degraded", "False")]
        {
            let found = condition(&object, kind);
            ensure!(found.is_some_and(|(now, _)| now == status), "{kind} should be {status}: {found:?}");
        }
        for (path, expected) in [("status.phase", "Ready"), ("status.mode", "standalone"), ("status.ready", "1/1")] {
            ensure!(text(&object, path) == expected, "{path} is {}", field(&object, path));
        }
        for listener in ["publicApi", "privateApi", "gui"] {
            let url = text(&object, &format!("status.urls.{listener}"));
            ensure!(url.starts_with("http://demo-"), "status.urls.{listener} is {url:?}");
        }
        for secret in field(&object, "status.generatedSecrets").as_array().context("no generated Secrets are named")? {
            let stored = namespace.get("Secret", text(secret, "name")).await?;
            for key in secret["keys"].as_array().into_iter().flatten().filter_map(Json::as_str) {
                ensure!(stored["data"][key].is_string(), "Secret {} has no key {key}", text(secret, "name"));
            }
        }

        // What a person sees.
        let table = test.cluster().kubectl(&["get", "tci", "-n", namespace.name()]).await?;
        for word in ["PHASE", "MODE", "VERSION", "READY", "PUBLIC URL", "AGE", "standalone", "1/1"] {
            ensure!(table.contains(word), "{word} is not in\n{table}");
        }
        let events = test.cluster().kubectl(&["events", "-n", namespace.name(), "--for", "tci/demo"]).await?;
        ensure!(events.contains("Serving") || events.contains("Ready"), "no event tells that it is ready:\n{events}");
        Ok(())
    })
}

/// The reasons of the condition `Ready`, in the order in which they came.
async fn reasons_until_ready(installation: &Installation) -> Result<Vec<String>> {
    let mut reasons: Vec<String> = Vec::new();
    let start = Instant::now();
    while start.elapsed() < READY {
        let object = installation.resource().await?;
        if let Some((status, reason)) = condition(&object, "Ready") {
            if reasons.last().is_none_or(|last| last != reason) {
                reasons.push(reason.to_owned());
            }
            if status == "True" {
                return Ok(reasons);
            }
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    installation.ready(Duration::ZERO).await.map(|_| reasons)
}

#[test]
fn the_status_follows_the_pod_and_the_data_stays() -> Outcome {
    scenario("truth", async |test| {
        let namespace = test.namespace("pod").await?;
        let installation = namespace.install("truth", json!({})).await?;
        installation.ready(READY).await?;
        let api = installation.login().await?;
        installation.event_source(&api, "shop").await?;
        load::first_event(&installation.public_api().await?, "shop").await?;
        let before = installation.count(&api, "event").await?;
        ensure!(before > 0, "nothing was stored");

        let pod = installation.pod_name().await?;
        namespace.force_delete_pod(&pod).await?;
        let start = Instant::now();
        let seen = loop {
            let object = installation.resource().await?;
            match condition(&object, "Ready") {
                Some(("False", reason)) => break reason.to_owned(),
                _ => ensure!(start.elapsed() < secs(10), "the pod is gone and the status still says Ready"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        test.figure("pod deleted to Ready=False", format!("{:.2} s ({seen})", start.elapsed().as_secs_f64()));
        installation.ready(READY).await?;
        test.figure("pod deleted to Ready again", format!("{:.2} s", start.elapsed().as_secs_f64()));

        let api = installation.login().await?;
        ensure!(installation.count(&api, "event").await? == before, "the number of events changed with the pod");
        Ok(())
    })
}

#[test]
fn deleted_children_come_back() -> Outcome {
    scenario("heal", async |test| {
        let namespace = test.namespace("children").await?;
        // Every optional child, too.
        let spec = json!({"disruptions": "Block", "networking": {"trustedNamespaces": ["monitoring"]}});
        let installation = namespace.install("heal", spec).await?;
        installation.ready(READY).await?;
        let children = installation.children().await?;
        let kinds: std::collections::BTreeSet<_> = children.iter().map(|(kind, _)| kind.as_str()).collect();
        for kind in ["ConfigMap", "NetworkPolicy", "PodDisruptionBudget", "Service", "StatefulSet"] {
            ensure!(kinds.contains(kind), "the inventory names no {kind}: {children:?}");
        }
        let mut slowest = Duration::ZERO;
        // Volume and Secrets carry data: they have tests of their own.
        for (kind, name) in children.iter().filter(|(kind, _)| !["Secret", "PersistentVolumeClaim"].contains(&&**kind))
        {
            let old = namespace.get(kind, name).await?;
            namespace.delete(kind, name).await?;
            let start = Instant::now();
            eventually(&format!("{kind} {name} is made again"), secs(30), async || {
                let new = namespace.get(kind, name).await?;
                let other = new["metadata"]["uid"] != old["metadata"]["uid"];
                Ok(Wanted::when(other, (), || "it is still the old one".into()))
            })
            .await?;
            println!("{kind} {name}: {:.2} s", start.elapsed().as_secs_f64());
            slowest = slowest.max(start.elapsed());
        }
        test.figure("slowest child to come back", format!("{:.2} s", slowest.as_secs_f64()));
        installation.ready(READY).await?;
        ensure!(installation.children().await? == children, "the inventory changed");
        Ok(())
    })
}

#[test]
fn edits_by_hand_are_reverted() -> Outcome {
    scenario("drift", async |test| {
        let namespace = test.namespace("edits").await?;
        let spec = json!({"networking": {"trustedNamespaces": ["monitoring"]}});
        let installation = namespace.install("drift", spec).await?;
        installation.ready(READY).await?;
        let edits = [
            ("Service", "drift-private-api", "spec.type", json!({"spec": {"type": "NodePort"}})),
            ("NetworkPolicy", "drift-default-deny", "spec.policyTypes", json!({"spec": {"policyTypes": ["Egress"]}})),
            ("ConfigMap", "drift-config", "data.TRACARDI_LOG_LEVEL", json!({"data": {"TRACARDI_LOG_LEVEL": "trace"}})),
            ("StatefulSet", "drift-standalone", "spec.replicas", json!({"spec": {"replicas": 0}})),
            (
                "StatefulSet",
                "drift-standalone",
                "metadata.labels",
                json!({"metadata": {"labels": {
                "app.kubernetes.io/managed-by": "me"}}}),
            ),
        ];
        for (kind, name, path, edit) in edits {
            let before = field(&namespace.get(kind, name).await?, path).clone();
            let edited = namespace.patch(kind, name, &edit).await.with_context(|| format!("{kind} {name}"))?;
            ensure!(*field(&edited, path) != before, "{kind} {name}: the edit of {path} changes nothing");
            eventually(&format!("{kind} {name} gets its {path} back"), secs(30), async || {
                let now = field(&namespace.get(kind, name).await?, path).clone();
                Ok(Wanted::when(now == before, (), || format!("{now} instead of {before}")))
            })
            .await?;
        }
        // What belongs to others stays: an annotation that the operator knows nothing about.
        let note = json!({"metadata": {"annotations": {"example.com/note": "mine"}}});
        namespace.patch("Service", "drift-public-api", &note).await?;
        installation.change(json!({"features": {"trackDebug": true}})).await?;
        installation.ready(READY).await?;
        let service = namespace.get("Service", "drift-public-api").await?;
        ensure!(service["metadata"]["annotations"]["example.com/note"] == "mine", "somebody else's annotation is gone");
        Ok(())
    })
}

#[test]
fn a_changed_feature_rolls_the_pod_and_takes_effect() -> Outcome {
    scenario("rollout", async |test| {
        let namespace = test.namespace("feature").await?;
        let installation = namespace.install("roll", json!({})).await?;
        installation.ready(READY).await?;
        let api = installation.login().await?;
        installation.event_source(&api, "shop").await?;
        let public = installation.public_api().await?;
        let payload = |session: &str| {
            json!({"source": {"id": "shop"}, "session": {"id": session}, "options": {"debugger": true},
                "events": [{"type": "page-view"}]})
        };
        let quiet = public.post("/track", &payload("before")).await?.ok()?;
        ensure!(quiet["events"] == json!([]), "events are listed without trackDebug: {quiet}");
        let pod = installation.pod().await?;

        installation.change(json!({"features": {"trackDebug": true}})).await?;
        installation.ready(READY).await?;
        let rolled = installation.pod().await?;
        ensure!(rolled["metadata"]["uid"] != pod["metadata"]["uid"], "the pod was not replaced");
        let telling = eventually("the public API answers", secs(15), async || {
            Ok(Wanted::Yes(public.post("/track", &payload("after")).await?.ok()?))
        })
        .await?;
        ensure!(telling["events"].as_array().is_some_and(|ids| ids.len() >= 2), "no events are listed: {telling}");
        let api = installation.login().await?;
        ensure!(installation.count(&api, "session").await? == 2, "sessions were lost in the roll-out");

        // What does not concern the pod leaves it alone.
        installation.change(json!({"deletionPolicy": "Delete"})).await?;
        installation.ready(READY).await?;
        let same = installation.pod().await?;
        ensure!(same["metadata"]["uid"] == rolled["metadata"]["uid"], "the pod was replaced for nothing");
        Ok(())
    })
}

#[test]
fn versions_that_cannot_run_are_refused_in_the_status() -> Outcome {
    scenario("versions", async |test| {
        let namespace = test.namespace("edit").await?;
        let installation = namespace.install("versions", json!({})).await?;
        let object = installation.ready(READY).await?;
        let workload = installation.workload().await?;
        for (version, reason) in [("99.0.0", "VersionUnsupported"), ("0.0.1", "DowngradeRefused")] {
            installation.change(json!({"version": version})).await?;
            let refused = installation.becomes("Degraded", "True", secs(30)).await?;
            let said = condition(&refused, "Degraded");
            ensure!(said == Some(("True", reason)), "version {version}: {said:?}");
            ensure!(text(&refused, "status.version") == text(&object, "status.version"), "the version in status moved");
        }
        let now = installation.workload().await?;
        ensure!(now["metadata"]["generation"] == workload["metadata"]["generation"], "the StatefulSet was changed");
        installation.change(json!({"version": null})).await?;
        installation.ready(READY).await?;
        Ok(())
    })
}

#[test]
fn a_paused_installation_is_left_alone() -> Outcome {
    scenario("paused", async |test| {
        let namespace = test.namespace("pause").await?;
        let installation = namespace.install("paused", json!({"disruptions": "Block"})).await?;
        installation.ready(READY).await?;
        let workload = installation.workload().await?;

        installation.change(json!({"paused": true})).await?;
        eventually("the status says that it is paused", secs(15), async || {
            let object = installation.resource().await?;
            let found = condition(&object, "Progressing");
            Ok(Wanted::when(matches!(found, Some((_, "Paused"))), (), || format!("Progressing is {found:?}")))
        })
        .await?;
        installation.change(json!({"features": {"trackDebug": true}})).await?;
        namespace.delete("PodDisruptionBudget", "paused-standalone").await?;
        eventually("the status tells what waits", secs(15), async || {
            let object = installation.resource().await?;
            let conditions = field(&object, "status.conditions").as_array().cloned().unwrap_or_default();
            let said = conditions.iter().find(|c| c["type"] == "Progressing").map(|c| text(c, "message").to_owned());
            let said = said.unwrap_or_default();
            Ok(Wanted::when(said.contains("paused-standalone") || said.contains("paused-config"), (), || said.clone()))
        })
        .await?;
        // Time enough for an operator that does not keep still.
        tokio::time::sleep(secs(3)).await;
        let now = installation.workload().await?;
        ensure!(
            now["metadata"]["generation"] == workload["metadata"]["generation"],
            "a paused StatefulSet was changed"
        );
        ensure!(
            namespace.find("PodDisruptionBudget", "paused-standalone").await?.is_none(),
            "a paused child was healed"
        );

        installation.change(json!({"paused": false})).await?;
        installation.ready(READY).await?;
        namespace.appears("PodDisruptionBudget", "paused-standalone", secs(15)).await?;
        Ok(())
    })
}

#[test]
fn a_mistyped_image_is_told_and_can_be_corrected() -> Outcome {
    scenario("image", async |test| {
        let namespace = test.namespace("typo").await?;
        let spec = json!({"image": {"tag": "no-such-tag", "pullPolicy": "Never"}});
        let installation = namespace.install("typo", spec).await?;
        let object = installation.becomes("Degraded", "True", secs(60)).await?;
        ensure!(condition(&object, "Degraded") == Some(("True", "ImagePullFailed")), "{}", object["status"]);
        ensure!(object["status"].to_string().contains("no-such-tag"), "the image is not named: {}", object["status"]);
        installation.change(json!({"image": null})).await?;
        installation.ready(READY).await?;
        Ok(())
    })
}

#[test]
fn a_drain_waits_only_when_it_is_told_to() -> Outcome {
    scenario("drain", async |test| {
        let namespace = test.namespace("node").await?;
        let installation = namespace.install("drained", json!({"disruptions": "Block"})).await?;
        installation.ready(READY).await?;
        let pods: kube::Api<k8s_openapi::api::core::v1::Pod> =
            kube::Api::namespaced(namespace.client(), namespace.name());
        let pod = installation.pod_name().await?;
        // The client asks again as long as it is told that there are too many requests, as `kubectl drain` does.
        let eviction = kube::api::EvictParams::default();
        let refused = tokio::time::timeout(secs(5), pods.evict(&pod, &eviction)).await;
        ensure!(refused.is_err(), "an eviction was answered although disruptions are blocked: {refused:?}");
        installation.change(json!({"disruptions": "Allow"})).await?;
        namespace.disappears("PodDisruptionBudget", "drained-standalone", secs(15)).await?;
        let before = installation.pod().await?;
        pods.evict(&pod, &eviction).await.context("the pod cannot be evicted")?;
        eventually("the pod was replaced", secs(60), async || {
            let now = installation.pod().await?;
            Ok(Wanted::when(now["metadata"]["uid"] != before["metadata"]["uid"], (), || "the old one is there".into()))
        })
        .await?;
        installation.ready(READY).await?;
        Ok(())
    })
}
