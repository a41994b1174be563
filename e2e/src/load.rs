//! Load with a journal: every client writes down what was acknowledged, so that afterwards the installation can be
//! asked for exactly that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::Method;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{Installation, Json, Wanted, eventually, field, http::Http, secs};

/// The type of the events that are sent; each adds one to `data.metrics.ltcocc` of its profile.
pub const EVENT_TYPE: &str = "checkout-completed";

/// How long a client tries to get one request acknowledged.
const PATIENCE: Duration = Duration::from_mins(2);

/// Clients that send, each in a session of its own, until [`Load::stop`].
pub struct Load {
    clients: JoinSet<Result<Acknowledged>>,
    going: Arc<AtomicBool>,
    total: Arc<AtomicU64>,
}

/// The journal of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The client's session.
    pub session: String,
    /// The profile that every answer named.
    pub profile: String,
    /// Requests that were answered with 200; each held one event.
    pub requests: u64,
    /// Attempts that got no answer, or 503.
    pub repeats: u64,
}

impl Load {
    /// Starts `clients` clients that send to the public API at `url` on behalf of event source `source`.
    #[must_use]
    pub fn start(url: &str, source: &str, clients: usize) -> Self {
        let (going, total) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        for number in 0..clients {
            // A client of its own has connections of its own.
            let client = Client {
                http: Http::new(url),
                source: source.to_owned(),
                session: format!("e2e-load-{number}"),
                going: going.clone(),
                total: total.clone(),
            };
            tasks.spawn(client.run());
        }
        Self { clients: tasks, going, total }
    }

    /// Requests acknowledged so far, over all clients.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Waits until `more` further requests are acknowledged.
    pub async fn progress(&self, more: u64, within: Duration) -> Result<()> {
        let goal = self.acknowledged() + more;
        eventually(&format!("{goal} acknowledged requests"), within, async || {
            let now = self.acknowledged();
            Ok(Wanted::when(now >= goal, (), || format!("{now} acknowledged")))
        })
        .await
    }

    /// Lets every client finish what it has under way, and gives back their journals.
    pub async fn stop(mut self) -> Result<Vec<Acknowledged>> {
        self.going.store(false, Ordering::Relaxed);
        let mut journal = Vec::new();
        while let Some(ended) = self.clients.join_next().await {
            journal.push(ended.context("a client of the load panicked")??);
        }
        journal.sort_by(|a, b| a.session.cmp(&b.session));
        Ok(journal)
    }
}

struct Client {
    http: Http,
    source: String,
    session: String,
    going: Arc<AtomicBool>,
    total: Arc<AtomicU64>,
}

impl Client {
    async fn run(self) -> Result<Acknowledged> {
        let mut journal =
            Acknowledged { session: self.session.clone(), profile: String::new(), requests: 0, repeats: 0 };
        while self.going.load(Ordering::Relaxed) || journal.requests == 0 {
            let number = journal.requests;
            let body = json!({
                "source": {"id": self.source}, "session": {"id": self.session},
                "events": [{"type": EVENT_TYPE, "properties": {"id": format!("{}-{number}", self.session), "value": 1}}]
            });
            let (answer, repeats) = self.until_acknowledged(&Bytes::from(body.to_string())).await?;
            let profile = field(&answer, "profile.id").as_str().context("an answer names no profile")?;
            if journal.profile.is_empty() {
                profile.clone_into(&mut journal.profile);
            }
            ensure!(journal.profile == profile, "{}: profile {} became {profile}", self.session, journal.profile);
            journal.requests += 1;
            journal.repeats += repeats;
            self.total.fetch_add(1, Ordering::Relaxed);
        }
        Ok(journal)
    }

    /// Sends the same bytes until they are acknowledged; the answer, and how many attempts failed before.
    async fn until_acknowledged(&self, body: &Bytes) -> Result<(Json, u64)> {
        let start = std::time::Instant::now();
        let mut repeats = 0;
        loop {
            match self.http.send(Method::POST, "/track", Some("application/json"), body.clone()).await {
                Ok(answer) if answer.status == 200 => return Ok((answer.json()?, repeats)),
                Ok(answer) if answer.status == 503 => ensure!(
                    answer.headers.contains_key(http::header::RETRY_AFTER),
                    "a 503 came without Retry-After: {}",
                    answer.text()
                ),
                Ok(answer) => bail!("{} answered {}: {}", answer.asked, answer.status, answer.text()),
                Err(error) if start.elapsed() > PATIENCE => return Err(error.context(self.session.clone())),
                Err(_) => {}
            }
            repeats += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Asks the installation for exactly what the journal holds: every acknowledged event is stored once, every profile's
/// counter equals its client's acknowledged requests.
pub async fn check(installation: &Installation, api: &Http, journal: &[Acknowledged]) -> Result<()> {
    api.get("/events/refresh").await?;
    let mut wrong = Vec::new();
    for client in journal {
        let profile = api.get(&format!("/profile/{}", client.profile)).await?.ok()?;
        let counted = field(&profile, "data.metrics.ltcocc").as_f64().unwrap_or(-1.0);
        #[allow(clippy::cast_precision_loss)] // a few thousand
        if (counted - client.requests as f64).abs() > 0.5 {
            wrong.push(format!("{}: {} acknowledged, {counted} counted", client.session, client.requests));
        }
        let stored = stored(api, &format!("type=\"{EVENT_TYPE}\" AND session.id=\"{}\"", client.session)).await?;
        if stored != client.requests {
            wrong.push(format!("{}: {} acknowledged, {stored} events stored", client.session, client.requests));
        }
    }
    ensure!(wrong.is_empty(), "installation {}: {}", installation.name(), wrong.join("; "));
    Ok(())
}

/// How many events of the last day match a search.
pub async fn stored(api: &Http, search: &str) -> Result<u64> {
    stored_since(api, search, -1).await
}

/// How many events of the last month match a search; for simulated ones, whose times lie in the past.
pub async fn stored_ever(api: &Http, search: &str) -> Result<u64> {
    stored_since(api, search, -31).await
}

async fn stored_since(api: &Http, search: &str, days: i64) -> Result<u64> {
    let query = json!({"minDate": {"delta": {"value": days, "entity": "day"}},
        "maxDate": {"delta": {"value": 1, "entity": "hour"}}, "where": search, "start": 0, "limit": 1});
    let found = api.post("/event/select/range", &query).await?.ok()?;
    found["total"].as_u64().with_context(|| format!("/event/select/range answered {found}"))
}

/// Waits until the public API acknowledges one event of source `source`.
pub async fn first_event(http: &Http, source: &str) -> Result<Json> {
    let body = json!({"source": {"id": source}, "session": {"id": "e2e-first"}, "events": [{"type": "page-view",
        "properties": {"category": "shoes"}, "context": {"page": {"url": "https://shop.example/x", "title": "X"}}}]});
    eventually("the public API acknowledges an event", secs(15), async || {
        let answer = http.post("/track", &body).await?;
        let status = answer.status;
        Ok(Wanted::when(status == 200, answer.json()?, || format!("status {status}")))
    })
    .await
}
