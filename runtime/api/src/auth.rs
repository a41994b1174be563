//! Who may: a handler that takes [`Allowed`] runs only for a logged-in user with one of the roles. There is no other way
//! to get one, so a handler cannot forget the check.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use jiff::SignedDuration;
use tracardi_model::{Role, User};

use crate::app::App;
use crate::errors::Refusal;

/// How long a token lives after its last use.
pub const TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(30);

/// A set of roles of which one is enough.
pub trait Roles: Send + Sync + 'static {
    /// The roles.
    const ANY_OF: &'static [Role];
}

/// Everybody with a login.
#[derive(Clone, Copy, Debug)]
pub struct Everyone;
/// Who reads single documents: not the maintainer.
#[derive(Clone, Copy, Debug)]
pub struct Readers;
/// Who manages accounts.
#[derive(Clone, Copy, Debug)]
pub struct Admins;
/// Who changes the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Builders;

impl Roles for Everyone {
    const ANY_OF: &'static [Role] = &Role::ALL;
}
impl Roles for Readers {
    const ANY_OF: &'static [Role] = &[Role::Admin, Role::Developer, Role::Marketer];
}
impl Roles for Admins {
    const ANY_OF: &'static [Role] = &[Role::Admin];
}
impl Roles for Builders {
    const ANY_OF: &'static [Role] = &[Role::Admin, Role::Developer];
}

/// Proof that the request comes from a user with one of the roles `R`.
#[derive(Clone, Debug)]
pub struct Allowed<R: Roles> {
    /// Who it is.
    pub user: User,
    roles: PhantomData<R>,
}

/// The token in an `Authorization: Bearer …` header. Anything else than exactly that counts as no header.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut parts = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_ascii_whitespace();
    let (scheme, token) = (parts.next()?, parts.next()?);
    (scheme.eq_ignore_ascii_case("bearer") && parts.next().is_none()).then_some(token)
}

impl<R: Roles> FromRequestParts<App> for Allowed<R> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let token = bearer(&parts.headers).ok_or(Refusal::NotAuthenticated)?;
        let now = app.clock.now();
        let user = app.configuration.find_token(token, now, TOKEN_LIFE).await?.ok_or(Refusal::WrongCredentials)?;
        if user.is_active(now) && user.has_any(R::ANY_OF) {
            Ok(Self { user, roles: PhantomData })
        } else {
            Err(Refusal::WrongCredentials)
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_well_formed_header_counts() {
        let table = [
            ("Bearer abc", Some("abc")),
            ("bearer abc", Some("abc")),
            ("BEARER   abc ", Some("abc")),
            ("abc", None),
            ("Basic abc", None),
            ("Bearer", None),
            ("Bearer a b", None),
            ("", None),
        ];
        for (value, expected) in table {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
            assert_eq!(bearer(&headers), expected, "{value:?}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
