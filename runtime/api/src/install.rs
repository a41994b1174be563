//! First start over HTTP: `GET /install` tells what is there, `POST /install` makes the first administrator.
//!
//! The process prepares its store itself; nothing needs this call. It is here because the original's GUI and tests use it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use tracardi_model::{FieldError, Map, Role, User};
use tracardi_process::random;

use crate::app::App;
use crate::body::JsonObject;
use crate::errors::Refusal;
use crate::password::MAX_BYTES;
use crate::user::is_email;

/// `GET /install`: `{"schema_ok", "admin_ok", "form_ok", "warning"}`.
pub async fn status(State(app): State<App>) -> Result<Json<Value>, Refusal> {
    let admin = app.configuration.installed().await?;
    Ok(Json(json!({"schema_ok": true, "admin_ok": admin, "form_ok": true, "warning": null})))
}

/// `POST /install` with `{"username", "password", "token", "needs_admin"}`: two results, for staging and production.
/// 403 on a wrong token or an unusable account, 429 when the token was guessed too often; repeating it changes nothing.
pub async fn install(State(app): State<App>, JsonObject(body): JsonObject) -> Result<Json<Value>, Refusal> {
    let mut errors = Vec::new();
    let mut text = |name: &'static str| match body.get(name) {
        Some(Value::String(text)) => text.clone(),
        found => {
            let (kind, message) = match found {
                None => ("missing", "Field required"),
                Some(_) => ("string_type", "Input should be a valid string"),
            };
            errors.push(FieldError::new(kind, vec!["body".into(), name.into()], message));
            String::new()
        }
    };
    let (username, password, token) = (text("username"), text("password"), text("token"));
    let needs_admin = match body.get("needs_admin") {
        None => true,
        Some(Value::Bool(needs)) => *needs,
        Some(other) => {
            let at = vec!["body".into(), "needs_admin".into()];
            errors.push(FieldError::new("bool_type", at, "Input should be a valid boolean").with_input(other));
            false
        }
    };
    if !errors.is_empty() {
        return Err(Refusal::Fields(errors));
    }
    // There is one token, so there is one account of guesses.
    if let Err(seconds) = app.installations.take("", app.clock.now()) {
        let reason = format!("Installation forbidden. Too many attempts. Try again in {seconds} s.");
        return Err(Refusal::Slower { reason, retry_after_s: seconds });
    }
    // Without a token of its own a process lets nobody in; an empty one is not a token.
    let own = app.options.installation_token.as_bytes();
    if own.is_empty() || !bool::from(token.as_bytes().ct_eq(own)) {
        return Err(forbidden("Invalid installation token."));
    }
    app.installations.succeeded("");
    if needs_admin && !app.configuration.installed().await? {
        let email = username.trim().to_lowercase();
        if !is_email(&email) || password.is_empty() || password.len() > MAX_BYTES {
            return Err(forbidden(
                "Invalid admin account login or password. Login must be a valid email and password can not be empty.",
            ));
        }
        let hash = app.passwords.hash(&password).await?;
        let id = random::uuid().map_err(|error| Refusal::Later { reason: error.to_string(), retry_after_s: 5 })?;
        if app.configuration.save_first_user(&administrator(id, email.clone(), hash)).await? {
            tracing::info!(%email, "first administrator created over HTTP");
        }
    }
    let admin = app.configuration.installed().await?;
    let result = json!({
        "created": {"templates": [], "indices": [], "aliases": []}, "admin": admin, "plugins": {"registered": []}
    });
    Ok(Json(json!([result, result])))
}

fn forbidden(text: &str) -> Refusal {
    Refusal::detail(StatusCode::FORBIDDEN, format!("Installation forbidden. {text}"))
}

/// The first administrator; `hash` is an argon2id hash.
#[must_use]
pub fn administrator(id: String, email: String, hash: String) -> User {
    User {
        id,
        email,
        name: "Default Admin".to_owned(),
        password: hash,
        roles: vec![Role::Admin, Role::Maintainer],
        enabled: true,
        preference: Map::new(),
        expiration_timestamp: None,
    }
}
