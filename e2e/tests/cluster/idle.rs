//! An unchanged world costs nothing.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tracardi_e2e::{Metrics, Outcome, Wanted, eventually, operator_installed, scenario_alone, secs, text};

/// The operator's counter of requests to the API server, by verb; Leases and watches are not in it.
const REQUESTS: &str = "tracardi_operator_api_requests_total";

/// Verbs that change something.
pub(crate) const WRITES: &[&str] = &["create", "apply", "patch", "delete", "status"];

/// The requests of some verbs (of all of them when the list is empty).
pub(crate) fn requests(metrics: &Metrics, verbs: &[&str]) -> Result<f64> {
    let all = metrics.sum(REQUESTS, &[]);
    let all = all.with_context(|| format!("the operator has no metric {REQUESTS}; it has {:?}", metrics.names()))?;
    if verbs.is_empty() {
        return Ok(all);
    }
    Ok(verbs.iter().filter_map(|verb| metrics.sum(REQUESTS, &[&format!("verb=\"{verb}\"")])).sum())
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
        let asked = requests(&after, &[])? - requests(&before, &[])?;
        test.figure("requests of an idle operator in 20 s", asked);
        ensure!(asked == 0.0, "the operator sent {asked} requests although nothing changed");
        let now = installation.resource().await?;
        ensure!(text(&now, "metadata.resourceVersion") == version, "the resource was written although nothing changed");
        Ok(())
    })
}
