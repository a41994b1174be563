//! OpenSearch and Elasticsearch of one node: the node class of each with its modules on the class path, started by a small
//! main class of ours (`java/<name>/SearchNode.java`). Elasticsearch is under Elastic's licences: for tests, never in an
//! image of ours.

use tracardi_machine::{Error, Result};

use crate::http;
use crate::java::Jars;
use crate::recipe::{Launch, Options, Place, Recipe, folder};

const PORT: u16 = 9200;
const TRANSPORT: u16 = 9300;

pub(crate) static OPENSEARCH_2: Search = Search {
    jars: Jars {
        name: "opensearch",
        version: "2.19.6",
        pom: include_str!("../../java/opensearch2/pom.xml"),
        sources: &[("SearchNode.java", include_str!("../../java/opensearch2/SearchNode.java"))],
        java: 17,
    },
};

pub(crate) static ELASTICSEARCH_7: Search = Search {
    jars: Jars {
        name: "elasticsearch",
        version: "7.17.29",
        pom: include_str!("../../java/elasticsearch7/pom.xml"),
        sources: &[
            ("SearchNode.java", include_str!("../../java/elasticsearch7/SearchNode.java")),
            ("Painless.java", include_str!("../../java/elasticsearch7/Painless.java")),
            ("DataStreams.java", include_str!("../../java/elasticsearch7/DataStreams.java")),
        ],
        java: 17,
    },
};

/// A search server.
#[derive(Debug)]
pub(crate) struct Search {
    jars: Jars,
}

impl Recipe for Search {
    fn jars(&self) -> Option<&Jars> {
        Some(&self.jars)
    }

    fn ports(&self) -> &'static [(&'static str, u16)] {
        &[("http", PORT), ("transport", TRANSPORT)]
    }

    fn prepare(&self, place: &Place, options: &Options) -> Result<Launch> {
        if options.login.is_some() || options.tls {
            return Err(Error::unmet(
                format!("{} has neither login nor encryption without its security plugin", self.jars.name),
                "start it without, or put a proxy in front",
            ));
        }
        folder(&place.home, "config")?;
        let limit = options.largest_message.map(|bytes| format!("http.max_content_length={bytes}b"));
        Ok(self
            .jars
            .machine(place, 256)?
            .then(["SearchNode".to_owned(), place.home.to_string_lossy().into_owned()])
            .then([format!("path.home={}", place.home.display()), format!("path.data={}", place.path("data"))])
            .then([format!("path.logs={}", place.path("logs")), format!("path.repo={}", place.path("snapshots"))])
            .then([format!("network.host={}", place.address), format!("http.port={PORT}")])
            .then([format!("transport.port={TRANSPORT}")])
            .then(["cluster.name=tests", "node.name=node", "discovery.type=single-node", "node.processors=2"])
            .then(["http.type=netty4", "transport.type=netty4"])
            // A full disk of the machine is not what is tested.
            .then(["cluster.routing.allocation.disk.threshold_enabled=false"])
            .then(limit))
    }

    fn is_ready(&self, place: &Place, _options: &Options) -> bool {
        http::get(place.at(PORT), "/_cluster/health?wait_for_status=yellow&timeout=2s", None).is_some()
    }
}
