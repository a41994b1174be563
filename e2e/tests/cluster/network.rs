//! Who reaches what, tried by real connections with the policies in force.

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use serde_json::json;
use tracardi_crds::contract::{GUI, MANAGEMENT, PRIVATE_API, PUBLIC_API};
use tracardi_e2e::{Installation, Namespace, Outcome, PodRun, Wanted, eventually, field, scenario, secs, text};

/// Tries a URL from a pod in `from`; true when there was an answer over HTTP, whatever its status.
async fn reaches(from: &Namespace, name: &str, image: &str, url: &str) -> Result<bool> {
    let run = PodRun::new(name, image, &["probe", "--url", url, "--timeout-ms", "2500"]);
    let ended = run.run(from, secs(60)).await?;
    println!("{} {url}: {} {}", from.name(), ended.code, ended.log.trim());
    match ended.code {
        0 => Ok(true),
        1 => Ok(false),
        other => anyhow::bail!("the probe ended with {other}: {}", ended.log),
    }
}

/// What `from` reaches of an installation: public API, private API, web application, management.
async fn reached(from: &Namespace, installation: &Installation) -> Result<Vec<&'static str>> {
    let image = installation.image().await?;
    let pod = installation.pod().await?;
    let address = text(&pod, "status.podIP");
    ensure!(!address.is_empty(), "the pod has no address");
    let targets = [
        (PUBLIC_API.name, format!("{}/healthcheck", installation.inside(PUBLIC_API))),
        (PRIVATE_API.name, format!("{}/healthcheck", installation.inside(PRIVATE_API))),
        (GUI.name, format!("{}/", installation.inside(GUI))),
        (MANAGEMENT.name, format!("http://{address}:{}/livez", MANAGEMENT.number)),
    ];
    let tried = try_join_all(
        targets
            .iter()
            .map(async |(name, url)| anyhow::Ok((*name, reaches(from, &format!("to-{name}-"), &image, url).await?))),
    )
    .await?;
    Ok(tried.into_iter().filter(|(_, reached)| *reached).map(|(name, _)| name).collect())
}

#[test]
fn only_the_public_api_is_open_to_everyone() -> Outcome {
    scenario("network", async |test| {
        let trusted = test.namespace("trusted").await?;
        let stranger = test.namespace("stranger").await?;
        let spec = json!({"networking": {"trustedNamespaces": [trusted.name()]}});
        let installation = test.namespace("home").await?.install("fenced", spec).await?;
        installation.ready(secs(120)).await?;

        let everything = [PUBLIC_API.name, PRIVATE_API.name, GUI.name, MANAGEMENT.name];
        // The trusted side first: what it reaches is there to be reached. A new pod is unknown to the policies' enforcer
        // for a moment, and refused until then.
        eventually("a trusted namespace reaches everything", secs(60), async || {
            let friend = reached(&trusted, &installation).await?;
            Ok(Wanted::when(friend == everything, (), || format!("it reaches {friend:?}")))
        })
        .await?;
        let other = reached(&stranger, &installation).await?;
        test.figure("namespaces that are not trusted reach", other.join(", "));
        ensure!(other == [PUBLIC_API.name], "an untrusted namespace reaches {other:?}");

        // A namespace next door is as much a stranger as the installation's own, as long as the spec does not name it.
        let own = reached(installation.namespace(), &installation).await?;
        ensure!(own == [PUBLIC_API.name], "pods beside the installation reach {own:?}");
        Ok(())
    })
}

#[test]
fn trust_can_be_given_and_taken_back() -> Outcome {
    scenario("trust", async |test| {
        let guest = test.namespace("guest").await?;
        let home = test.namespace("home").await?;
        let installation = home.install("doors", json!({})).await?;
        installation.ready(secs(120)).await?;
        let image = installation.image().await?;
        let url = format!("{}/healthcheck", installation.inside(PRIVATE_API));
        ensure!(!reaches(&guest, "before-", &image, &url).await?, "the private API is open to a stranger");

        installation.change(json!({"networking": {"trustedNamespaces": [guest.name()]}})).await?;
        home.appears("NetworkPolicy", "doors-trusted", secs(15)).await?;
        let within = async |name: &str, wanted: bool| {
            eventually(&format!("{name}: reached is {wanted}"), secs(60), async || {
                let now = reaches(&guest, &format!("{name}-"), &image, &url).await?;
                Ok(Wanted::when(now == wanted, (), || format!("reached is {now}")))
            })
            .await
        };
        within("given", true).await?;

        installation.change(json!({"networking": {"trustedNamespaces": []}})).await?;
        home.disappears("NetworkPolicy", "doors-trusted", secs(15)).await?;
        within("taken", false).await?;

        // Without policies everything is open: it was the policies that kept the stranger out.
        installation.change(json!({"networking": {"networkPolicy": false}})).await?;
        home.disappears("NetworkPolicy", "doors-default-deny", secs(15)).await?;
        within("open", true).await
    })
}

#[test]
fn the_services_cannot_call_out() -> Outcome {
    scenario("egress", async |test| {
        let home = test.namespace("home").await?;
        let installation = home.install("quiet", json!({})).await?;
        installation.ready(secs(120)).await?;
        let pod = installation.pod_name().await?;
        let container = text(&installation.pod().await?, "spec.containers.0.name").to_owned();
        // The API server answers every pod that may reach it, even one without a right to anything.
        let server =
            test.cluster().find("Service", Some("default"), "kubernetes").await?.context("no Service kubernetes")?;
        let url = format!("http://{}:443/", text(&server, "spec.clusterIP"));
        let outside = test.namespace("outside").await?;
        let image = installation.image().await?;
        ensure!(reaches(&outside, "control-", &image, &url).await?, "not even an ordinary pod reaches {url}");
        let command = ["/tracardi", "probe", "--url", &url, "--timeout-ms", "2500"];
        let called = home.exec(&pod, &container, &command).await;
        ensure!(called.is_err(), "the services reach {url}: {called:?}");
        // Itself it may reach: the probe works in there.
        let own = format!("http://127.0.0.1:{}/livez", MANAGEMENT.number);
        home.exec(&pod, &container, &["/tracardi", "probe", "--url", &own]).await?;
        Ok(())
    })
}

#[test]
fn the_development_example_answers_on_a_node_port() -> Outcome {
    scenario("nodeport", async |test| {
        let namespace = test.namespace("dev").await?;
        namespace.apply("examples/tracardi-development.yaml").await?;
        let installation = namespace.installation("dev");
        installation.ready(secs(120)).await?;
        let node = text(&installation.pod().await?, "status.hostIP").to_owned();
        let service = namespace.get("Service", "dev-public-api").await?;
        let port = field(&service, "spec.ports.0.nodePort").as_u64().context("no node port")?;
        ensure!(port == 30585, "the node port is {port}");
        let image = installation.image().await?;
        let outside = test.namespace("outside").await?;
        eventually("the node port answers", secs(30), async || {
            let answers = reaches(&outside, "node-", &image, &format!("http://{node}:{port}/healthcheck")).await?;
            Ok(Wanted::when(answers, (), || "no answer".into()))
        })
        .await
    })
}
