//! What the cluster can or cannot do for an installation, and how the status tells.

use anyhow::{Context as _, ensure};
use serde_json::json;
use tracardi_e2e::{Json, Outcome, Wanted, condition, eventually, field, scenario, secs, text};

/// The message of a condition.
fn message<'a>(object: &'a Json, kind: &str) -> &'a str {
    let conditions = field(object, "status.conditions").as_array();
    conditions.into_iter().flatten().find(|found| found["type"] == kind).map_or("", |found| text(found, "message"))
}

#[test]
fn a_volume_grows_or_the_status_says_why_not() -> Outcome {
    scenario("grow", async |test| {
        let classes = test.cluster().list("StorageClass", None, "").await?;
        let default = classes.iter().find(|class| {
            class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == json!("true")
        });
        let expands = default.context("no default StorageClass")?["allowVolumeExpansion"] == json!(true);

        let namespace = test.namespace("volume").await?;
        let installation = namespace.install("grow", json!({"storage": {"size": "1Gi"}})).await?;
        installation.ready(secs(120)).await?;
        installation.change(json!({"storage": {"size": "2Gi"}})).await?;
        if expands {
            eventually("the volume holds 2Gi", secs(180), async || {
                let claim = namespace.get("PersistentVolumeClaim", "grow-data").await?;
                let capacity = text(&claim, "status.capacity.storage").to_owned();
                Ok(Wanted::when(capacity == "2Gi", (), || format!("its capacity is {capacity}")))
            })
            .await?;
            let object = installation.becomes("Progressing", "False", secs(30)).await?;
            ensure!(text(&object, "status.storageSize") == "2Gi", "{}", object["status"]);
            return Ok(());
        }
        let object = installation.becomes("Degraded", "True", secs(30)).await?;
        ensure!(condition(&object, "Degraded") == Some(("True", "ResizeRefused")), "{}", object["status"]);
        let said = message(&object, "Degraded");
        for word in ["grow-data", "2Gi", "resize", "set spec.storage.size back"] {
            ensure!(said.contains(word), "{word:?} is not in {said:?}");
        }
        ensure!(condition(&object, "Ready").is_some_and(|(status, _)| status == "True"), "it serves all the same");
        ensure!(text(&object, "status.storageSize") == "1Gi", "{}", object["status"]);
        // The remedy that the message names.
        installation.change(json!({"storage": {"size": "1Gi"}})).await?;
        installation.becomes("Degraded", "False", secs(30)).await?;
        Ok(())
    })
}

#[test]
fn without_a_load_balancer_controller_the_status_says_so() -> Outcome {
    scenario("balance", async |test| {
        let namespace = test.namespace("service").await?;
        let installation = namespace.install("balance", json!({"publicApi": {"serviceType": "LoadBalancer"}})).await?;
        let object = installation.ready(secs(120)).await?;
        let service = namespace.get("Service", "balance-public-api").await?;
        if field(&service, "status.loadBalancer.ingress").is_array() {
            println!("left out: this cluster has a load-balancer controller");
            return Ok(());
        }
        ensure!(condition(&object, "Progressing") == Some(("True", "AwaitingLoadBalancer")), "{}", object["status"]);
        let said = message(&object, "Progressing");
        for word in ["balance-public-api", "no load-balancer controller", "spec.publicApi.serviceType"] {
            ensure!(said.contains(word), "{word:?} is not in {said:?}");
        }
        // The remedy that the message names.
        installation.change(json!({"publicApi": {"serviceType": "ClusterIP"}})).await?;
        let object = installation.becomes("Progressing", "False", secs(60)).await?;
        ensure!(text(&object, "status.phase") == "Ready", "{}", object["status"]);
        Ok(())
    })
}
