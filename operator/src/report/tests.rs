use std::sync::Arc;

use kube::api::ObjectMeta;
use serde_json::json;
use tracardi_process::Sighting;

use super::*;
use crate::observe::{ClaimFact, WorkloadFact};
use crate::probe::{Dependency, Fact};
use crate::testing::{installation, open, resource};
use crate::views::{PodPart, View, WorkloadStatus};

const NOW: i64 = 1_800_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

fn pod_of(component: &str, name: &str, status: &serde_json::Value) -> serde_json::Value {
    json!({"metadata": {"name": name, "labels": {"app.kubernetes.io/component": component}}, "status": status})
}

fn view<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Arc<T> {
    Arc::new(serde_json::from_value(value).unwrap())
}

/// A StatefulSet whose controller has seen generation 1.
fn observed(ready: i32, updated: i32, pod: Option<serde_json::Value>) -> Observed {
    Observed {
        workloads: [(
            "demo-standalone".to_owned(),
            WorkloadFact {
                generation: 1,
                status: WorkloadStatus {
                    observed_generation: 1,
                    replicas: 1,
                    ready_replicas: ready,
                    updated_replicas: updated,
                },
            },
        )]
        .into(),
        pods: pod
            .into_iter()
            .map(|status| view::<View<PodPart>>(pod_of("standalone", "demo-standalone-0", &status)))
            .collect(),
        ..Observed::default()
    }
}

fn init_done() -> serde_json::Value {
    json!({"phase": "Running", "initContainerStatuses": [{"name": "init", "ready": true, "state": {"terminated": {"exitCode": 0}}}]})
}

fn status(observed: &Observed, previous: &Status, now: Timestamp) -> Status {
    applied(observed, previous, now, 1, vec![])
}

fn applied(
    observed: &Observed,
    previous: &Status,
    now: Timestamp,
    generation: i64,
    errors: Vec<(Reason, String)>,
) -> Status {
    let installation = installation(json!({}));
    let plan = crate::plan::plan(&installation).unwrap();
    let generations = BTreeMap::from([("demo-standalone".to_owned(), generation)]);
    let done: Vec<_> = plan.objects.iter().map(crate::build::Desired::key).collect();
    let outcome =
        Outcome::Applied { installation: &installation, plan: &plan, generations: &generations, done: &done, errors };
    report(&resource(json!({})), observed, &outcome, previous, now)
}

fn line(status: &Status) -> String {
    let conditions = status.conditions.iter().map(|c| format!("{}={}/{}", c.type_, c.status, c.reason));
    format!(
        "{} {} {}",
        status.phase.unwrap().as_str(),
        status.ready.clone().unwrap(),
        conditions.collect::<Vec<_>>().join(" ")
    )
}

#[test]
fn the_way_to_ready() {
    let mut last = Status::default();
    let mut steps = Vec::new();
    let initializing =
        json!({"phase": "Pending", "initContainerStatuses": [{"name": "init", "state": {"running": {}}}]});
    for (second, seen) in [
        (0, Observed::default()),
        (1, observed(0, 1, None)),
        (2, observed(0, 1, Some(json!({"phase": "Pending"})))),
        (3, observed(0, 1, Some(initializing))),
        (4, observed(0, 1, Some(init_done()))),
        (5, observed(1, 1, Some(init_done()))),
    ] {
        last = status(&seen, &last, at(second));
        steps.push(line(&last));
    }
    insta::assert_snapshot!(steps.join("\n"), @r"
    Pending 0/1 Ready=False/Initializing Progressing=True/Initializing Degraded=False/Healthy Initialized=False/Initializing
    Initializing 0/1 Ready=False/Initializing Progressing=True/Initializing Degraded=False/Healthy Initialized=False/Initializing
    Initializing 0/1 Ready=False/Initializing Progressing=True/Initializing Degraded=False/Healthy Initialized=False/Initializing
    Initializing 0/1 Ready=False/Initializing Progressing=True/Initializing Degraded=False/Healthy Initialized=False/Initializing
    Deploying 0/1 Ready=False/Starting Progressing=True/Starting Degraded=False/Healthy Initialized=True/InitCompleted
    Ready 1/1 Ready=True/Serving Progressing=False/Settled Degraded=False/Healthy Initialized=True/InitCompleted
    ");
    assert_eq!(last.version.as_deref(), Some("1.2.3"));
    assert_eq!(last.storage_size.as_deref(), Some("10Gi"));
    let ready = &last.conditions[0];
    assert_eq!(ready.last_transition_time.0, at(5), "the time of the change");
    let later = status(&observed(1, 1, Some(init_done())), &last, at(60));
    assert_eq!(later, last, "nothing changed, so not a single byte does");
}

#[test]
fn a_store_that_lags_behind_our_own_write_does_not_look_ready() {
    let ready = status(&observed(1, 1, Some(init_done())), &Status::default(), at(0));
    let rolling = applied(&observed(1, 1, Some(init_done())), &ready, at(1), 2, vec![]);
    assert!(!is_true(&rolling, ConditionType::Ready));
    assert_eq!(rolling.phase, Some(Phase::Updating));
    assert_eq!(rolling.ready.as_deref(), Some("0/1"));
}

#[test]
fn the_pod_tells_what_is_wrong() {
    let ended = |code: i32, reason: &str, message: &str| json!({"terminated": {"exitCode": code, "reason": reason, "message": message}});
    let cases = [
        (
            "image",
            json!({"initContainerStatuses": [{"name": "init", "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]}),
        ),
        ("init fails", json!({"initContainerStatuses": [{"name": "init", "state": ended(7, "Error", "disk full\n")}]})),
        (
            "init backs off",
            json!({"initContainerStatuses": [{"name": "init", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended(1, "Error", "no key")}]}),
        ),
        (
            "init runs again",
            json!({"initContainerStatuses": [{"name": "init", "restartCount": 1, "state": {"running": {}}, "lastState": ended(1, "Error", "no key")}]}),
        ),
        (
            "out of memory",
            json!({"initContainerStatuses": [{"name": "init", "ready": true, "state": ended(0, "Completed", "")}],
                   "containerStatuses": [{"name": "standalone", "restartCount": 2, "state": {"running": {}}, "lastState": ended(137, "OOMKilled", "")}]}),
        ),
        (
            "config error",
            json!({"initContainerStatuses": [{"name": "init", "state": {"waiting": {"reason": "CreateContainerConfigError", "message": "secret \"x\" not found"}}}]}),
        ),
        (
            "no node",
            json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient memory."}]}),
        ),
        ("evicted", json!({"phase": "Failed", "reason": "Evicted", "message": "disk pressure"})),
    ];
    let told = cases.map(|(name, pod)| {
        let status = status(&observed(0, 1, Some(pod)), &Status::default(), at(0));
        let degraded = &status.conditions[2];
        format!("{name}: {} | {}", line(&status), degraded.message)
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_failed_start_does_not_unmake_what_the_init_step_did() {
    let before = status(&observed(1, 1, Some(init_done())), &Status::default(), at(0));
    let pull = json!({"initContainerStatuses": [{"name": "init", "state": {"waiting": {"reason": "ErrImagePull"}}}]});
    assert!(is_true(&status(&observed(0, 1, Some(pull)), &before, at(1)), ConditionType::Initialized));
    let failed = json!({"initContainerStatuses": [{"name": "init", "state": {"terminated": {"exitCode": 1}}}]});
    assert!(!is_true(&status(&observed(0, 1, Some(failed)), &before, at(1)), ConditionType::Initialized));
}

#[test]
fn a_missing_pod_is_told_after_a_while() {
    let first = status(&observed(0, 0, None), &Status::default(), at(0));
    assert_eq!(first.conditions[0].reason, "Initializing");
    let soon = status(&observed(0, 0, None), &first, at(9));
    assert_eq!(soon.conditions[0].reason, "Initializing");
    let late = status(&observed(0, 0, None), &soon, at(10));
    assert_eq!(late.conditions[0].reason, "PodMissing");
    assert!(late.conditions[0].message.contains("kubectl describe statefulset demo-standalone"));
}

#[test]
fn a_refused_spec_leaves_the_truth_about_the_pods() {
    let before = status(&observed(1, 1, Some(init_done())), &Status::default(), at(0));
    let problem = Problem { reason: Reason::DowngradeRefused, message: "no".into() };
    let refused = Outcome::Refused(problem);
    let mut resource = resource(json!({}));
    resource.metadata.generation = Some(2);
    let serving = report(&resource, &observed(1, 1, Some(init_done())), &refused, &before, at(1));
    assert_eq!(
        line(&serving),
        "Degraded 1/1 Ready=True/Serving Progressing=False/Settled Degraded=True/DowngradeRefused Initialized=True/InitCompleted"
    );
    assert_eq!(serving.observed_generation, Some(2));
    assert_eq!((&serving.version, &serving.inventory), (&before.version, &before.inventory), "nothing was changed");
    let gone = report(&resource, &observed(0, 1, None), &refused, &serving, at(2));
    assert!(!is_true(&gone, ConditionType::Ready));
    let fresh = report(&resource, &Observed::default(), &refused, &Status::default(), at(0));
    assert_eq!(fresh.conditions[0].reason, "DowngradeRefused");
}

#[test]
fn errors_and_pauses() {
    let before = status(&observed(1, 1, Some(init_done())), &Status::default(), at(0));
    let errors = vec![(Reason::ApplyFailed, "apply Service: quota".to_owned())];
    let failed = applied(&observed(1, 1, Some(init_done())), &before, at(1), 1, errors);
    assert_eq!(
        line(&failed),
        "Degraded 1/1 Ready=True/Serving Progressing=True/RollingOut Degraded=True/ApplyFailed Initialized=True/InitCompleted"
    );
    let installation = installation(json!({"paused": true}));
    let plan = crate::plan::plan(&installation).unwrap();
    let paused =
        Outcome::Paused { installation: &installation, plan: &plan, pending: vec!["update ConfigMap/c".into()] };
    let paused = report(&resource(json!({})), &observed(1, 1, Some(init_done())), &paused, &before, at(1));
    assert_eq!(paused.phase, Some(Phase::Paused));
    assert_eq!(paused.conditions[1].message, "paused; waiting: update ConfigMap/c");
    assert!(is_true(&paused, ConditionType::Ready), "status stays live");
}

#[test]
fn a_growing_volume_is_a_change_on_its_way() {
    let mut seen = observed(1, 1, Some(init_done()));
    let claim = |capacity: &str| {
        Some(ClaimFact {
            owned_by_another: false,
            view: view(
                json!({"metadata": {"name": "demo-data"}, "status": {"phase": "Bound", "capacity": {"storage": capacity}}}),
            ),
        })
    };
    seen.claim = claim("5Gi");
    let growing = status(&seen, &Status::default(), at(0));
    assert_eq!(growing.conditions[1].message, "the volume grows from 5Gi to 10Gi");
    seen.claim = claim("10737418240");
    assert!(!is_true(&status(&seen, &growing, at(1)), ConditionType::Progressing));
}

#[test]
fn a_load_balancer_gives_the_public_url() {
    let installation = installation(json!({"publicApi": {"serviceType": "LoadBalancer", "port": 80}}));
    let plan = crate::plan::plan(&installation).unwrap();
    let mut seen = Observed::default();
    assert_eq!(urls(&installation, &plan, &seen).public_api, "http://demo-public-api.shop.svc:80");
    seen.public_service = Some(view(
        json!({"metadata": {"name": "s"}, "status": {"loadBalancer": {"ingress": [{"ip": "2001:db8::1"}]}}}),
    ));
    assert_eq!(urls(&installation, &plan, &seen).public_api, "http://[2001:db8::1]");
}

#[test]
fn a_service_without_load_balancer_says_so() {
    let installation = installation(json!({"publicApi": {"serviceType": "LoadBalancer"}}));
    let plan = crate::plan::plan(&installation).unwrap();
    let told = |service: serde_json::Value| {
        let mut seen = observed(1, 1, Some(init_done()));
        seen.public_service = Some(view(service));
        let generations = BTreeMap::from([("demo-standalone".to_owned(), 1)]);
        let outcome = Outcome::Applied {
            installation: &installation,
            plan: &plan,
            generations: &generations,
            done: &[],
            errors: vec![],
        };
        report(&resource(json!({})), &seen, &outcome, &Status::default(), at(0))
    };
    let waits = told(json!({"metadata": {"name": "demo-public-api"}}));
    assert_eq!(
        line(&waits),
        "Deploying 1/1 Ready=True/Serving Progressing=True/AwaitingLoadBalancer Degraded=False/Healthy Initialized=True/InitCompleted"
    );
    let message = &waits.conditions[1].message;
    assert!(message.contains("demo-public-api") && message.contains("no load-balancer controller"), "{message}");
    let ingress = json!({"metadata": {"name": "s"}, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}});
    assert_eq!(told(ingress).phase, Some(Phase::Ready));
}

#[test]
fn texts_are_cut_at_characters() {
    assert_eq!(shorten("a\n  b", 10), "a b");
    assert_eq!(shorten(&"ä".repeat(10), 9), "äää…");
    let _ = ObjectMeta::default();
}

#[test]
fn events_tell_transitions_only() {
    use crate::events::transitions;
    let words = |before: &Status, after: &Status| -> Vec<String> {
        transitions(before, after).into_iter().map(|notice| format!("{} {}", notice.warning, notice.reason)).collect()
    };
    let empty = Status::default();
    let starting = status(&observed(0, 1, None), &empty, at(0));
    assert!(words(&empty, &starting).is_empty());
    let ready = status(&observed(1, 1, Some(init_done())), &starting, at(1));
    assert_eq!(words(&starting, &ready), ["false Serving", "false InitCompleted"]);
    assert!(words(&ready, &ready).is_empty());
    let pull = json!({"initContainerStatuses": [{"name": "init", "state": {"waiting": {"reason": "ErrImagePull"}}}]});
    let broken = status(&observed(0, 1, Some(pull)), &ready, at(2));
    assert_eq!(words(&ready, &broken), ["true ImagePullFailed", "true ImagePullFailed"]);
    assert_eq!(words(&broken, &ready), ["false Serving", "false Healthy"]);
}

/// The mode open, from nothing to Ready, a rollout, and a server that goes away.
#[test]
fn the_way_of_a_larger_installation() {
    let installation = installation(open());
    let plan = crate::plan::plan(&installation).unwrap();
    let names: Vec<_> = plan.components.iter().map(|component| component.workload.clone()).collect();
    let generations: BTreeMap<_, _> = names.iter().map(|name| (name.clone(), 1)).collect();
    let workload = |desired: i32, ready: i32, updated: i32, replicas: i32| WorkloadFact {
        generation: 1,
        status: WorkloadStatus {
            observed_generation: 1,
            replicas,
            ready_replicas: ready.min(desired.max(replicas)),
            updated_replicas: updated,
        },
    };
    let up = |observed: &mut Observed| {
        observed.completed = [plan.gate.clone().unwrap()].into();
        for component in &plan.components {
            let fact = workload(component.desired, component.desired, component.desired, component.desired);
            observed.workloads.insert(component.workload.clone(), fact);
            let pod = pod_of(component.name, &format!("{}-x", component.workload), &json!({"phase": "Running"}));
            observed.pods.push(view(pod));
        }
        observed.dependencies = [Dependency::Elasticsearch, Dependency::Mysql, Dependency::Redis]
            .map(|dependency| {
                let seen = Sighting { product: "Server".into(), version: "1.0".into(), warnings: vec![] };
                Fact { dependency, seen: Some(seen), trouble: None }
            })
            .to_vec();
    };
    let mut steps = Vec::new();
    let mut last = Status::default();
    let mut say = |observed: &Observed, generations: &BTreeMap<String, i64>| {
        let outcome =
            Outcome::Applied { installation: &installation, plan: &plan, generations, done: &[], errors: vec![] };
        last = report(&resource(open()), observed, &outcome, &last, at(1));
        last.clone()
    };
    let mut observed = Observed::default();
    let none = BTreeMap::new();
    steps.push(line(&say(&observed, &none)));
    let job = plan.gate.clone().unwrap();
    let failing = json!({"phase": "Running", "containerStatuses": [{"name": "install", "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1, "message": "error: no"}}}]});
    observed.pods = vec![view(pod_of("install", &format!("{job}-abcde"), &failing))];
    steps.push(line(&say(&observed, &none)));
    observed.pods.clear();
    up(&mut observed);
    steps.push(line(&say(&observed, &generations)));
    // A change whose preparation fails: what runs serves on, and the failure is told.
    let before = observed.clone();
    observed.completed.clear();
    observed.pods.push(view(pod_of("install", &format!("{job}-fghij"), &failing)));
    steps.push(line(&say(&observed, &none)));
    observed = before;
    // One new pod serves beside the old one.
    observed.workloads.insert("demo-public-api".into(), workload(2, 3, 1, 3));
    steps.push(line(&say(&observed, &generations)));
    up(&mut observed);
    let trouble = Some("spec.mysql.external.url: nobody listens".into());
    observed.dependencies[1] = Fact { dependency: Dependency::Mysql, seen: None, trouble };
    let status = say(&observed, &generations);
    steps.push(line(&status));
    insta::assert_snapshot!(steps.join("\n"));
    let mysql = status.dependencies.iter().find(|line| line.name == "mysql").unwrap();
    assert_eq!(mysql.version.as_deref(), Some("Server 1.0"), "what was there last");
    assert_eq!(mysql.ready, Some(false));
}
