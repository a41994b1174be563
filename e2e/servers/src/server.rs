//! A server that runs, and what a test does to it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tracardi_machine::run::{last_lines, wait_until};
use tracardi_machine::{Error, Result};

use crate::address::Claim;
use crate::group::Group;
use crate::java;
use crate::kind::Kind;
use crate::recipe::{Launch, Options, Place, need};
use crate::tls::Certificates;

/// How long a server may take to become ready. Generous: tests may share the machine with compilers.
const START: Duration = Duration::from_mins(5);
/// How long it may take to end when it is asked to.
const STOP: Duration = Duration::from_mins(1);

/// A server of one's own. Dropping it ends its processes and removes its data.
///
/// All methods block until what they do has happened; in asynchronous tests that is fine where nothing else is to run.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    options: Options,
    /// `None` after [`Server::kill`] and [`Server::stop`]. Before `place` and `home`: it ends before its folder goes.
    group: Option<Group>,
    launch: Launch,
    place: Place,
    _home: TempDir,
    _claim: Claim,
}

impl Server {
    /// Starts a server with an empty store and waits until it serves.
    pub(crate) fn start(kind: Kind, options: &Options) -> Result<Server> {
        need(kind.recipe(), kind.name())?;
        let claim = Claim::new(options.network)?;
        let home = tempfile::Builder::new()
            .prefix(&format!("tracardi-{}-", kind.name()))
            .tempdir()
            .map_err(Error::io("cannot make a folder in", &std::env::temp_dir()))?;
        let certificates = if options.tls { Some(Certificates::make(home.path(), claim.address)?) } else { None };
        let place = Place { home: home.path().to_owned(), address: claim.address, certificates };
        let launch = kind.recipe().prepare(&place, options)?;
        let mut server =
            Server { kind, options: options.clone(), group: None, launch, place, _home: home, _claim: claim };
        server.restart()?;
        Ok(server)
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where clients connect to; stays the same for the life of the handle.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.place.at(self.kind.ports().first().map_or(0, |port| port.1))
    }

    /// Another port by its name, such as `management` of RabbitMQ; [`Kind::ports`] has the names.
    #[must_use]
    pub fn address_of(&self, port: &str) -> Option<SocketAddr> {
        self.kind.ports().iter().find(|(name, _)| *name == port).map(|(_, port)| self.place.at(*port))
    }

    /// What it was started with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// PEM of the authority that its certificate comes from, when it was started with encryption.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.place.certificates.as_ref().map(|certificates| certificates.authority.as_str())
    }

    /// Ends it as a power failure of the program would: kill -9, nothing is asked or written.
    pub fn kill(&mut self) {
        self.group = None;
    }

    /// Asks it to end and waits for that; an error when it did not by itself.
    pub fn stop(&mut self) -> Result<()> {
        let ended = self.group.take().is_none_or(|group| group.end(STOP));
        if ended { Ok(()) } else { Err(self.error(&format!("did not end within {} s", STOP.as_secs()))) }
    }

    /// Starts it again with its data at its address, after [`Server::kill`] or [`Server::stop`] or (then it is killed) while
    /// it runs; waits until it serves.
    pub fn restart(&mut self) -> Result<()> {
        self.group = None;
        let group = Group::start(&self.launch, &self.place.log())?;
        let ready = || self.kind.recipe().is_ready(&self.place, &self.options);
        let mut ended = false;
        let served = wait_until(START, Duration::from_millis(50), || {
            ended = group.has_ended();
            ended || ready()
        });
        if ended {
            return Err(self.error("ended while it started"));
        }
        if !served {
            return Err(self.error(&format!("does not serve after {} s", START.as_secs())));
        }
        self.group = Some(group);
        Ok(())
    }

    /// Runs a program that comes with a server made of jars, by its main class, to its end; what it printed.
    pub fn tool(&self, main_class: &str, arguments: &[&str]) -> Result<String> {
        let Some(jars) = self.kind.recipe().jars() else {
            return Err(Error::unmet(format!("{} has no Java programs", self.kind.name()), "run its program itself"));
        };
        java::run_to_end(&jars.machine(&self.place, 64)?.then([main_class]).then(arguments.iter().copied()))
    }

    /// Stops it where it stands: connections stay open and nothing is answered.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on after [`Server::freeze`].
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Whether it runs (frozen or not).
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.group.as_ref().is_some_and(|group| !group.has_ended())
    }

    /// Number of its process, the leading one where there are several; none when it does not run.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.group.as_ref().and_then(|group| u32::try_from(group.pid()).ok())
    }

    /// Resident memory of its processes in bytes; zero when it does not run.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        self.group.as_ref().map_or(0, Group::resident_bytes)
    }

    /// Its log; that of the run before is beside it as `server.log.before`.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.place.log()
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = &self.group {
            group.signal(signal);
        }
    }

    /// An error with the end of the log, which goes away with the folder.
    fn error(&self, problem: &str) -> Error {
        let log = self.log();
        let tail = last_lines(&std::fs::read_to_string(&log).unwrap_or_default(), 25);
        let component = self.kind.name().to_owned();
        Error::Component { component, problem: problem.to_owned(), log, tail, remedy: String::new() }
    }
}
