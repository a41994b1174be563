//! A row of the tables, and how it is proved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tempfile::TempDir;

use crate::shared::{Process, process, settings};
use crate::support::scratch;
use crate::{ADMIN, DATABASE, REDIS, SEARCH};

/// How long something may take that happens by itself. Far longer than it does.
const PATIENCE: Duration = Duration::from_mins(2);
/// In this time a service tries several times what does not work.
const AGAIN: Duration = Duration::from_secs(1);
/// What is in all passwords that are wrong, and in what strangers say: nobody may be told it.
pub(crate) const SECRET: &str = "geheim";

pub(crate) const PUBLIC_API: &[&str] = &["public-api"];
pub(crate) const PRIVATE_API: &[&str] = &["private-api"];
pub(crate) const COLLECTOR: &[&str] = &["worker", "collector"];
pub(crate) const STORAGE: &[&str] = &["worker", "storage"];
pub(crate) const OUTBOUND: &[&str] = &["worker", "outbound"];
pub(crate) const INSTALL: &[&str] = &["install"];

/// Something that is wrong.
pub(crate) struct Row {
    /// In words, and the name of its log.
    pub(crate) wrong: &'static str,
    /// The service that meets it.
    pub(crate) service: &'static [&'static str],
    /// Settings that differ from those that are right.
    pub(crate) settings: Vec<(&'static str, String)>,
    /// What is said: the setting, what is wrong, what to do.
    pub(crate) says: &'static [&'static str],
    /// Mends it; None where only another setting would.
    pub(crate) mend: Option<BoxFuture<'static, ()>>,
}

/// Settings that are right for all servers, and a place for files.
pub(crate) struct Ground {
    folder: TempDir,
    settings: BTreeMap<&'static str, String>,
}

impl Ground {
    /// Starts the servers if nobody has before.
    pub(crate) fn new() -> Self {
        let folder = scratch();
        let mut settings = settings(folder.path(), [SEARCH.address(), DATABASE.address(), REDIS.address()], None);
        let password = folder.path().join("search-password");
        std::fs::write(&password, ADMIN.1).unwrap();
        settings.extend([
            ("TRACARDI_ELASTIC_USERNAME", ADMIN.0.to_owned()),
            ("TRACARDI_ELASTIC_PASSWORD_FILE", password.to_str().unwrap().to_owned()),
            ("TRACARDI_PUBLIC_LISTEN", "127.0.0.1:0".to_owned()),
            ("TRACARDI_PRIVATE_LISTEN", "127.0.0.1:0".to_owned()),
        ]);
        Self { folder, settings }
    }

    /// A file, such as one with a password; its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let file = self.folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// All settings: what is right but for these.
    pub(crate) fn environment(&self, other: &[(&'static str, String)]) -> BTreeMap<&'static str, String> {
        let mut settings = self.settings.clone();
        settings.extend(other.iter().cloned());
        settings
    }

    /// A service with these settings, not started yet.
    pub(crate) fn service(&self, name: &str, service: &[&'static str], other: &[(&'static str, String)]) -> Process {
        process(self.folder.path(), name, service, &self.environment(other))
    }

    /// Proves the rows one after another.
    pub(crate) async fn play(&self, rows: Vec<Row>) {
        for row in rows {
            self.prove(row).await;
        }
    }

    async fn prove(&self, Row { wrong, service, settings, says, mend }: Row) {
        let mut process = self.service(&wrong.replace([' ', ':', '/'], "-"), service, &settings);
        process.spawn();
        let complaint = complaint(&mut process, wrong, says).await;
        assert!(!complaint.trim_end().contains('\n'), "{wrong}: more than a line: {complaint}");
        let told = |process: &Process| {
            let log = process.log();
            assert!(!log.contains(SECRET) && !log.contains("panicked"), "{wrong}: {log}");
            log.lines().filter(|line| says.iter().all(|part| line.contains(part))).count()
        };
        // Long enough for it to try again, and not to say so again.
        tokio::time::sleep(AGAIN).await;
        assert_eq!(told(&process), 1, "{wrong}: {}", process.log());
        let Some(mend) = mend else { return process.stop().await };
        mend.await;
        if service == INSTALL {
            assert!(process.ended().await.success(), "{wrong}: {}", process.log());
        } else {
            process.ready().await;
            process.stop().await;
        }
        assert_eq!(told(&process), 1, "{wrong}: told again: {}", process.log());
    }
}

/// Waits until a service says all of this of itself; gives it.
pub(crate) async fn complaint(process: &mut Process, wrong: &str, says: &[&str]) -> String {
    let began = Instant::now();
    loop {
        let complaint = process.complaint().await.unwrap_or_default();
        if says.iter().all(|part| complaint.contains(part)) {
            return complaint;
        }
        assert!(process.is_running(), "{wrong}: it ended by itself: {}", process.log());
        assert!(began.elapsed() < PATIENCE, "{wrong}: {says:?} not in {complaint:?}; {}", process.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Writes a file anew, later.
pub(crate) fn write(file: &str, content: &str) -> BoxFuture<'static, ()> {
    let (file, content) = (PathBuf::from(file), content.to_owned());
    Box::pin(async move { replace(&file, &content) })
}

/// As Kubernetes does it: nobody reads half of it.
fn replace(file: &Path, content: &str) {
    let draft = file.with_extension("draft");
    std::fs::write(&draft, content).unwrap();
    std::fs::rename(draft, file).unwrap();
}
