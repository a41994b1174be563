//! Plays a scenario against an installation.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fill::{self, Variables};
use super::format::{Body, Expect, File, Given, Line, Scenario, Side, Step};
use super::pattern::{Pattern, cut, differences};
use crate::http::{Call, Reply, call};

/// How many differences of an answer are told.
const TOLD: usize = 10;

/// A running installation, logged in.
#[derive(Debug)]
pub(crate) struct Installation {
    public: String,
    private: String,
    token: String,
    /// How long it may take until what was sent can be read; none when it can as soon as there is an answer.
    settles: Option<Duration>,
}

/// What an installation of ours with a queue needs at most until what was sent can be read.
pub(crate) const SETTLES: Duration = Duration::from_secs(20);
/// Within this time every process knows what was configured.
const SEEN: Duration = Duration::from_millis(1_200);
/// How often what cannot be read yet is looked for.
const LOOKED: Duration = Duration::from_millis(100);

impl Installation {
    /// Logs in at the private API. The addresses are `http://host:port`, perhaps with a path.
    pub(crate) async fn log_in(
        public: &str,
        private: &str,
        email: &str,
        password: &str,
        settles: Option<Duration>,
    ) -> Result<Self, String> {
        let [public, private] = [public, private].map(|url| url.trim_end_matches('/').to_owned());
        for url in [&public, &private] {
            if !url.starts_with("http://") {
                return Err(format!("`{url}`: an address begins with http:// (https is not spoken here)"));
            }
        }
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("username", email)
            .append_pair("password", password)
            .finish();
        let reply = call("POST", format!("{private}/user/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .try_send()
            .await?;
        match serde_json::from_str::<Value>(&reply.text).ok().as_ref().and_then(|body| body["access_token"].as_str()) {
            Some(token) => Ok(Self { public, private, token: token.to_owned(), settles }),
            None => Err(format!("{private}/user/token: {} {}", reply.status, reply.text)),
        }
    }

    /// Plays a scenario; what it configured is removed afterwards. `run` is different each time. The error tells step,
    /// expectation and answer.
    pub(crate) async fn play(&self, file: &File, scenario: &Scenario, run: &str) -> Result<(), String> {
        if scenario.immediate.is_some() && self.settles.is_some() {
            return Ok(());
        }
        let mut variables = Variables::from([("run".to_owned(), json!(run))]);
        let mut configured = Vec::new();
        let mut outcome = Ok(());
        for given in file.given.iter().chain(&scenario.given) {
            if outcome.is_ok() {
                outcome = self.configure(given, &variables, &mut configured).await;
            }
        }
        if outcome.is_ok() {
            self.settle(!configured.is_empty()).await;
            outcome = self.steps(scenario, &mut variables).await;
        }
        for path in configured.iter().rev() {
            let removed = self.request(Side::Private, "DELETE", path).try_send().await;
            outcome = outcome.and(removed.map(drop));
        }
        outcome.map_err(|problem| format!("{} ({})\n{problem}", file.path.display(), file.about))
    }

    async fn configure(
        &self,
        given: &Given,
        variables: &Variables,
        configured: &mut Vec<String>,
    ) -> Result<(), String> {
        for (path, record) in given {
            let record = fill::value(record, variables)?;
            let reply = self.request(Side::Private, "POST", path).json(&record).try_send().await?;
            let id = serde_json::from_str::<Value>(&reply.text).ok().and_then(|saved| {
                let id = saved.pointer("/ids/0")?.as_str()?;
                Some(id.to_owned())
            });
            let id = id.ok_or_else(|| format!("given {path} {record}: {} {}", reply.status, reply.text))?;
            configured.push(format!("{path}/{id}"));
        }
        Ok(())
    }

    async fn steps(&self, scenario: &Scenario, variables: &mut Variables) -> Result<(), String> {
        let mut changed = false;
        for (number, step) in scenario.steps.iter().enumerate() {
            let told = |problem: String| format!("step {} ({}):\n  {problem}", number + 1, step.line);
            let reads = step.side == Side::Private && step.line.reads();
            if reads {
                self.settle(std::mem::take(&mut changed)).await;
            }
            let patience = if step.awaited { self.settles.or(Some(SETTLES)) } else { self.settles.filter(|_| reads) };
            let reply = self.expected(patience, &step.expect, variables, || self.send(step, variables)).await;
            let reply = reply.map_err(told)?;
            changed |= !reads;
            self.settle(step.awaited || step.side == Side::Private && !reads).await;
            for (name, path) in &step.keep {
                let value =
                    at(&body(&reply), path).ok_or_else(|| told(format!("no `{path}` to keep in {}", reply.text)))?;
                variables.insert(name.clone(), value);
            }
        }
        self.settle(changed && !scenario.stored.is_empty()).await;
        for (path, pattern) in &scenario.stored {
            let told = |problem: String| format!("stored {path}:\n  {problem}");
            let absent = pattern.0 == "$absent";
            let body = (!absent).then(|| pattern.clone());
            let expect = Expect { status: if absent { 404 } else { 200 }, body, ..Expect::default() };
            let path = fill::text(path, variables)?;
            let read = || self.request(Side::Private, "GET", &path).try_send();
            self.expected(self.settles, &expect, variables, read).await.map_err(told)?;
        }
        Ok(())
    }

    /// Waits, if something was changed and others may not see it yet.
    async fn settle(&self, changed: bool) {
        if changed && self.settles.is_some() {
            tokio::time::sleep(SEEN).await;
        }
    }

    /// The answer, when it is what is expected. With patience it is asked again until it is, or until it should be.
    async fn expected<F>(
        &self,
        patience: Option<Duration>,
        expect: &Expect,
        variables: &Variables,
        ask: impl Fn() -> F,
    ) -> Result<Reply, String>
    where
        F: Future<Output = Result<Reply, String>>,
    {
        let began = Instant::now();
        loop {
            let reply = ask().await?;
            match complaints(expect, &reply, variables) {
                Ok(()) => return Ok(reply),
                Err(_) if patience.is_some_and(|time| began.elapsed() < time) => {
                    tokio::time::sleep(LOOKED).await;
                }
                Err(problem) => return Err(problem),
            }
        }
    }

    fn request(&self, side: Side, method: &str, path: &str) -> Call {
        match side {
            Side::Public => call(method, format!("{}{path}", self.public)),
            Side::Private => call(method, format!("{}{path}", self.private)).bearer(&self.token),
        }
    }

    async fn send(&self, step: &Step, variables: &Variables) -> Result<Reply, String> {
        let Line { method, path } = &step.line;
        let (kind, content) = match &step.body {
            Body::Empty => (None, Vec::new()),
            Body::Json(json) => (Some("application/json"), fill::value(json, variables)?.to_string().into_bytes()),
            Body::Text(text) => (None, joined(&fill::value(text, variables)?)?.into_bytes()),
            Body::Form(fields) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                for (name, value) in fields {
                    form.append_pair(&fill::text(name, variables)?, &fill::text(value, variables)?);
                }
                (Some("application/x-www-form-urlencoded"), form.finish().into_bytes())
            }
            Body::Bytes(bytes) => (None, bytes.clone()),
        };
        let mut request = self.request(step.side, method, &fill::text(path, variables)?).body(content);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        for (name, value) in &step.headers {
            request = request.without(name);
            if let Some(value) = value {
                request = request.header(name, &fill::text(value, variables)?);
            }
        }
        request.try_send().await
    }
}

fn joined(text: &Value) -> Result<String, String> {
    match text {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => parts.iter().map(joined).collect(),
        other => Err(format!("`text` is a text or a list of texts, not {other}")),
    }
}

/// The body as JSON; an empty or other text as a string.
fn body(reply: &Reply) -> Value {
    serde_json::from_str(&reply.text).unwrap_or_else(|_| Value::String(reply.text.clone()))
}

/// The value at a path such as `profile.id` or `result.0.id`.
fn at(value: &Value, path: &str) -> Option<Value> {
    path.split('.')
        .try_fold(value, |value, step| match step.parse::<usize>() {
            Ok(number) if value.is_array() => value.get(number),
            _ => value.get(step),
        })
        .cloned()
}

fn complaints(expect: &Expect, reply: &Reply, variables: &Variables) -> Result<(), String> {
    let filled = |pattern: &Pattern| fill::value(&pattern.0, variables);
    let mut found = Vec::new();
    if reply.status.as_u16() != expect.status {
        found.push(format!("status: expected {}, got {}", expect.status, reply.status.as_u16()));
    }
    for (name, pattern) in &expect.headers {
        let got = reply.header(name).map(|value| Value::String(value.to_owned()));
        found.extend(differences(&filled(pattern)?, got.as_ref(), &format!("header {name}")));
    }
    if let Some(pattern) = &expect.text {
        found.extend(differences(&filled(pattern)?, Some(&Value::String(reply.text.clone())), "text"));
    }
    if let Some(pattern) = &expect.body {
        found.extend(differences(&filled(pattern)?, Some(&body(reply)), "body"));
    }
    if found.is_empty() {
        return Ok(());
    }
    let more = found.len().saturating_sub(TOLD);
    found.truncate(TOLD);
    if more > 0 {
        found.push(format!("and {more} more"));
    }
    found.push(format!("the answer: {} {}", reply.status.as_u16(), cut(&reply.text)));
    Err(found.join("\n  "))
}
