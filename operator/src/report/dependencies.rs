//! What is told of the servers that the services work with.

use tracardi_crds::installation::{DependencyStatus, Reason, TracardiInstallationStatus as Status};

use super::Outcome;
use crate::model::{Installation, Layout};
use crate::observe::Observed;
use crate::probe::{Dependency, Fact};

/// A line for each server; nothing in an installation without servers.
pub(super) fn report(outcome: &Outcome<'_>, observed: &Observed, previous: &Status) -> Option<Vec<DependencyStatus>> {
    match outcome {
        Outcome::Applied { installation, .. } | Outcome::Paused { installation, .. } => {
            let lines = servers(installation)?.into_iter().map(|(dependency, url)| {
                let fact = observed.dependencies.iter().find(|fact| fact.dependency == dependency);
                let name = dependency.as_str();
                let before = previous.dependencies.iter().find(|line| line.name == name && line.url == url);
                let version = fact.and_then(|fact| fact.seen.as_ref()).map(ToString::to_string);
                // What a leader before us found holds until we have looked ourselves.
                let found = fact.map(|fact| (Some(fact.seen.is_some()), message(fact)));
                let (ready, message) =
                    found.or_else(|| before.map(|line| (line.ready, line.message.clone()))).unwrap_or_default();
                DependencyStatus {
                    name: name.to_owned(),
                    url: url.to_owned(),
                    ready,
                    version: version.or_else(|| before.and_then(|line| line.version.clone())),
                    message,
                }
            });
            Some(lines.collect())
        }
        Outcome::Refused(_) => (!previous.dependencies.is_empty()).then(|| previous.dependencies.clone()),
    }
}

/// Why it cannot be used, or what should be improved.
fn message(fact: &Fact) -> Option<String> {
    let warnings = fact.seen.as_ref().map(|seen| seen.warnings.join("; ")).filter(|warnings| !warnings.is_empty());
    fact.trouble.clone().or(warnings)
}

/// Which they are, and their URLs.
fn servers(installation: &Installation) -> Option<Vec<(Dependency, &str)>> {
    let Layout::Services(services) = &installation.layout else { return None };
    let pulsar = services.pulsar.as_ref().map(|pulsar| (Dependency::Pulsar, pulsar.server.url.as_str()));
    let others = [
        (Dependency::Elasticsearch, &services.elastic.url),
        (Dependency::Mysql, &services.mysql.url),
        (Dependency::Redis, &services.redis.url),
    ];
    Some(others.into_iter().map(|(dependency, url)| (dependency, url.as_str())).chain(pulsar).collect())
}

/// What the condition says.
pub(super) fn verdict(lines: &[DependencyStatus]) -> (bool, Reason, String) {
    let said = |line: &DependencyStatus| format!("{}: {}", line.name, line.message.as_deref().unwrap_or("not usable"));
    let away: Vec<_> = lines.iter().filter(|line| line.ready == Some(false)).map(said).collect();
    if !away.is_empty() {
        return (false, Reason::DependencyUnavailable, away.join("; "));
    }
    if lines.iter().any(|line| line.ready.is_none()) {
        return (false, Reason::Looking, "the servers are being looked at".to_owned());
    }
    (true, Reason::Reachable, "every server can be used".to_owned())
}
