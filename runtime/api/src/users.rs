//! Accounts of other people, for administrators: `/user`, `/user/{id}`, `/users`, and the own preferences:
//! `/user/preference/{key}`, `/user/preferences`.
//!
//! Hashes of passwords are never shown. Nobody can lock everybody out: there is always an administrator who can log in.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracardi_model::{FieldError, Role, User, weight};
use tracardi_process::random;
use tracardi_store::Saved;

use crate::app::App;
use crate::auth::{Admins, Allowed, bearer};
use crate::body::{JsonBody, JsonObject};
use crate::errors::Refusal;
use crate::params::{Path, Query};
use crate::user::{is_email, new_password, shown};

/// Longest name of a person, in characters.
const NAME_CHARS: usize = 256;
/// What the preferences of one user may weigh, in bytes.
const PREFERENCE_BYTES: usize = 64 << 10;
/// Users of one page, when the client names no number.
const PAGE: usize = 500;

/// `POST /user` with `{password, name | full_name, email, roles, enabled | disabled?, expiration_date?}`: an account;
/// `{"saved": 1, "errors": [], "ids": [id]}`. It may log in unless the body says otherwise. 409 when the address has one.
pub async fn create(
    _: Allowed<Admins>,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>, Refusal> {
    let form = Form::read(&body, None)?;
    let password = new_password(&app, form.password.as_deref().unwrap_or_default()).await?;
    let id = random::uuid().map_err(|error| Refusal::Later { reason: error.to_string(), retry_after_s: 5 })?;
    let user = form.applied(User {
        id: id.clone(),
        email: String::new(),
        name: String::new(),
        password,
        roles: Vec::new(),
        enabled: true,
        preference: Map::new(),
        expiration_timestamp: None,
    });
    stored(app.configuration.save_user(&user).await?, &user)?;
    Ok(Json(json!({"saved": 1, "errors": [], "ids": [id]})))
}

/// `GET /user/{id}`: the account, as `/user-account` shows it.
pub async fn get(_: Allowed<Admins>, State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let user = app.configuration.user(id.trim()).await?;
    user.map(|user| Json(shown(&user))).ok_or_else(|| missing(&format!("User {} not found.", id.trim())))
}

/// `POST /user/{id}` with the body of [`create`]: changes an account, `{"inserted": 1}`. What is left out stays, and so does
/// the password when it is empty. A new password and switching the account off end its logins.
pub async fn update(
    allowed: Allowed<Admins>,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>, Refusal> {
    let _one_at_a_time = app.accounts.lock().await;
    let absent = || missing(&format!("User does not exist {}", id.trim()));
    let before = app.configuration.user(id.trim()).await?.ok_or_else(absent)?;
    let form = Form::read(&body, Some(&before))?;
    let is_own = before.id == allowed.user.id;
    if is_own && !form.roles.contains(&Role::Admin) {
        return Err(Refusal::detail(
            StatusCode::FORBIDDEN,
            "You cannot remove the role of admin from your own account",
        ));
    }
    let password = form.password.clone().filter(|password| !password.is_empty());
    let mut user = form.applied(before);
    must_leave_an_admin(&app, Some(&user), &user.id).await?;
    if let Some(password) = &password {
        user.password = new_password(&app, password).await?;
    }
    let saved = if password.is_some() || !user.enabled {
        app.configuration.save_user_ending_logins(&user, bearer(&headers).filter(|_| is_own)).await?
    } else {
        app.configuration.save_user(&user).await?
    };
    stored(saved, &user)?;
    Ok(Json(json!({"inserted": 1})))
}

/// `DELETE /user/{id}`: `{"deleted": 1}`; the logins of the account end with it. 403 for the own one.
pub async fn delete(
    allowed: Allowed<Admins>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let _one_at_a_time = app.accounts.lock().await;
    let id = id.trim();
    if id == allowed.user.id {
        return Err(Refusal::detail(StatusCode::FORBIDDEN, "You cannot delete your own account"));
    }
    must_leave_an_admin(&app, None, id).await?;
    if app.configuration.delete_user(id).await? {
        Ok(Json(json!({"deleted": 1})))
    } else {
        Err(missing(&format!("User {id} not found.")))
    }
}

/// `?start=0&limit=500&query=`
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    start: Option<usize>,
    limit: Option<usize>,
    query: Option<String>,
}

/// `GET /users`: `{"total", "grouped": {"Users": [account, …]}}`, ordered by address; `query` is a part of name or address.
pub async fn grouped(
    _: Allowed<Admins>,
    State(app): State<App>,
    Query(list): Query<ListQuery>,
) -> Result<Json<Value>, Refusal> {
    let users = page(&app, &list).await?;
    let groups = if users.is_empty() { json!({}) } else { json!({ "Users": users }) };
    Ok(Json(json!({"total": users.len(), "grouped": groups})))
}

/// `GET /users/{start}/{limit}[?query=]`: the accounts as a plain list, each with `expired`.
pub async fn list(
    _: Allowed<Admins>,
    State(app): State<App>,
    Path((start, limit)): Path<(usize, usize)>,
    Query(list): Query<ListQuery>,
) -> Result<Json<Vec<Value>>, Refusal> {
    Ok(Json(page(&app, &ListQuery { start: Some(start), limit: Some(limit), ..list }).await?))
}

async fn page(app: &App, list: &ListQuery) -> Result<Vec<Value>, Refusal> {
    let wanted = list.query.as_deref().unwrap_or_default().trim().to_lowercase();
    let now = app.clock.now();
    let users = app.configuration.users().await?;
    let fits = |user: &&User| user.email.contains(&wanted) || user.name.to_lowercase().contains(&wanted);
    let expired = |user: &User| user.expiration_timestamp.is_some_and(|end| now.as_second() >= end);
    let told = users.iter().filter(fits).skip(list.start.unwrap_or(0)).take(list.limit.unwrap_or(PAGE)).map(|user| {
        let mut account = shown(user);
        if let Value::Object(fields) = &mut account {
            fields.insert("expired".to_owned(), expired(user).into());
        }
        account
    });
    Ok(told.collect())
}

/// `GET /user/preferences`: all preferences of the own account.
pub async fn preferences(allowed: Allowed<Admins>) -> Json<Value> {
    Json(Value::Object(allowed.user.preference))
}

/// `GET /user/preference/{key}`: the value; 404 `null`.
pub async fn preference(allowed: Allowed<Admins>, Path(key): Path<String>) -> Result<Json<Value>, Refusal> {
    allowed.user.preference.get(&key).cloned().map(Json).ok_or(Refusal::Missing)
}

/// `POST /user/preference/{key}` with any JSON: keeps it; `{"saved": 1, "errors": [], "ids": [own id]}`.
pub async fn set_preference(
    allowed: Allowed<Admins>,
    State(app): State<App>,
    Path(key): Path<String>,
    JsonBody(value): JsonBody,
) -> Result<Json<Value>, Refusal> {
    let _one_at_a_time = app.accounts.lock().await;
    let mut user = own(&app, allowed).await?;
    user.preference.insert(key, value);
    if weight::map(&user.preference) > PREFERENCE_BYTES {
        let message = format!("The preferences of a user may take up {PREFERENCE_BYTES} bytes; delete some");
        return Err(Refusal::field("too_long", vec!["body".into()], message));
    }
    app.configuration.save_user(&user).await?;
    Ok(Json(json!({"saved": 1, "errors": [], "ids": [user.id]})))
}

/// `DELETE /user/preference/{key}`: as [`set_preference`]; 404 when there is none.
pub async fn remove_preference(
    allowed: Allowed<Admins>,
    State(app): State<App>,
    Path(key): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let _one_at_a_time = app.accounts.lock().await;
    let mut user = own(&app, allowed).await?;
    if user.preference.shift_remove(&key).is_none() {
        return Err(missing(&format!("Preference {key} not found")));
    }
    app.configuration.save_user(&user).await?;
    Ok(Json(json!({"saved": 1, "errors": [], "ids": [user.id]})))
}

/// The own account as it is now: somebody else may have changed it since the request was let in.
async fn own(app: &App, allowed: Allowed<Admins>) -> Result<User, Refusal> {
    app.configuration.user(&allowed.user.id).await?.ok_or(Refusal::WrongCredentials)
}

fn missing(text: &str) -> Refusal {
    Refusal::detail(StatusCode::NOT_FOUND, text)
}

fn stored(saved: Saved, user: &User) -> Result<(), Refusal> {
    match saved {
        Saved::Stored => Ok(()),
        Saved::EmailTaken => {
            Err(Refusal::detail(StatusCode::CONFLICT, format!("User with email '{}' already exists.", user.email)))
        }
    }
}

/// Refuses what would leave nobody who can administrate, now or when an account expires: `id` is replaced by `after`, or
/// deleted. Where all administrators expire already, one who can log in now is enough.
async fn must_leave_an_admin(app: &App, after: Option<&User>, id: &str) -> Result<(), Refusal> {
    let now = app.clock.now();
    let administrates = |user: &User| user.is_active(now) && user.has_any(&[Role::Admin]);
    let for_good = |user: &User| administrates(user) && user.expiration_timestamp.is_none();
    let users = app.configuration.users().await?;
    let left: Vec<&User> = users.iter().filter(|user| user.id != id).chain(after).collect();
    let enough = |user: &&User| if users.iter().any(for_good) { for_good(user) } else { administrates(user) };
    // Whoever asks is an administrator: there was one before.
    if left.iter().any(enough) {
        return Ok(());
    }
    let text = "This is the last administrator who can log in for good; make another one first";
    Err(Refusal::detail(StatusCode::FORBIDDEN, text))
}

/// The fields of an account as a client sends them.
struct Form {
    /// None or empty: the former one stays.
    password: Option<String>,
    name: String,
    email: String,
    roles: Vec<Role>,
    enabled: bool,
    expiration_timestamp: Option<i64>,
}

impl Form {
    /// Reads the body; what is missing comes from the account `before` the change, without one it is required.
    fn read(body: &Value, before: Option<&User>) -> Result<Self, Refusal> {
        let mut errors = Vec::new();
        let mut complain = |kind, field: &'static str, message: String| {
            errors.push(FieldError::new(kind, vec!["body".into(), field.into()], message));
        };
        let given = |field: &str| body.get(field).filter(|value| !value.is_null());
        let mut text = |fields: &[&'static str]| {
            let found = fields.iter().find_map(|field| Some((*field, given(field)?)));
            match (found, fields) {
                (Some((_, Value::String(text))), _) => Some(text.clone()),
                (Some((field, _)), _) => {
                    complain("string_type", field, "Input should be a valid string".to_owned());
                    None
                }
                (None, [field, ..]) if before.is_none() => {
                    complain("missing", field, "Field required".to_owned());
                    None
                }
                (None, _) => None,
            }
        };
        let (password, name, email) = (text(&["password"]), text(&["name", "full_name"]), text(&["email"]));
        let (name, email) = (name.map(|name| name.trim().to_owned()), email.map(|email| email.trim().to_lowercase()));
        if email.as_ref().is_some_and(|email| !is_email(email)) {
            complain("value_error", "email", "Value error, Given e-mail is invalid.".to_owned());
        }
        let roles = match given("roles") {
            None if before.is_none() => {
                complain("missing", "roles", "Field required".to_owned());
                None
            }
            None => None,
            Some(roles) => {
                let roles: Result<Vec<Role>, _> = serde_json::from_value(roles.clone());
                roles.map_err(|error| complain("value_error", "roles", error.to_string())).ok()
            }
        };
        let mut switch = |field: &'static str| {
            let on = given(field)?.as_bool();
            if on.is_none() {
                complain("bool_type", field, "Input should be a valid boolean".to_owned());
            }
            on
        };
        let enabled = switch("enabled").or(switch("disabled").map(|disabled| !disabled));
        let expiration = match body.get("expiration_date") {
            None => before.and_then(|user| user.expiration_timestamp),
            Some(Value::Null) => None,
            Some(date) => date.as_str().and_then(|date| end_of(date.trim())).unwrap_or_else(|| {
                complain("value_error", "expiration_date", "Input should be a date, YYYY-MM-DD".to_owned());
                None
            }),
        };
        if !errors.is_empty() {
            return Err(Refusal::Fields(errors));
        }
        Ok(Self {
            password,
            name: name.or(before.map(|user| user.name.clone())).unwrap_or_default(),
            email: email.or(before.map(|user| user.email.clone())).unwrap_or_default(),
            roles: roles.or(before.map(|user| user.roles.clone())).unwrap_or_default(),
            enabled: enabled.or(before.map(|user| user.enabled)).unwrap_or(true),
            expiration_timestamp: expiration,
        })
    }

    /// The account with these fields; the password is the caller's affair.
    fn applied(self, user: User) -> User {
        let name = self.name.chars().take(NAME_CHARS).collect();
        let Self { email, roles, enabled, expiration_timestamp, .. } = self;
        User { name, email, roles, enabled, expiration_timestamp, ..user }
    }
}

/// The second at which a day begins in UTC; none for a blank; no answer for what is no day.
#[expect(clippy::option_option, reason = "blank and wrong are different things")]
fn end_of(date: &str) -> Option<Option<i64>> {
    if date.is_empty() {
        return Some(None);
    }
    let day: Date = date.parse().ok()?;
    Some(Some(TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok().map(Timestamp::as_second)?))
}
