//! What the configuration says of a destination at the moment. Pure.

use serde_json::Value;
use tracardi_model::Context;
use tracardi_model::configuration::Kind;
use tracardi_store::ConfigurationSnapshot;

use crate::connector::Target;

/// Where the deliveries of a destination go.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    /// To the destination.
    Open(Targets),
    /// Nowhere for now: the destination or its resource is disabled.
    Waits,
    /// Nowhere any more.
    Closed {
        /// Why.
        reason: &'static str,
        /// Whether there still is a destination of this name.
        exists: bool,
    },
}

/// Addresses and credentials of a destination, real ones and those for tests; why there are none, otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Targets {
    production: Result<Target, String>,
    test: Result<Target, String>,
}

impl Route {
    /// By the destination's id.
    pub(crate) fn of(configuration: &ConfigurationSnapshot, context: Context, destination: &str) -> Self {
        let Some(destination) = configuration.record(context, Kind::Destination, destination) else {
            let reason = "the destination no longer exists; discard this, or make the destination anew and replay";
            return Self::Closed { reason, exists: false };
        };
        let resource = destination.pointer("/resource/id").and_then(Value::as_str).unwrap_or_default();
        let Some(resource) = configuration.record(context, Kind::Resource, resource) else {
            let reason = "the destination's resource no longer exists; choose another one, then replay";
            return Self::Closed { reason, exists: true };
        };
        if !(is_enabled(destination) && is_enabled(resource)) {
            return Self::Waits;
        }
        let part = |record: &Value, pointer: &str| record.pointer(pointer).cloned().unwrap_or_default();
        let package = destination.pointer("/destination/package").and_then(Value::as_str).unwrap_or_default();
        let init = part(destination, "/destination/init");
        let target = |which: &str| Target::read(package, &part(resource, which), &init);
        Self::Open(Targets { production: target("/credentials/production"), test: target("/credentials/test") })
    }
}

impl Targets {
    /// The one for a delivery that is a test, or is not.
    pub(crate) fn of(&self, debug: bool) -> Result<Target, String> {
        if debug { self.test.clone() } else { self.production.clone() }
    }
}

fn is_enabled(record: &Value) -> bool {
    record.get("enabled").and_then(Value::as_bool).unwrap_or(false)
}
