//! Whose a session is, as far as a cache knows. It may forget everything at any time.

use std::fmt;

use async_trait::async_trait;
use tracardi_collector::Bound;
use tracardi_model::Context;

/// What is known before a request is carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The profile of the session.
    pub of_session: Option<String>,
}

/// Such a cache.
#[async_trait]
pub trait Bindings: fmt::Debug + Send + Sync {
    /// What is known of a session, in one round trip. Never fails and never takes long: what cannot be found out is not known.
    async fn known(&self, context: Context, session: Option<&str>) -> Known;

    /// Remembers whose these sessions are, the newest versions only. A failure is of no importance.
    async fn remember(&self, bound: Vec<Bound>);
}
