//! Who owns what: credentials and data that outlive pods, resources and the user's second thoughts.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tracardi_e2e::{Outcome, condition, decode, field, load, scenario, secs, text};

const READY: Duration = secs(120);

fn hex(digit: char) -> String {
    digit.to_string().repeat(64)
}

#[test]
fn own_secrets_are_adopted_and_missing_ones_named() -> Outcome {
    scenario("adopt", async |test| {
        let namespace = test.namespace("own").await?;
        namespace.apply("examples/tracardi-own-secrets.yaml").await?;
        let installation = namespace.installation("own");
        let waiting = installation.becomes("Degraded", "True", secs(30)).await?;
        ensure!(condition(&waiting, "Degraded") == Some(("True", "SecretMissing")), "{}", waiting["status"]);
        let conditions = field(&waiting, "status.conditions").to_string();
        ensure!(conditions.contains("tracardi-credentials"), "the missing Secret is not named: {conditions}");

        namespace
            .create(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tracardi-credentials"},
                "stringData": {"password": "own password 1", "token": "0123456789abcdef0123", "signing": hex('a'),
                    "encryption": hex('b')}}))
            .await?;
        let object = installation.ready(READY).await?;
        let made = field(&object, "status.generatedSecrets").as_array().cloned().unwrap_or_default();
        ensure!(made.is_empty(), "Secrets were generated although all were given: {made:?}");
        installation.login_as("admin@example.com", "own password 1").await?;

        let refused = installation.login_as("admin@example.com", "another password").await;
        ensure!(refused.is_err(), "another password is accepted");
        let secret = namespace.get("Secret", "tracardi-credentials").await?;
        ensure!(decode(&secret, "token")? == "0123456789abcdef0123", "the user's Secret was changed");
        ensure!(secret["metadata"]["ownerReferences"].is_null(), "the user's Secret got an owner");
        Ok(())
    })
}

#[test]
fn unusable_secrets_are_refused_by_name() -> Outcome {
    scenario("unusable", async |test| {
        let namespace = test.namespace("key").await?;
        namespace
            .create(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine"},
                "stringData": {"signing": "too short"}}))
            .await?;
        let spec = json!({"secrets": {"signingKeySecretRef": {"name": "mine", "key": "signing"}}});
        let installation = namespace.install("unusable", spec).await?;
        let object = installation.becomes("Degraded", "True", secs(30)).await?;
        ensure!(condition(&object, "Degraded") == Some(("True", "SecretInvalid")), "{}", object["status"]);
        let status = object["status"].to_string();
        ensure!(!status.contains("too short"), "the value of a Secret is in the status");
        ensure!(namespace.list("StatefulSet", "").await?.is_empty(), "pods were made with an unusable key");
        Ok(())
    })
}

#[test]
fn a_lost_key_is_told_and_not_replaced() -> Outcome {
    scenario("lost", async |test| {
        let namespace = test.namespace("key").await?;
        let installation = namespace.install("lost", json!({})).await?;
        installation.ready(READY).await?;
        let pod = installation.pod().await?;
        let mut kept = namespace.get("Secret", "lost-keys").await?;
        namespace.delete("Secret", "lost-keys").await?;
        // Secrets are not watched (that would need the right to read all of them), but their sentinels are.
        let start = Instant::now();
        let object = installation.becomes("Degraded", "True", secs(15)).await?;
        test.figure("lost key told after", format!("{:.1} s", start.elapsed().as_secs_f64()));
        ensure!(condition(&object, "Degraded") == Some(("True", "SecretLost")), "{}", object["status"]);
        ensure!(
            namespace.find("Secret", "lost-keys").await?.is_none(),
            "a new key was made that does not fit the data"
        );
        let running = installation.pod().await?;
        ensure!(running["metadata"]["uid"] == pod["metadata"]["uid"], "the pod was not left alone");

        // Restored from a backup, all is well again.
        for noise in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
            kept["metadata"].as_object_mut().context("no metadata")?.remove(noise);
        }
        namespace.create(kept).await?;
        installation.becomes("Degraded", "False", secs(60)).await?;
        installation.ready(READY).await?;
        Ok(())
    })
}

#[test]
fn a_deleted_token_is_replaced_within_seconds() -> Outcome {
    scenario("token", async |test| {
        let namespace = test.namespace("token").await?;
        let installation = namespace.install("token", json!({})).await?;
        installation.ready(READY).await?;
        let before = namespace.get("Secret", "token-installation").await?;
        namespace.delete("Secret", "token-installation").await?;
        let start = Instant::now();
        let after = namespace.appears("Secret", "token-installation", secs(15)).await?;
        test.figure("deleted token replaced after", format!("{:.1} s", start.elapsed().as_secs_f64()));
        ensure!(after["metadata"]["uid"] != before["metadata"]["uid"], "it was never gone");
        ensure!(decode(&after, "token")? != decode(&before, "token")?, "the same token again");
        installation.ready(READY).await?;
        Ok(())
    })
}

#[test]
fn retained_data_is_taken_up_by_a_resource_of_the_same_name() -> Outcome {
    scenario("retain", async |test| {
        let namespace = test.namespace("data").await?;
        let installation = namespace.install("keep", json!({})).await?;
        installation.ready(READY).await?;
        let (email, password) = installation.admin().await?;
        let api = installation.login().await?;
        installation.event_source(&api, "shop").await?;
        let answer = load::first_event(&installation.public_api().await?, "shop").await?;
        let profile = text(&answer, "profile.id").to_owned();
        let events = installation.count(&api, "event").await?;
        let claims = installation.children_of("PersistentVolumeClaim").await?;
        let secrets: Vec<_> = namespace.list("Secret", "").await?;
        ensure!(!claims.is_empty() && !secrets.is_empty(), "no volume or no Secrets");

        installation.delete().await?;
        namespace.disappears("tracardi.io/TracardiInstallation", "keep", secs(60)).await?;
        namespace.disappears("StatefulSet", "keep-standalone", secs(60)).await?;
        namespace.disappears("Pod", "keep-standalone-0", secs(60)).await?;
        namespace.disappears("Service", "keep-public-api", secs(60)).await?;
        for claim in &claims {
            let claim = namespace.get("PersistentVolumeClaim", claim).await?;
            ensure!(claim["metadata"]["deletionTimestamp"].is_null(), "the volume is being deleted");
        }
        for secret in &secrets {
            let now = namespace.get("Secret", text(secret, "metadata.name")).await?;
            ensure!(now["data"] == secret["data"], "Secret {} changed", text(secret, "metadata.name"));
        }

        let installation = namespace.install("keep", json!({})).await?;
        installation.ready(READY).await?;
        ensure!(installation.admin().await? == (email, password), "the administrator's credential changed");
        let api = installation.login().await?;
        ensure!(installation.count(&api, "event").await? == events, "events were lost");
        api.get(&format!("/profile/{profile}")).await?.ok()?;
        Ok(())
    })
}

#[test]
fn deletion_takes_the_data_along_when_asked_to() -> Outcome {
    scenario("delete", async |test| {
        let namespace = test.namespace("data").await?;
        let installation = namespace.install("gone", json!({"deletionPolicy": "Delete"})).await?;
        installation.ready(READY).await?;
        let children = installation.children().await?;
        ensure!(children.iter().any(|(kind, _)| kind == "PersistentVolumeClaim"), "{children:?}");
        installation.delete().await?;
        namespace.disappears("tracardi.io/TracardiInstallation", "gone", secs(60)).await?;
        for (kind, name) in &children {
            namespace.disappears(kind, name, secs(60)).await?;
        }
        let left = namespace.list("Secret", "app.kubernetes.io/instance=gone").await?;
        ensure!(left.is_empty(), "Secrets are left");
        Ok(())
    })
}

#[test]
fn what_belongs_to_somebody_else_is_not_taken() -> Outcome {
    scenario("taken", async |test| {
        let namespace = test.namespace("name").await?;
        namespace
            .create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "taken-config"},
                "data": {"mine": "yes"}}))
            .await?;
        let installation = namespace.install("taken", json!({})).await?;
        let object = installation.becomes("Degraded", "True", secs(30)).await?;
        ensure!(condition(&object, "Degraded") == Some(("True", "NameTaken")), "{}", object["status"]);
        ensure!(object["status"].to_string().contains("taken-config"), "the object is not named: {}", object["status"]);
        let mine = namespace.get("ConfigMap", "taken-config").await?;
        ensure!(mine["data"] == json!({"mine": "yes"}), "somebody else's ConfigMap was changed: {}", mine["data"]);
        namespace.delete("ConfigMap", "taken-config").await?;
        installation.ready(READY).await?;
        Ok(())
    })
}
