//! HTTP: which path does what.
//!
//! [`public_router`] is for the internet: it takes events and serves the browser tracker. [`private_router`] has that too,
//! and the configuration and the queries; for trusted networks. The handlers stand in a file for each noun. What every
//! request passes is in [`edge`]; what a refused request is answered in [`errors`]; who may call what in [`auth`].

pub mod app;
pub mod attempts;
pub mod auth;
mod autocomplete;
pub mod body;
mod bridge;
pub mod changes;
pub mod collect;
pub mod configuration;
pub mod consent;
pub mod consent_type;
pub mod context;
mod decode;
pub mod delete;
mod deliveries;
pub mod document;
pub mod edge;
pub mod errors;
pub mod event;
pub mod event_source;
mod event_type;
pub mod explain;
pub mod figures;
pub mod info;
pub mod install;
pub mod intake;
pub mod live;
pub mod page;
pub mod params;
pub mod password;
pub mod profile;
pub mod properties;
mod quarantine;
pub mod queue;
pub mod range;
pub mod redirect;
mod resource;
mod rule;
pub mod select;
pub mod session;
pub mod tql;
pub mod track;
pub mod tracker;
pub mod user;
pub mod users;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

pub use app::{App, Options, Setup, Surface};

/// The public API.
pub fn public_router(app: &App) -> Router {
    finish(shared(), app.on(Surface::Public))
}

/// The private API: everything.
pub fn private_router(app: &App) -> Router {
    let router = shared()
        .route("/user/token", post(user::token))
        .route("/user/logout", post(user::logout))
        .route("/user-account", get(user::account).post(user::change_account))
        .route("/user", post(users::create))
        .route("/user/{id}", get(users::get).post(users::update).delete(users::delete))
        .route("/user/preferences", get(users::preferences))
        .route(
            "/user/preference/{key}",
            get(users::preference).post(users::set_preference).delete(users::remove_preference),
        )
        .route("/users", get(users::grouped))
        .route("/users/{start}/{limit}", get(users::list))
        .route("/install", get(install::status).post(install::install))
        .route("/settings/public-url", get(info::public_url))
        .route("/event-source", post(event_source::save))
        .route("/event-source/{id}", get(event_source::get).delete(event_source::delete))
        .route("/event-sources", get(event_source::grouped))
        .route("/event-sources/by_type", get(event_source::grouped))
        .route("/event-sources/entity", get(event_source::entities))
        .route("/event-sources/refresh", get(document::refresh))
        .route("/event-sources/type/{type}", get(event_source::types))
        .route("/event/count", get(document::count_events))
        .route("/event/{id}", get(event::get).delete(delete::event))
        .route("/event/{id}/explain", get(explain::explain))
        .route("/event/{id}/changes", get(changes::of_event))
        .route("/events/refresh", get(document::refresh))
        .route("/events/flush", get(document::refresh))
        .route("/events/live", get(live::live))
        .route("/events/delayed", get(event::delayed))
        .route("/events/profile/{profile_id}", get(event::of_profile))
        .route("/events/session/{session_id}/profile/{profile_id}", get(event::of_session))
        .route("/session/count", get(document::count_sessions))
        .route("/session/{id}", get(session::get).delete(delete::session))
        .route("/session/profile/{profile_id}", get(session::of_profile))
        .route("/sessions/refresh", get(document::refresh))
        .route("/sessions/flash", get(document::refresh))
        .route("/profile/count", get(document::count_profiles))
        .route("/profile/{id}", get(profile::get).delete(delete::profile))
        .route("/profile/{id}/changes", get(changes::of_profile))
        .route("/profile/{id}/merges", get(changes::merges))
        .route("/profiles/refresh", get(document::refresh))
        .route("/profiles/flash", get(document::refresh))
        .route("/event/select", post(select::select))
        .route("/profile/select", post(select::select))
        .route("/session/select", post(select::select))
        .route("/tql/validate", post(tql::validate))
        .route("/{index}/select", post(select::select))
        .route("/{index}/select/range", post(select::range))
        .route("/{index}/select/range/page/{page}", post(select::range_page))
        .route("/{index}/select/histogram", post(select::histogram))
        .route("/{index}/select/condition", post(select::condition))
        .route("/{index}/query/autocomplete", get(autocomplete::autocomplete))
        .merge(bridge::routes())
        .merge(event_type::routes())
        .merge(configuration::routes())
        .merge(resource::routes())
        .merge(deliveries::routes())
        .merge(quarantine::routes())
        .merge(queue::routes());
    finish(router, app.on(Surface::Private))
}

/// What both ports have.
fn shared() -> Router<App> {
    let healthcheck = get(info::healthcheck).post(info::healthcheck).put(info::healthcheck).delete(info::healthcheck);
    // Who only asks for the head of an answer does not mean an event.
    let webhook = get(collect::get).post(collect::post).head(edge::no_head);
    let link = get(redirect::follow).post(redirect::follow).put(redirect::follow).delete(redirect::follow);
    let link = link.head(redirect::look);
    Router::new()
        .route("/", get(info::details))
        .route("/info/version", get(info::version))
        .route("/info/version/details", get(info::details))
        .route("/healthcheck", healthcheck)
        .route("/track", post(track::track).put(track::check))
        .route("/collect/{event_type}/{source_id}", webhook.clone())
        .route("/collect/{event_type}/{source_id}/{session_id}", webhook)
        .route("/redirect/{redirect_id}", link.clone())
        .route("/redirect/{redirect_id}/{session_id}", link)
        .route("/customer/consent", post(consent::decide))
        .route("/consents/type/enabled", get(consent_type::enabled))
        .route("/consents/type/ids", get(consent_type::ids))
        .route("/tracker/{*path}", get(tracker::tracker))
}

fn finish(router: Router<App>, app: App) -> Router {
    router.fallback(any(edge::not_found)).layer(from_fn_with_state(app.clone(), edge::edge)).with_state(app)
}
