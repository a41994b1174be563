//! Pulsar of one process: broker, bookie and metadata (in RocksDB).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use tracardi_machine::Result;

use crate::http;
use crate::java::Jars;
use crate::recipe::{Launch, Login, Options, Place, Recipe};

const PORT: u16 = 6650;
const WEB: u16 = 8080;
/// What the broker asks of itself when it is encrypted.
const WEB_TLS: u16 = 8443;

/// For a single node: quorums of one, few threads, small caches. `journalWriteData` must stay on (which is its default):
/// without it a killed broker loses what it had acknowledged.
const SETTINGS: &str = "\
clusterName=standalone
metadataStoreUrl=
configurationMetadataStoreUrl=
managedLedgerDefaultEnsembleSize=1
managedLedgerDefaultWriteQuorum=1
managedLedgerDefaultAckQuorum=1
numIOThreads=2
numHttpServerThreads=8
numExecutorThreadPoolSize=2
numOrderedExecutorThreads=2
numCacheExecutorThreadPoolSize=2
managedLedgerCacheSizeMB=32
managedLedgerNumSchedulerThreads=2
defaultNumberOfNamespaceBundles=1
loadBalancerEnabled=false
allowAutoTopicCreationType=non-partitioned
brokerDeleteInactiveTopicsEnabled=false
brokerDeduplicationEnabled=false
transactionCoordinatorEnabled=false
backlogQuotaCheckIntervalInSeconds=2
brokerShutdownTimeoutMs=3000
allowLoopback=true
listeningInterface=lo
journalDirectory=
journalWriteData=true
journalSyncData=true
journalMaxGroupWaitMSec=1
journalPreAllocSizeMB=4
ledgerStorageClass=org.apache.bookkeeper.bookie.storage.ldb.DbLedgerStorage
dbStorage_writeCacheMaxSizeMb=16
dbStorage_readAheadCacheMaxSizeMb=8
dbStorage_rocksDB_blockCacheSize=8388608
dbStorage_rocksDB_writeBufferSizeMB=8
entryLogFilePreallocationEnabled=false
diskUsageThreshold=0.99
diskUsageWarnThreshold=0.98
";

static JARS: Jars = Jars {
    name: "pulsar",
    version: "4.2.4",
    pom: include_str!("../../java/pulsar/pom.xml"),
    plugin: None,
    sources: &[],
    java: 17,
    flags: &[
        "-XX:MaxDirectMemorySize=256m",
        "-Dpulsar.allocator.exit_on_oom=true",
        // Pulsar and its libraries look into these.
        "--add-opens=java.base/java.lang=ALL-UNNAMED",
        "--add-opens=java.base/java.nio=ALL-UNNAMED",
        "--add-opens=java.base/java.util.zip=ALL-UNNAMED",
        "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
        "--add-opens=java.base/jdk.internal.platform=ALL-UNNAMED",
        "--add-opens=java.base/sun.net=ALL-UNNAMED",
        "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
        "--add-opens=java.management/sun.management=ALL-UNNAMED",
    ],
};

#[derive(Debug)]
pub(crate) struct Pulsar;

impl Recipe for Pulsar {
    fn jars(&self) -> Option<&Jars> {
        Some(&JARS)
    }

    fn ports(&self) -> &'static [(&'static str, u16)] {
        &[("pulsar", PORT), ("web", WEB)]
    }

    fn prepare(&self, place: &Place, options: &Options) -> Result<Launch> {
        let address = place.address.to_string();
        let mut lines =
            vec![format!("{SETTINGS}bindAddress={address}\nadvertisedAddress={address}\nwebServicePort={WEB}")];
        lines.push(match &place.certificates {
            None => format!("brokerServicePort={PORT}"),
            Some(tls) => format!(
                "brokerServicePort=\nbrokerServicePortTls={PORT}\nwebServicePortTls={WEB_TLS}\ntlsCertificateFilePath={}\ntlsKeyFilePath={}\n\
                 brokerClientTlsEnabled=true\nbrokerClientTrustCertsFilePath={}",
                tls.certificate_file, tls.key_file, tls.authority_file
            ),
        });
        if let Some(login) = &options.login {
            lines.push(format!(
                "authenticationEnabled=true\nauthorizationEnabled=true\nsuperUserRoles={role}\n\
                 authenticationProviders=org.apache.pulsar.broker.authentication.AuthenticationProviderToken\n\
                 tokenSecretKey=data:;base64,{key}\nbrokerClientAuthenticationParameters=token:{token}\n\
                 brokerClientAuthenticationPlugin=org.apache.pulsar.client.impl.auth.AuthenticationToken",
                role = login.name,
                key = STANDARD.encode(key(login)),
                token = login.token(&login.name),
            ));
        }
        if let Some(bytes) = options.largest_message {
            // The bookie's frame has to hold a message and what belongs to it.
            lines.push(format!("maxMessageSize={bytes}\nnettyMaxFrameSizeBytes={}", bytes.max(5 << 20) + (10 << 10)));
        }
        let file = place.write_lines("standalone.conf", &lines)?;
        let (metadata, ledgers) = (place.path("metadata"), place.path("bookkeeper"));
        Ok(JARS
            .machine(place, 256)?
            .then(["org.apache.pulsar.PulsarStandaloneStarter", "-c", &file, "-nfw", "-nss", "-a", &address])
            .then(["--metadata-dir", &metadata, "--bookkeeper-dir", &ledgers]))
    }

    fn is_ready(&self, place: &Place, options: &Options) -> bool {
        let bearer = options.login.as_ref().map(|login| format!("Bearer {}", login.token(&login.name)));
        let get = |path: &str| http::get(place.at(WEB), path, bearer.as_deref(), None);
        // The default namespace is made after the broker says that it is well.
        get("/admin/v2/brokers/health").is_some_and(|answer| answer == "ok")
            && get("/admin/v2/namespaces/public").is_some_and(|names| names.contains("\"public/default\""))
    }
}

impl Login {
    /// The token with which somebody of this name connects to a Pulsar that was started with this login. The login's own name
    /// may do everything; others are known, and may do nothing unless the test gives them rights.
    #[must_use]
    pub fn token(&self, name: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(&format!(r#"{{"sub":"{name}"}}"#)));
        // A key of any length is accepted.
        let signature = Hmac::<Sha256>::new_from_slice(&key(self))
            .map(|mut mac| {
                mac.update(signed.as_bytes());
                URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
            })
            .unwrap_or_default();
        format!("{signed}.{signature}")
    }
}

/// The broker's key for tokens, as long as its algorithm wants it.
fn key(login: &Login) -> [u8; 32] {
    Sha256::digest(&login.password).into()
}
