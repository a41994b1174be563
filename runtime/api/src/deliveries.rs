//! What destinations got, are to get, and could not be given.
//!
//! | request | answer |
//! |---|---|
//! | `GET /deliveries?destination=&event=&profile=&state=&start=&limit=` | `{"total", "result": [delivery, …]}`, newest first; `state`: `waiting`, `delivered`, `dead` |
//! | `GET /dead-letters`, with the same parameters | those that were given up |
//! | `POST /dead-letters/replay` `{"ids": […]}` or `{"destination": id}` | `{"replayed": n}`: they are sent again, as if never tried |
//! | `DELETE /dead-letters`, the same body | `{"discarded": n}` |
//!
//! A delivery: `{"id", "destination", "event", "profile", "state", "attempts", "error", "at", "due", "settled_at", "body"}`;
//! the body is null when it has arrived.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use tracardi_model::Context;

use tracardi_store::{Chosen, Deliveries, DeliveryPage, Page, State as Stands, StoreError};

use crate::app::App;
use crate::auth::{Allowed, Builders};
use crate::body::JsonObject;
use crate::context::InContext;
use crate::errors::Refusal;
use crate::page;
use crate::params::Query;
use crate::range::MAX_LIMIT;

/// Deliveries on a page when nobody says.
const PAGE: u64 = 25;
/// Dead letters that are changed in one transaction: events are stored in between.
const AT_ONCE: u32 = 500;
/// Dead letters that may be named in one request.
const MAX_IDS: usize = 1_000;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/deliveries", get(list))
        .route("/dead-letters", get(dead).delete(discard))
        .route("/dead-letters/replay", post(replay))
}

/// Which deliveries; what is absent or blank restricts nothing.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    destination: Option<String>,
    event: Option<String>,
    profile: Option<String>,
    state: Option<String>,
    start: Option<u64>,
    limit: Option<u64>,
}

async fn list(
    _: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    listed(&app, context, wanted, None).await
}

async fn dead(
    _: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    listed(&app, context, wanted, Some(Stands::Dead)).await
}

async fn listed(app: &App, context: Context, wanted: Wanted, state: Option<Stands>) -> Result<Response, Refusal> {
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let asked = given(wanted.state).map(|text| stands(&text)).transpose()?;
    let deliveries = Deliveries {
        destination: given(wanted.destination),
        event: given(wanted.event),
        profile: given(wanted.profile),
        state: state.or(asked),
        ids: None,
        start: wanted.start.unwrap_or(0),
        limit: wanted.limit.unwrap_or(PAGE).min(MAX_LIMIT),
    };
    let reading = async { as_documents(&app.outbox.deliveries(context, &deliveries).await?) };
    Ok(page::hold(app, deliveries.start, reading).await?.answer("]}"))
}

fn stands(text: &str) -> Result<Stands, Refusal> {
    Stands::deserialize(Value::from(text.trim())).map_err(|_| {
        let at = vec!["query".into(), "state".into()];
        Refusal::field("enum", at, "Input should be 'waiting', 'delivered' or 'dead'")
    })
}

fn as_documents(page: &DeliveryPage) -> Result<Page, StoreError> {
    let documents = page.result.iter().map(|delivery| {
        to_raw_value(delivery).map_err(|error| StoreError::Corrupt {
            what: format!("delivery {}", delivery.id),
            reason: error.to_string(),
        })
    });
    Ok(Page { total: page.total, result: documents.collect::<Result<_, _>>()? })
}

/// Which dead letters, by the body of a request.
fn chosen(body: &Value) -> Result<Chosen, Refusal> {
    let refused = |loc: &'static str, message: &str| {
        let loc = std::iter::once("body".into()).chain((!loc.is_empty()).then(|| loc.into()));
        Err(Refusal::field("value_error", loc.collect(), message))
    };
    match (body.get("ids"), body.get("destination")) {
        (Some(ids), None) => match Vec::<String>::deserialize(ids) {
            Ok(ids) if ids.len() <= MAX_IDS => Ok(Chosen::Ids(ids)),
            Ok(_) => refused("ids", &format!("at most {MAX_IDS} at a time; name the destination to mean all of it")),
            Err(_) => refused("ids", "a list of the ids of deliveries"),
        },
        (None, Some(Value::String(destination))) => Ok(Chosen::Destination(destination.clone())),
        (None, Some(_)) => refused("destination", "the id of a destination"),
        _ => refused("", r#"either {"ids": […]} or {"destination": "…"}"#),
    }
}

/// In how many steps all that is meant is reached. What dies anew meanwhile is not meant.
async fn steps(app: &App, context: Context, chosen: &Chosen) -> Result<u64, Refusal> {
    let number = match chosen {
        Chosen::Ids(ids) => ids.len() as u64,
        Chosen::Destination(destination) => {
            let destination = Some(destination.clone());
            let wanted = Deliveries { destination, state: Some(Stands::Dead), ..Deliveries::default() };
            app.outbox.deliveries(context, &wanted).await?.total
        }
    };
    Ok(number.div_ceil(u64::from(AT_ONCE)))
}

async fn replay(
    allowed: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>, Refusal> {
    let chosen = chosen(&body)?;
    let mut replayed = 0;
    for _ in 0..steps(&app, context, &chosen).await? {
        let by_destination = app.outbox.replay(context, &chosen, app.clock.now(), AT_ONCE).await?;
        replayed += by_destination.values().sum::<u64>();
        let rung = by_destination.into_iter().map(|(destination, number)| ((context, destination), number));
        app.collector.outgoing().ring(rung);
    }
    tracing::info!(%context, replayed, user = allowed.user.email, "dead letters are sent again");
    Ok(Json(json!({"replayed": replayed})))
}

async fn discard(
    allowed: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>, Refusal> {
    let chosen = chosen(&body)?;
    let mut discarded = 0;
    for _ in 0..steps(&app, context, &chosen).await? {
        discarded += app.outbox.discard(context, &chosen, AT_ONCE).await?;
    }
    tracing::info!(%context, discarded, user = allowed.user.email, "dead letters discarded");
    Ok(Json(json!({"discarded": discarded})))
}
