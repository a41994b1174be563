//! What clients see, told in YAML (`tests/scenarios`, described in docs/scenarios.md): each scenario is a test.
//!
//! Without further ado they run against the program itself; `MODE` says how it is laid out. `TRACARDI_PUBLIC_URL`, `TRACARDI_PRIVATE_URL`, `TRACARDI_EMAIL`
//! and `TRACARDI_PASSWORD` name another installation; `SETTLE` says how many seconds it may take until what was sent can be read,
//! when it has a queue; `SCENARIO` a part of the names of those to run.

mod http;
mod scenario;
mod shared;
mod support;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use scenario::format::{File, read_folder};
use scenario::play::{Installation, SETTLES};
use shared::{House, Mode};
use support::{ADMIN, PASSWORD, Server, scratch};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.filter = arguments.filter.or_else(|| env::var("SCENARIO").ok().filter(|name| !name.is_empty()));
    if mode() != Ok(None) {
        arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
    }
    match run(&arguments) {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let files = read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios"))?;
    if arguments.list {
        return Ok(libtest_mimic::run(arguments, trials(files, &|_, _, _| Ok(()))).exit_code());
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let folder = scratch();
    let (mut server, mut shared) = (None, None);
    let installation = runtime.block_on(async {
        let setting = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        match (setting("TRACARDI_PUBLIC_URL"), setting("TRACARDI_PRIVATE_URL")) {
            (Some(public), Some(private)) => {
                let named = |name: &str| setting(name).ok_or_else(|| format!("{name} is not set"));
                let (email, password) = (named("TRACARDI_EMAIL")?, named("TRACARDI_PASSWORD")?);
                Installation::log_in(&public, &private, &email, &password, settles()?).await
            }
            (None, None) if mode()?.is_some() => {
                let mode = mode()?.unwrap_or(Mode::Open);
                // Where an answer depends on what a request leads to it is waited for, however busy the machine is.
                let house = House::start_with(mode, 2, folder.path(), &[("TRACARDI_ANSWER_WAIT", "30")]).await;
                let house = shared.insert(house);
                let (public, private) = (house.public_url(), house.private_url());
                Installation::log_in(&public, &private, ADMIN, PASSWORD, Some(SETTLES)).await
            }
            (None, None) => {
                let mut own = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
                own.start().await;
                let own = server.insert(own);
                Installation::log_in(&own.url(0), &own.url(1), ADMIN, PASSWORD, None).await
            }
            _ => Err("set both TRACARDI_PUBLIC_URL and TRACARDI_PRIVATE_URL, or none of them".to_owned()),
        }
    })?;
    // Ids of this run: those of former ones are stored already.
    let run = tracardi_process::random::hex::<4>().map_err(|error| error.to_string())?;
    let handle = runtime.handle().clone();
    let installation = Arc::new(installation);
    let play = move |file: &File, number: usize, count: usize| {
        let scenario = &file.scenarios[number];
        handle.block_on(installation.play(file, scenario, &format!("s{run}-{count}")))
    };
    let conclusion = libtest_mimic::run(arguments, trials(files, &play));
    if let Some(mut server) = server {
        runtime.block_on(server.stop());
        assert!(!server.log().contains("panicked"), "{}", server.log());
    }
    if let Some(mut house) = shared {
        runtime.block_on(house.stop());
    }
    Ok(conclusion.exit_code())
}

/// Scenarios that are played at a time where there is a queue: they mostly wait.
const AT_ONCE: usize = 12;

/// How the program is laid out: `MODE=open` with Redis as the queue, `MODE=distributed` with Pulsar, each with all the servers it
/// needs; otherwise standalone.
fn mode() -> Result<Option<Mode>, String> {
    match env::var("MODE").unwrap_or_default().as_str() {
        "" | "standalone" => Ok(None),
        "open" => Ok(Some(Mode::Open)),
        "distributed" => Ok(Some(Mode::Distributed)),
        other => Err(format!("MODE={other}: give standalone, open or distributed")),
    }
}

/// How long an installation with a queue may take until what was sent can be read.
fn settles() -> Result<Option<Duration>, String> {
    let Some(text) = env::var("SETTLE").ok().filter(|text| !text.is_empty()) else { return Ok(None) };
    let seconds = text.parse().map_err(|_| format!("SETTLE={text}: give a number of seconds"))?;
    Ok(Some(Duration::from_secs(seconds)))
}

/// One test for each scenario: `track/options: nothing is stored`. `play` gets its file, its number there and its number
/// among all.
fn trials<P>(files: Vec<File>, play: &P) -> Vec<Trial>
where
    P: Fn(&File, usize, usize) -> Result<(), String> + Clone + Send + 'static,
{
    let mut trials = Vec::new();
    for file in files.into_iter().map(Arc::new) {
        for (number, scenario) in file.scenarios.iter().enumerate() {
            let name = format!("{}: {}", file.path.with_extension("").display(), scenario.name);
            let (file, play, count) = (file.clone(), play.clone(), trials.len());
            trials.push(Trial::test(name, move || play(&file, number, count).map_err(Into::into)));
        }
    }
    trials
}
