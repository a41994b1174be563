//! What a kind of server has to say of itself so that it can be installed, started and asked whether it is ready.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tracardi_machine::packages::{self, Need};
use tracardi_machine::run::run;
use tracardi_machine::{Error, Progress, Result};

use crate::java::{self, Jars};
use crate::tls::Certificates;

/// How a server is to behave; by default everybody may do everything, without encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The one who may connect; nobody else can.
    pub login: Option<Login>,
    /// Encryption on the main port, with a certificate of [`crate::Server::authority`] for the server's address and
    /// for `localhost`.
    pub tls: bool,
    /// The largest message that is taken, in bytes.
    pub largest_message: Option<u32>,
    /// Where the server tells clients to connect to, for servers that do (Kafka): a [`crate::Proxy`], or an address that
    /// leads nowhere.
    pub announce: Option<SocketAddr>,
    /// The first of 256 addresses that are all this machine's, of which the server gets one; those of loopback when not given.
    pub network: Option<Ipv4Addr>,
}

/// A name and its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub name: String,
    /// The password; letters and digits only, because it is written into files of many formats.
    pub password: String,
}

impl Login {
    /// A name and its password.
    #[must_use]
    pub fn new(name: &str, password: &str) -> Login {
        Login { name: name.to_owned(), password: password.to_owned() }
    }
}

/// Where a server lives.
#[derive(Debug)]
pub(crate) struct Place {
    /// Folder with configuration, data and log; removed with the server.
    pub(crate) home: PathBuf,
    pub(crate) address: Ipv4Addr,
    /// Present when the options ask for encryption.
    pub(crate) certificates: Option<Certificates>,
}

impl Place {
    /// A port of the server.
    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::from((self.address, port))
    }

    /// A file of the server's folder, as text for command lines and configuration.
    pub(crate) fn path(&self, name: &str) -> String {
        self.home.join(name).to_string_lossy().into_owned()
    }

    /// The server's log.
    pub(crate) fn log(&self) -> PathBuf {
        self.home.join("server.log")
    }

    /// Whether the log says this; for servers that open their port before they are ready.
    pub(crate) fn has_logged(&self, text: &str) -> bool {
        std::fs::read_to_string(self.log()).is_ok_and(|log| log.contains(text))
    }

    /// Writes a configuration file of these lines; its path.
    pub(crate) fn write_lines(&self, name: &str, lines: &[String]) -> Result<String> {
        self.write(name, &(lines.join("\n") + "\n"))
    }

    /// Writes a configuration file; its path.
    pub(crate) fn write(&self, name: &str, content: &str) -> Result<String> {
        tracardi_machine::files::write(&self.home.join(name), content)?;
        Ok(self.path(name))
    }
}

/// A command line that becomes the server, or the shell that starts it in its process group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// User and group by number, for a server that refuses to be root.
    pub(crate) user: Option<u32>,
}

impl Launch {
    pub(crate) fn new<S: Into<String>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Launch {
        Launch {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            ..Launch::default()
        }
    }

    /// Adds arguments at the end.
    pub(crate) fn then<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Launch {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds arguments in front.
    pub(crate) fn before<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Launch {
        self.arguments.splice(..0, arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of its environment.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Launch {
        self.environment.push((name.to_owned(), value.into()));
        self
    }
}

/// A kind of server. One file of `kinds/` each.
pub(crate) trait Recipe: std::fmt::Debug + Sync {
    /// What comes from Debian; the program that gives the server its version comes first.
    fn packages(&self) -> &'static [Need] {
        java::PACKAGES
    }

    /// What comes from Maven.
    fn jars(&self) -> Option<&Jars> {
        None
    }

    /// Ports by name, the main one first.
    fn ports(&self) -> &'static [(&'static str, u16)];

    /// Writes the configuration, makes an empty store where the server does not do it by itself, and says how it is
    /// started: now, and after each end.
    fn prepare(&self, place: &Place, options: &Options) -> Result<Launch>;

    /// Whether it serves; asked again and again until it does.
    fn is_ready(&self, place: &Place, options: &Options) -> bool;
}

/// Installs what is missing.
pub(crate) fn install(recipe: &dyn Recipe, progress: &mut dyn Progress) -> Result<()> {
    packages::ensure(recipe.packages(), progress)?;
    recipe.jars().map_or(Ok(()), |jars| jars.fetch(progress))
}

/// Fails unless all is installed.
pub(crate) fn need(recipe: &dyn Recipe, name: &str) -> Result<()> {
    if packages::missing(recipe.packages()).is_empty() && recipe.jars().is_none_or(Jars::is_fetched) {
        return Ok(());
    }
    Err(Error::unmet(format!("{name} is not installed: run `make servers ONLY={name}`"), "`make servers` installs all"))
}

/// The version that is installed.
pub(crate) fn version(recipe: &dyn Recipe) -> Result<String> {
    match (recipe.jars(), recipe.packages()) {
        (Some(jars), _) => Ok(jars.version.to_owned()),
        (None, [(_, package), ..]) => run("dpkg-query", ["--show", "--showformat=${Version}", package]),
        (None, []) => Ok(String::new()),
    }
}

/// Whether somebody listens there.
pub(crate) fn accepts(address: SocketAddr) -> bool {
    std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_secs(1)).is_ok()
}

/// Makes a folder in the server's home.
pub(crate) fn folder(home: &Path, name: &str) -> Result<()> {
    tracardi_machine::files::make_folder(&home.join(name))
}
