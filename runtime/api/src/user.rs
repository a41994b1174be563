//! Logging in and out, and the own account: `/user/token`, `/user/logout`, `/user-account`.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tracardi_model::{FieldError, User};
use tracardi_process::random;

use crate::app::App;
use crate::auth::{Allowed, Everyone, TOKEN_LIFE, bearer};
use crate::body::{self, JsonObject};
use crate::errors::Refusal;
use crate::password::{MAX_BYTES, PasswordError};

/// Longest e-mail address (RFC 5321).
const ADDRESS_BYTES: usize = 254;
/// Longest form of a login.
const FORM_BYTES: usize = 16 * 1024;

impl From<PasswordError> for Refusal {
    fn from(error: PasswordError) -> Self {
        Self::Later { reason: error.to_string(), retry_after_s: 2 }
    }
}

/// `POST /user/token`, a form with `username` (the e-mail address) and `password`:
/// `{"access_token", "token_type", "roles", "preference"}`.
///
/// 400 when the login fails, 422 when a field is missing, 429 when the account was tried too often.
pub async fn token(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let read = body::read(&parts.headers, body, FORM_BYTES, &app.bodies).await?;
    let form = Form::read(&parts.headers, &read.bytes)?;
    let account = form.username.trim().to_lowercase();
    if account.len() > ADDRESS_BYTES {
        // No address is that long: nothing to look up, to remember or to log.
        return Err(failed("Incorrect username or password."));
    }
    let now = app.clock.now();
    if let Err(seconds) = app.attempts.take(&account, now) {
        let reason = format!("Authentication error: Too many attempts for this account. Try again in {seconds} s.");
        return Err(Refusal::Slower { reason, retry_after_s: seconds });
    }
    let user = app.configuration.user_by_email(&account).await?;
    let stored = user.as_ref().map(|user| user.password.as_str());
    let right = form.password.len() <= MAX_BYTES && app.passwords.matches(&form.password, stored).await?;
    // A wrong password and a missing or disabled account look alike; that an account has expired, its owner may know.
    let Some(user) = user.filter(|user| right && user.enabled) else {
        tracing::warn!(%account, "login refused");
        return Err(failed("Incorrect username or password."));
    };
    if !user.is_active(now) {
        return Err(failed("This account has expired."));
    }
    app.attempts.succeeded(&account);
    let token = random::hex::<20>().map_err(|error| Refusal::Later { reason: error.to_string(), retry_after_s: 5 })?;
    let expires = now.checked_add(TOKEN_LIFE).unwrap_or(now);
    let _one_at_a_time = app.accounts.lock().await;
    // Comparing passwords takes its time: whoever changed the account meanwhile has ended its logins, and so this one.
    let user = app.configuration.user(&user.id).await?.filter(|now| now.password == user.password && now.enabled);
    let user = user.ok_or_else(|| failed("Incorrect username or password."))?;
    app.configuration.create_token(&token, &user.id, expires).await?;
    tracing::info!(%account, "logged in");
    let answer = json!({
        "access_token": token, "token_type": "bearer", "roles": user.roles, "preference": user.preference
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

fn failed(text: &str) -> Refusal {
    Refusal::detail(StatusCode::BAD_REQUEST, format!("Authentication error: {text}"))
}

/// `POST /user/logout`: `null`, also for a token that nobody knows; 401 without an `Authorization` header.
pub async fn logout(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Err(Refusal::detail(StatusCode::UNAUTHORIZED, "No authorization header provided."));
    }
    if let Some(token) = bearer(&headers) {
        app.configuration.remove_token(token).await?;
    }
    Ok(Json(Value::Null))
}

/// `GET /user-account`: the own account.
pub async fn account(allowed: Allowed<Everyone>) -> Json<Value> {
    Json(shown(&allowed.user))
}

/// `POST /user-account` with `password` and/or `name` (or `full_name`): changes the own account, `{"inserted": 1}`. A new
/// password ends all logins of the account but the one that this request uses.
pub async fn change_account(
    allowed: Allowed<Everyone>,
    State(app): State<App>,
    headers: HeaderMap,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>, Refusal> {
    let text = |key: &'static str| match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(other) => Err(Refusal::Fields(vec![
            FieldError::new("string_type", vec!["body".into(), key.into()], "Input should be a valid string")
                .with_input(other),
        ])),
    };
    let _one_at_a_time = app.accounts.lock().await;
    // As it is now: an administrator may have changed it since this request was let in.
    let mut user = app.configuration.user(&allowed.user.id).await?.ok_or(Refusal::WrongCredentials)?;
    if let Some(name) = text("name")?.or(text("full_name")?) {
        name.chars().take(256).collect::<String>().trim().clone_into(&mut user.name);
    }
    if let Some(password) = text("password")?.filter(|password| !password.is_empty()) {
        user.password = new_password(&app, password).await?;
        app.configuration.save_user_ending_logins(&user, bearer(&headers)).await?;
    } else {
        app.configuration.save_user(&user).await?;
    }
    Ok(Json(json!({"inserted": 1})))
}

/// The hash of a new password, if it is long enough to be one.
pub(crate) async fn new_password(app: &App, password: &str) -> Result<String, Refusal> {
    let at = || vec!["body".into(), "password".into()];
    if password.chars().count() < 8 {
        return Err(Refusal::field("string_too_short", at(), "A password has at least 8 characters"));
    }
    if password.len() > MAX_BYTES {
        return Err(Refusal::field("string_too_long", at(), format!("A password has at most {MAX_BYTES} bytes")));
    }
    Ok(app.passwords.hash(password).await?)
}

/// A user as answered: under the names of both generations of the original, without the hash of the password.
#[must_use]
pub fn shown(user: &User) -> Value {
    json!({
        "id": user.id,
        "name": user.name,
        "full_name": user.name,
        "email": user.email,
        "roles": user.roles,
        "enabled": user.enabled,
        "disabled": !user.enabled,
        "preference": user.preference,
        "expiration_timestamp": user.expiration_timestamp
    })
}

/// Whether a text looks like an e-mail address: one `@` with something on both sides and no blanks.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain =
        |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@');
    text.len() <= 254 && plain(local) && plain(domain) && !domain.starts_with('.') && !domain.ends_with('.')
}

/// The fields of a login.
struct Form {
    username: String,
    password: String,
}

impl Form {
    fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_form = kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
        let (mut username, mut password, mut grant_type) = (None, None, None);
        if is_form {
            for (key, value) in form_urlencoded::parse(body) {
                let field = match key.as_ref() {
                    "username" => &mut username,
                    "password" => &mut password,
                    "grant_type" => &mut grant_type,
                    _ => continue,
                };
                *field = Some(value.into_owned()).filter(|value| !value.is_empty());
            }
        }
        let mut errors = Vec::new();
        if grant_type.as_ref().is_some_and(|grant| grant != "password") {
            let at = vec!["body".into(), "grant_type".into()];
            errors.push(FieldError::new("string_pattern_mismatch", at, "String should match pattern 'password'"));
        }
        for (name, field) in [("username", &username), ("password", &password)] {
            if field.is_none() {
                errors.push(FieldError::new("missing", vec!["body".into(), name.into()], "Field required"));
            }
        }
        match (username, password) {
            (Some(username), Some(password)) if errors.is_empty() => Ok(Self { username, password }),
            _ => Err(Refusal::Fields(errors)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["a@b", "admin@localhost", "a.b+c@d.example"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@.c", "a@c.", "a@b\n"] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn forms() {
        use axum::http::HeaderValue;
        let form = HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        )]);
        let read = Form::read(&form, b"username=a%40b.c&password=p+w%26&grant_type=password")
            .unwrap_or_else(|_| unreachable!());
        assert_eq!((read.username.as_str(), read.password.as_str()), ("a@b.c", "p w&"));
        for (headers, body, count) in [
            (&form, "username=a", 1),
            (&form, "", 2),
            (&HeaderMap::new(), "username=a&password=b", 2),
            (&form, "username=a&password=b&grant_type=x", 1),
        ] {
            let Err(Refusal::Fields(errors)) = Form::read(headers, body.as_bytes()) else { unreachable!() };
            assert_eq!(errors.len(), count, "{body}");
        }
    }
}
