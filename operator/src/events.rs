//! Kubernetes events: one per transition, never per pass.

use kube::Resource as _;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tracardi_crds::TracardiInstallation;
use tracardi_crds::installation::{ConditionType, Reason, TracardiInstallationStatus as Status};

use crate::error::is_leaving;
use crate::report::shorten;

/// Something worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// A person may have to act.
    pub warning: bool,
    /// A [`Reason`].
    pub reason: String,
    /// The condition that changed.
    pub about: ConditionType,
    /// For people.
    pub note: String,
}

/// What changed from one status to the next that is worth an event. Pure.
#[must_use]
pub fn transitions(before: &Status, after: &Status) -> Vec<Notice> {
    let find = |status: &Status, kind: ConditionType| {
        status.conditions.iter().find(|condition| condition.type_ == kind.as_str()).cloned()
    };
    let mut notices = Vec::new();
    for kind in ConditionType::ALL {
        let (old, Some(new)) = (find(before, kind), find(after, kind)) else { continue };
        let same_status = old.as_ref().is_some_and(|old| old.status == new.status);
        let same = same_status && old.as_ref().is_some_and(|old| old.reason == new.reason);
        let holds = new.status == "True";
        let was_paused = old.as_ref().is_some_and(|old| old.reason == Reason::Paused.as_str());
        let worth = match kind {
            _ if same => None,
            ConditionType::Ready | ConditionType::Initialized if holds => (!same_status).then_some(false),
            // What keeps an installation from serving is told by Degraded; that it stopped serving is told here.
            ConditionType::Ready => old.as_ref().is_some_and(|old| old.status == "True").then_some(true),
            ConditionType::Initialized => None,
            // What is wrong with a server is told by Degraded; when it can be used again, this tells it by name.
            ConditionType::DependenciesReady => {
                (holds && old.as_ref().is_some_and(|old| old.status == "False")).then_some(false)
            }
            ConditionType::Degraded if holds => Some(true),
            ConditionType::Degraded => old.as_ref().is_some_and(|old| old.status == "True").then_some(false),
            ConditionType::Progressing => {
                let told = [Reason::Paused, Reason::RollingOut, Reason::AwaitingLoadBalancer];
                (was_paused || told.iter().any(|reason| new.reason == reason.as_str())).then_some(false)
            }
        };
        if let Some(warning) = worth {
            notices.push(Notice { warning, reason: new.reason, about: kind, note: shorten(&new.message, 900) });
        }
    }
    notices
}

/// Publishes notices.
pub struct Publisher(Recorder);

impl Publisher {
    /// Publishes in the name of the operator's replica `instance`.
    #[must_use]
    pub fn new(client: kube::Client, instance: String) -> Self {
        Self(Recorder::new(client, Reporter { controller: crate::FIELD_MANAGER.into(), instance: Some(instance) }))
    }

    /// Publishes; an event that cannot be published is logged, since status tells the same.
    pub async fn publish(&self, resource: &TracardiInstallation, notices: Vec<Notice>) {
        for notice in notices {
            let event = Event {
                type_: if notice.warning { EventType::Warning } else { EventType::Normal },
                reason: notice.reason,
                note: Some(notice.note),
                action: notice.about.as_str().to_owned(),
                secondary: None,
            };
            match self.0.publish(&event, &resource.object_ref(&())).await {
                Ok(()) => {}
                Err(error) if is_leaving(&error) => tracing::debug!(%error, "no event: the namespace is being deleted"),
                Err(error) => tracing::warn!(%error, "an event could not be published"),
            }
        }
    }
}
