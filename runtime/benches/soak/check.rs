//! Whether what was acknowledged is there: each visit, some time after it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tracardi_simulate::client::Client;

use crate::installation::Installation;
use crate::support::{ADMIN, PASSWORD};
use crate::visits::{COUNTER, KIND, Visit};

/// How long it may take from the first look at a visit until all of it is there; a fault may keep it waiting meanwhile.
const SETTLED: Duration = Duration::from_mins(5);
/// How long to wait before a visit is looked at again.
const AGAIN: Duration = Duration::from_secs(1);

/// Looks at each visit that is over until all of it is there.
#[derive(Debug)]
pub(crate) struct Checker {
    checked: Arc<AtomicU64>,
    task: Mutex<JoinSet<Vec<String>>>,
}

impl Checker {
    pub(crate) fn start(installation: &Installation, mut finished: mpsc::UnboundedReceiver<Visit>) -> Self {
        let checked: Arc<AtomicU64> = Arc::default();
        let (counted, mut api) = (Arc::clone(&checked), Api::at(&installation.house.private_url()));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut broken = Vec::new();
            while let Some(visit) = finished.recv().await {
                match api.look(&visit).await {
                    Ok(()) => drop(counted.fetch_add(visit.events, Ordering::Relaxed)),
                    Err(problem) => {
                        let problem = format!("session {}, profile {}: {problem}", visit.session, visit.profile);
                        println!("BROKEN: {problem}");
                        broken.push(problem);
                    }
                }
            }
            broken
        });
        Self { checked, task: Mutex::new(task) }
    }

    /// Events that were found as they should be.
    pub(crate) fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    /// When all visits are over: waits until each has been looked at. What is broken.
    pub(crate) async fn end(&self) -> Vec<String> {
        self.task.lock().await.join_next().await.expect("it ends once").unwrap()
    }
}

/// What is seen of a visit.
enum Sight {
    Whole,
    /// Not yet; what is missing.
    Partly(String),
    /// More or something else than was acknowledged.
    Wrong(String),
}

/// The private API; whoever does not answer is asked again.
struct Api {
    client: Client,
    authorization: Option<String>,
}

impl Api {
    fn at(url: &str) -> Self {
        Self { client: Client::new(url.parse().unwrap(), Duration::from_secs(20)), authorization: None }
    }

    /// Until all of it is there.
    async fn look(&mut self, visit: &Visit) -> Result<(), String> {
        let began = Instant::now();
        let mut last = "the private API does not answer".to_owned();
        loop {
            match self.see(visit).await {
                Some(Sight::Whole) => return Ok(()),
                Some(Sight::Wrong(problem)) => return Err(problem),
                Some(Sight::Partly(problem)) => last = problem,
                None => {}
            }
            if began.elapsed() > SETTLED {
                return Err(last);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// None: it cannot be seen at the moment.
    async fn see(&mut self, visit: &Visit) -> Option<Sight> {
        let sent = visit.events;
        let wanted =
            json!({"where": format!("type = \"{KIND}\" AND session.id = \"{}\"", visit.session), "limit": 1_000});
        let found = self.ask("POST", "/event/select", wanted.to_string().as_bytes()).await?;
        let mut events: Vec<&Value> = found["result"].as_array()?.iter().collect();
        // In the order in which they were accepted.
        events.sort_by_key(|event| event["metadata"]["time"]["insert"].as_str());
        let marks: Vec<u64> = events.iter().filter_map(|event| event["properties"]["mark"].as_u64()).collect();
        if (marks.len() as u64) < sent {
            return Some(Sight::Partly(format!("{} of {sent} events are there", marks.len())));
        }
        if marks.iter().copied().ne(1..=sent) {
            return Some(Sight::Wrong(format!("of {sent} events these are there: {marks:?}")));
        }
        if let Some(event) = events.iter().find(|event| event["profile"]["id"] != visit.profile.as_str()) {
            return Some(Sight::Wrong(format!("an event is of profile {}", event["profile"]["id"])));
        }
        let profile = self.ask("GET", &format!("/profile/{}", visit.profile), b"").await?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a hundred")]
        let counted = profile["data"]["metrics"][COUNTER].as_f64()? as u64;
        // The events are there, so what they did to the profile must be.
        if counted == sent {
            Some(Sight::Whole)
        } else {
            Some(Sight::Wrong(format!("{sent} events are counted as {counted}")))
        }
    }

    async fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Option<Value> {
        let authorization = match self.authorization.clone() {
            Some(authorization) => authorization,
            None => self.log_in().await?,
        };
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let answer = self.client.request(method, path, &headers, body).await.ok()?;
        if answer.status == 401 {
            self.authorization = None;
        }
        (answer.status == 200).then(|| serde_json::from_slice(&answer.body).ok())?
    }

    async fn log_in(&mut self) -> Option<String> {
        let form = format!("username={}&password={PASSWORD}", ADMIN.replace('@', "%40"));
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.client.request("POST", "/user/token", &headers, form.as_bytes()).await.ok()?;
        let answer: Value = serde_json::from_slice(&answer.body).ok()?;
        self.authorization = Some(format!("Bearer {}", answer["access_token"].as_str()?));
        self.authorization.clone()
    }
}
