//! The helpers themselves, against the cluster but without the operator: when these fail, look here first.

use anyhow::{Context as _, ensure};
use serde_json::json;
use tracardi_e2e::{
    Namespace, Outcome, PodRun, Wanted, condition, eventually, field, kill_process, scenario, secs, shell_image, text,
};

#[test]
fn forwarding_exec_logs_and_kill_reach_a_pod() -> Outcome {
    scenario("helpers", async |test| {
        let Some(image) = shell_image(test.cluster()).await? else {
            println!("left out: this cluster has no image with a shell that the tests know");
            return Ok(());
        };
        let namespace = test.namespace("web").await?;
        let script = "echo started; echo hello > /tmp/index.html; exec httpd -f -p 8080 -h /tmp";
        namespace
            .create(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {
                "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 1,
                "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
                "volumes": [{"name": "tmp", "emptyDir": {}}],
                "containers": [{"name": "main", "image": image, "imagePullPolicy": "IfNotPresent",
                    "command": ["/bin/sh", "-c", script], "ports": [{"name": "http", "containerPort": 8080}],
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}}))
            .await?;
        namespace
            .create(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {
                "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}}))
            .await?;
        let ready = async || {
            eventually("the pod is ready", secs(30), async || {
                let pod = namespace.get("Pod", "web").await?;
                let now = condition(&pod, "Ready").map(|(status, _)| status.to_owned());
                Ok(Wanted::when(now.as_deref() == Some("True"), pod, || format!("Ready is {now:?}")))
            })
            .await
        };
        ready().await?;
        let forward = namespace.port_forward("web", 80).await?;
        let fetch = async || {
            let page = forward.http().get("/index.html").await?;
            page.status(200)?;
            anyhow::Ok(page.text())
        };
        ensure!(eventually("a page", secs(15), async || Ok(Wanted::Yes(fetch().await?))).await? == "hello\n");
        ensure!(namespace.logs("web", "main").await? == "started\n", "the log differs");
        ensure!(namespace.exec("web", "main", &["/bin/sh", "-c", "echo out; echo err >&2"]).await? == "out\n");
        let failed = namespace.exec("web", "main", &["/bin/sh", "-c", "echo why >&2; exit 3"]).await;
        let said = failed.err().context("a failing command succeeds")?.to_string();
        ensure!(said.contains("why") && said.contains('3'), "{said}");

        // A pod of the tests' own reaches the Service, and one that fails tells so.
        // By its address and with `nc`: a static busybox crashes when it looks up names.
        let service = namespace.get("Service", "web").await?;
        let address = text(&service, "spec.clusterIP");
        let ask = format!("printf 'GET /index.html HTTP/1.0\\r\\n\\r\\n' | nc -w 5 {address} 80 | tail -n 1");
        let get = PodRun::new("get", &image, &[]).command(&["/bin/sh", "-c", &ask]);
        let ended = get.run(&namespace, secs(30)).await?;
        ensure!(ended.code == 0 && ended.log == "hello\n", "{ended:?}");
        let ended =
            PodRun::new("fail", &image, &[]).command(&["/bin/sh", "-c", "exit 7"]).run(&namespace, secs(30)).await?;
        ensure!(ended.code == 7, "{ended:?}");

        // Killed from outside, the container starts again, and the forwarded port leads to it.
        kill_process(test, &namespace, "web", "httpd", &image).await?;
        let pod = eventually("the container was restarted", secs(30), async || {
            let pod = ready().await?;
            let count = field(&pod, "status.containerStatuses.0.restartCount").as_i64().unwrap_or(0);
            Ok(Wanted::when(count == 1, pod, || format!("{count} restarts")))
        })
        .await?;
        let last = field(&pod, "status.containerStatuses.0.lastState.terminated.exitCode");
        ensure!(last == 137, "it ended with {last}, not by signal 9");
        eventually("the page again", secs(15), async || Ok(Wanted::Yes(fetch().await?))).await?;
        Ok(())
    })
}

#[test]
fn a_failed_scenario_is_kept_and_collected() -> Outcome {
    let failed = scenario("collected", async |test| {
        let namespace = test.namespace("kept").await?;
        for (kind, field) in [("ConfigMap", "data"), ("Secret", "stringData")] {
            let object =
                json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "note"}, field: {"key": "hidden"}});
            namespace.create(object).await?;
        }
        anyhow::bail!("as intended")
    });
    scenario("collect", async |test| {
        let said = failed.err().map(|failure| format!("{failure:?}"));
        ensure!(said.as_deref() == Some("as intended"), "{said:?}");
        let folder = tracardi_e2e::repository("artifacts/e2e/collected");
        ensure!(std::fs::read_to_string(folder.join("error.txt"))? == "as intended\n");
        let namespaces = test.cluster().list("Namespace", None, "tracardi.io/e2e=collected").await?;
        let kept = namespaces.iter().find(|namespace| field(namespace, "status.phase") == "Active");
        let kept = text(kept.context("the namespace was removed")?, "metadata.name");
        let config = std::fs::read_to_string(folder.join(kept).join("configmap.yaml"))?;
        ensure!(config.contains("name: note") && config.contains("key: hidden"), "{config}");
        let secret = std::fs::read_to_string(folder.join(kept).join("secret.yaml"))?;
        ensure!(secret.contains("key: (left out)") && !secret.contains("aGlkZGVu"), "{secret}");
        // Nobody needs this one.
        std::fs::remove_dir_all(&folder)?;
        Namespace::existing(test.cluster(), kept).delete("Namespace", kept).await
    })
}
