//! What the pods may do, what the operator may do, and where secrets do not turn up.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};
use serde_json::json;
use tracardi_e2e::{Json, Operator, Outcome, decode, field, load, operator_installed, scenario, secs, text};

#[test]
fn pods_have_no_rights_and_no_token() -> Outcome {
    scenario("pods", async |test| {
        // The namespace enforces the restricted standard: that the pod runs at all shows that it fits.
        let namespace = test.namespace("restricted").await?;
        let installation = namespace.install("strict", json!({})).await?;
        installation.ready(secs(120)).await?;
        let pod = installation.pod().await?;
        for volume in field(&pod, "spec.volumes").as_array().into_iter().flatten() {
            let sources = field(volume, "projected.sources").as_array().cloned().unwrap_or_default();
            let token = sources.iter().any(|source| source["serviceAccountToken"].is_object());
            ensure!(!token, "volume {} holds a token of the service account", text(volume, "name"));
        }
        for list in ["spec.initContainers", "spec.containers"] {
            for container in field(&pod, list).as_array().context("no containers")? {
                let name = text(container, "name");
                let context = &container["securityContext"];
                ensure!(context["readOnlyRootFilesystem"] == true, "{name}: the root can be written");
                ensure!(context["allowPrivilegeEscalation"] == false, "{name}: rights may grow");
                ensure!(context["capabilities"]["drop"] == json!(["ALL"]), "{name}: capabilities are kept");
                for variable in container["env"].as_array().into_iter().flatten() {
                    ensure!(variable["valueFrom"]["secretKeyRef"].is_null(), "{name}: a secret in the environment");
                }
            }
        }
        // The operator's own pods hold themselves to the same.
        let operator = operator_installed(test.cluster()).await?;
        let template = operator.deployment().await?["spec"]["template"].clone();
        ensure!(field(&template, "spec.securityContext.runAsNonRoot") == true, "the operator runs as root");
        let context = field(&template, "spec.containers.0.securityContext");
        ensure!(context["readOnlyRootFilesystem"] == true && context["allowPrivilegeEscalation"] == false, "{context}");
        Ok(())
    })
}

#[test]
fn secrets_are_in_no_log_and_no_status() -> Outcome {
    scenario("secrets", async |test| {
        let namespace = test.namespace("hidden").await?;
        // The most talkative logs there are.
        let installation = namespace.install("hush", json!({"logging": {"level": "trace"}})).await?;
        installation.ready(secs(120)).await?;
        let api = installation.login().await?;
        installation
            .login_as("admin@tracardi.local", "a wrong password")
            .await
            .err()
            .context("a wrong password works")?;
        installation.event_source(&api, "shop").await?;
        load::first_event(&installation.public_api().await?, "shop").await?;

        let mut values = Vec::new();
        for secret in namespace.list("Secret", "").await? {
            for key in secret["data"].as_object().into_iter().flatten().map(|(key, _)| key) {
                let value = decode(&secret, key)?;
                // An e-mail address is no secret.
                if !value.contains('@') {
                    values.push((format!("{}/{key}", text(&secret, "metadata.name")), value));
                }
            }
        }
        ensure!(values.len() >= 4, "only {} generated values", values.len());

        let mut texts = Vec::new();
        let pod = installation.pod().await?;
        let name = text(&pod, "metadata.name");
        for list in ["spec.initContainers", "spec.containers"] {
            for container in field(&pod, list).as_array().into_iter().flatten() {
                let container = text(container, "name");
                texts.push((format!("log of {container}"), namespace.logs(name, container).await?));
            }
        }
        let operator = operator_installed(test.cluster()).await?;
        for pod in operator.pods().await? {
            let name = text(&pod, "metadata.name");
            texts.push((format!("log of {name}"), operator.logs(name).await?));
        }
        for kind in ["tracardi.io/TracardiInstallation", "StatefulSet", "Pod", "ConfigMap", "Event"] {
            texts.push((kind.to_owned(), json!(namespace.list(kind, "").await?).to_string()));
        }
        ensure!(texts.iter().any(|(what, text)| what.starts_with("log") && !text.is_empty()), "there are no logs");
        for (secret, value) in &values {
            for (what, text) in &texts {
                ensure!(!text.contains(value.as_str()), "the value of {secret} is in {what}");
            }
        }
        Ok(())
    })
}

#[test]
fn the_operator_may_not_read_the_secrets_of_others() -> Outcome {
    scenario("rbac", async |test| {
        let operator = operator_installed(test.cluster()).await?;
        for (verb, resource, subresource) in [
            ("list", "secrets", None),
            ("watch", "secrets", None),
            ("update", "secrets", None),
            ("create", "pods", Some("exec")),
            ("delete", "namespaces", None),
            ("list", "nodes", None),
            ("create", "clusterrolebindings", None),
            ("escalate", "clusterroles", None),
            ("impersonate", "users", None),
        ] {
            let allowed = may(&operator, verb, resource, subresource).await?;
            ensure!(!allowed, "the operator may {verb} {resource} {} in the whole cluster", subresource.unwrap_or(""));
        }
        // What it lives on, so that the test would notice a wrong name of the account.
        for (verb, resource) in [("list", "tracardiinstallations"), ("create", "secrets")] {
            ensure!(may(&operator, verb, resource, None).await?, "the operator may not {verb} {resource}");
        }
        let reviews: Api<SubjectAccessReview> = Api::all(test.cluster().client());
        let anything = review(
            &operator,
            None,
            Some(NonResourceAttributes { path: Some("/metrics".into()), verb: Some("get".into()) }),
        )
        .await?;
        let answer = reviews.create(&PostParams::default(), &anything).await?;
        ensure!(!answer.status.is_some_and(|status| status.allowed), "the operator may read the API server's metrics");
        Ok(())
    })
}

async fn may(operator: &Operator, verb: &str, resource: &str, subresource: Option<&str>) -> Result<bool> {
    let group = match resource {
        "tracardiinstallations" => "tracardi.io",
        "clusterroles" | "clusterrolebindings" => "rbac.authorization.k8s.io",
        _ => "",
    };
    let attributes = ResourceAttributes {
        verb: Some(verb.to_owned()),
        group: Some(group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource: subresource.map(str::to_owned),
        ..ResourceAttributes::default()
    };
    let reviews: Api<SubjectAccessReview> = Api::all(operator.home().client());
    let answer = reviews.create(&PostParams::default(), &review(operator, Some(attributes), None).await?).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// A question about the operator's service account, as a member of the groups that it is in.
async fn review(
    operator: &Operator,
    resource_attributes: Option<ResourceAttributes>,
    non_resource_attributes: Option<NonResourceAttributes>,
) -> Result<SubjectAccessReview> {
    let deployment: Json = operator.deployment().await?;
    let account = text(&deployment, "spec.template.spec.serviceAccountName");
    ensure!(!account.is_empty() && account != "default", "the operator has no service account of its own");
    let namespace = &operator.namespace;
    Ok(SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(format!("system:serviceaccount:{namespace}:{account}")),
            groups: Some(vec![
                "system:serviceaccounts".into(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".into(),
            ]),
            resource_attributes,
            non_resource_attributes,
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    })
}
