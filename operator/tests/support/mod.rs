//! An API server in the test's own process, good enough for the operator: list, watch, get, create, apply, merge patch,
//! status, replace, delete; uids, generations, resource versions, conflicts, owners of fields, and the garbage collector. It exists to count requests and to inject
//! faults; that the real API server agrees is shown by the tests against a real cluster.
#![allow(clippy::disallowed_methods, reason = "tests start their own tasks")]

mod fields;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Body of an answer.
type Answer = UnsyncBoxBody<Bytes, Infallible>;

type Key = (String, String, String);

/// The cluster.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    objects: BTreeMap<Key, Value>,
    version: u64,
    watchers: Vec<Watcher>,
    log: Vec<String>,
    refuse: Vec<(String, u16)>,
    terminating: bool,
}

/// Somebody who watches: the plural, whether only the operator's own objects, and the line to them.
type Watcher = (String, bool, mpsc::UnboundedSender<Bytes>);

/// Whether an object carries the label by which the operator finds its own.
fn is_managed(object: &Value) -> bool {
    object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == json!("tracardi-operator")
}

/// A request's target: plural, namespace, name and subresource, as far as it has them.
struct Target {
    plural: String,
    namespace: String,
    name: Option<String>,
    subresource: Option<String>,
}

fn target(path: &str) -> Target {
    let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    parts.drain(..if parts[0] == "api" { 2 } else { 3 });
    let namespace = if parts[0] == "namespaces" && parts.len() > 2 {
        let namespace = parts[1].to_owned();
        parts.drain(..2);
        namespace
    } else {
        String::new()
    };
    Target {
        plural: parts[0].to_owned(),
        namespace,
        name: parts.get(1).map(|name| (*name).to_owned()),
        subresource: parts.get(2).map(|name| (*name).to_owned()),
    }
}

impl World {
    /// A client of this cluster.
    pub(crate) fn client(&self) -> kube::Client {
        let world = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let world = world.clone();
            async move { Ok::<_, Infallible>(world.answer(request).await) }
        });
        kube::Client::new(service, "default")
    }

    /// Requests so far, watches and the election apart.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.0.lock().unwrap().log.clone()
    }

    /// Writes so far, the election apart.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.requests().into_iter().filter(|line| !line.starts_with("GET")).collect()
    }

    /// Forgets the requests so far.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap().log.clear();
    }

    /// Answers requests whose line contains `part` with an error from now on.
    pub(crate) fn refuse(&self, part: &str, code: u16) {
        self.0.lock().unwrap().refuse.push((part.to_owned(), code));
    }

    /// Stops refusing.
    pub(crate) fn relent(&self) {
        self.0.lock().unwrap().refuse.clear();
    }

    /// The namespace is being deleted: nothing new can be made in it.
    pub(crate) fn terminate(&self) {
        self.0.lock().unwrap().terminating = true;
    }

    pub(crate) fn get(&self, plural: &str, name: &str) -> Option<Value> {
        self.0.lock().unwrap().objects.get(&(plural.into(), "shop".into(), name.into())).cloned()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let state = self.0.lock().unwrap();
        state
            .objects
            .keys()
            .filter(|key| key.0 != "leases" && key.0 != "events")
            .map(|key| format!("{}/{}", key.0, key.2))
            .collect()
    }

    /// Somebody else's change.
    pub(crate) fn edit(&self, plural: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut state = self.0.lock().unwrap();
        let key = (plural.to_owned(), "shop".to_owned(), name.to_owned());
        let mut object = state
            .objects
            .get(&key)
            .cloned()
            .unwrap_or_else(|| json!({"metadata": {"name": name, "namespace": "shop"}}));
        let before = object.clone();
        change(&mut object);
        fields::edited(&before, &mut object);
        state.put(&key, object);
    }

    /// Somebody else's deletion.
    pub(crate) fn delete(&self, plural: &str, name: &str) {
        self.0.lock().unwrap().remove(&(plural.into(), "shop".into(), name.into()));
    }

    /// What the StatefulSet's controller and the kubelet would do: the pod of the newest template serves.
    pub(crate) fn settle(&self) {
        let generation = self.get("statefulsets", "demo-standalone").unwrap()["metadata"]["generation"].clone();
        self.edit("pods", "demo-standalone-0", |pod| {
            pod["metadata"]["labels"] = json!({
                "app.kubernetes.io/instance": "demo", "app.kubernetes.io/component": "standalone",
                "app.kubernetes.io/managed-by": "tracardi-operator"
            });
            pod["status"] = json!({"phase": "Running",
                "initContainerStatuses": [{"name": "init", "ready": true, "state": {"terminated": {"exitCode": 0}}}]});
        });
        self.edit("statefulsets", "demo-standalone", |set| {
            set["status"] =
                json!({"observedGeneration": generation, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1});
        });
    }

    /// What the StatefulSet controller and the kubelet do in a larger installation.
    pub(crate) fn stand(&self, name: &str) {
        self.edit("statefulsets", name, |set| {
            let generation = set["metadata"]["generation"].clone();
            set["status"] =
                json!({"observedGeneration": generation, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1});
        });
        self.run(name);
    }

    /// What the Job controller does when the pod of a Job ends well.
    pub(crate) fn complete(&self, job: &str) {
        self.edit("jobs", job, |job| job["status"] = json!({"succeeded": 1}));
    }

    /// What the Deployment controller and the kubelet do: all pods of a Deployment are up.
    pub(crate) fn deploy(&self, name: &str) {
        self.edit("deployments", name, |deployment| {
            let (generation, replicas) =
                (deployment["metadata"]["generation"].clone(), deployment["spec"]["replicas"].clone());
            deployment["status"] = json!({"observedGeneration": generation, "replicas": replicas,
                "readyReplicas": replicas, "updatedReplicas": replicas});
        });
        self.run(name);
    }

    fn run(&self, name: &str) {
        self.edit("pods", &format!("{name}-0"), |pod| {
            let component = name.trim_start_matches("demo-");
            pod["metadata"]["labels"] = json!({
                "app.kubernetes.io/instance": "demo", "app.kubernetes.io/component": component,
                "app.kubernetes.io/managed-by": "tracardi-operator"
            });
            pod["status"] = json!({"phase": "Running"});
        });
    }

    /// Waits until `done` holds, at most a minute: far longer than it takes. A busy machine is no failure.
    pub(crate) async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let began = tokio::time::Instant::now();
        while began.elapsed() < Duration::from_mins(1) {
            if done(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("waited in vain for {what}; objects: {:#?}; requests: {:#?}", self.names(), self.requests());
    }

    async fn answer(&self, request: Request<Body>) -> Response<Answer> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let target = target(parts.uri.path());
        let selects = parts.uri.query().is_some_and(|query| query.contains("labelSelector"));
        let watches = parts.uri.query().is_some_and(|query| query.contains("watch=true"));
        let line = format!("{} {}", parts.method, parts.uri.path());
        let mut state = self.0.lock().unwrap();
        if !watches && target.plural != "leases" {
            state.log.push(line.clone());
        }
        if let Some((_, code)) = state.refuse.iter().find(|(part, _)| line.contains(part)) {
            return failure(*code, "refused by the test");
        }
        let exists = target.name.as_ref().is_some_and(|name| state.objects.contains_key(&target.key(name)));
        if state.terminating && !exists && matches!(parts.method, Method::POST | Method::PATCH) {
            return failure(
                403,
                "forbidden: unable to create new content in namespace shop because it is being terminated",
            );
        }
        let kind = parts.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        match (&parts.method, &target.name) {
            (&Method::GET, None) if watches => state.watch(&target.plural, selects),
            (&Method::GET, None) => state.list(&target.plural, selects),
            (&Method::GET, Some(name)) => match state.objects.get(&target.key(name)) {
                Some(object) => success(object),
                None => failure(404, "not found"),
            },
            (&Method::POST, _) => state.create(&target, &body),
            (&Method::PATCH, Some(name)) => state.patch(&target, name, kind, &body),
            (&Method::PUT, Some(name)) => state.replace(&target, name, &body),
            (&Method::DELETE, Some(name)) => match state.remove(&target.key(name)) {
                Some(object) => success(&object),
                None => failure(404, "not found"),
            },
            _ => failure(405, "not allowed"),
        }
    }
}

impl Target {
    fn key(&self, name: &str) -> Key {
        (self.plural.clone(), self.namespace.clone(), name.to_owned())
    }
}

impl State {
    fn watch(&mut self, plural: &str, selects: bool) -> Response<Answer> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.watchers.push((plural.to_owned(), selects, sender));
        let frames = futures::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|bytes| (Ok::<_, Infallible>(Frame::data(bytes)), receiver))
        });
        Response::new(Answer::new(StreamBody::new(frames.boxed())))
    }

    fn list(&self, plural: &str, selects: bool) -> Response<Answer> {
        let wanted = |object: &&Value| !selects || is_managed(object);
        let of_kind = self.objects.iter().filter(|(key, _)| key.0 == plural).map(|(_, object)| object);
        let items: Vec<_> = of_kind.filter(wanted).collect();
        success(
            &json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": self.version.to_string()}, "items": items}),
        )
    }

    fn create(&mut self, target: &Target, body: &[u8]) -> Response<Answer> {
        let object: Value = serde_json::from_slice(body).unwrap();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        if self.objects.contains_key(&target.key(&name)) {
            return failure(409, "already exists");
        }
        let stored = self.put(&target.key(&name), object);
        success(&stored)
    }

    fn replace(&mut self, target: &Target, name: &str, body: &[u8]) -> Response<Answer> {
        let object: Value = serde_json::from_slice(body).unwrap();
        let current = self.objects.get(&target.key(name)).map(|object| object["metadata"]["resourceVersion"].clone());
        if current.as_ref() != Some(&object["metadata"]["resourceVersion"]) {
            return failure(409, "the object has been modified");
        }
        let stored = self.put(&target.key(name), object);
        success(&stored)
    }

    fn patch(&mut self, target: &Target, name: &str, kind: &str, body: &[u8]) -> Response<Answer> {
        let body: Value = serde_json::from_slice(body).unwrap();
        let key = target.key(name);
        let exists = self.objects.contains_key(&key);
        let apply = kind.contains("apply");
        if !exists && (!apply || target.subresource.is_some()) {
            return failure(404, "not found");
        }
        let mut object =
            self.objects.get(&key).cloned().unwrap_or_else(|| json!({"metadata": {"namespace": target.namespace}}));
        if target.subresource.as_deref() == Some("status") {
            object["status"] = body["status"].clone();
        } else if apply {
            fields::apply(&mut object, &body);
        } else {
            merge(&mut object, &body);
        }
        let stored = self.put(&key, object);
        success(&stored)
    }

    /// Stores, and tells the watchers, unless nothing changed.
    fn put(&mut self, key: &Key, mut object: Value) -> Value {
        let before = self.objects.get(key).cloned();
        if before.as_ref() == Some(&object) {
            return object;
        }
        self.version += 1;
        let version = self.version;
        let meta = &mut object["metadata"];
        meta["resourceVersion"] = json!(version.to_string());
        if before.is_none() {
            meta["uid"] = meta
                .get("uid")
                .filter(|uid| uid.is_string())
                .cloned()
                .unwrap_or_else(|| json!(format!("uid-{version}")));
            meta["namespace"] = json!(key.1);
        }
        let counts =
            !matches!(key.0.as_str(), "configmaps" | "services" | "persistentvolumeclaims" | "secrets" | "pods");
        let same_spec = before.as_ref().is_some_and(|before| before["spec"] == object["spec"]);
        if counts && !same_spec {
            let generation = before.as_ref().and_then(|before| before["metadata"]["generation"].as_i64()).unwrap_or(0);
            object["metadata"]["generation"] = json!(generation + 1);
        }
        self.objects.insert(key.clone(), object.clone());
        self.tell(&key.0, before.as_ref(), Some(&object));
        object
    }

    fn remove(&mut self, key: &Key) -> Option<Value> {
        let mut object = self.objects.remove(key)?;
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.tell(&key.0, Some(&object), None);
        self.collect_garbage(&object["metadata"]["uid"]);
        Some(object)
    }

    /// Removes what nobody owns any more now that the object with this uid is gone.
    fn collect_garbage(&mut self, gone: &Value) {
        let alive: Vec<Value> = self.objects.values().map(|object| object["metadata"]["uid"].clone()).collect();
        let orphan = |object: &Value| {
            let owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
            let uids: Vec<_> = owners.map(|owner| owner["uid"].clone()).collect();
            uids.contains(gone) && !uids.iter().any(|uid| alive.contains(uid))
        };
        let orphans: Vec<_> =
            self.objects.iter().filter(|(_, object)| orphan(object)).map(|(key, _)| key.clone()).collect();
        for key in orphans {
            self.remove(&key);
        }
    }

    /// A watcher with a selector is told of an object that loses the label as of one that is deleted.
    fn tell(&mut self, plural: &str, before: Option<&Value>, after: Option<&Value>) {
        self.watchers.retain(|(of, selects, sender)| {
            let seen = |object: &&Value| !*selects || is_managed(object);
            let (before, after_seen) = (before.filter(seen), after.filter(seen));
            let (kind, object) = match (before, after_seen) {
                _ if of != plural => return true,
                (None, None) => return true,
                (None, Some(object)) => ("ADDED", object),
                (Some(_), Some(object)) => ("MODIFIED", object),
                (Some(object), None) => ("DELETED", after.unwrap_or(object)),
            };
            sender.send(Bytes::from(format!("{}\n", json!({"type": kind, "object": object})))).is_ok()
        });
    }
}

fn merge(into: &mut Value, from: &Value) {
    let Value::Object(from) = from else {
        *into = from.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (name, value) in from {
        match value {
            Value::Null => drop(into.as_object_mut().unwrap().remove(name)),
            value => merge(&mut into[name], value),
        }
    }
}

fn success(object: &Value) -> Response<Answer> {
    Response::new(full(object))
}

fn failure(code: u16, message: &str) -> Response<Answer> {
    let reason = match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        _ => "Failure",
    };
    let mut status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason, "code": code});
    if message.contains("being terminated") {
        status["details"] = json!({"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]});
    }
    Response::builder().status(StatusCode::from_u16(code).unwrap()).body(full(&status)).unwrap()
}

fn full(value: &Value) -> Answer {
    Answer::new(Full::new(Bytes::from(value.to_string())))
}
