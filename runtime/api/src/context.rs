//! Which world a request speaks of: production or staging.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use tracardi_model::Context;

use crate::app::{App, Surface};

/// The header that chooses, on the private port.
pub const HEADER: &str = "x-context";

/// The context of a request: production on the public port; on the private one as the header says, in whatever case. Any
/// other value is ignored (spec/pipeline.md 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InContext(pub Context);

impl InContext {
    /// By port and headers.
    #[must_use]
    pub fn of(surface: Surface, headers: &HeaderMap) -> Self {
        let chosen = match surface {
            Surface::Public => None,
            Surface::Private => {
                headers.get(HEADER).and_then(|value| value.to_str().ok()?.trim().to_ascii_lowercase().parse().ok())
            }
        };
        Self(chosen.unwrap_or(Context::Production))
    }
}

impl FromRequestParts<App> for InContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(app.surface, &parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_private_port_listens_to_the_header() {
        let with = |value: &'static str| {
            HeaderMap::from_iter([(axum::http::HeaderName::from_static(HEADER), HeaderValue::from_static(value))])
        };
        let table = [
            (Surface::Public, with("staging"), Context::Production),
            (Surface::Private, with("staging"), Context::Staging),
            (Surface::Private, with(" STAGING "), Context::Staging),
            (Surface::Private, with("Production"), Context::Production),
            (Surface::Private, with("production"), Context::Production),
            (Surface::Private, with("rubbish"), Context::Production),
            (Surface::Private, HeaderMap::new(), Context::Production),
        ];
        for (surface, headers, expected) in table {
            assert_eq!(InContext::of(surface, &headers), InContext(expected), "{surface:?} {headers:?}");
        }
    }
}
