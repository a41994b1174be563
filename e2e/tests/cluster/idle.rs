//! An unchanged world costs nothing.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tracardi_e2e::{Metrics, Outcome, Wanted, eventually, operator_installed, scenario_alone, secs, text};

/// The operator's counter of requests to the API server, by method.
const REQUESTS: &str = "tracardi_operator_api_requests_total";

/// Requests that change an object: it is applied and deleted, but never replaced; only the Lease is.
pub(crate) fn writes(metrics: &Metrics) -> Result<f64> {
    let known = metrics.sum(REQUESTS, &[]);
    known.with_context(|| format!("the operator has no metric {REQUESTS}; it has {:?}", metrics.names()))?;
    Ok(["PATCH", "DELETE"].iter().filter_map(|method| of(metrics, method)).sum())
}

/// Requests that were not made to keep the Lease, which is read and replaced at each renewal, nor to keep a watch open.
fn beside_the_lease(metrics: &Metrics) -> Result<f64> {
    let reads = of(metrics, "GET").unwrap_or(0.0) - of(metrics, "PUT").unwrap_or(0.0);
    Ok(writes(metrics)? + of(metrics, "POST").unwrap_or(0.0) + reads)
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
        tokio::time::sleep(secs(20)).await;
        let after = operator.metrics(&leader).await?;
        let asked = beside_the_lease(&after)? - beside_the_lease(&before)?;
        test.figure("requests of an idle operator in 20 s", asked);
        // Generated Secrets are not watched (that would need the right to read all of them): each minute the operator looks
        // whether the three are still there. And a renewal of the Lease may be caught between its read and its write.
        let installations = after.sum("tracardi_operator_installations", &[]).unwrap_or(1.0);
        ensure!(asked <= 3.0 * installations + 1.0, "the operator sent {asked} requests although nothing changed");
        ensure!(writes(&after)? - writes(&before)? < 0.5, "the operator wrote although nothing changed");
        let now = installation.resource().await?;
        ensure!(text(&now, "metadata.resourceVersion") == version, "the resource was written although nothing changed");
        Ok(())
    })
}
