//! What a refused request is answered.
//!
//! | the caller | gets |
//! |---|---|
//! | sent something wrong | [`Refusal::Fields`], 422: each complaint names a field; [`Refusal::Detail`] where a text is what clients know |
//! | is not logged in, or lacks the role | [`Refusal::NotAuthenticated`], [`Refusal::WrongCredentials`], both 401 |
//! | guesses too often | [`Refusal::Slower`], 429 with `Retry-After` |
//! | asked for a single object that is not there | [`Refusal::Missing`], 404 with the body `null` |
//! | is right, but we cannot now | [`Refusal::Later`], 503 with `Retry-After`; nothing was stored |
//!
//! Nothing else is an answer: a panic is caught by [`crate::edge`] and becomes a 503 as well.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tracardi_model::{FieldError, Loc};
use tracardi_store::StoreError;

/// Why there is no proper answer. The body is JSON in every case.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// `{"detail": …}` with a status.
    Detail(StatusCode, Value),
    /// 422 `{"detail": [{"type", "loc", "msg", "input"}, …]}`.
    Fields(Vec<FieldError>),
    /// 404 `null`: the object does not exist.
    Missing,
    /// 401: no usable `Authorization` header.
    NotAuthenticated,
    /// 401: the token is unknown or expired, or its user lacks the role. (The original does not answer 403 either.)
    WrongCredentials,
    /// 429, with the seconds after which the next attempt is granted.
    Slower {
        /// For people.
        reason: String,
        /// For machines.
        retry_after_s: u64,
    },
    /// 503, with the seconds after which it is worth trying again.
    Later {
        /// For people.
        reason: String,
        /// For machines.
        retry_after_s: u64,
    },
}

impl Refusal {
    /// A text with a status.
    pub fn detail(status: StatusCode, text: impl Into<String>) -> Self {
        Self::Detail(status, Value::String(text.into()))
    }

    /// One wrong field below `body`, `query` or `path`.
    pub fn field(kind: &'static str, loc: Vec<Loc>, msg: impl Into<String>) -> Self {
        Self::Fields(vec![FieldError::new(kind, loc, msg)])
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadField(_) => {
                Self::field("value_error", vec!["query".into(), "group_by".into()], error.to_string())
            }
            StoreError::BadPattern(_) | StoreError::TooBroad { .. } => {
                Self::field("value_error", vec!["body".into(), "where".into()], error.to_string())
            }
            StoreError::ForeignField { .. } => {
                Self::field("value_error", vec!["body".into(), "condition".into()], error.to_string())
            }
            error => {
                tracing::error!(%error, "the store failed");
                Self::Later { reason: error.to_string(), retry_after_s: if error.passes() { 2 } else { 30 } }
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let unauthorised = |text: &str| {
            let headers = [(header::WWW_AUTHENTICATE, "Bearer")];
            (StatusCode::UNAUTHORIZED, headers, Json(json!({ "detail": text }))).into_response()
        };
        let later = |status: StatusCode, reason: &str, retry_after_s: u64| {
            let retry_after = [(header::RETRY_AFTER, HeaderValue::from(retry_after_s))];
            (status, retry_after, Json(json!({ "detail": reason }))).into_response()
        };
        match self {
            Self::Detail(status, detail) => (status, Json(json!({ "detail": detail }))).into_response(),
            Self::Fields(fields) => {
                (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "detail": fields }))).into_response()
            }
            Self::Missing => (StatusCode::NOT_FOUND, Json(Value::Null)).into_response(),
            Self::NotAuthenticated => unauthorised("Not authenticated"),
            Self::WrongCredentials => unauthorised("Invalid authentication credentials"),
            Self::Slower { reason, retry_after_s } => later(StatusCode::TOO_MANY_REQUESTS, &reason, retry_after_s),
            Self::Later { reason, retry_after_s } => later(StatusCode::SERVICE_UNAVAILABLE, &reason, retry_after_s),
        }
    }
}
