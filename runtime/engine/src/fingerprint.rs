//! Visitors who lost their ids (a private window, cookies cleared) and are recognised by their device (spec/pipeline.md 3.7).
//!
//! A fingerprint follows from what the browser tells of itself and from where the request comes. For some time it leads to the
//! profile that was last seen with it: a request for which a new profile would be made gets that one instead. Two people with equal
//! devices behind one address have one fingerprint. So the source must ask for it (`config.device_fingerprint_ttl`, in seconds), and
//! a fingerprint under which two profiles are seen leads to neither of them.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tracardi_model::canonical::Hasher;
use tracardi_model::entropy::first_16;
use tracardi_model::{EventSource, Profile, Session};

use crate::Command;

/// The setting of the source's bridge: for how many seconds a fingerprint is remembered; none, 0 and less: not at all.
const SETTING: &str = "device_fingerprint_ttl";
/// Longest time for which a fingerprint is remembered, in seconds: a day.
const LONGEST: i64 = 86_400;

/// By what a device is told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Hash of what the device tells.
    pub key: [u8; 16],
    ttl: SignedDuration,
}

/// A profile was seen with a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Key of the fingerprint.
    pub key: [u8; 16],
    /// Whether the profile was made by this request.
    pub new: bool,
    /// Until when the fingerprint leads to it.
    pub until: Timestamp,
}

/// What is remembered of a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The profile; none when there were several.
    profile: Option<String>,
    until: Timestamp,
}

impl Fingerprint {
    /// The fingerprint of a request, if its source asks for one and it tells user agent and screen: with less too many would
    /// be alike.
    pub(crate) fn of(command: &Command) -> Option<Self> {
        let ttl = SignedDuration::from_secs(seconds(&command.source)?);
        let agent = command.user_agent()?;
        let context = &command.payload.context;
        let screen = context.get("screen")?.get("local")?;
        let (width, height) = (screen.get("width")?, screen.get("height")?);
        let mut hasher = Hasher::new("fingerprint");
        hasher.text(command.context.as_str());
        hasher.text(&command.source.id);
        hasher.text(&command.client_ip);
        hasher.text(agent);
        for header in ["x-forwarded-for", "accept-language"] {
            hasher.optional(command.header(header));
        }
        let of_screen = ["colorDepth", "pixelDepth"].map(|name| screen.get(name));
        let of_browser = command.browser().and_then(|browser| browser.get("language"));
        let zone = context.get("time").and_then(|time| time.get("tz"));
        for told in [Some(width), Some(height), of_browser, zone].into_iter().chain(of_screen) {
            hasher.value(told.unwrap_or(&Value::Null));
        }
        Some(Self { key: first_16(&hasher.finish()), ttl })
    }

    /// A profile is seen with it now.
    pub(crate) fn seen(self, new: bool, now: Timestamp) -> Sighting {
        Sighting { key: self.key, new, until: now.checked_add(self.ttl).unwrap_or(now) }
    }
}

/// The fingerprint by which the profile of a request is looked for: only if its session has none yet.
#[must_use]
pub fn fingerprint_of<'a>(command: &'a Command, session: Option<&Session>) -> Option<&'a Fingerprint> {
    command.fingerprint.as_ref().filter(|_| session.is_none_or(|session| session.profile_id().is_none()))
}

impl Seen {
    /// What is remembered after a profile was seen.
    #[must_use]
    pub fn after(before: Option<&Self>, sighting: Sighting, profile: &Profile, now: Timestamp) -> Self {
        let Sighting { new, until, .. } = sighting;
        let other = |id: &str| profile.id() != id && !profile.ids().iter().any(|own| own == id);
        let several = match before.filter(|seen| seen.until > now) {
            None => false,
            Some(Self { profile: None, .. }) => true,
            // When a new profile had to be made, the one that was remembered is gone.
            Some(Self { profile: Some(known), .. }) => other(known) && !new,
        };
        Self { profile: (!several).then(|| profile.id().to_owned()), until }
    }

    /// The profile, if it is still remembered.
    #[must_use]
    pub fn profile(&self, now: Timestamp) -> Option<&str> {
        self.profile.as_deref().filter(|_| self.until > now)
    }
}

/// For how many seconds fingerprints of this source are remembered.
fn seconds(source: &EventSource) -> Option<i64> {
    let seconds = match source.config.as_ref()?.get(SETTING)? {
        Value::Number(number) => number.as_i64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (seconds > 0).then_some(seconds.min(LONGEST))
}
