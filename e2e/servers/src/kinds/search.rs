//! OpenSearch and Elasticsearch of one node: the node class of each with its modules on the class path, started by a small
//! main class of ours (`java/<name>/SearchNode.java`). Elasticsearch is under Elastic's licences: for tests, never in an
//! image of ours.

use std::fs;
use std::path::Path;

use tracardi_machine::files::{make_folder, write};
use tracardi_machine::{Error, Result};

use crate::http;
use crate::java::{self, Jars};
use crate::recipe::{Launch, Login, Options, Place, Recipe, folder};
use crate::tls::Certificates;

/// Enough for a test program whose tests share a server, each with indices of its own: with too little it refuses requests.
const HEAP_MEGABYTES: u32 = 768;
pub(crate) const PORT: u16 = 9200;
pub(crate) const TRANSPORT: u16 = 9300;

pub(crate) static OPENSEARCH: Search = Search { jars: opensearch("opensearch", "2.19.6", None), secured: false };

/// With its security plugin, of which Central has older versions only.
pub(crate) static OPENSEARCH_SECURED: Search = Search {
    jars: opensearch("opensearch-secured", "2.19.4", Some("org.opensearch.plugin:opensearch-security:@VERSION@.0:zip")),
    secured: true,
};

const fn opensearch(name: &'static str, version: &'static str, plugin: Option<&'static str>) -> Jars {
    Jars {
        name,
        version,
        pom: include_str!("../../java/opensearch/pom.xml"),
        plugin,
        sources: &[("SearchNode.java", include_str!("../../java/opensearch/SearchNode.java"))],
        java: 17,
        flags: &[],
    }
}

pub(crate) static OPENSEARCH_3: Search = Search {
    jars: Jars {
        sources: &[("SearchNode.java", include_str!("../../java/opensearch3/SearchNode.java"))],
        java: 21,
        flags: &["--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"],
        ..opensearch("opensearch3", "3.8.0", None)
    },
    secured: false,
};

pub(crate) static ELASTICSEARCH_7: Search = Search {
    jars: Jars {
        name: "elasticsearch",
        version: "7.17.29",
        pom: include_str!("../../java/elasticsearch7/pom.xml"),
        plugin: None,
        sources: &[
            ("SearchNode.java", include_str!("../../java/elasticsearch7/SearchNode.java")),
            ("Painless.java", include_str!("../../java/elasticsearch7/Painless.java")),
            ("DataStreams.java", include_str!("../../java/elasticsearch7/DataStreams.java")),
        ],
        java: 17,
        flags: &[],
    },
    secured: false,
};

/// A search server.
#[derive(Debug)]
pub(crate) struct Search {
    jars: Jars,
    /// Whether it has the security plugin, and so a login always and encryption where it is wanted.
    secured: bool,
}

impl Recipe for Search {
    fn jars(&self) -> Option<&Jars> {
        Some(&self.jars)
    }

    fn ports(&self) -> &'static [(&'static str, u16)] {
        &[("http", PORT), ("transport", TRANSPORT)]
    }

    fn prepare(&self, place: &Place, options: &Options) -> Result<Launch> {
        if !self.secured && (options.login.is_some() || options.tls) {
            return Err(Error::unmet(
                format!("{} has neither login nor encryption without its security plugin", self.jars.name),
                "start `opensearch-secured`",
            ));
        }
        folder(&place.home, "config")?;
        let limit = options.largest_message.map(|bytes| format!("http.max_content_length={bytes}b"));
        let launch = self
            .jars
            .machine(place, HEAP_MEGABYTES)?
            .then(["SearchNode".to_owned(), place.home.to_string_lossy().into_owned()])
            .then([format!("path.home={}", place.home.display()), format!("path.data={}", place.path("data"))])
            .then([format!("path.logs={}", place.path("logs")), format!("path.repo={}", place.path("snapshots"))])
            .then([format!("network.host={}", place.address), format!("http.port={PORT}")])
            .then([format!("transport.port={TRANSPORT}")])
            .then(["cluster.name=tests", "node.name=node", "discovery.type=single-node", "node.processors=2"])
            // A full disk of the machine is not what is tested.
            .then(["cluster.routing.allocation.disk.threshold_enabled=false"])
            .then(limit);
        if self.secured {
            return secure(&self.jars, place, options, launch);
        }
        Ok(launch.then(["http.type=netty4", "transport.type=netty4"]))
    }

    fn is_ready(&self, place: &Place, options: &Options) -> bool {
        is_well(place, self.secured.then(|| login(options)).as_ref())
    }
}

fn login(options: &Options) -> Login {
    options.login.clone().unwrap_or_else(|| Login::new("admin", "admin"))
}

/// Whether every shard that a search server has is there to be asked.
pub(crate) fn is_well(place: &Place, login: Option<&Login>) -> bool {
    let authority = place.certificates.as_ref().map(|certificates| certificates.authority.as_str());
    let health = "/_cluster/health?wait_for_status=yellow&timeout=2s";
    http::get(place.at(PORT), health, login.map(http::basic).as_deref(), authority).is_some()
}

/// Adds the security plugin: users and roles from the plugin's own files, but for the one user who may do everything.
/// Nodes always speak TLS to each other, so there is a certificate even when clients need none.
fn secure(jars: &Jars, place: &Place, options: &Options, launch: Launch) -> Result<Launch> {
    let login = login(options);
    let own = match &place.certificates {
        Some(certificates) => certificates.clone(),
        None => Certificates::make(&place.home, place.address)?,
    };
    // Only files of its folder of configuration are read.
    for (name, file) in [("ca", &own.authority_file), ("node", &own.certificate_file), ("key", &own.key_file)] {
        copy(Path::new(file), &place.home.join(format!("config/{name}.pem")))?;
    }
    let users = place.home.join("config/opensearch-security");
    make_folder(&users)?;
    let given = jars.plugin_file("config")?;
    for entry in fs::read_dir(&given).map_err(Error::io("cannot list", &given))?.flatten() {
        if entry.path().extension().is_some_and(|kind| kind == "yml") {
            copy(&entry.path(), &users.join(entry.file_name()))?;
        }
    }
    let hasher = jars.machine(place, 64)?.then(["org.opensearch.security.tools.Hasher", "-p", &login.password]);
    let printed = java::run_to_end(&hasher)?;
    let hash = printed.lines().last().unwrap_or_default();
    let user = format!(
        "_meta: {{type: internalusers, config_version: 2}}\n{}: {{hash: \"{hash}\", backend_roles: [admin]}}\n",
        login.name
    );
    write(&users.join("internal_users.yml"), &user)?;
    let files = |layer: &str| {
        [("pemcert_filepath", "node"), ("pemkey_filepath", "key"), ("pemtrustedcas_filepath", "ca")]
            .map(|(setting, name)| format!("plugins.security.ssl.{layer}.{setting}={name}.pem"))
    };
    let launch =
        launch.then(files("transport")).then(["plugins.security.ssl.transport.enforce_hostname_verification=false"]);
    let launch = if options.tls {
        launch.then(files("http")).then(["plugins.security.ssl.http.enabled=true"])
    } else {
        launch.then(["plugins.security.ssl.http.enabled=false"])
    };
    Ok(launch.then(["plugins.security.allow_default_init_securityindex=true"]).then([
        "plugins.security.restapi.roles_enabled=all_access",
        "org.opensearch.security.OpenSearchSecurityPlugin",
    ]))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).map_err(Error::io("cannot copy", from))
}
