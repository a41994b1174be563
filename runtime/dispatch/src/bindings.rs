//! Whose a session is, and whose an id, as far as a cache knows. It may forget everything at any time.

use std::fmt;

use async_trait::async_trait;
use tracardi_collector::News;
use tracardi_model::Context;

/// What is known before a request is carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The profile of the session.
    pub of_session: Option<String>,
    /// Where the profile's id leads that the client names.
    pub named: Named,
}

/// Where an id of a profile leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Named {
    /// Nobody knows: to nothing, to a profile that was not seen for long, to one that has it beside its own id.
    #[default]
    Unknown,
    /// To the profile with this id, its own.
    Profile(String),
    /// To nothing any more: it was deleted.
    Gone,
}

/// Such a cache.
#[async_trait]
pub trait Bindings: fmt::Debug + Send + Sync {
    /// What is known of a session and of the profile that a client names, in one round trip. Never fails and never takes long:
    /// what cannot be found out is not known.
    async fn known(&self, context: Context, session: Option<&str>, named: Option<&str>) -> Known;

    /// Remembers news, of sessions the newest versions only. A failure is of no importance.
    async fn remember(&self, news: News);

    /// Remembers that a profile has this id of its own, unless the id leads elsewhere by now.
    async fn recognise(&self, context: Context, profile: &str);
}
