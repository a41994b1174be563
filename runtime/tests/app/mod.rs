//! A standalone installation that collects, inside the test, without its other services: for tests that hand a part in.

use std::sync::Arc;

use tracardi_api::{App, Options, Setup};
use tracardi_collector::{Collector, CollectorLimits, CollectorSetup, Company};
use tracardi_engine::Settings;
use tracardi_model::Limits;
use tracardi_outbound::Guard;
use tracardi_process::{Metrics, Phase, Supervisor, SystemClock, listen};
use tracardi_store::{Configuration, Keys, Sqlite};

/// Keys of the test's stores.
pub(crate) fn keys() -> Keys {
    Keys { signing: [1; 32], encryption: [2; 32] }
}

/// The installation. `configuration`: the store's, or something around it; `settings`: switches and tables of the engine.
pub(crate) fn app(
    supervisor: &Supervisor,
    store: &Sqlite,
    configuration: Arc<dyn Configuration>,
    settings: &Settings,
) -> App {
    let metrics = Metrics::new();
    let settings = tracardi_collector::follow(supervisor, settings, configuration.watch(), &metrics);
    let setup = CollectorSetup {
        documents: Arc::new(store.clone()),
        settings: settings.clone(),
        signing_key: keys().signing,
        clock: SystemClock::shared(),
        limits: CollectorLimits::default(),
        company: Company::Alone,
        news: None,
    };
    let collector = Collector::start(supervisor, setup, &metrics);
    let options = Options {
        public_url: None,
        public_port: 8585,
        forwarded_ip: None,
        limits: Limits::default(),
        installation_token: "token".to_owned(),
        instance: "test".to_owned(),
        body_memory: 64 << 20,
        page_memory: 48 << 20,
        live_clients: 4,
    };
    let setup = Setup {
        collector: Arc::new(collector),
        guard: Arc::new(Guard::default()),
        settings,
        documents: Arc::new(store.clone()),
        outbox: Arc::new(store.clone()),
        dead_letters: None,
        history: Arc::new(store.clone()),
        configuration,
        clock: SystemClock::shared(),
        options,
        leaving: supervisor.token(Phase::Accept),
    };
    App::new(setup, &metrics).unwrap()
}

/// Serves it; base URLs of the public and the private API.
pub(crate) async fn serve(supervisor: &Supervisor, app: &App) -> (String, String) {
    let limits = listen::Limits::default();
    let public = listen::bind("public", "127.0.0.1:0").await.unwrap();
    let private = listen::bind("private", "127.0.0.1:0").await.unwrap();
    let urls = (format!("http://{}", public.address()), format!("http://{}", private.address()));
    listen::serve(supervisor, public, tracardi_api::public_router(app), limits);
    listen::serve(supervisor, private, tracardi_api::private_router(app), limits);
    urls
}
