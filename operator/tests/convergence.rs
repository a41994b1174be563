//! The whole operator against an API server in the same process: what it makes, what it heals, what it leaves alone, and
//! exactly how many requests that takes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, which the lint does not know as such"
)]
#![allow(clippy::disallowed_methods, reason = "tests start their own tasks")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use support::World;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracardi_operator::children;
use tracardi_operator::controller::{self, Context, Parts};
use tracardi_operator::lease::{Elector, Leadership};
use tracardi_operator::metrics::Metrics;
use tracardi_operator::probe::Prober;
use tracardi_operator::validate::Defaults;
use tracardi_process::{Supervisor, SystemClock};

struct Operator {
    task: tokio::task::JoinHandle<()>,
    leads: watch::Sender<Option<Instant>>,
}

impl Drop for Operator {
    /// As kill -9 would: whatever is under way ends at its current await.
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn operator(world: &World, leads: bool) -> Operator {
    let client = world.client();
    let (sender, leadership) = Leadership::fixed(leads);
    let (children, changes) = children::watch(&client, None);
    let defaults = Defaults {
        version: "1.2.3".parse().unwrap(),
        image_repository: "registry.test/tracardi".into(),
        image_tag: None,
    };
    let (news, mut told) = tokio::sync::mpsc::unbounded_channel();
    let prober = Prober::new(Supervisor::new(), news, Metrics::default());
    let changes = futures::stream::select(changes, futures::stream::poll_fn(move |context| told.poll_recv(context)));
    let context = Arc::new(Context::new(Parts {
        client: client.clone(),
        children,
        leadership: leadership.clone(),
        identity: "test".into(),
        defaults,
        clock: SystemClock::shared(),
        metrics: Metrics::default(),
        prober,
    }));
    let (_, work) = controller::run(client, None, changes, leadership, context, std::future::pending());
    Operator { task: tokio::spawn(work), leads: sender }
}

fn create(world: &World, spec: &Value) {
    world.edit("tracardiinstallations", "demo", |resource| {
        resource["apiVersion"] = json!("tracardi.io/v1alpha1");
        resource["kind"] = json!("TracardiInstallation");
        resource["spec"] = spec.clone();
    });
}

fn status(world: &World, pointer: &str) -> Value {
    world.get("tracardiinstallations", "demo").and_then(|r| r.pointer(pointer).cloned()).unwrap_or_default()
}

fn phase(world: &World) -> String {
    status(world, "/status/phase").as_str().unwrap_or_default().to_owned()
}

async fn ready(world: &World) {
    world.until("a StatefulSet", |world| world.get("statefulsets", "demo-standalone").is_some()).await;
    world.settle();
    world.until("Ready", |world| phase(world) == "Ready").await;
    // The last status comes back to the operator as an event.
    sleep(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn a_new_installation_takes_a_known_number_of_writes_and_then_none() {
    let world = World::default();
    let _operator = operator(&world, true);
    create(&world, &json!({}));
    ready(&world).await;
    let writes = world.writes();
    let of = |part: &str| writes.iter().filter(|line| line.contains(part)).count();
    assert_eq!(of("POST /api/v1/namespaces/shop/secrets"), 3, "{writes:#?}");
    assert_eq!(of("PATCH") - of("/status"), 14, "fourteen objects, once each: {writes:#?}");
    assert!(of("/status") <= 4, "{writes:#?}");
    assert_eq!(of("events"), 2, "InitCompleted and Serving: {writes:#?}");
    world.forget();
    // What controllers do to children of ours: nothing of it is ours to restore.
    world.settle();
    world.edit("services", "demo-gui", |service| service["metadata"]["annotations"]["cloud/else"] = json!("x"));
    world.edit("persistentvolumeclaims", "demo-data", |claim| {
        claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = json!("yes");
        claim["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
        claim["spec"]["volumeName"] = json!("pvc-1");
        claim["status"] = json!({"phase": "Bound", "capacity": {"storage": "10Gi"}});
    });
    sleep(Duration::from_millis(500)).await;
    assert_eq!(world.requests(), Vec::<String>::new(), "what is not ours is not looked at twice");
    world.edit("tracardiinstallations", "demo", |resource| resource["metadata"]["labels"] = json!({"a": "b"}));
    sleep(Duration::from_millis(500)).await;
    assert_eq!(world.requests(), Vec::<String>::new(), "an unchanged world costs nothing");
}

#[tokio::test]
async fn what_others_do_to_children_is_undone() {
    let world = World::default();
    let _operator = operator(&world, true);
    create(&world, &json!({"disruptions": "Block"}));
    ready(&world).await;
    for (plural, name) in [
        ("services", "demo-gui"),
        ("configmaps", "demo-config"),
        ("networkpolicies", "demo-default-deny"),
        ("poddisruptionbudgets", "demo-standalone"),
    ] {
        world.delete(plural, name);
        world.until(name, |world| world.get(plural, name).is_some()).await;
    }
    world.delete("statefulsets", "demo-standalone");
    ready(&world).await;
    sleep(Duration::from_millis(2100)).await;
    world.edit("statefulsets", "demo-standalone", |set| set["spec"]["replicas"] = json!(7));
    world
        .until("one replica", |w| w.get("statefulsets", "demo-standalone").unwrap()["spec"]["replicas"] == json!(1))
        .await;
    world.edit("configmaps", "demo-config", |map| map["data"]["TRACK_DEBUG"] = json!("yes"));
    world
        .until("no debugging", |w| w.get("configmaps", "demo-config").unwrap()["data"]["TRACK_DEBUG"] == json!("no"))
        .await;
    world.edit("services", "demo-gui", |service| service["metadata"]["labels"] = json!({}));
    world
        .until("labels", |w| {
            w.get("services", "demo-gui").unwrap()["metadata"]["labels"]["app.kubernetes.io/instance"] == json!("demo")
        })
        .await;
}

/// The operator may not watch Secrets: their sentinels tell.
#[tokio::test]
async fn a_deleted_secret_is_noticed_at_once() {
    let world = World::default();
    let _operator = operator(&world, true);
    create(&world, &json!({}));
    ready(&world).await;
    let before = world.get("secrets", "demo-installation").unwrap()["data"].clone();
    world.delete("secrets", "demo-installation");
    world.until("another token", |world| world.get("secrets", "demo-installation").is_some()).await;
    assert_ne!(world.get("secrets", "demo-installation").unwrap()["data"], before);
    ready(&world).await;
    // The sentinel itself comes back, too.
    world.delete("configmaps", "demo-keys-sentinel");
    world.until("a sentinel", |world| world.get("configmaps", "demo-keys-sentinel").is_some()).await;
    sleep(Duration::from_millis(300)).await;
    world.forget();
    world.delete("secrets", "demo-keys");
    world.until("a word", |w| status(w, "/status/conditions/2/reason") == json!("SecretLost")).await;
    assert!(world.get("secrets", "demo-keys").is_none(), "a new key would not fit the data");
}

#[tokio::test]
async fn a_namespace_that_is_being_deleted_is_left_alone() {
    let world = World::default();
    let _operator = operator(&world, true);
    create(&world, &json!({}));
    ready(&world).await;
    world.forget();
    world.terminate();
    world.delete("services", "demo-gui");
    world.until("a refusal", |world| !world.writes().is_empty()).await;
    for (plural, name) in [("configmaps", "demo-config"), ("statefulsets", "demo-standalone"), ("secrets", "demo-keys")]
    {
        world.delete(plural, name);
    }
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(world.writes().len(), 1, "one attempt, no status, no event, no repetition: {:#?}", world.writes());
}

#[tokio::test]
async fn a_volume_that_cannot_grow_is_told_in_words() {
    let world = World::default();
    let _operator = operator(&world, true);
    create(&world, &json!({"storage": {"size": "1Gi"}}));
    ready(&world).await;
    world.refuse("PATCH /api/v1/namespaces/shop/persistentvolumeclaims/demo-data", 403);
    create(&world, &json!({"storage": {"size": "2Gi"}}));
    world.until("a word", |w| status(w, "/status/conditions/2/reason") == json!("ResizeRefused")).await;
    let message = status(&world, "/status/conditions/2/message").to_string();
    assert!(message.contains("2Gi") && message.contains("refused by the test"), "{message}");
    assert!(message.contains("set spec.storage.size back to status.storageSize"), "{message}");
    assert_eq!(status(&world, "/status/storageSize"), json!("1Gi"));
    world.relent();
    create(&world, &json!({"storage": {"size": "1Gi"}}));
    world.until("health", |w| status(w, "/status/conditions/2/reason") == json!("Healthy")).await;
}

#[tokio::test]
async fn what_is_not_needed_any_more_goes_even_after_a_crash() {
    let world = World::default();
    let first = operator(&world, true);
    create(&world, &json!({"disruptions": "Block"}));
    ready(&world).await;
    drop(first);
    // As if the crash had come between creating the budget and writing the inventory.
    world.edit("tracardiinstallations", "demo", |resource| {
        resource["spec"] = json!({});
        resource["status"]["inventory"] = json!([]);
    });
    let _second = operator(&world, true);
    world.until("no budget", |world| world.get("poddisruptionbudgets", "demo-standalone").is_none()).await;
    assert!(world.get("persistentvolumeclaims", "demo-data").is_some());
}

#[tokio::test]
async fn an_operator_killed_at_any_moment_is_followed_by_one_that_finishes() {
    for moment in 0..24 {
        let world = World::default();
        let first = operator(&world, true);
        create(&world, &json!({}));
        let began = Instant::now();
        while world.writes().len() < moment && began.elapsed() < Duration::from_millis(400) {
            tokio::task::yield_now().await;
        }
        drop(first);
        let secrets = ["demo-keys", "demo-admin"].map(|name| world.get("secrets", name).map(|s| s["data"].clone()));
        let _second = operator(&world, true);
        ready(&world).await;
        for (name, before) in ["demo-keys", "demo-admin"].into_iter().zip(secrets) {
            let after = world.get("secrets", name).unwrap()["data"].clone();
            assert!(
                before.is_none_or(|before| before == after),
                "{name} was made anew after a crash at write {moment}"
            );
        }
        assert_eq!(world.names().len(), 19, "{:#?}", world.names());
    }
}

#[tokio::test]
async fn a_paused_installation_is_left_alone_and_says_what_waits() {
    let world = World::default();
    let _operator = operator(&world, true);
    create(&world, &json!({}));
    ready(&world).await;
    create(&world, &json!({"paused": true, "logging": {"level": "debug"}}));
    world.until("Paused", |world| phase(world) == "Paused").await;
    world.forget();
    world.delete("services", "demo-gui");
    world
        .until("news", |w| status(w, "/status/conditions/1/message").to_string().contains("create Service/demo-gui"))
        .await;
    let message = status(&world, "/status/conditions/1/message").to_string();
    assert!(
        message.contains("update ConfigMap/demo-config") && message.contains("update StatefulSet/demo-standalone"),
        "{message}"
    );
    let strangers: Vec<_> =
        world.writes().into_iter().filter(|line| !line.contains("/status") && !line.contains("events")).collect();
    assert_eq!(strangers, Vec::<String>::new());
    create(&world, &json!({"logging": {"level": "debug"}}));
    world
        .until("the change", |w| {
            w.get("configmaps", "demo-config").unwrap()["data"]["TRACARDI_LOG_LEVEL"] == json!("debug")
        })
        .await;
}

#[tokio::test]
async fn deletion_policy_decides_about_owners_without_touching_values_or_pods() {
    let world = World::default();
    let _operator = operator(&world, true);
    create(&world, &json!({}));
    ready(&world).await;
    let data = world.get("secrets", "demo-keys").unwrap()["data"].clone();
    let template = world.get("statefulsets", "demo-standalone").unwrap()["spec"].clone();
    let owned = |world: &World, plural: &str, name: &str| {
        world.get(plural, name).unwrap()["metadata"]["ownerReferences"]
            .as_array()
            .is_some_and(|owners| !owners.is_empty())
    };
    assert!(!owned(&world, "secrets", "demo-keys") && !owned(&world, "persistentvolumeclaims", "demo-data"));
    assert!(owned(&world, "services", "demo-gui"));
    create(&world, &json!({"deletionPolicy": "Delete"}));
    world
        .until("owners", |w| owned(w, "secrets", "demo-keys") && owned(w, "persistentvolumeclaims", "demo-data"))
        .await;
    create(&world, &json!({"deletionPolicy": "Retain"}));
    world
        .until("no owners", |w| !owned(w, "secrets", "demo-keys") && !owned(w, "persistentvolumeclaims", "demo-data"))
        .await;
    assert_eq!(world.get("secrets", "demo-keys").unwrap()["data"], data);
    assert_eq!(world.get("statefulsets", "demo-standalone").unwrap()["spec"], template);
}

#[tokio::test]
async fn a_strangers_object_is_not_taken() {
    let world = World::default();
    world.edit("configmaps", "demo-config", |map| map["data"] = json!({"mine": "yes"}));
    let _operator = operator(&world, true);
    create(&world, &json!({}));
    world.until("a word", |w| status(w, "/status/conditions/2/reason") == json!("NameTaken")).await;
    assert_eq!(world.get("configmaps", "demo-config").unwrap()["data"], json!({"mine": "yes"}));
}

#[tokio::test]
async fn one_refused_object_does_not_stop_the_others() {
    let world = World::default();
    world.refuse("PATCH /api/v1/namespaces/shop/services/demo-gui", 422);
    let _operator = operator(&world, true);
    create(&world, &json!({}));
    world.until("a word", |w| status(w, "/status/conditions/2/reason") == json!("ApplyFailed")).await;
    assert!(world.get("statefulsets", "demo-standalone").is_some());
    assert_eq!(
        status(&world, "/status/conditions/2/message"),
        json!("apply Service \"demo-gui\": refused by the test")
    );
    world.relent();
    world.until("healing", |world| world.get("services", "demo-gui").is_some()).await;
}

#[tokio::test]
async fn who_does_not_lead_writes_nothing_and_takes_over_at_once() {
    let world = World::default();
    let standby = operator(&world, false);
    create(&world, &json!({}));
    sleep(Duration::from_millis(300)).await;
    assert_eq!(world.writes(), Vec::<String>::new());
    standby.leads.send_replace(Some(Instant::now() + Duration::from_mins(1)));
    ready(&world).await;
    standby.leads.send_replace(None);
    world.forget();
    world.delete("services", "demo-gui");
    sleep(Duration::from_millis(300)).await;
    assert_eq!(world.writes(), Vec::<String>::new(), "what is under way when leadership ends is dropped");
}

#[tokio::test]
async fn a_resource_that_cannot_be_read_says_so_and_disturbs_no_other() {
    let world = World::default();
    let _operator = operator(&world, true);
    world.edit("tracardiinstallations", "broken", |resource| {
        resource["apiVersion"] = json!("tracardi.io/v1alpha1");
        resource["kind"] = json!("TracardiInstallation");
        resource["spec"] = json!({"publicApi": {"port": "many"}});
    });
    create(&world, &json!({}));
    ready(&world).await;
    let broken = world.get("tracardiinstallations", "broken").unwrap();
    assert_eq!(broken["status"]["conditions"][1]["reason"], json!("Unreadable"), "{broken:#}");
}

/// Three candidates; whoever leads is stopped again and again. At no time do two lead.
#[tokio::test(start_paused = true)]
async fn never_two_leaders() {
    let world = World::default();
    let start = |number: usize| {
        let (elector, leadership) =
            Elector::new(world.client(), "operators", "lease", format!("replica-{number}"), SystemClock::shared());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(elector.run(async move { drop(stopped.await) }));
        (task, leadership, Some(stop))
    };
    let mut replicas: Vec<_> = (0..3).map(start).collect();
    let mut hand_overs = Vec::new();
    for (round, next) in (0..12).zip(3..) {
        let lost = Instant::now();
        let leader = loop {
            let leaders: Vec<_> = (0..replicas.len()).filter(|at| replicas[*at].1.holds()).collect();
            assert!(leaders.len() <= 1, "two leaders in round {round}");
            if let [leader] = leaders[..] {
                break leader;
            }
            assert!(lost.elapsed() < Duration::from_secs(13), "nobody leads");
            sleep(Duration::from_millis(50)).await;
        };
        hand_overs.push((round % 2 == 1, lost.elapsed()));
        let (task, _, stop) = &mut replicas[leader];
        if round % 2 == 0 {
            // Asked to leave: the Lease is handed back.
            drop(stop.take());
            sleep(Duration::from_millis(10)).await;
        } else {
            task.abort();
            sleep(Duration::from_millis(10)).await;
        }
        if round % 2 == 0 {
            replicas[leader] = start(next);
        } else {
            // A killed replica may believe that it leads until its time is over: its leadership must end by itself.
            let (_, old, _) = std::mem::replace(&mut replicas[leader], start(next));
            tokio::spawn(async move {
                sleep(tracardi_operator::lease::RENEW_DEADLINE).await;
                assert!(!old.holds());
            });
        }
    }
    for (handed_back_before, took) in hand_overs.into_iter().skip(1) {
        if handed_back_before {
            assert!(took < Duration::from_millis(1500), "a hand-over took {took:?}");
        }
    }
}

/// Nobody listens on these ports of loopback: that is known at once, without asking for names.
fn open() -> Value {
    json!({
        "mode": "open",
        "elasticsearch": {"external": {"url": "http://127.0.0.1:1"}},
        "mysql": {"external": {"url": "mysql://127.0.0.1:2", "username": "tracardi"}},
        "redis": {"external": {"url": "redis://127.0.0.1:3"}},
    })
}

/// What the status says of a server.
fn told_of(world: &World, name: &str) -> String {
    let lines = status(world, "/status/dependencies").as_array().cloned().unwrap_or_default();
    lines.into_iter().find(|line| line["name"] == name).unwrap_or_default()["message"].to_string()
}

#[tokio::test]
async fn services_wait_until_their_servers_are_prepared() {
    let world = World::default();
    let _operator = operator(&world, true);
    create(&world, &open());
    let job = |world: &World| world.names().into_iter().find_map(|name| name.strip_prefix("jobs/").map(str::to_owned));
    world.until("a Job", |world| job(world).is_some()).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(
        world.names().iter().filter(|name| name.starts_with("deployments/")).count(),
        0,
        "nothing is prepared yet"
    );
    world.until("Pending", |world| phase(world) == "Pending").await;
    let looked = |world: &World| {
        let conditions = status(world, "/status/conditions").to_string();
        conditions.contains("DependencyUnavailable") && told_of(world, "mysql").contains("spec.mysql.external.url")
    };
    world.until("a look at the servers", looked).await;
    let first = job(&world).unwrap();
    world.complete(&first);
    world
        .until("five Deployments", |world| world.names().iter().filter(|n| n.starts_with("deployments/")).count() == 5)
        .await;
    world.stand("demo-worker-outbound");
    for name in world.names().iter().filter_map(|name| name.strip_prefix("deployments/")) {
        world.deploy(name);
    }
    world.until("served", |world| status(world, "/status/ready") == json!("8/8")).await;
    // Another server: prepared first, and the Job of before goes.
    world.edit("tracardiinstallations", "demo", |resource| {
        resource["spec"]["mysql"]["external"]["url"] = json!("mysql://127.0.0.1:4");
    });
    world.until("another Job", |world| job(world).is_some_and(|name| name != first)).await;
    let told = |world: &World| status(world, "/status/conditions").to_string().contains("prepare");
    world.until("that a change is under way", told).await;
    sleep(Duration::from_millis(300)).await;
    let settings =
        |world: &World| world.get("configmaps", "demo-config").unwrap()["data"]["TRACARDI_MYSQL_URL"].clone();
    assert_eq!(settings(&world), json!("mysql://127.0.0.1:2"), "who runs keeps what it runs with");
    let config = |world: &World| {
        let deployment = world.get("deployments", "demo-public-api").unwrap();
        deployment["spec"]["template"]["metadata"]["annotations"]["tracardi.io/config-hash"].clone()
    };
    let before = config(&world);
    world.complete(&job(&world).unwrap());
    world.until("a new template", |world| config(world) != before).await;
    assert_eq!(settings(&world), json!("mysql://127.0.0.1:4"));
    // Somebody clears away what has ended: nothing has to be prepared again.
    let second = job(&world).unwrap();
    world.until("that it is remembered", |world| status(world, "/status/prepared") == json!(second)).await;
    world.delete("jobs", &second);
    world.delete("deployments", "demo-gui");
    world.until("a restored Deployment", |world| world.get("deployments", "demo-gui").is_some()).await;
}
