//! Elasticsearch 8, the distribution that its makers have for integration tests: bulk, search, templates, security; neither
//! painless nor reindex. Nor does it say who it is, so a plugin of ours does (`Greeting.java`). It refuses to run as root,
//! so root starts it as nobody, on a copy. Elastic's licences: for tests, never in an image of ours.

use std::path::Path;

use tracardi_machine::Result;
use tracardi_machine::files::make_folder;
use tracardi_machine::run::{capture, command, run};

use crate::java::{Jars, java_home};
use crate::kinds::search::{PORT, TRANSPORT, is_well};
use crate::recipe::{Launch, Options, Place, Recipe};

const DESCRIPTOR: &str = include_str!("../../java/elasticsearch8/plugin-descriptor.properties");
/// The user and group `nobody` of Debian.
const NOBODY: u32 = 65_534;

static JARS: Jars = Jars {
    name: "elasticsearch8",
    version: "8.19.21",
    pom: include_str!("../../java/elasticsearch8/pom.xml"),
    plugin: Some("org.elasticsearch.distribution.integ-test-zip:elasticsearch:@VERSION@:zip"),
    sources: &[("Greeting.java", include_str!("../../java/elasticsearch8/Greeting.java"))],
    java: 17,
    flags: &[],
};

#[derive(Debug)]
pub(crate) struct Elasticsearch8;

impl Recipe for Elasticsearch8 {
    fn jars(&self) -> Option<&Jars> {
        Some(&JARS)
    }

    fn ports(&self) -> &'static [(&'static str, u16)] {
        &[("http", PORT), ("transport", TRANSPORT)]
    }

    fn prepare(&self, place: &Place, options: &Options) -> Result<Launch> {
        let (own, temporary) = (place.path("elasticsearch"), place.path("tmp"));
        let distribution = JARS.plugin_file(&format!("elasticsearch-{}", JARS.version))?;
        run("cp", ["-r", &distribution.to_string_lossy(), &own])?;
        make_folder(Path::new(&temporary))?;
        // A plugin is taken by a server of exactly the version that it names.
        let descriptor = DESCRIPTOR.replace("@VERSION@", JARS.version);
        place.write("elasticsearch/plugins/greeting/plugin-descriptor.properties", &descriptor)?;
        JARS.archive(&place.path("elasticsearch/plugins/greeting/greeting.jar"))?;
        let mut lines = vec![
            format!("network.host: {}\nhttp.port: {PORT}\ntransport.port: {TRANSPORT}", place.address),
            format!("path.data: {}\npath.repo: {}", place.path("data"), place.path("snapshots")),
            "cluster.name: tests\nnode.name: node\ndiscovery.type: single-node\nnode.processors: 2".to_owned(),
            "cluster.routing.allocation.disk.threshold_enabled: false".to_owned(),
            format!("xpack.security.enabled: {}", options.login.is_some()),
            "xpack.security.enrollment.enabled: false".to_owned(),
        ];
        if let Some(tls) = &place.certificates {
            let config = Path::new(&own).join("config");
            for file in [&tls.certificate_file, &tls.key_file] {
                run("cp", [file.as_str(), &config.to_string_lossy()])?;
            }
            lines.push("xpack.security.http.ssl.enabled: true".to_owned());
            lines.push("xpack.security.http.ssl.certificate: server.pem".to_owned());
            lines.push("xpack.security.http.ssl.key: server.key".to_owned());
        }
        if let Some(bytes) = options.largest_message {
            lines.push(format!("http.max_content_length: {bytes}b"));
        }
        place.write_lines("elasticsearch/config/elasticsearch.yml", &lines)?;
        let java = java_home(JARS.java)?.to_string_lossy().into_owned();
        if let Some(login) = &options.login {
            let tool = format!("{own}/bin/elasticsearch-users");
            let mut add = command("bash", [&tool, "useradd", &login.name, "-p", &login.password, "-r", "superuser"]);
            add.env("ES_JAVA_HOME", &java);
            capture(add)?;
        }
        let mut launch = Launch::new("bash", [format!("{own}/bin/elasticsearch")])
            .with("ES_JAVA_HOME", java)
            .with("ES_JAVA_OPTS", "-Xms256m -Xmx256m -XX:TieredStopAtLevel=1")
            .with("ES_TMPDIR", temporary);
        if nix::unistd::geteuid().is_root() {
            run("chown", ["-R", &format!("{NOBODY}:{NOBODY}"), &place.home.to_string_lossy()])?;
            launch.user = Some(NOBODY);
        }
        Ok(launch)
    }

    fn is_ready(&self, place: &Place, options: &Options) -> bool {
        is_well(place, options.login.as_ref())
    }
}
