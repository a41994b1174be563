//! An unchanged world costs nothing.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tracardi_e2e::{
    Json, Metrics, Outcome, Wanted, condition, eventually, operator_installed, scenario_alone, secs, text,
};

/// The operator's counter of requests to the API server, by method.
const REQUESTS: &str = "tracardi_operator_api_requests_total";

/// Requests that change an object: it is applied and deleted, but never replaced; only the Lease is.
pub(crate) fn writes(metrics: &Metrics) -> Result<f64> {
    let known = metrics.sum(REQUESTS, &[]);
    known.with_context(|| format!("the operator has no metric {REQUESTS}; it has {:?}", metrics.names()))?;
    Ok(["PATCH", "DELETE"].iter().filter_map(|method| of(metrics, method)).sum())
}

/// Requests that were made neither for the election nor to keep a watch open.
fn asked(metrics: &Metrics) -> f64 {
    let all = metrics.sum(REQUESTS, &["watch=\"false\""]).unwrap_or(0.0);
    all - metrics.sum(REQUESTS, &["resource=\"leases\"", "watch=\"false\""]).unwrap_or(0.0)
}

/// Installations that are looked at again and again for a good reason: something is wrong with them, or they refer to
/// Secrets that the operator may not watch.
fn is_restless(installation: &Json) -> bool {
    let refers = installation["spec"].to_string().contains("SecretRef");
    condition(installation, "Ready").is_none_or(|(status, _)| status != "True")
        || condition(installation, "Degraded").is_none_or(|(status, _)| status != "False")
        || refers
}

fn of(metrics: &Metrics, method: &str) -> Option<f64> {
    metrics.sum(REQUESTS, &[&format!("method=\"{method}\""), "watch=\"false\""])
}

#[test]
fn an_unchanged_installation_costs_no_requests() -> Outcome {
    scenario_alone("idle", async |test| {
        let operator = operator_installed(test.cluster()).await?;
        let installation = test.namespace("still").await?.install("still", json!({})).await?;
        installation.ready(secs(120)).await?;
        // What earlier scenarios left behind goes first.
        eventually("the namespaces of other scenarios are gone", secs(150), async || {
            let namespaces = test.cluster().list("Namespace", None, "tracardi.io/e2e").await?;
            let leaving: Vec<_> = namespaces.iter().filter(|n| text(n, "status.phase") == "Terminating").collect();
            Ok(Wanted::when(leaving.is_empty(), (), || format!("{} are still going", leaving.len())))
        })
        .await?;
        tokio::time::sleep(secs(5)).await;

        let leader = operator.leader().await?;
        let before = operator.metrics(&leader).await?;
        let version = text(&installation.resource().await?, "metadata.resourceVersion").to_owned();
        let everywhere = test.cluster().list("tracardi.io/TracardiInstallation", None, "").await?;
        let restless =
            everywhere.iter().filter(|other| is_restless(other)).map(|other| text(other, "metadata.namespace"));
        let restless: Vec<_> = restless.collect();
        ensure!(restless.is_empty(), "this measures an idle operator; remove the installations in {restless:?} first");
        tokio::time::sleep(secs(60)).await;
        let after = operator.metrics(&leader).await?;
        let asked = asked(&after) - asked(&before);
        test.figure("requests of an idle operator in 60 s", asked);
        ensure!(asked < 0.5, "the operator sent {asked} requests although nothing changed");
        ensure!(writes(&after)? - writes(&before)? < 0.5, "the operator wrote although nothing changed");
        let now = installation.resource().await?;
        ensure!(text(&now, "metadata.resourceVersion") == version, "the resource was written although nothing changed");
        Ok(())
    })
}
