use serde_json::{Value, json};

use super::*;
use crate::testing::{distributed, installation, open};

/// Everything that a plan makes, as one YAML stream.
fn manifests(spec: Value) -> String {
    let plan = plan(&installation(spec)).unwrap();
    let secrets =
        plan.secrets.iter().map(|secret| format!("# Secret {} with {}\n", secret.name, secret.keys().join(", ")));
    let objects = plan.objects.iter().map(|desired| format!("---\n{}", serde_yaml::to_string(&desired.body).unwrap()));
    secrets.chain(objects).collect()
}

#[test]
fn default() {
    insta::assert_snapshot!(manifests(json!({})));
}

#[test]
fn everything_set() {
    insta::assert_snapshot!(manifests(json!({
        "version": "1.2.0",
        "mode": "standalone",
        "image": {"repository": "other.test/tracardi", "tag": "edge", "pullPolicy": "Always", "pullSecrets": [{"name": "registry"}]},
        "storage": {"size": "50Gi", "storageClassName": "fast"},
        "admin": {"email": "me@example.com"},
        "publicUrl": "https://collect.example.com",
        "publicApi": {"serviceType": "LoadBalancer", "port": 443, "nodePort": 30443, "externalTrafficPolicy": "Local", "annotations": {"cloud/lb": "x"}},
        "networking": {"trustedNamespaces": ["office", "monitoring"], "trustedNamespaceLabels": {"team": "growth"}, "trustedCIDRs": ["10.8.0.0/16"],
            "outbound": {"allow": ["10.20.0.0/16"], "deny": ["10.20.30.0/24", "8.8.8.8/32"]}},
        "resources": {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "cdp", "effect": "NoSchedule"}],
        "disruptions": "Block",
        "logging": {"format": "text", "level": "debug"},
        "features": {"systemEvents": false, "disallowBotTraffic": false, "autoProfileMerging": false, "trackDebug": true, "clientIpHeader": "x-forwarded-for"}
    })));
}

#[test]
fn adopted_secrets() {
    let reference = |key: &str| json!({"name": "mine", "key": key});
    insta::assert_snapshot!(manifests(json!({
        "admin": {"passwordSecretRef": reference("password")},
        "secrets": {"installationTokenSecretRef": reference("token"), "signingKeySecretRef": reference("signing"), "encryptionKeySecretRef": reference("encryption")}
    })));
}

#[test]
fn open_mode() {
    insta::assert_snapshot!(manifests(open()));
}

#[test]
fn distributed_mode() {
    insta::assert_snapshot!(manifests(distributed()));
}

/// Workloads wait for the Job that prepares the servers; it runs again when what it depends on changes, and only then.
#[test]
fn the_job_runs_again_when_it_must() {
    let gate = |spec: &Value| plan(&installation(spec.clone())).unwrap().gate.unwrap();
    let base = open();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut other = base.clone();
        change(&mut other);
        gate(&other) != gate(&base)
    };
    assert!(changed(&|spec| spec["version"] = json!("1.2.0")), "a version has schemas of its own");
    assert!(changed(&|spec| spec["mysql"]["external"]["url"] = json!("mysql://elsewhere")), "another server");
    assert!(changed(&|spec| spec["elasticsearch"]["replicas"] = json!(0)), "what indices are made of");
    assert!(!changed(&|spec| spec["publicApi"] = json!({"replicas": 9})), "the number of pods");
    assert!(!changed(&|spec| spec["networking"] = json!({"trustedNamespaces": ["a"]})), "rules of the network");
    let plan = plan(&installation(base.clone())).unwrap();
    assert!(!changed(&|spec| spec["logging"] = json!({"level": "debug"})), "what it does not read");
    let done = BTreeSet::from([gate(&base)]);
    assert!(plan.holds(&BTreeSet::new()) && !plan.holds(&done));
    assert!(super::plan(&installation(json!({}))).unwrap().gate.is_none(), "standalone prepares itself");
}

/// A change replaces the pods that read it, and no others.
#[test]
fn services_are_replaced_one_by_one() {
    let templates = |spec: &Value| {
        let objects = plan(&installation(spec.clone())).unwrap().objects.into_iter();
        let workloads = objects.filter(|desired| desired.kind.is_workload());
        workloads.map(|desired| (desired.name, desired.body["spec"]["template"].clone())).collect::<Vec<_>>()
    };
    let base = open();
    let replaced = |change: &dyn Fn(&mut Value)| {
        let mut other = base.clone();
        change(&mut other);
        let pairs = templates(&base).into_iter().zip(templates(&other));
        pairs.filter(|(before, after)| before != after).map(|((name, _), _)| name).collect::<Vec<_>>()
    };
    let all = ["demo-public-api", "demo-private-api", "demo-gui", "demo-worker-collector", "demo-worker-storage"];
    let all: Vec<_> = all.into_iter().chain(["demo-worker-outbound"]).collect();
    let but_gui: Vec<_> = all.iter().copied().filter(|name| *name != "demo-gui").collect();
    assert_eq!(replaced(&|spec| spec["logging"] = json!({"level": "debug"})), all);
    assert_eq!(replaced(&|spec| spec["redis"]["external"]["url"] = json!("redis://other")), but_gui);
    assert_eq!(replaced(&|spec| spec["gui"] = json!({"resources": {"limits": {"memory": "1Gi"}}})), ["demo-gui"]);
    assert_eq!(replaced(&|spec| spec["networking"] = json!({"networkPolicy": false})), Vec::<String>::new());
    let own = json!({"name": "mine", "key": "login"});
    assert_eq!(replaced(&|spec| spec["mysql"]["external"]["passwordSecretRef"] = own.clone()), but_gui);
}

/// Only what differs from the default is worth a snapshot.
fn differences(spec: Value) -> String {
    let (before, after) = (manifests(json!({})), manifests(spec));
    let ignored = |line: &&str| !line.contains("tracardi.io/applied");
    let (before, after): (Vec<_>, Vec<_>) =
        (before.lines().filter(ignored).collect(), after.lines().filter(ignored).collect());
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("-{line}"));
    let new = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+{line}"));
    gone.chain(new).collect::<Vec<_>>().join("\n")
}

#[test]
fn profiles() {
    insta::assert_snapshot!(differences(json!({"paused": true})), @"");
    insta::assert_snapshot!(
        "delete_policy",
        manifests(json!({"deletionPolicy": "Delete"}))
            .split("---\n")
            .find(|object| object.contains("kind: PersistentVolumeClaim"))
            .unwrap()
            .to_owned()
    );
    assert!(!manifests(json!({"networking": {"networkPolicy": false}})).contains("NetworkPolicy"));
    let nowhere = json!({"networking": {"outbound": {"deny": ["0.0.0.0/0", "::/0"]}}});
    assert!(!manifests(nowhere).contains("demo-outbound"));
    insta::assert_snapshot!("public_url", differences(json!({"publicUrl": "https://c.example.com"})));
    insta::assert_snapshot!("disruptions_block", differences(json!({"disruptions": "Block"})));
}

#[test]
fn pods_are_replaced_exactly_when_what_they_run_changes() {
    let template = |installation: &Installation| {
        let plan = plan(installation).unwrap();
        plan.objects.into_iter().find(|desired| desired.kind == Kind::StatefulSet).unwrap().body["spec"]["template"]
            .clone()
    };
    let base = installation(json!({}));
    let changed = |change: &dyn Fn(&mut Installation)| {
        let mut other = base.clone();
        change(&mut other);
        template(&other) != template(&base)
    };
    assert!(changed(&|i| i.log_level = "debug".into()), "configuration");
    assert!(changed(&|i| i.outbound.allow = vec!["10.0.0.0/8".parse().unwrap()]), "where destinations may be");
    assert!(changed(&|i| i.secrets.signing_key.revision = "2".into()), "a rotated key");
    assert!(changed(&|i| i.image.reference = "x:2".into()), "image");
    assert!(!changed(&|i| i.secrets.admin_password.revision = "2".into()), "the password was read long ago");
    assert!(!changed(&|i| i.retain = false), "deletion policy");
    assert!(!changed(&|i| i.trusted = None), "network rules");
    assert!(!changed(&|i| i.public_api.port = 80), "Services");
}

/// The `restricted` Pod Security Standard, and our own rules on top of it.
#[test]
fn pods_are_restricted() {
    for spec in [json!({}), open(), distributed()] {
        let plan = plan(&installation(spec)).unwrap();
        let with_pods = [Kind::StatefulSet, Kind::Deployment, Kind::Job];
        for desired in plan.objects.iter().filter(|desired| with_pods.contains(&desired.kind)) {
            is_restricted(desired);
        }
    }
}

fn is_restricted(desired: &Desired) {
    let pod = &desired.body["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], json!(false));
    assert_eq!(pod["securityContext"]["runAsNonRoot"], json!(true));
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], json!("RuntimeDefault"));
    let containers = |list: &str| pod[list].as_array().cloned().unwrap_or_default();
    let containers = [containers("initContainers"), containers("containers")].concat();
    assert!(!containers.is_empty());
    for container in &containers {
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], json!(false));
        assert_eq!(security["readOnlyRootFilesystem"], json!(true));
        assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));
        for variable in container["env"].as_array().into_iter().flatten() {
            assert!(variable.get("valueFrom").is_none(), "no secret in the environment: {variable}");
        }
    }
    let admin_mounts = |container: &Value| container["volumeMounts"].to_string().contains("/etc/tracardi/admin");
    for container in &containers {
        let is_step = ["init", "install"].iter().any(|step| container["name"] == *step);
        assert_eq!(admin_mounts(container), is_step, "only the init step sees the password");
    }
    let allowed = ["persistentVolumeClaim", "emptyDir", "projected"];
    for volume in pod["volumes"].as_array().unwrap() {
        assert!(
            volume.as_object().unwrap().keys().all(|key| key == "name" || allowed.contains(&key.as_str())),
            "{volume}"
        );
    }
}

#[test]
fn what_protects_comes_before_what_runs() {
    let kinds: Vec<_> = plan(&installation(json!({}))).unwrap().objects.iter().map(|desired| desired.kind).collect();
    let mut sorted = kinds.clone();
    sorted.sort_unstable();
    assert_eq!(kinds, sorted);
    assert_eq!(kinds.first(), Some(&Kind::NetworkPolicy));
    assert_eq!(kinds.last(), Some(&Kind::StatefulSet));
}

#[test]
fn each_secret_that_was_generated_has_a_sentinel() {
    let sentinels = |installation: &Installation| {
        let objects = plan(installation).unwrap().objects;
        objects.into_iter().filter(|desired| desired.name.ends_with("-sentinel")).collect::<Vec<_>>()
    };
    let mut generated = installation(json!({}));
    assert!(sentinels(&generated).is_empty(), "the Secrets do not exist yet");
    generated.secrets.signing_key.revision = "uid-of-keys".into();
    let [only] = &sentinels(&generated)[..] else { panic!("one Secret exists") };
    assert_eq!(only.name, "demo-keys-sentinel");
    let owner = json!([{"apiVersion": "v1", "kind": "Secret", "name": "demo-keys", "uid": "uid-of-keys"}]);
    assert_eq!(only.body["metadata"]["ownerReferences"], owner, "nobody else keeps it alive");
    let reference = |key: &str| json!({"name": "mine", "key": key});
    let brought = installation(json!({
        "admin": {"passwordSecretRef": reference("password")},
        "secrets": {"installationTokenSecretRef": reference("token"), "signingKeySecretRef": reference("signing"), "encryptionKeySecretRef": reference("encryption")}
    }));
    assert!(sentinels(&brought).is_empty(), "a user's Secret is the user's");
}
