//! Who leads. Replicas of the operator all watch; one writes.
//!
//! A Lease is taken and kept by replacing it under the resourceVersion that was read, so that of two candidates one gets a
//! conflict. Whether a holder is gone is judged by our own monotonic clock alone: a Lease that we have seen unchanged for
//! its whole duration has expired, whatever the clocks of other machines say. Leadership is a time until which it holds,
//! asked at each write; it ends [`RENEW_DEADLINE`] after the last renewal *began*, well before anybody else may take over.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracardi_process::SharedClock;

/// How long a Lease holds that is not renewed.
pub const DURATION: Duration = Duration::from_secs(10);
/// How long leadership holds after the last renewal began. The rest up to [`DURATION`] is for writes under way.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(7);
/// Pause between renewals.
const RENEW: Duration = Duration::from_secs(2);
/// Pause between looks of a replica that does not lead.
const POLL: Duration = Duration::from_secs(1);
/// Patience with one request.
const REQUEST: Duration = Duration::from_secs(3);

/// A Lease as it was last seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Who holds it; empty when it was handed back.
    pub holder: String,
    /// Its version.
    pub version: String,
    /// How long it holds.
    pub duration: Duration,
    /// When this version was first seen, by our clock.
    pub since: Instant,
}

/// What to do about a Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is ours: renew it.
    Renew,
    /// It is nobody's: take it.
    Acquire,
    /// It is somebody's: wait.
    Wait,
}

/// Decides. Pure.
#[must_use]
pub fn decide(seen: &Seen, me: &str, now: Instant) -> Decision {
    if seen.holder == me {
        Decision::Renew
    } else if seen.holder.is_empty() || now.duration_since(seen.since) >= seen.duration {
        Decision::Acquire
    } else {
        Decision::Wait
    }
}

/// Whether this replica leads; asked before each write.
#[derive(Clone, Debug)]
pub struct Leadership(watch::Receiver<Option<Instant>>);

impl Leadership {
    /// Leads now.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Led until a moment ago and may do so again: the renewal is late, and nobody has said that the office is lost.
    #[must_use]
    pub fn lapsed(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() >= until)
    }

    /// Waits until leadership begins (`true`) or ends (`false`); `None` when there is no election any more.
    pub async fn changed(&mut self) -> Option<bool> {
        let before = self.0.borrow_and_update().is_some();
        loop {
            self.0.changed().await.ok()?;
            let now = self.0.borrow_and_update().is_some();
            if now != before {
                return Some(now);
            }
        }
    }

    /// Leadership that holds for ever or never, for tests and for a single replica without a Lease.
    #[must_use]
    pub fn fixed(leads: bool) -> (watch::Sender<Option<Instant>>, Self) {
        let until = leads.then(|| Instant::now() + Duration::from_hours(365 * 24));
        let (sender, receiver) = watch::channel(until);
        (sender, Self(receiver))
    }
}

/// Takes part in the election.
pub struct Elector {
    api: Api<Lease>,
    name: String,
    me: String,
    clock: SharedClock,
    seen: Option<Seen>,
    until: watch::Sender<Option<Instant>>,
}

impl Elector {
    /// A candidate `me` for the Lease `name`.
    #[must_use]
    pub fn new(client: Client, namespace: &str, name: &str, me: String, clock: SharedClock) -> (Self, Leadership) {
        let (until, receiver) = watch::channel(None);
        let api = Api::namespaced(client, namespace);
        (Self { api, name: name.to_owned(), me, clock, seen: None, until }, Leadership(receiver))
    }

    /// Takes part until `stop` completes; then hands the Lease back, so that another replica leads at once.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        loop {
            let pause = if self.step().await { RENEW } else { POLL };
            // A leader that cannot renew must fall silent on time even if no answer ever comes.
            let expiry = *self.until.borrow();
            let wait = expiry.map_or(pause, |until| pause.min(until.saturating_duration_since(Instant::now())));
            tokio::select! {
                () = sleep(wait) => {}
                () = &mut stop => break,
            }
        }
        let led = self.until.borrow().is_some();
        self.publish(None);
        if led {
            match timeout(REQUEST, self.hand_back()).await {
                Ok(Ok(())) => tracing::info!(lease = %self.name, "leadership handed back"),
                Ok(Err(error)) => tracing::warn!(lease = %self.name, %error, "leadership could not be handed back"),
                Err(_) => tracing::warn!(lease = %self.name, "leadership could not be handed back in time"),
            }
        }
    }

    /// One look at the Lease, and a renewal or a take-over when due. Gives whether this replica leads.
    async fn step(&mut self) -> bool {
        let began = Instant::now();
        match timeout(REQUEST, self.try_lead()).await {
            Ok(Ok(true)) => self.publish(Some(began + RENEW_DEADLINE)),
            Ok(Ok(false)) => self.publish(None),
            failed => {
                let error = match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => "no answer in time".to_owned(),
                };
                tracing::warn!(lease = %self.name, %error, "the lease could not be read or written");
                let expired = self.until.borrow().is_some_and(|until| Instant::now() >= until);
                if expired {
                    self.publish(None);
                }
            }
        }
        self.until.borrow().is_some()
    }

    fn publish(&self, until: Option<Instant>) {
        let before = self.until.send_replace(until).is_some();
        match (before, until.is_some()) {
            (false, true) => tracing::info!(lease = %self.name, identity = %self.me, "leading"),
            (true, false) => tracing::info!(lease = %self.name, "not leading any more"),
            _ => {}
        }
    }

    async fn try_lead(&mut self) -> Result<bool, kube::Error> {
        let Some(lease) = self.api.get_opt(&self.name).await? else {
            let fresh = Lease {
                metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                spec: Some(self.claim(0)),
            };
            let made = self.api.create(&PostParams::default(), &fresh).await;
            return won(made).map(|made| self.remember(made));
        };
        let seen = self.look(&lease);
        let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or(0);
        let spec = match decide(&seen, &self.me, Instant::now()) {
            Decision::Wait => return Ok(false),
            Decision::Renew => {
                LeaseSpec { acquire_time: lease.spec.and_then(|s| s.acquire_time), ..self.claim(transitions) }
            }
            Decision::Acquire => self.claim(transitions.saturating_add(1)),
        };
        let lease = Lease { metadata: lease.metadata, spec: Some(spec) };
        let written = self.api.replace(&self.name, &PostParams::default(), &lease).await;
        won(written).map(|written| self.remember(written))
    }

    fn look(&mut self, lease: &Lease) -> Seen {
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let spec = lease.spec.clone().unwrap_or_default();
        let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let since =
            self.seen.as_ref().filter(|seen| seen.version == version).map_or_else(Instant::now, |seen| seen.since);
        let seen = Seen {
            holder: spec.holder_identity.unwrap_or_default(),
            version,
            duration: seconds.map_or(DURATION, Duration::from_secs),
            since,
        };
        self.seen = Some(seen.clone());
        seen
    }

    /// Remembers what was written; `None` means that somebody else was faster.
    fn remember(&mut self, written: Option<Lease>) -> bool {
        written.inspect(|lease| drop(self.look(lease))).is_some()
    }

    fn claim(&self, transitions: i32) -> LeaseSpec {
        let now = MicroTime(self.clock.now());
        LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }

    async fn hand_back(&mut self) -> Result<(), kube::Error> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else { return Ok(()) };
        if lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()) != Some(&self.me) {
            return Ok(());
        }
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
            let last = self.clock.now().checked_sub(SignedDuration::from_secs(1));
            spec.renew_time = last.ok().map(MicroTime);
        }
        won(self.api.replace(&self.name, &PostParams::default(), &lease).await).map(drop)
    }
}

/// A conflict is an answer, not an error: somebody else was faster.
fn won(result: Result<Lease, kube::Error>) -> Result<Option<Lease>, kube::Error> {
    match result {
        Ok(lease) => Ok(Some(lease)),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However fast or slow the candidates look, and however long the holder is silent, nobody takes a Lease from a
        /// holder who may still write.
        #[test]
        fn nobody_takes_over_while_the_holder_may_write(
            renewals in prop::collection::vec(0u64..4_000, 1..40),
            looks in prop::collection::vec(1u64..3_000, 1..60),
            crash_after in 0usize..40,
        ) {
            let start = Instant::now();
            // The holder's renewals: (time of the write, version). It may write until RENEW_DEADLINE after the last one.
            let mut at = 0;
            let mut versions = vec![(0u64, 0usize)];
            for (version, pause) in renewals.iter().take(crash_after).enumerate() {
                at += pause;
                versions.push((at, version + 1));
            }
            let mut silent_from = 0;
            for pair in versions.windows(2) {
                if pair[1].0 - pair[0].0 >= 7_000 { break; }
                silent_from = pair[1].0;
            }
            let may_write_until = silent_from + u64::try_from(RENEW_DEADLINE.as_millis()).unwrap();
            let mut seen: Option<Seen> = None;
            let mut now = 0;
            for pause in looks {
                now += pause;
                let version = versions.iter().rfind(|(written, _)| *written <= now).unwrap().1.to_string();
                let since = seen.as_ref().filter(|s| s.version == version).map_or(start + Duration::from_millis(now), |s| s.since);
                let look = Seen { holder: "holder".into(), version, duration: DURATION, since };
                if decide(&look, "me", start + Duration::from_millis(now)) == Decision::Acquire {
                    prop_assert!(now >= may_write_until, "took over at {now}, holder may write until {may_write_until}");
                    break;
                }
                seen = Some(look);
            }
        }

        /// A silent holder is replaced after the duration plus one look, a handed-back Lease at once, and ours is renewed.
        #[test]
        fn nobody_waits_for_ever(age in 0u64..30_000) {
            let now = Instant::now() + Duration::from_mins(1);
            let seen = |holder: &str| Seen {
                holder: holder.into(), version: "1".into(), duration: DURATION, since: now.checked_sub(Duration::from_millis(age)).unwrap(),
            };
            prop_assert_eq!(decide(&seen(""), "me", now), Decision::Acquire);
            prop_assert_eq!(decide(&seen("me"), "me", now), Decision::Renew);
            let wanted = if age >= 10_000 { Decision::Acquire } else { Decision::Wait };
            prop_assert_eq!(decide(&seen("other"), "me", now), wanted);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn leadership_ends_by_itself() {
        let (sender, leadership) = Leadership::fixed(false);
        assert!(!leadership.holds());
        sender.send_replace(Some(Instant::now() + RENEW_DEADLINE));
        assert!(leadership.holds());
        tokio::time::advance(RENEW_DEADLINE).await;
        assert!(!leadership.holds(), "nobody renewed, nobody said so, and yet it is over");
        assert!(leadership.lapsed(), "a late renewal would bring it back without a change that anybody sees");
    }
}
