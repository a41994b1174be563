//! What the single writer is asked to do: which documents an order needs to see, and what becomes of them.

use std::borrow::Cow;

use jiff::Timestamp;
use tracardi_model::{Context, Entropy, Session, StoredEvent};

use crate::pipeline::give_up;
use crate::{
    Command, Consent, Fingerprint, Outcome, Rejected, Settings, State, asked_key, collect, fingerprint_of,
    namesake_key, profile_key, referral_key,
};

/// A request that changes what is stored.
#[derive(Clone, Debug)]
pub enum Order {
    /// To collect events.
    Collect(Box<Command>),
    /// To keep a decision about consents.
    Consent(Consent),
}

impl Order {
    /// Production or staging.
    #[must_use]
    pub const fn context(&self) -> Context {
        match self {
            Self::Collect(command) => command.context,
            Self::Consent(consent) => consent.context,
        }
    }

    /// The session it needs to see.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        match self {
            Self::Collect(command) => command.session_id(),
            Self::Consent(consent) => Some(&consent.session_id),
        }
    }

    /// The profile that the client names.
    #[must_use]
    pub fn named_profile(&self) -> Option<&str> {
        match self {
            Self::Collect(command) => command.profile_id(),
            Self::Consent(consent) => Some(&consent.profile_id),
        }
    }

    /// The profile it needs to see, given the session that was found: any of its ids.
    #[must_use]
    pub fn profile_key<'a>(&'a self, session: Option<&'a Session>, settings: &Settings) -> Option<Cow<'a, str>> {
        match self {
            Self::Collect(command) => profile_key(command, session, settings),
            Self::Consent(consent) => Some(Cow::Borrowed(&consent.profile_id)),
        }
    }

    /// Another profile it needs to see: any of its ids.
    #[must_use]
    pub fn referral_key(&self) -> Option<&str> {
        match self {
            Self::Collect(command) => referral_key(command),
            Self::Consent(_) => None,
        }
    }

    /// The fingerprint by which it looks for a profile, given the session that was found.
    #[must_use]
    pub fn fingerprint(&self, session: Option<&Session>) -> Option<&Fingerprint> {
        match self {
            Self::Collect(command) => fingerprint_of(command, session),
            Self::Consent(_) => None,
        }
    }

    /// The profile it needs to see because a new one would get its id, given the session that was found.
    #[must_use]
    pub fn namesake_key(&self, session: Option<&Session>, settings: &Settings) -> Option<String> {
        match self {
            Self::Collect(command) => namesake_key(command, session, settings),
            Self::Consent(_) => None,
        }
    }

    /// The profile it needs to see because an event asks for it besides, given the session that was found.
    #[must_use]
    pub fn asked_key(&self, session: Option<&Session>, settings: &Settings) -> Option<String> {
        match self {
            Self::Collect(command) => asked_key(command, session, settings),
            Self::Consent(_) => None,
        }
    }

    /// The events it brings.
    #[must_use]
    pub fn event_ids(&self) -> &[String] {
        match self {
            Self::Collect(command) => command.event_ids(),
            Self::Consent(_) => &[],
        }
    }

    /// What new ids are derived from.
    #[must_use]
    pub const fn digest(&self) -> [u8; 32] {
        match self {
            Self::Collect(command) => command.digest(),
            // Makes no ids.
            Self::Consent(_) => [0; 32],
        }
    }

    /// Carries it out on what it meets. Pure: the same arguments give the same result. Refusals change nothing.
    pub fn carry_out(
        &self,
        state: State,
        settings: &Settings,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Outcome, Rejected> {
        match self {
            Self::Collect(command) => collect(command, state, settings, now, entropy),
            Self::Consent(consent) => consent.carry_out(state, now),
        }
    }

    /// The event that it brings out of quarantine once more.
    #[must_use]
    pub fn replayed(&self) -> Option<&str> {
        match self {
            Self::Collect(command) if command.is_replay() => command.event_ids().first().map(String::as_str),
            _ => None,
        }
    }

    /// What becomes of it when [`carry_out`](Self::carry_out) panics whatever is left out: what was sent for its events is
    /// kept. `stored`: those of them that are stored already; `why`: the panic, in words. None when it brings no events.
    pub fn give_up(
        &self,
        stored: Vec<StoredEvent>,
        settings: &Settings,
        now: Timestamp,
        entropy: &mut dyn Entropy,
        why: &str,
    ) -> Option<Result<Outcome, Rejected>> {
        match self {
            Self::Collect(command) => Some(give_up(command, stored, settings, now, entropy, why)),
            Self::Consent(_) => None,
        }
    }
}
