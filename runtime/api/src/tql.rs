//! Whether a condition is well formed: `/tql/validate`.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use tracardi_language::condition;

use crate::app::App;
use crate::auth::{Allowed, Readers};
use crate::body;
use crate::errors::Refusal;

/// `POST /tql/validate` with a condition as the raw body: `true`, or 400 with what is wrong and where as `detail`.
///
/// 413 when the text is longer than [`condition::MAX_LENGTH`].
pub async fn validate(_: Allowed<Readers>, State(app): State<App>, request: Request) -> Result<Json<bool>, Refusal> {
    let (parts, body) = request.into_parts();
    let read = body::read(&parts.headers, body, condition::MAX_LENGTH, &app.bodies).await?;
    let text = std::str::from_utf8(&read.bytes)
        .map_err(|_| Refusal::detail(StatusCode::BAD_REQUEST, "a condition is a text in UTF-8"))?;
    match condition::parse(text) {
        Ok(_) => Ok(Json(true)),
        Err(error) => Err(Refusal::detail(StatusCode::BAD_REQUEST, error.to_string())),
    }
}
